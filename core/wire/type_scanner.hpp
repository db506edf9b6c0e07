// The words and signs of payload types, and where in the text something went wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace tractor::core::wire {

constexpr size_t kMaxTypeText = 4096;

/// Letters, digits and `_`, not beginning with a digit.
bool is_type_name(std::string_view s);

/// The first failure sticks: every function answers false from then on, and take_failure() has the reason.
class TypeScanner {
 public:
  explicit TypeScanner(std::string_view text);

  bool take(char c);
  /// Nothing more follows; `what` could have.
  bool end(const char* what = "'|' or the end");
  /// `name:`, and passes over it; false, without a failure, if something else follows.
  bool section(std::string_view& name);
  /// Where the next thing begins, behind spaces.
  size_t here();
  bool fail(const std::string& what, size_t at);
  bool expected(const std::string& what, size_t at);
  bool expected(const std::string& what) { return expected(what, here()); }
  Failure take_failure() { return std::move(failure_); }

 protected:
  /// The next character that is no space; 0 at the end.
  char peek();
  bool want(char c);
  /// Empty if none is there.
  std::string_view name();
  bool quoted(std::string& out);
  /// Of -2^63 to 2^64-1; below 0 in two's complement.
  bool integer(uint64_t& number, bool& negative);

  std::string_view text_;
  size_t pos_ = 0;
  bool failed_ = false;

 private:
  std::string found_at(size_t at) const;
  Failure failure_;
};

}  // namespace tractor::core::wire
