// Writes msgpack through msgpack-c's templates straight into an OutBuffer.
#pragma once

#include <cstdint>
#include <string_view>

#include <msgpack/pack_define.h>
#include <msgpack/timestamp.h>

#include "base/buffer.hpp"
#include "wire/utf8.hpp"

namespace tractor::core::wire {

namespace msgpack_c {
#define msgpack_pack_inline_func(name) [[maybe_unused]] inline void msgpack_pack##name
#define msgpack_pack_user OutBuffer*
#define msgpack_pack_append_buffer(user, buf, len) (user)->append(buf, len)
#include <msgpack/pack_template.h>
}  // namespace msgpack_c

/// Integers get their shortest form, floats are always 64 bits wide. A length has to fit into 32 bits (kMaxLength):
/// whoever takes lengths from outside checks.
class Packer {
 public:
  explicit Packer(OutBuffer& out) : out_(&out) {}

  void nil() { msgpack_c::msgpack_pack_nil(out_); }
  void boolean(bool v) { v ? msgpack_c::msgpack_pack_true(out_) : msgpack_c::msgpack_pack_false(out_); }
  void integer(uint64_t v) { msgpack_c::msgpack_pack_uint64(out_, v); }
  void integer(int64_t v) { msgpack_c::msgpack_pack_int64(out_, v); }
  void real(double v) { msgpack_c::msgpack_pack_double(out_, v); }
  void str(std::string_view s) {
    msgpack_c::msgpack_pack_str(out_, s.size());
    out_->append(s);
  }
  /// Text of uncertain origin: a peer that meets bytes that are not UTF-8 would reject the whole frame.
  void text(std::string_view s) { valid_utf8(s) ? str(s) : str(to_valid_utf8(s)); }
  void bin(Bytes b) {
    msgpack_c::msgpack_pack_bin(out_, b.size());
    out_->append(b);
  }
  void ext(int8_t type, Bytes b) {
    msgpack_c::msgpack_pack_ext(out_, b.size(), type);
    out_->append(b);
  }
  void array(size_t n) { msgpack_c::msgpack_pack_array(out_, n); }
  void map(size_t n) { msgpack_c::msgpack_pack_map(out_, n); }
  /// What is msgpack already.
  void raw(Bytes value) { out_->append(value); }

 private:
  OutBuffer* out_;
};

}  // namespace tractor::core::wire
