// cmocka for C++: a failed assertion leaves by longjmp, so nothing with a destructor may be alive in its expression.
#pragma once

#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/result.hpp"

/// The temporaries of `...` are gone before the assertion.
#define CHECK(...)          \
  do {                      \
    bool ok_ = __VA_ARGS__; \
    assert_true(ok_);       \
  } while (false)

inline bool same(std::string_view got, std::string_view want) {
  if (got == want) return true;
  std::fprintf(stderr, "got:  %.*s\nwant: %.*s\n", static_cast<int>(got.size()), got.data(),
               static_cast<int>(want.size()), want.data());
  return false;
}

inline bool contains(std::string_view text, std::string_view part) {
  if (text.find(part) != text.npos) return true;
  std::fprintf(stderr, "'%.*s' is not in '%.*s'\n", static_cast<int>(part.size()), part.data(),
               static_cast<int>(text.size()), text.data());
  return false;
}

/// "ValueError: text", or "" for a success.
template <class T>
std::string failure_text(const tractor::core::Result<T>& result) {
  if (result) return "";
  return std::string(result.failure().type ? result.failure().type : "-") + ": " + result.failure().message;
}
