// A value as JSON text, for logs and people.
#pragma once

#include <cstdint>
#include <string>

#include "base/buffer.hpp"

namespace tractor::core {

/// Bytes become {"$bin":"hex"}, extensions {"$ext":[code,"hex"]}, NaN and infinities strings; a key that is no string
/// is rendered and quoted; what is not UTF-8 is replaced; what lies deeper than 64 levels becomes "...". The result is
/// one line of valid JSON, but not a format to read back. Soon after `most` bytes it ends in the middle with "...".
std::string to_json(Bytes value, size_t most = SIZE_MAX);

}  // namespace tractor::core
