#include <tractor/value.h>

#include <new>

#include "base/handles.hpp"
#include "wire/reader.hpp"
#include "wire/value.hpp"

using namespace tractor::core;

struct tractor_reader {
  Reader reader;
};

namespace {

/// Every function that reads: no reader or nowhere to store is a misuse, no memory a failure that sticks.
template <class Read>
int guarded(tractor_reader* r, bool can_store, Read read) {
  if (!r || !can_store) return TRACTOR_EINVAL;
  try {
    return static_cast<int>(read(r->reader));
  } catch (const std::bad_alloc&) {
    r->reader.fail_for_memory();
    return TRACTOR_ENOMEM;
  }
}

int type_of(const wire::Token& t) {
  switch (t.kind) {
    case wire::Kind::nil: return TRACTOR_TYPE_NIL;
    case wire::Kind::boolean: return TRACTOR_TYPE_BOOL;
    case wire::Kind::integer: return t.integer > INT64_MAX ? TRACTOR_TYPE_UINT : TRACTOR_TYPE_INT;
    case wire::Kind::negative: return TRACTOR_TYPE_INT;
    case wire::Kind::real: return TRACTOR_TYPE_FLOAT;
    case wire::Kind::str: return TRACTOR_TYPE_STR;
    case wire::Kind::bin: return TRACTOR_TYPE_BIN;
    case wire::Kind::ext: return TRACTOR_TYPE_EXT;
    case wire::Kind::array: return TRACTOR_TYPE_ARRAY;
    case wire::Kind::map: return TRACTOR_TYPE_MAP;
  }
  return TRACTOR_TYPE_END;
}

}  // namespace

tractor_reader* tractor_reader_new(const tractor_value* value) {
  return new (std::nothrow) tractor_reader{Reader(value ? from_c(value)->bytes() : kNil)};
}

void tractor_reader_reset(tractor_reader* reader, const tractor_value* value) {
  if (reader) reader->reader.reset(value ? from_c(value)->bytes() : kNil);
}

void tractor_reader_free(tractor_reader* reader) { delete reader; }

int tractor_reader_type(const tractor_reader* reader) {
  wire::Token next;
  return reader && reader->reader.peek(next) ? type_of(next) : TRACTOR_TYPE_END;
}

int tractor_reader_nil(tractor_reader* reader) {
  return guarded(reader, true, [](Reader& r) { return r.nil(); });
}

int tractor_reader_bool(tractor_reader* reader, bool* out) {
  return guarded(reader, out, [=](Reader& r) { return r.boolean(*out); });
}

int tractor_reader_i64(tractor_reader* reader, int64_t* out) {
  return guarded(reader, out, [=](Reader& r) { return r.int64(*out); });
}

int tractor_reader_u64(tractor_reader* reader, uint64_t* out) {
  return guarded(reader, out, [=](Reader& r) { return r.uint64(*out); });
}

int tractor_reader_f64(tractor_reader* reader, double* out) {
  return guarded(reader, out, [=](Reader& r) { return r.real(*out); });
}

int tractor_reader_str(tractor_reader* reader, const char** out, size_t* len) {
  return guarded(reader, out && len, [=](Reader& r) {
    std::string_view s;
    Status status = r.str(s);
    if (status == Status::ok) *out = s.data(), *len = s.size();
    return status;
  });
}

int tractor_reader_bin(tractor_reader* reader, const void** out, size_t* len) {
  return guarded(reader, out && len, [=](Reader& r) {
    Bytes b;
    Status status = r.bin(b);
    if (status == Status::ok) *out = b.data(), *len = b.size();
    return status;
  });
}

int tractor_reader_ext(tractor_reader* reader, int8_t* type, const void** out, size_t* len) {
  return guarded(reader, type && out && len, [=](Reader& r) {
    Bytes b;
    Status status = r.ext(*type, b);
    if (status == Status::ok) *out = b.data(), *len = b.size();
    return status;
  });
}

int tractor_reader_array(tractor_reader* reader, uint32_t* count) {
  return guarded(reader, count, [=](Reader& r) { return r.array(*count); });
}

int tractor_reader_map(tractor_reader* reader, uint32_t* count) {
  return guarded(reader, count, [=](Reader& r) { return r.map(*count); });
}

int tractor_reader_raw(tractor_reader* reader, tractor_bytes* out) {
  return guarded(reader, out, [=](Reader& r) {
    Bytes b;
    Status status = r.raw(b);
    if (status == Status::ok) *out = {b.data(), b.size()};
    return status;
  });
}

int tractor_reader_skip(tractor_reader* reader) {
  return guarded(reader, true, [](Reader& r) { return r.skip(); });
}

const char* tractor_reader_error(const tractor_reader* reader) {
  if (!reader) return "there is no reader";
  if (reader->reader.status() == Status::ok) return nullptr;
  return reader->reader.status() == Status::no_memory ? "out of memory" : reader->reader.error().c_str();
}
