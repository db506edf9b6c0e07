# One OBJECT library for each layer of core/, in the order of core/LAYERS; from them libtractor.so and libtractor.a.
# Unit tests reach what the shared library hides: tractor_upto_<layer> is an archive of a layer and those below it,
# tractor_core_objects one of all. Archives, so that a test links only what it uses.
set(tractor_core_dir ${PROJECT_SOURCE_DIR}/core)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${tractor_core_dir}/LAYERS)

add_library(tractor_core_flags INTERFACE)
target_include_directories(tractor_core_flags INTERFACE ${tractor_core_dir} ${PROJECT_SOURCE_DIR}/include)
# A thread's scratch and pools are a few pointers: they fit into what the C library keeps free for objects that are
# loaded late, and are then reached without a call.
target_compile_options(tractor_core_flags INTERFACE -ftls-model=initial-exec)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT TRACTOR_SANITIZE)
  # Optimised as a whole in libtractor.so; the unit tests link the ordinary code that the objects carry as well.
  set(tractor_lto -flto=auto -ffat-lto-objects)
endif()
target_link_libraries(tractor_core_flags INTERFACE tractor_warnings PkgConfig::LIBEVENT PkgConfig::MSGPACK
                      Threads::Threads ${CMAKE_DL_LIBS})

set(tractor_objects "")
add_library(tractor_upto_none INTERFACE)
set(tractor_below tractor_upto_none)
file(STRINGS ${tractor_core_dir}/LAYERS tractor_layer_lines REGEX "^[a-z]")
foreach(line IN LISTS tractor_layer_lines)
  string(REGEX REPLACE ":.*" "" layers "${line}")
  string(REGEX MATCHALL "[a-z_]+" layers "${layers}")
  foreach(layer IN LISTS layers)
    file(GLOB sources CONFIGURE_DEPENDS ${tractor_core_dir}/${layer}/*.cpp ${tractor_core_dir}/${layer}/*.c)
    if(sources)
      add_library(tractor_${layer} OBJECT ${sources})
      target_link_libraries(tractor_${layer} PRIVATE tractor_core_flags)
      target_compile_options(tractor_${layer} PRIVATE ${tractor_lto})
      set_target_properties(tractor_${layer} PROPERTIES C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden
                            VISIBILITY_INLINES_HIDDEN ON)
      list(APPEND tractor_objects $<TARGET_OBJECTS:tractor_${layer}>)
      add_library(tractor_upto_${layer} STATIC $<TARGET_OBJECTS:tractor_${layer}>)
      set_target_properties(tractor_upto_${layer} PROPERTIES LINKER_LANGUAGE CXX)
      target_link_libraries(tractor_upto_${layer} PUBLIC ${tractor_below} tractor_core_flags)
      set(tractor_below tractor_upto_${layer})
    else()
      add_library(tractor_upto_${layer} INTERFACE)
      target_link_libraries(tractor_upto_${layer} INTERFACE ${tractor_below} tractor_core_flags)
    endif()
  endforeach()
endforeach()

add_library(tractor_core_objects INTERFACE)
target_link_libraries(tractor_core_objects INTERFACE ${tractor_below} tractor_core_flags)
if(NOT tractor_objects)
  message(WARNING "core/ has no sources yet: there is no library to build")
  return()
endif()

add_library(tractor_static STATIC ${tractor_objects})
set_target_properties(tractor_static PROPERTIES OUTPUT_NAME tractor LINKER_LANGUAGE CXX)
if(NOT TRACTOR_STATIC)
  set_target_properties(tractor_static PROPERTIES EXCLUDE_FROM_ALL ON)
endif()
target_include_directories(tractor_static INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(tractor_static PRIVATE $<BUILD_INTERFACE:tractor_core_flags>)

if(TRACTOR_FUZZ)
  return()
endif()

add_library(tractor SHARED ${tractor_objects})
add_library(tractor::tractor ALIAS tractor)
target_include_directories(tractor INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(tractor PRIVATE $<BUILD_INTERFACE:tractor_core_flags>)
set(tractor_map ${tractor_core_dir}/tractor.map)
target_link_options(tractor PRIVATE ${tractor_lto} -Wl,--version-script=${tractor_map} -Wl,-z,now -Wl,-z,relro -Wl,--as-needed)
if(NOT (TRACTOR_SANITIZE AND CMAKE_CXX_COMPILER_ID MATCHES "Clang"))
  # clang links the sanitizers' runtime into programs only, so there a library has to leave it undefined.
  target_link_options(tractor PRIVATE -Wl,--no-undefined)
endif()
set_target_properties(tractor PROPERTIES VERSION ${TRACTOR_VERSION} SOVERSION ${TRACTOR_ABI_EPOCH}
                      LINKER_LANGUAGE CXX LINK_DEPENDS ${tractor_map})

# What programs of this tree link with.
add_library(tractor_linked INTERFACE)
if(TRACTOR_STATIC)
  # C programs: the archive brings C++ along.
  target_link_libraries(tractor_linked INTERFACE tractor_static stdc++)
else()
  target_link_libraries(tractor_linked INTERFACE tractor)
endif()
