// Messages.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

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
