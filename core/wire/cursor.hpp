// Reads msgpack piece by piece, through msgpack-c's parser. It allocates nothing and never recurses.
#pragma once

#include <cstdint>
#include <string>

#include "base/buffer.hpp"
#include "wire/limits.hpp"

namespace tractor::core::wire {

enum class Kind : uint8_t { nil, boolean, integer, negative, real, str, bin, ext, array, map };

/// One scalar, or the head of a container.
struct Token {
  Kind kind = Kind::nil;
  bool boolean = false;
  int8_t ext_type = 0;
  uint32_t count = 0;  ///< elements of an array, pairs of a map
  union {
    uint64_t integer = 0;  ///< Kind::integer: 0 and above
    int64_t negative;      ///< Kind::negative: below 0
    double real;
  };
  Bytes bytes;  ///< body of a str, bin or ext

  bool is_container() const { return kind == Kind::array || kind == Kind::map; }
  bool is_integer() const { return kind == Kind::integer || kind == Kind::negative; }
  // False if it is not a number of that sort, or does not fit.
  bool to_int64(int64_t& out) const;
  bool to_uint64(uint64_t& out) const;
  bool to_double(double& out) const;  ///< integers too, if the result is exact
  /// For people: "str 'many'", "int 42", "array of 3".
  std::string describe() const;
};

/// The beginning of a text that a peer sent, on one line and in valid UTF-8: error messages go onto the wire and into logs.
std::string shown(std::string_view text);

class Cursor {
 public:
  enum class Fault : uint8_t { none, truncated, invalid, too_deep };

  explicit Cursor(Bytes bytes) : p_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool at_end() const { return p_ == end_; }
  const char* position() const { return p_; }
  size_t remaining() const { return static_cast<size_t>(end_ - p_); }

  /// Reads one token. False, with the position unchanged, at the end and at what is not msgpack; a length or count
  /// that the remaining bytes can't hold is found here, at once.
  bool next(Token& out);
  /// Passes over one whole value. False, with the position unchanged, if it is broken or nests deeper than `max_depth`.
  bool skip(size_t max_depth = kMaxFrameDepth);
  /// The same, and hands out the value's bytes.
  bool value(Bytes& out, size_t max_depth = kMaxFrameDepth) {
    const char* start = p_;
    if (!skip(max_depth)) return false;
    out = Bytes(start, static_cast<size_t>(p_ - start));
    return true;
  }

  Fault fault() const { return fault_; }  ///< why the last call said false
  const char* fault_text() const;

 private:
  bool fail(Fault fault, const char* back_to) {
    fault_ = fault;
    p_ = back_to;
    return false;
  }
  const char* p_;
  const char* end_;
  Fault fault_ = Fault::none;
};

/// Null if `bytes` is exactly one well-formed value of at most `max_depth` levels; else what is wrong with it, as the end
/// of a sentence.
const char* check_one_value(Bytes bytes, size_t max_depth = kMaxDepth);

}  // namespace tractor::core::wire
