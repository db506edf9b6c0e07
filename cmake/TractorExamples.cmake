# examples/NAME.c becomes build/<preset>/examples/NAME and examples/cpp/NAME.cpp cpp_NAME, linked as a user's program would
# be.
# tests/CMakeLists.txt runs each of them. `tractor_examples` is the list of their names.
set(tractor_examples "")

function(tractor_add_example name source)
  add_executable(example_${name} ${source})
  set_target_properties(example_${name} PROPERTIES OUTPUT_NAME ${name}
                        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples ENABLE_EXPORTS ON)
  target_link_libraries(example_${name} PRIVATE tractor_warnings tractor_linked Threads::Threads m)
  if(source MATCHES "\\.cpp$")
    target_link_libraries(example_${name} PRIVATE tractor_cpp)
  endif()
  file(STRINGS ${source} includes REGEX "^#include <event2/")
  if(includes)
    target_link_libraries(example_${name} PRIVATE PkgConfig::LIBEVENT)
  endif()
  set(tractor_examples ${tractor_examples} ${name} PARENT_SCOPE)
endfunction()

if(NOT TARGET tractor)
  return()
endif()

file(GLOB example_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/*.c ${PROJECT_SOURCE_DIR}/examples/cpp/*.cpp)
foreach(source IN LISTS example_sources)
  get_filename_component(name ${source} NAME_WE)
  if(source MATCHES "\\.cpp$")
    tractor_add_example(cpp_${name} ${source})
  elseif(TRACTOR_STATIC AND name STREQUAL "foreign_loop")
    continue() # an event_base of the host's needs the host's libevent
  else()
    tractor_add_example(${name} ${source})
  endif()
endforeach()

# The program in the README is compiled and run like the others, so that it stays true.
set(readme ${PROJECT_SOURCE_DIR}/README.md)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${readme})
if(EXISTS ${PROJECT_SOURCE_DIR}/include/tractor.h AND EXISTS ${readme})
  file(READ ${readme} text)
  # CMake takes `;` and brackets for list syntax, so the block is cut out by position.
  string(FIND "${text}" "```c\n" begin)
  if(begin GREATER -1)
    math(EXPR begin "${begin} + 5")
    string(SUBSTRING "${text}" ${begin} -1 text)
    string(FIND "${text}" "\n```" end)
    math(EXPR end "${end} + 1")
    string(SUBSTRING "${text}" 0 ${end} text)
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/readme.c CONTENT "${text}" @ONLY)
    tractor_add_example(readme ${PROJECT_BINARY_DIR}/readme.c)
  endif()
endif()
