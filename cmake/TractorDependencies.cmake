find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBEVENT REQUIRED IMPORTED_TARGET libevent_core)

# One library, two names: msgpack up to Debian 12, msgpack-c from 13 on.
foreach(name msgpack-c msgpack)
  pkg_check_modules(MSGPACK QUIET IMPORTED_TARGET ${name})
  if(MSGPACK_FOUND)
    set(tractor_msgpack_name ${name})
    break()
  endif()
endforeach()
if(NOT MSGPACK_FOUND)
  message(FATAL_ERROR "msgpack-c is missing: neither msgpack-c.pc nor msgpack.pc found (Debian: libmsgpack-dev)")
endif()

if(TRACTOR_BUILD_TESTS AND NOT TRACTOR_FUZZ)
  pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()
