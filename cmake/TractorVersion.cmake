# The version comes from the public header, so that it is written down once.
set(tractor_version_header ${CMAKE_CURRENT_LIST_DIR}/../include/tractor/version.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${tractor_version_header})

foreach(name VERSION_MAJOR VERSION_MINOR VERSION_PATCH ABI_EPOCH)
  file(STRINGS ${tractor_version_header} line REGEX "^#define TRACTOR_${name} [0-9]+")
  if(NOT line MATCHES "TRACTOR_${name} ([0-9]+)")
    message(FATAL_ERROR "${tractor_version_header} does not define TRACTOR_${name}")
  endif()
  set(TRACTOR_${name} ${CMAKE_MATCH_1})
endforeach()
set(TRACTOR_VERSION ${TRACTOR_VERSION_MAJOR}.${TRACTOR_VERSION_MINOR}.${TRACTOR_VERSION_PATCH})
