#include "wire/reader.hpp"

#include "wire/utf8.hpp"

namespace tractor::core {

using wire::Kind;
using wire::Token;

std::string Reader::place() const {
  std::string s;
  for (const Level& level : levels_) {
    if (!level.map) {
      s += "[" + std::to_string(level.index) + "]";
    } else if (!level.at_value) {
      s += " key " + std::to_string(level.index);
    } else {
      Token key;
      wire::Cursor(level.key).next(key);
      s += key.kind == Kind::str ? "." + wire::shown(key.bytes) : "[" + key.describe() + "]";
    }
  }
  return s.empty() ? "at the top" : "at " + (s[0] == ' ' ? s.substr(1) : s);
}

bool Reader::look(const char* expected, Token& out, wire::Cursor& after) {
  if (status_ != Status::ok) return false;
  after = in_;
  if (after.next(out)) return true;
  error_ = place() + ": expected " + expected + ", found the end";
  status_ = Status::msg_type;
  return false;
}

Status Reader::wrong(const char* expected, const Token& found) {
  error_ = place() + ": expected " + expected + ", found " + found.describe();
  return status_ = Status::msg_type;
}

bool Reader::peek(Token& out) const {
  wire::Cursor ahead = in_;
  return status_ == Status::ok && ahead.next(out);
}

Status Reader::accept(const wire::Cursor& after) {
  const char* start = in_.position();
  in_ = after;
  return done(start);
}

Status Reader::done(const char* start) {
  while (!levels_.empty()) {
    Level& top = levels_.back();
    if (top.map && !top.at_value) {
      top.key = Bytes(start, static_cast<size_t>(in_.position() - start));
      top.at_value = true;
      break;
    }
    top.at_value = false;
    if (++top.index < top.count) break;
    start = top.start;
    levels_.pop_back();
  }
  return Status::ok;
}

Status Reader::nil() {
  Token t;
  wire::Cursor after = in_;
  if (!look("nil", t, after)) return status_;
  return t.kind == Kind::nil ? accept(after) : wrong("nil", t);
}

Status Reader::boolean(bool& out) {
  Token t;
  wire::Cursor after = in_;
  if (!look("bool", t, after)) return status_;
  if (t.kind != Kind::boolean) return wrong("bool", t);
  out = t.boolean;
  return accept(after);
}

Status Reader::int64(int64_t& out) {
  Token t;
  wire::Cursor after = in_;
  if (!look("int", t, after)) return status_;
  return t.to_int64(out) ? accept(after) : wrong(t.is_integer() ? "int of 64 bits with a sign" : "int", t);
}

Status Reader::uint64(uint64_t& out) {
  Token t;
  wire::Cursor after = in_;
  if (!look("unsigned int", t, after)) return status_;
  return t.to_uint64(out) ? accept(after) : wrong("unsigned int", t);
}

Status Reader::real(double& out) {
  Token t;
  wire::Cursor after = in_;
  double v = 0;
  if (!look("float", t, after)) return status_;
  if (!t.to_double(v)) return wrong("float", t);
  out = v;
  return accept(after);
}

Status Reader::str(std::string_view& out) {
  Token t;
  wire::Cursor after = in_;
  if (!look("str", t, after)) return status_;
  if (t.kind != Kind::str) return wrong("str", t);
  if (!wire::valid_utf8(t.bytes)) return wrong("UTF-8", t);
  out = t.bytes;
  return accept(after);
}

Status Reader::bin(Bytes& out) {
  Token t;
  wire::Cursor after = in_;
  if (!look("bin", t, after)) return status_;
  if (t.kind != Kind::bin) return wrong("bin", t);
  out = t.bytes;
  return accept(after);
}

Status Reader::ext(int8_t& type, Bytes& out) {
  Token t;
  wire::Cursor after = in_;
  if (!look("ext", t, after)) return status_;
  if (t.kind != Kind::ext) return wrong("ext", t);
  type = t.ext_type;
  out = t.bytes;
  return accept(after);
}

Status Reader::raw(Bytes& out) {
  Token t;
  wire::Cursor after = in_;
  if (!look("a value", t, after)) return status_;
  after = in_;
  if (!after.value(out)) return wrong("a whole value", t);
  return accept(after);
}

Status Reader::skip() {
  Bytes ignored;
  return raw(ignored);
}

Status Reader::enter(Kind kind, const char* expected, uint32_t& count) {
  Token t;
  wire::Cursor after = in_;
  if (!look(expected, t, after)) return status_;
  if (t.kind != kind) return wrong(expected, t);
  count = t.count;
  if (count == 0) return accept(after);
  levels_.push_back(Level{kind == Kind::map, false, 0, count, in_.position(), {}});
  in_ = after;
  return Status::ok;
}

Status Reader::array(uint32_t& count) { return enter(Kind::array, "array", count); }
Status Reader::map(uint32_t& count) { return enter(Kind::map, "map", count); }

}  // namespace tractor::core
