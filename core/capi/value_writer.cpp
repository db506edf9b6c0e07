#include <tractor/value.h>

#include <new>

#include "wire/payload.hpp"
#include "wire/writer.hpp"

using namespace tractor::core;

struct tractor_writer {
  Writer writer;
};

namespace {

/// Every function that writes: no writer is a misuse, no memory a failure that sticks.
template <class Write>
int guarded(tractor_writer* w, Write write) {
  if (!w) return TRACTOR_EINVAL;
  try {
    return static_cast<int>(write(w->writer));
  } catch (const std::bad_alloc&) {
    w->writer.fail_for_memory();
    return TRACTOR_ENOMEM;
  }
}

Bytes view(const void* data, size_t len) { return {static_cast<const char*>(data), len}; }

}  // namespace

tractor_writer* tractor_writer_new(void) { return new (std::nothrow) tractor_writer; }

void tractor_writer_free(tractor_writer* writer) { delete writer; }

void tractor_writer_reset(tractor_writer* writer) {
  if (writer) writer->writer.reset();
}

int tractor_writer_nil(tractor_writer* writer) {
  return guarded(writer, [](Writer& w) { return w.nil(); });
}

int tractor_writer_bool(tractor_writer* writer, bool v) {
  return guarded(writer, [=](Writer& w) { return w.boolean(v); });
}

int tractor_writer_i64(tractor_writer* writer, int64_t v) {
  return guarded(writer, [=](Writer& w) { return w.integer(v); });
}

int tractor_writer_u64(tractor_writer* writer, uint64_t v) {
  return guarded(writer, [=](Writer& w) { return w.integer(v); });
}

int tractor_writer_f64(tractor_writer* writer, double v) {
  return guarded(writer, [=](Writer& w) { return w.real(v); });
}

int tractor_writer_str(tractor_writer* writer, const char* s, size_t len) {
  return guarded(writer, [=](Writer& w) { return w.str(view(s, len)); });
}

int tractor_writer_bin(tractor_writer* writer, const void* data, size_t len) {
  return guarded(writer, [=](Writer& w) { return w.bin(view(data, len)); });
}

int tractor_writer_ext(tractor_writer* writer, int8_t type, const void* data, size_t len) {
  return guarded(writer, [=](Writer& w) { return w.ext(type, view(data, len)); });
}

int tractor_writer_raw(tractor_writer* writer, tractor_bytes value) {
  return guarded(writer, [=](Writer& w) { return w.raw(view(value.data, value.len)); });
}

int tractor_writer_array(tractor_writer* writer, uint32_t count) {
  return guarded(writer, [=](Writer& w) { return w.array(count); });
}

int tractor_writer_map(tractor_writer* writer, uint32_t count) {
  return guarded(writer, [=](Writer& w) { return w.map(count); });
}

tractor_bytes tractor_writer_bytes(const tractor_writer* writer) {
  Bytes b = make_poison("writer: there is none");
  try {
    if (writer) b = writer->writer.bytes();
  } catch (const std::bad_alloc&) {
    b = memory_poison();
  }
  return {b.data(), b.size()};
}
