#include "ipc/literal.hpp"

#include <charconv>
#include <cstdint>

#include "wire/utf8.hpp"

namespace tractor::core {

namespace {

constexpr uint32_t kEscapedByte = 0xdc00;  // U+DC80 to U+DCFF stand for the bytes 80 to FF

void append_utf8(std::string& out, uint32_t c) {
  auto tail = [&](int shift) { out += static_cast<char>(0x80 | (c >> shift & 0x3f)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xf0 | c >> 18);
    tail(12), tail(6), tail(0);
  }
}

void append_hex(std::string& out, const char* intro, unsigned char byte) {
  constexpr char kDigits[] = "0123456789abcdef";
  out += intro;
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

Failure bad(std::string message) { return Failure::of(Status::invalid, std::move(message), "ValueError"); }

/// The digits of \xHH, \uHHHH and \UHHHHHHHH.
bool take_code_point(std::string_view& in, size_t digits, std::string& out) {
  if (in.size() < digits) return false;
  uint32_t c = 0;
  auto [end, error] = std::from_chars(in.data(), in.data() + digits, c, 16);
  if (error != std::errc() || end != in.data() + digits) return false;
  in.remove_prefix(digits);
  if (c >= kEscapedByte + 0x80 && c <= kEscapedByte + 0xff) {
    out += static_cast<char>(c - kEscapedByte);
    return true;
  }
  if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return false;
  append_utf8(out, c);
  return true;
}

bool take_escape(std::string_view& in, std::string& out) {
  if (in.empty()) return false;
  char c = in.front();
  in.remove_prefix(1);
  switch (c) {
    case '\\':
    case '\'':
    case '"': out += c; return true;
    case 'n': out += '\n'; return true;
    case 'r': out += '\r'; return true;
    case 't': out += '\t'; return true;
    case '0': out += '\0'; return true;
    case 'x': return take_code_point(in, 2, out);
    case 'u': return take_code_point(in, 4, out);
    case 'U': return take_code_point(in, 8, out);
    default: return false;
  }
}

}  // namespace

void append_literal(std::string& out, std::string_view text) {
  bool use_double = text.find('\'') != text.npos && text.find('"') == text.npos;
  char quote = use_double ? '"' : '\'';
  out += quote;
  while (!text.empty()) {
    auto c = static_cast<unsigned char>(text.front());
    size_t n = c < 0x80 ? 1 : wire::utf8_sequence(text);
    if (n == 0) {
      append_hex(out, "\\udc", c);
      n = 1;
    } else if (n > 1) {
      out += text.substr(0, n);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7f) {
      append_hex(out, "\\x", c);
    } else {
      if (c == '\\' || c == static_cast<unsigned char>(quote)) out += '\\';
      out += static_cast<char>(c);
    }
    text.remove_prefix(n);
  }
  out += quote;
}

bool take_token(std::string_view& in, char c) {
  while (!in.empty() && (in.front() == ' ' || in.front() == '\t')) in.remove_prefix(1);
  if (in.empty() || in.front() != c) return false;
  in.remove_prefix(1);
  return true;
}

Result<std::string> take_literal(std::string_view& in) {
  char quote = '\'';
  if (!take_token(in, quote)) {
    quote = '"';
    if (!take_token(in, quote)) return bad("expected a quoted string");
  }
  std::string text;
  while (!in.empty()) {
    char c = in.front();
    std::string_view at = in;
    in.remove_prefix(1);
    if (c == quote) return text;
    if (c != '\\') {
      text += c;
    } else if (!take_escape(in, text)) {
      return bad("bad escape sequence at \"" + std::string(at.substr(0, 10)) + "\"");
    }
  }
  return bad("unterminated string");
}

}  // namespace tractor::core
