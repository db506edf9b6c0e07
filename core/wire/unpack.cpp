#include "wire/unpack.hpp"

#include <climits>
#include <cstring>

#include <tractor/types.h>

#include "wire/cursor.hpp"
#include "wire/format.hpp"
#include "wire/scratch.hpp"
#include "wire/utf8.hpp"
#include "wire/value.hpp"

namespace tractor::core {
namespace {

using wire::Cursor;
using wire::Kind;
using wire::Token;

constexpr size_t kMaxTargets = 64;

/// Where in the value we are: a chain on the stack, for error messages.
struct Place {
  const Place* up = nullptr;
  const char* key = nullptr;  ///< null: element number `index`
  size_t index = 0;
};

std::string place_text(const Place& at) {
  if (!at.up) return "value";
  std::string self = at.key ? std::string(at.key) : "[" + std::to_string(at.index) + "]";
  if (!at.up->up && at.key) return "argument '" + self + "'";
  return place_text(*at.up) + (at.key ? "." : "") + self;
}

/// One store that waits until everything was found to be right.
struct Target {
  struct Span {
    const char* data;
    size_t size;
  };
  enum Type : uint8_t { text, int32, int64, uint64, real, boolean, bin, raw } type;
  void* to;
  void* to_length;
  union {
    int64_t i;
    uint64_t u;
    double d;
    const char* s;
    Span bytes;
  };

  void set_bytes(Bytes b) { bytes = {b.data(), b.size()}; }
};

class Unpacker {
 public:
  Unpacker(const char* format, va_list args) : format_(format) { va_copy(args_, args); }
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;
  ~Unpacker() { va_end(args_); }

  bool run(Bytes value) {
    if (!this->value(value, Place{}, 0)) return false;
    if (format_.peek() != '\0') return bad_format("a second value begins");
    for (size_t i = 0; i < count_; ++i) store(targets_[i]);
    return true;
  }
  Failure take_failure() { return std::move(failure_); }

 private:
  bool bad_format(const std::string& what) {
    return fail(Status::invalid, "unpack: " + format_.complain(what), "ValueError");
  }
  bool fail(Status code, std::string message, const char* type = "TypeError") {
    failure_ = Failure::of(code, std::move(message), type);
    return false;
  }
  bool wrong(const Place& at, const char* expected, const Token& found) {
    return fail(Status::msg_type, place_text(at) + ": expected " + expected + ", found " + found.describe());
  }

  /// Empty `in`: an optional value that is not there; its pointers are passed over.
  bool value(Bytes in, const Place& at, size_t depth) {
    char c = format_.take();
    if (c == '{' || c == '[') {
      if (depth == wire::kMaxFormatDepth) return bad_format("brackets nest too deeply");
      return c == '{' ? map(in, at, depth) : array(in, at, depth);
    }
    Token token;
    if (!in.empty()) Cursor(in).next(token);
    if (c == 'n') return in.empty() || token.kind == Kind::nil || wrong(at, "nil", token);
    if (!std::strchr("siIUdbyv", c) || c == '\0')
      return fail(Status::invalid, "unpack: " + format_.complain_letter(c), "ValueError");
    Target target;
    target.to = va_arg(args_, void*);
    target.to_length = nullptr;
    if (c == 'y') target.to_length = va_arg(args_, void*);
    return in.empty() || (convert(c, in, token, at, target) && remember(target));
  }

  bool remember(const Target& target) {
    if (count_ == kMaxTargets) return bad_format("more than 64 values are asked for");
    targets_[count_++] = target;
    return true;
  }

  bool convert(char letter, Bytes in, const Token& token, const Place& at, Target& target) {
    switch (letter) {
      case 's':
        target.type = Target::text;
        if (token.kind != Kind::str) return wrong(at, "a string", token);
        if (!wire::valid_utf8(token.bytes)) return wrong(at, "UTF-8", token);
        if (token.bytes.find('\0') != Bytes::npos) return wrong(at, "a string without NUL", token);
        target.s = scratch_text(token.bytes);
        return true;
      case 'i':
        target.type = Target::int32;
        return (token.to_int64(target.i) && target.i >= INT_MIN && target.i <= INT_MAX) ||
               wrong(at, "a 32-bit integer", token);
      case 'I':
        target.type = Target::int64;
        return token.to_int64(target.i) || wrong(at, "a 64-bit signed integer", token);
      case 'U':
        target.type = Target::uint64;
        return token.to_uint64(target.u) || wrong(at, "an unsigned integer", token);
      case 'd': target.type = Target::real; return token.to_double(target.d) || wrong(at, "a float", token);
      case 'b':
        target.type = Target::boolean;
        target.i = token.boolean;
        return token.kind == Kind::boolean || wrong(at, "a bool", token);
      case 'y':
        target.type = Target::bin;
        target.set_bytes(token.bytes);
        return token.kind == Kind::bin || wrong(at, "bytes", token);
      default:
        target.type = Target::raw;
        target.set_bytes(in);
        return true;
    }
  }

