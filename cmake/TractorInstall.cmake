# The library, its headers, tractor.pc, the CMake package `tractor` with the target tractor::tractor, and the Rust crate.
if(NOT TARGET tractor)
  return()
endif()
include(CMakePackageConfigHelpers)
set(tractor_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tractor)

install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS tractor EXPORT tractor LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# The sources of the Rust crate, to be named as a path in a Cargo.toml.
install(DIRECTORY bindings/rust-sys DESTINATION ${CMAKE_INSTALL_DATADIR}/tractor PATTERN tests EXCLUDE)
if(TRACTOR_STATIC)
  set_target_properties(tractor_static PROPERTIES EXPORT_NAME static)
  install(TARGETS tractor_static EXPORT tractor ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endif()
install(EXPORT tractor NAMESPACE tractor:: FILE tractor-targets.cmake DESTINATION ${tractor_cmake_dir})

configure_package_config_file(cmake/tractor-config.cmake.in ${PROJECT_BINARY_DIR}/tractor-config.cmake
                              INSTALL_DESTINATION ${tractor_cmake_dir})
# Before 1.0 a minor version may break programs.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/tractor-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/tractor-config.cmake ${PROJECT_BINARY_DIR}/tractor-config-version.cmake
        DESTINATION ${tractor_cmake_dir})

# tractor.pc names its prefix relative to its own place, so that an installed tree can be moved.
file(RELATIVE_PATH tractor_pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" tractor_pc_prefix "${tractor_pc_prefix}")
configure_file(tractor.pc.in ${PROJECT_BINARY_DIR}/tractor.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/tractor.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
