#include "wire/json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "wire/cursor.hpp"
#include "wire/utf8.hpp"

namespace tractor::core {
namespace {

using wire::Cursor;
using wire::Kind;
using wire::Token;

constexpr size_t kMaxJsonDepth = 64;
constexpr size_t kMaxKeyDepth = 2;
constexpr char kHex[] = "0123456789abcdef";

void append_quoted(std::string& out, std::string_view s) {
  out += '"';
  while (!s.empty()) {
    size_t n = wire::utf8_sequence(s);
    auto c = static_cast<unsigned char>(s[0]);
    if (n == 0) {
      out += "\xef\xbf\xbd";
      n = 1;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += s[0];
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7f) {
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    } else {
      out += s.substr(0, n);
    }
    s.remove_prefix(n);
  }
  out += '"';
}

void append_hex(std::string& out, Bytes bytes) {
  out += '"';
  for (char byte : bytes) {
    auto c = static_cast<unsigned char>(byte);
    out += kHex[c >> 4];
    out += kHex[c & 15];
  }
  out += '"';
}

void append_real(std::string& out, double v) {
  if (std::isnan(v)) {
    out += "\"NaN\"";
  } else if (std::isinf(v)) {
    out += v > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    char text[40];
    std::string_view s(text, static_cast<size_t>(std::to_chars(text, text + sizeof text, v).ptr - text));
    out += s;
    if (s.find_first_of(".e") == s.npos) out += ".0";  // a reader of logs should see that it is not an integer
  }
}

class JsonWriter {
 public:
  JsonWriter(Bytes value, std::string& out, size_t most) : in_(value), out_(out), most_(most) {}

  /// False if the input is broken or the text long enough; it is then cut off.
  bool value(size_t depth) {
    Cursor here = in_;
    Token token;
    if (out_.size() > most_ || !in_.next(token)) return false;
    token.bytes = token.bytes.substr(0, most_);
    switch (token.kind) {
      case Kind::nil: out_ += "null"; return true;
      case Kind::boolean: out_ += token.boolean ? "true" : "false"; return true;
      case Kind::integer: out_ += std::to_string(token.integer); return true;
      case Kind::negative: out_ += std::to_string(token.negative); return true;
      case Kind::real: append_real(out_, token.real); return true;
      case Kind::str: append_quoted(out_, token.bytes); return true;
      case Kind::bin:
        out_ += "{\"$bin\":";
        append_hex(out_, token.bytes);
        out_ += '}';
        return true;
      case Kind::ext:
        out_ += "{\"$ext\":[" + std::to_string(token.ext_type) + ",";
        append_hex(out_, token.bytes);
        out_ += "]}";
        return true;
      case Kind::array:
      case Kind::map: break;
    }
    if (depth == kMaxJsonDepth) {
      out_ += "\"...\"";
      in_ = here;
      return in_.skip();
    }
    return token.kind == Kind::array ? array(token.count, depth) : map(token.count, depth);
  }

 private:
  bool array(uint32_t count, size_t depth) {
    out_ += '[';
    for (uint32_t i = 0; i < count; ++i) {
      if (i > 0) out_ += ',';
      if (!value(depth + 1)) return false;
    }
    out_ += ']';
    return true;
  }

  bool map(uint32_t count, size_t depth) {
    out_ += '{';
    for (uint32_t i = 0; i < count; ++i) {
      if (i > 0) out_ += ',';
      if (!key(depth + 1)) return false;
      out_ += ':';
      if (!value(depth + 1)) return false;
    }
    out_ += '}';
    return true;
  }

  bool key(size_t depth) {
    Cursor here = in_;
    Token token;
    if (!here.next(token)) return false;
    if (token.kind == Kind::str) return value(depth);
    std::string text;
    std::swap(text, out_);
    // Each level of quoting doubles the backslashes of the one inside, so a key may not nest as deeply as a value.
    bool good = value(std::max(depth, kMaxJsonDepth - kMaxKeyDepth));
    std::swap(text, out_);
    append_quoted(out_, text);
    return good;
  }

  Cursor in_;
  std::string& out_;
  size_t most_;
};

}  // namespace

std::string to_json(Bytes value, size_t most) {
  std::string out;
  if (!JsonWriter(value, out, most).value(0)) out += "...";
  return out;
}

}  // namespace tractor::core