  bool array(Bytes in, const Place& at, size_t depth) {
    Cursor cursor(in);
    Token head;
    if (!in.empty()) {
      cursor.next(head);
      if (head.kind != Kind::array) return wrong(at, "an array", head);
    }
    uint32_t i = 0;
    bool open_ended = false;
    for (; !format_.take(']'); ++i) {
      if (open_ended) return bad_format("'*' is not last");
      if (format_.take('*')) {
        open_ended = true;
        --i;
        continue;
      }
      Bytes element;
      if (!in.empty()) {
        if (i >= head.count) return wrong(at, "a longer array", head);
        cursor.value(element);
      }
      if (!value(element, Place{&at, nullptr, i}, depth + 1)) return false;
    }
    return in.empty() || open_ended || i == head.count || wrong(at, "a shorter array", head);
  }

  bool map(Bytes in, const Place& at, size_t depth) {
    Token head;
    if (!in.empty()) {
      Cursor(in).next(head);
      if (head.kind != Kind::map) return wrong(at, "a map", head);
    }
    uint64_t asked_for = 0;  // which of the first 64 pairs were
    uint32_t found = 0;
    bool open_ended = false;
    while (!format_.take('}')) {
      if (open_ended) return bad_format("'*' is not last");
      if (format_.take('*')) {
        open_ended = true;
        continue;
      }
      if (!format_.take('s')) return bad_format("a key is not 's'");
      bool optional = format_.take('?');
      const char* key = va_arg(args_, const char*);
      if (!key) return bad_format("the key is NULL");
      Bytes element;
      if (!in.empty()) {
        uint32_t index = 0;
        if (!find(in, key, at, element, index)) return false;
        if (element.empty() && !optional) return missing(at, key);
        if (!element.empty()) {
          uint64_t bit = index < 64 ? uint64_t{1} << index : 0;
          if (asked_for & bit) return bad_format("a key is asked for twice");
          asked_for |= bit;
          ++found;
        }
        char letter = format_.peek();
        if (optional && element == kNil && letter != 'n' && letter != 'v') element = {};
      }
      if (!value(element, Place{&at, key, 0}, depth + 1)) return false;
    }
    return in.empty() || open_ended || found == head.count || unexpected(in, at, asked_for);
  }

  /// Leaves `out` empty if there is no such key.
  bool find(Bytes map, const char* key, const Place& at, Bytes& out, uint32_t& index) {
    Cursor in(map);
    Token head;
    in.next(head);
    for (uint32_t i = 0; i < head.count; ++i) {
      Bytes name, element;
      in.value(name);
      in.value(element);
      Token token;
      Cursor(name).next(token);
      if (token.kind != Kind::str || token.bytes != key) continue;
      if (!out.empty()) return fail(Status::msg_type, place_text(Place{&at, key, 0}) + " comes twice");
      out = element;
      index = i;
    }
    return true;
  }

  bool missing(const Place& at, const char* key) {
    return fail(Status::msg_type,
                at.up ? place_text(at) + ": '" + key + "' is missing" : std::string("missing argument '") + key + "'");
  }

  bool unexpected(Bytes map, const Place& at, uint64_t asked_for) {
    Cursor in(map);
    Token head, key;
    in.next(head);
    for (uint32_t i = 0; i < head.count; ++i) {
      Bytes name;
      in.value(name);
      Cursor(name).next(key);
      in.skip();
      if (i >= 64 || !(asked_for >> i & 1)) break;
    }
    std::string name = key.kind == Kind::str ? "'" + wire::shown(key.bytes) + "'" : key.describe();
    return fail(Status::msg_type, at.up ? place_text(at) + ": unexpected " + name : "unexpected argument " + name);
  }

  static void store(const Target& t) {
    if (t.to_length) *static_cast<size_t*>(t.to_length) = t.bytes.size;
    if (!t.to) return;
    switch (t.type) {
      case Target::text: *static_cast<const char**>(t.to) = t.s; break;
      case Target::int32: *static_cast<int*>(t.to) = static_cast<int>(t.i); break;
      case Target::int64: *static_cast<int64_t*>(t.to) = t.i; break;
      case Target::uint64: *static_cast<uint64_t*>(t.to) = t.u; break;
      case Target::real: *static_cast<double*>(t.to) = t.d; break;
      case Target::boolean: *static_cast<bool*>(t.to) = t.i != 0; break;
      case Target::bin: *static_cast<const void**>(t.to) = t.bytes.data; break;
      case Target::raw: *static_cast<tractor_bytes*>(t.to) = {t.bytes.data, t.bytes.size}; break;
    }
  }

  wire::Format format_;
  va_list args_;
  Failure failure_;
  size_t count_ = 0;
  Target targets_[kMaxTargets];
};

}  // namespace

Result<Done> unpack_values(Bytes value, const char* format, va_list args) {
  ScratchMark before = scratch_mark();
  Unpacker unpacker(format ? format : "n", args);
  if (unpacker.run(value.empty() ? kNil : value)) return Done{};
  scratch_release(before);
  return unpacker.take_failure();
}

}  // namespace tractor::core
