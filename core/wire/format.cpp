#include "wire/format.hpp"

namespace tractor::core::wire {

bool Format::count_values(size_t& out) const {
  size_t depth = 0;
  out = 0;
  for (const char* p = p_; *p; ++p) {
    switch (*p) {
      case ' ':
      case ':':
      case ',': break;
      case '{':
      case '[':
        if (depth++ == 0) ++out;
        break;
      case '}':
      case ']':
        if (depth-- == 0) return true;
        break;
      default:
        if (depth == 0) ++out;
    }
  }
  return false;
}

std::string Format::complain(const std::string& what) const {
  return what + " at " + std::to_string(p_ - text_) + " in \"" + text_ + "\"";
}

std::string Format::complain_letter(char c) const {
  if (c == '\0') return complain("a value is missing");
  if (c == '}' || c == ']') return complain("a bracket closes nothing");
  return complain(std::string("unknown letter '") + c + "'");
}

}  // namespace tractor::core::wire
