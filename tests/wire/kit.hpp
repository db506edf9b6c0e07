// What the tests of the wire share: bytes from hex and back, and cmocka for C++.
#pragma once

#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

extern "C" {
#include <cmocka.h>
}
// Member functions of ours have these names, so they can't be macros.
#undef fail
#undef skip
#undef fail_msg
#define fail_msg(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

#include "base/buffer.hpp"
#include "wire/message.hpp"

std::string from_hex(std::string_view hex);
std::string to_hex(std::string_view bytes);

/// The frame that encode() makes of a message, prefix included.
std::string frame_of(const tractor::core::wire::Message& message);

/// Decodes the body of a whole frame, after checking its prefix.
std::variant<tractor::core::wire::Message, tractor::core::wire::DecodeError> decode_frame(std::string_view frame);

/// tractor_pack(), as an owned string.
std::string packed(const char* format, ...);

/// A literal that may hold NUL bytes, without its terminator.
template <size_t N>
std::string bytes(const char (&text)[N]) {
  return {text, N - 1};
}
