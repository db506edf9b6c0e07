#include "wire/cursor.hpp"

#include <msgpack/unpack.h>

// The parser is used for one token at a time, so it needs no stack of its own: a container's callback stops it.
#define MSGPACK_EMBED_STACK_SIZE 1
#include <msgpack/unpack_define.h>

namespace tractor::core::wire {
namespace {

constexpr int kStopAfterHead = -100;

using Nothing = int;  // the parser wants to build objects; ours are tokens in its user data

int scan_root(Token**) { return 0; }

int scan_integer(Token* t, uint64_t v) {
  t->kind = Kind::integer;
  t->integer = v;
  return 0;
}
int scan_signed(Token* t, int64_t v) {
  if (v >= 0) return scan_integer(t, static_cast<uint64_t>(v));
  t->kind = Kind::negative;
  t->negative = v;
  return 0;
}
int scan_real(Token* t, double v) {
  t->kind = Kind::real;
  t->real = v;
  return 0;
}
int scan_plain(Token* t, Kind kind, bool boolean) {
  t->kind = kind;
  t->boolean = boolean;
  return 0;
}
int scan_bytes(Token* t, Kind kind, const char* p, size_t n) {
  t->kind = kind;
  constexpr const char* kNoBytes = "";
  t->bytes = Bytes(n > 0 ? p : kNoBytes, n);  // the parser's pointer is null for some empty ones
  return 0;
}
int scan_head(Token* t, Kind kind, unsigned count) {
  t->kind = kind;
  t->count = count;
  return kStopAfterHead;
}

int scan_uint8(Token** t, uint8_t v, Nothing*) { return scan_integer(*t, v); }
int scan_uint16(Token** t, uint16_t v, Nothing*) { return scan_integer(*t, v); }
int scan_uint32(Token** t, uint32_t v, Nothing*) { return scan_integer(*t, v); }
int scan_uint64(Token** t, uint64_t v, Nothing*) { return scan_integer(*t, v); }
int scan_int8(Token** t, int8_t v, Nothing*) { return scan_signed(*t, v); }
int scan_int16(Token** t, int16_t v, Nothing*) { return scan_signed(*t, v); }
int scan_int32(Token** t, int32_t v, Nothing*) { return scan_signed(*t, v); }
int scan_int64(Token** t, int64_t v, Nothing*) { return scan_signed(*t, v); }
int scan_float(Token** t, float v, Nothing*) { return scan_real(*t, static_cast<double>(v)); }
int scan_double(Token** t, double v, Nothing*) { return scan_real(*t, v); }
int scan_nil(Token** t, Nothing*) { return scan_plain(*t, Kind::nil, false); }
int scan_true(Token** t, Nothing*) { return scan_plain(*t, Kind::boolean, true); }
int scan_false(Token** t, Nothing*) { return scan_plain(*t, Kind::boolean, false); }
int scan_array(Token** t, unsigned count, Nothing*) { return scan_head(*t, Kind::array, count); }
int scan_map(Token** t, unsigned count, Nothing*) { return scan_head(*t, Kind::map, count); }
int scan_str(Token** t, const char*, const char* p, unsigned n, Nothing*) { return scan_bytes(*t, Kind::str, p, n); }
int scan_bin(Token** t, const char*, const char* p, unsigned n, Nothing*) { return scan_bytes(*t, Kind::bin, p, n); }
int scan_ext(Token** t, const char*, const char* p, unsigned n, Nothing*) {
  // The length counts the type byte; msgpack-c adds that one in 32 bits, so an ext of 2^32-1 bytes comes in as 0.
  if (n == 0) return MSGPACK_UNPACK_PARSE_ERROR;
  (*t)->ext_type = static_cast<int8_t>(*p);
  return scan_bytes(*t, Kind::ext, p + 1, n - 1);
}
// Never reached: no container is entered.
int scan_array_item(Token**, Nothing*, Nothing) { return MSGPACK_UNPACK_PARSE_ERROR; }
int scan_map_item(Token**, Nothing*, Nothing, Nothing) { return MSGPACK_UNPACK_PARSE_ERROR; }

#define msgpack_unpack_struct(name) struct scan##name
#define msgpack_unpack_func(ret, name) [[maybe_unused]] inline ret scan##name
#define msgpack_unpack_callback(name) scan##name
#define msgpack_unpack_object Nothing
#define msgpack_unpack_user Token*
#include <msgpack/unpack_template.h>

}  // namespace

#if defined(__GNUC__) && !defined(__clang__)
// msgpack-c's parser sets what its state machine will read; with the sanitizers' checks in between g++ 12 can't see it.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

bool Cursor::next(Token& out) {
  if (p_ == end_) return fail(Fault::truncated, p_);
  scan_context parser;
  parser.user = &out;
  scan_init(&parser);
  size_t offset = 0;
  int got = scan_execute(&parser, p_, remaining(), &offset);
  if (got == 1) {
    p_ += offset;
    return true;
  }
  if (got != kStopAfterHead) return fail(got == 0 ? Fault::truncated : Fault::invalid, p_);
  const char* after_head = p_ + offset + 1;
  size_t room = static_cast<size_t>(end_ - after_head);
  if (out.count > (out.kind == Kind::map ? room / 2 : room)) return fail(Fault::truncated, p_);
  p_ = after_head;
  return true;
}

bool Cursor::skip(size_t max_depth) {
  const char* start = p_;
  uint64_t pending[kMaxFrameDepth];
  size_t depth = 0;
  if (max_depth > kMaxFrameDepth) max_depth = kMaxFrameDepth;
  for (;;) {
    Token token;
    if (!next(token)) return fail(fault_, start);
    if (token.is_container()) {
      if (depth == max_depth) return fail(Fault::too_deep, start);
      if (token.count > 0) {
        pending[depth++] = token.kind == Kind::map ? 2 * uint64_t{token.count} : token.count;
        continue;
      }
    }
    while (depth > 0 && --pending[depth - 1] == 0) --depth;
    if (depth == 0) return true;
  }
}

const char* Cursor::fault_text() const {
  switch (fault_) {
    case Fault::none: return "no fault";
    case Fault::truncated: return "ends too early";
    case Fault::invalid: return "is not msgpack";
    case Fault::too_deep: return "nests too deeply";
  }
  return "";
}

const char* check_one_value(Bytes bytes, size_t max_depth) {
  Cursor cursor(bytes);
  if (!cursor.skip(max_depth)) return cursor.fault_text();
  return cursor.at_end() ? nullptr : "has bytes after its end";
}

}  // namespace tractor::core::wire
