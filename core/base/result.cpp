#include "base/result.hpp"

#include <cstring>

namespace tractor::core {

Failure Failure::system(Status code, const std::string& what, int errno_value, const char* type) {
  // The reentrant form: strerror() shares one buffer between all threads of the program.
  char text[128];
  Failure failure = of(code, what + ": " + strerror_r(errno_value, text, sizeof text), type);
  failure.error = errno_value;
  return failure;
}

}  // namespace tractor::core
