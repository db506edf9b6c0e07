#include <tractor/value.h>

#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/handles.hpp"
#include "wire/json.hpp"
#include "wire/pack.hpp"
#include "wire/payload.hpp"
#include "wire/unpack.hpp"
#include "wire/value.hpp"

using namespace tractor::core;

namespace {

tractor_bytes hand_out(Bytes b) { return {b.data(), b.size()}; }
Bytes take(tractor_bytes b) { return {static_cast<const char*>(b.data), b.len}; }

Bytes bytes_of(const tractor_value* value) { return value ? from_c(value)->bytes() : kNil; }

}  // namespace

tractor_bytes tractor_vpack(const char* format, va_list args) { return hand_out(pack_values(format, args)); }

tractor_bytes tractor_pack(const char* format, ...) {
  va_list args;
  va_start(args, format);
  tractor_bytes packed = tractor_vpack(format, args);
  va_end(args);
  return packed;
}

int tractor_vunpack(const tractor_value* value, const char* format, va_list args) {
  try {
    Result<Done> done = unpack_values(bytes_of(value), format, args);
    return done ? TRACTOR_OK : static_cast<int>(done.failure().code);
  } catch (const std::bad_alloc&) {
    return TRACTOR_ENOMEM;
  }
}

int tractor_unpack(const tractor_value* value, const char* format, ...) {
  va_list args;
  va_start(args, format);
  int status = tractor_vunpack(value, format, args);
  va_end(args);
  return status;
}

const char* tractor_bytes_error(tractor_bytes bytes) { return payload_fault(take(bytes)); }

tractor_bytes tractor_value_bytes(const tractor_value* value) { return hand_out(bytes_of(value)); }

const void* tractor_value_data(const tractor_value* value, size_t* len) {
  Bytes b = bytes_of(value);
  if (len) *len = b.size();
  return b.data();
}

tractor_value* tractor_value_keep(const tractor_value* value) {
  try {
    return to_c((value ? from_c(value)->keep() : Value::copy_of(kNil)).release());
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

tractor_value* tractor_value_new(tractor_bytes bytes) {
  try {
    Bytes b = take(bytes);
    if (payload_fault(b)) return nullptr;
    return to_c(Value::copy_of(b.empty() ? kNil : b).release());
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

tractor_value* tractor_value_new_external(const void* data, size_t len, tractor_release_fn release, void* user) {
  try {
    Bytes b(static_cast<const char*>(data), len);
    if (b.empty() || payload_fault(b)) return nullptr;
    return to_c(Value::external(b, release, user).release());
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void tractor_value_unref(tractor_value* value) {
  if (value) from_c(value)->unref();
}

char* tractor_value_json(const tractor_value* value) {
  try {
    std::string text = to_json(bytes_of(value));
    auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
    if (copy) std::memcpy(copy, text.c_str(), text.size() + 1);
    return copy;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
