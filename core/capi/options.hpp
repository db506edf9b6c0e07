// Reads an option struct of any version: append-only, its size first, zero means default.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

#include "base/result.hpp"

namespace tractor::core {

/// No option struct will ever be larger; a size above it is garbage, and its tail must not be read.
constexpr size_t kLargestOptions = 4096;

/// A copy of `given` in this library's version of the struct: what the caller's version lacks is zero, and what it has
/// more must be. `first_size` is the size that the struct had in its first release: offsetof the first member added
/// since, or sizeof(T). Null gives all defaults.
template <class T>
Result<T> read_options(const T* given, size_t first_size, const char* struct_name) {
  static_assert(std::is_trivially_copyable_v<T> && std::is_same_v<decltype(T::struct_size), size_t>);
  static_assert(offsetof(T, struct_size) == 0);
  T options;
  std::memset(&options, 0, sizeof options);
  if (given) {
    const char* bytes = reinterpret_cast<const char*>(given);
    size_t size;
    std::memcpy(&size, bytes, sizeof size);
    if (size < first_size || size > kLargestOptions) {
      return Failure::of(Status::invalid, std::string(struct_name) + ".struct_size is " + std::to_string(size) +
                                              ", not sizeof(" + struct_name + ")");
    }
    std::memcpy(&options, bytes, size < sizeof(T) ? size : sizeof(T));
    for (size_t i = sizeof(T); i < size; ++i) {
      if (bytes[i] == 0) continue;
      return Failure::of(Status::too_new, std::string(struct_name) + " has a field at offset " + std::to_string(i) +
                                              " that this version of libtractor does not know");
    }
  }
  options.struct_size = sizeof(T);
  return options;
}

/// Bits that this version does not know are refused: to ignore one could be worse than to fail.
inline Result<Done> check_flags(uint32_t flags, uint32_t known, const char* field) {
  if ((flags & ~known) == 0) return Done{};
  return Failure::of(Status::invalid, std::string(field) + " has unknown bits: " + std::to_string(flags & ~known));
}

/// Reserved members are for later versions; today they must be 0.
inline Result<Done> check_reserved(int64_t value, const char* field) {
  if (value == 0) return Done{};
  return Failure::of(Status::invalid, std::string(field) + " must be 0, not " + std::to_string(value));
}

}  // namespace tractor::core
