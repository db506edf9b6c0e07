// A value from a peer, through everything a program does with one: JSON, reading, writing anew, unpacking. The first
// byte says how many of the next ones are a format.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include <tractor/value.h>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool copy_value(tractor_reader* r, tractor_writer* w) {
  switch (tractor_reader_type(r)) {
    case TRACTOR_TYPE_NIL: return !tractor_reader_nil(r) && !tractor_writer_nil(w);
    case TRACTOR_TYPE_BOOL: {
      bool v;
      return !tractor_reader_bool(r, &v) && !tractor_writer_bool(w, v);
    }
    case TRACTOR_TYPE_INT: {
      int64_t v;
      return !tractor_reader_i64(r, &v) && !tractor_writer_i64(w, v);
    }
    case TRACTOR_TYPE_UINT: {
      uint64_t v;
      return !tractor_reader_u64(r, &v) && !tractor_writer_u64(w, v);
    }
    case TRACTOR_TYPE_FLOAT: {
      double v;
      return !tractor_reader_f64(r, &v) && !tractor_writer_f64(w, v);
    }
    case TRACTOR_TYPE_STR: {
      const char* p;
      size_t n;
      return !tractor_reader_str(r, &p, &n) && !tractor_writer_str(w, p, n);
    }
    case TRACTOR_TYPE_BIN: {
      const void* p;
      size_t n;
      return !tractor_reader_bin(r, &p, &n) && !tractor_writer_bin(w, p, n);
    }
    case TRACTOR_TYPE_EXT: {
      int8_t type;
      const void* p;
      size_t n;
      return !tractor_reader_ext(r, &type, &p, &n) && !tractor_writer_ext(w, type, p, n);
    }
    case TRACTOR_TYPE_ARRAY: {
      uint32_t n;
      if (tractor_reader_array(r, &n) || tractor_writer_array(w, n)) return false;
      while (n-- > 0)
        if (!copy_value(r, w)) return false;
      return true;
    }
    case TRACTOR_TYPE_MAP: {
      uint32_t n;
      if (tractor_reader_map(r, &n) || tractor_writer_map(w, n)) return false;
      for (uint64_t i = 0; i < 2 * uint64_t{n}; ++i)
        if (!copy_value(r, w)) return false;
      return true;
    }
    default: return false;
  }
}

/// Every value can be read and written anew, but for strings that are not UTF-8.
void read_and_write(const tractor_value* value) {
  tractor_reader* r = tractor_reader_new(value);
  tractor_writer* w = tractor_writer_new();
  if (copy_value(r, w)) {
    require(tractor_reader_type(r) == TRACTOR_TYPE_END);
    tractor_bytes written = tractor_writer_bytes(w);
    require(tractor_bytes_error(written) == nullptr);
    tractor_value* again = tractor_value_new(written);
    char* before = tractor_value_json(value);
    char* after = tractor_value_json(again);
    require(std::strcmp(before, after) == 0);
    tractor_free(before);
    tractor_free(after);
    tractor_value_unref(again);
  } else {
    require(std::strstr(tractor_reader_error(r), "expected UTF-8") != nullptr);
  }
  tractor_writer_free(w);
  tractor_reader_free(r);
}

/// Every pointer is the same: a key to read and a place to store.
void unpack(const tractor_value* value, const char* format) {
  alignas(16) char to[64] = "a";
  void* p = to;
  tractor_unpack(value, format, p, p, p, p, p, p, p, p, p, p, p, p, p, p, p, p, p, p, p, p, p, p, p, p);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMostLetters = 12;  // each takes two arguments at most
  if (size == 0) return 0;
  size_t letters = data[0] % (kMostLetters + 1);
  ++data, --size;
  if (letters > size) letters = size;
  std::string format(reinterpret_cast<const char*>(data), letters);

  tractor_bytes bytes = {data + letters, size - letters};
  tractor_value* value = tractor_value_new(bytes);
  require((value == nullptr) == (tractor_bytes_error(bytes) != nullptr));
  if (value) {
    tractor_free(tractor_value_json(value));
    read_and_write(value);
    unpack(value, format.c_str());
    unpack(value, "{s?:{s?:i,*},*}");
    unpack(value, "[v,*]");
    tractor_value_unref(value);
  }
  return 0;
}
