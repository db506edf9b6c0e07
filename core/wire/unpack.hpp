// tractor_unpack(): a value taken apart by a format.
#pragma once

#include <cstdarg>

#include "base/buffer.hpp"
#include "base/result.hpp"

namespace tractor::core {

/// Checks `value` against `format` and, only if all of it fits, stores into the pointers. Strings are NUL-terminated
/// copies in this thread's scratch. A value that does not fit is TRACTOR_EMSGTYPE, type TypeError, with a message for
/// the caller of an endpoint: "argument 'n': expected an unsigned integer, found str 'many'". A wrong format is
/// TRACTOR_EINVAL.
Result<Done> unpack_values(Bytes value, const char* format, va_list args);

}  // namespace tractor::core
