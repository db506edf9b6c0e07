// Names and messages.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace tractor {

/// A text that somebody else keeps, a literal or a std::string: it has to live until the call that is given it was awaited.
class text_ref {
 public:
  constexpr text_ref() = default;
  constexpr text_ref(const char* text) noexcept : c_(text) {}
  text_ref(const std::string& text) noexcept : c_(text.c_str()) {}
  /// nullptr: there is none.
  constexpr operator const char*() const noexcept { return c_; }

 private:
  const char* c_ = nullptr;
};

}  // namespace tractor

namespace tractor::detail {

inline void append(std::string& text, std::string_view part) { text += part; }
template <std::integral T>
void append(std::string& text, T number) {
  text += std::to_string(number);
}

/// One text of several parts. (Of `"a" + text`, g++ 12 warns in optimised code for no reason.)
template <class... Parts>
std::string text_of(const Parts&... parts) {
  std::string text;
  (append(text, parts), ...);
  return text;
}

}  // namespace tractor::detail
