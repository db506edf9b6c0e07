// UTF-8: is it, and what to show of bytes that are not.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tractor::core::wire {

inline bool is_ascii(std::string_view s) {
  const char* p = s.data();
  size_t n = s.size();
  uint64_t bits = 0;
  for (; n >= 8; p += 8, n -= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    bits |= word;
  }
  for (; n > 0; ++p, --n) bits |= static_cast<unsigned char>(*p);
  return (bits & 0x8080808080808080u) == 0;
}

/// Length of the well-formed sequence that `s` begins with; 0 if it begins with none. No surrogates, no overlong
/// forms, nothing above U+10FFFF.
size_t utf8_sequence(std::string_view s);

bool valid_utf8_slow(std::string_view s);
inline bool valid_utf8(std::string_view s) { return is_ascii(s) || valid_utf8_slow(s); }

/// `s` with every byte that is not part of UTF-8 replaced by U+FFFD.
std::string to_valid_utf8(std::string_view s);

}  // namespace tractor::core::wire
