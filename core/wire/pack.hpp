// tractor_pack(): a value made from a format and arguments.
#pragma once

#include <cstdarg>

#include "base/buffer.hpp"

namespace tractor::core {

/// One value, in this thread's scratch; null for `format` gives nil. Poisoned (see wire/payload.hpp) if the format is
/// wrong, an argument can't be encoded or memory is short.
Bytes pack_values(const char* format, va_list args) noexcept;

}  // namespace tractor::core
