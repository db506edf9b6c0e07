// Why a call answers what it does, as text into room of the caller's.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

#include "base/result.hpp"

namespace tractor::core {

/// Cut between two characters; empty for a success.
inline int because(std::string_view reason, Status status, char* why, size_t why_size) {
  if (why && why_size > 0) {
    size_t n = reason.size() < why_size ? reason.size() : why_size - 1;
    while (n > 0 && n < reason.size() && (static_cast<unsigned char>(reason[n]) & 0xc0) == 0x80) --n;
    std::memcpy(why, reason.data(), n);
    why[n] = '\0';
  }
  return static_cast<int>(status);
}

inline int because(const Failure& failure, char* why, size_t why_size) {
  return because(failure.message, failure.code, why, why_size);
}

}  // namespace tractor::core
