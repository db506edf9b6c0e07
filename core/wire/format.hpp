// The format strings of pack and unpack: one letter per value, `{}` and `[]` around the contents of maps and arrays.
//
//   s str   i int   I int64_t   U uint64_t   d double   b bool   n nil   y bytes and their length   v one raw value
//
// Colons, commas and spaces mean nothing.
#pragma once

#include <cstddef>
#include <string>

namespace tractor::core::wire {

constexpr size_t kMaxFormatDepth = 32;

class Format {
 public:
  explicit Format(const char* text) : text_(text), p_(text) {}

  /// The next letter, without taking it; 0 at the end.
  char peek() const { return *next(); }
  char take() {
    p_ = next();
    return *p_ == '\0' ? '\0' : *p_++;
  }
  bool take(char expected) {
    const char* p = next();
    if (*p != expected) return false;
    p_ = p + 1;
    return true;
  }
  /// How many values stand before the bracket that closes the one just opened; false if none does.
  bool count_values(size_t& out) const;
  /// "unknown letter 'q' at 3 in \"{s:q}\"": `what`, and where it went wrong.
  std::string complain(const std::string& what) const;
  /// What is wrong about the letter `c`, which was just taken.
  std::string complain_letter(char c) const;

 private:
  const char* next() const {
    const char* p = p_;
    while (*p == ' ' || *p == ':' || *p == ',') ++p;
    return p;
  }
  const char* text_;
  const char* p_;
};

}  // namespace tractor::core::wire
