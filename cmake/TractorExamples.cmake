# examples/LANGUAGE/NAME becomes build/<preset>/examples/LANGUAGE/NAME, linked as a user's program would be.
# tests/CMakeLists.txt runs each of them and compares what it prints with the text of the same name beside its source.
# `tractor_examples` lists them as LANGUAGE_NAME=EXPECTED.
set(tractor_examples "")

function(tractor_add_example folder source expected)
  get_filename_component(name ${source} NAME_WE)
  set(target example_${folder}_${name})
  add_executable(${target} ${source})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name}
                        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples/${folder} ENABLE_EXPORTS ON)
  target_link_libraries(${target} PRIVATE tractor_warnings tractor_linked Threads::Threads m)
  if(source MATCHES "\\.cpp$")
    target_link_libraries(${target} PRIVATE tractor_cpp)
  endif()
  file(STRINGS ${source} includes REGEX "^#include <event2/")
  if(includes)
    target_link_libraries(${target} PRIVATE PkgConfig::LIBEVENT)
  endif()
  set(tractor_examples ${tractor_examples} ${target}=${expected} PARENT_SCOPE)
endfunction()

if(NOT TARGET tractor)
  return()
endif()

file(GLOB example_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/c/*.c ${PROJECT_SOURCE_DIR}/examples/cpp/*.cpp)
foreach(source IN LISTS example_sources)
  if(TRACTOR_STATIC AND source MATCHES "/foreign_loop\\.c$")
    continue() # an event_base of the host's needs the host's libevent
  endif()
  get_filename_component(folder ${source} DIRECTORY)
  get_filename_component(folder ${folder} NAME)
  string(REGEX REPLACE "\\.[a-z]+$" ".txt" expected ${source})
  tractor_add_example(${folder} ${source} ${expected})
endforeach()
