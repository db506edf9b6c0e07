#include <charconv>

#include "wire/cursor.hpp"
#include "wire/utf8.hpp"

namespace tractor::core::wire {

namespace {

std::string counted(const char* what, size_t n) { return std::string(what) + " of " + std::to_string(n); }

}  // namespace

std::string shown(std::string_view s) {
  constexpr size_t kShown = 40;
  std::string text = to_valid_utf8(s.substr(0, kShown));
  if (s.size() > kShown) {
    // The cut may have left part of a sequence, which is now one or more replacement characters.
    while (text.ends_with("\xef\xbf\xbd")) text.resize(text.size() - 3);
    text += "…";
  }
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  return text;
}

bool Token::to_int64(int64_t& out) const {
  if (kind == Kind::negative) {
    out = negative;
    return true;
  }
  if (kind != Kind::integer || integer > INT64_MAX) return false;
  out = static_cast<int64_t>(integer);
  return true;
}

bool Token::to_uint64(uint64_t& out) const {
  if (kind != Kind::integer) return false;
  out = integer;
  return true;
}

bool Token::to_double(double& out) const {
  constexpr double kTwoTo64 = 18446744073709551616.0;
  switch (kind) {
    case Kind::real: out = real; return true;
    case Kind::integer:
      out = static_cast<double>(integer);
      return out < kTwoTo64 && static_cast<uint64_t>(out) == integer;
    case Kind::negative: out = static_cast<double>(negative); return static_cast<int64_t>(out) == negative;
    default: return false;
  }
}

std::string Token::describe() const {
  switch (kind) {
    case Kind::nil: return "nil";
    case Kind::boolean: return boolean ? "bool true" : "bool false";
    case Kind::integer: return "int " + std::to_string(integer);
    case Kind::negative: return "int " + std::to_string(negative);
    case Kind::real: {
      char text[40];
      return "float " + std::string(text, std::to_chars(text, text + sizeof text, real).ptr);
    }
    case Kind::str: return "str '" + shown(bytes) + "'";
    case Kind::bin: return counted("bin", bytes.size());
    case Kind::ext: return "ext " + std::to_string(ext_type);
    case Kind::array: return counted("array", count);
    case Kind::map: return counted("map", count);
  }
  return {};
}

}  // namespace tractor::core::wire
