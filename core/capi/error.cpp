#include <tractor/error.h>

#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "base/handles.hpp"
#include "capi/options.hpp"
#include "fault/error.hpp"
#include "fault/types.hpp"

using namespace tractor::core;

namespace {

/// The error as its reader sees it: whoever reads one has taken notice of it.
const Error* read(const tractor_error* err) {
  const Error* e = from_c(err);
  if (e) e->mark_handled();
  return e;
}

/// C has one pointer type for both; the object stays immutable.
tractor_error* hand_out(ErrorRef e) { return const_cast<tractor_error*>(to_c(e.release())); }

tractor_error* refuse(const Failure& failure) {
  ErrorRef e = Error::of(failure);
  e->mark_handled();
  return hand_out(std::move(e));
}

bool known_code(int code) {
  switch (code) {
#define TRACTOR_X_(name, number, text) \
  case number: return true;
    TRACTOR_STATUS_MAP(TRACTOR_X_)
#undef TRACTOR_X_
    default: return false;
  }
}

Failure unknown_code(const char* where, int code) {
  return Failure::of(Status::invalid,
                     std::string(where) + " is " + std::to_string(code) + ", which is no tractor_status");
}

/// Takes over the payload on success only.
Result<Error::Fields> fields_of(const tractor_error_options& o) {
  if (!known_code(o.code)) return unknown_code("tractor_error_options.code", o.code);
  if (auto ok = check_reserved(o.reserved0, "tractor_error_options.reserved0"); !ok) return ok.failure();
  Error::Fields f;
  f.code = static_cast<Status>(o.code);
  if (o.type) f.type = o.type;
  if (o.message) f.message = o.message;
  if (o.traceback) f.traceback = o.traceback;
  if (o.cause) {
    const Error* cause = read(o.cause);
    f.cause = ErrorRef(cause);
    f.canceller = cause->fields().canceller;
  }
  f.payload_tag = o.payload_tag;
  f.payload = o.payload;
  f.payload_release = o.payload_release;
  return f;
}

std::string format_text(const char* format, va_list args) {
  va_list again;
  va_copy(again, args);
  int n = std::vsnprintf(nullptr, 0, format, args);
  std::string text(n > 0 ? static_cast<size_t>(n) : 0, '\0');
  if (n > 0) std::vsnprintf(text.data(), text.size() + 1, format, again);
  va_end(again);
  return text;
}

}  // namespace

tractor_error* tractor_error_new(const tractor_error_options* options) {
  tractor_error_options known{};
  try {
    auto read = read_options(options, sizeof(tractor_error_options), "tractor_error_options");
    if (read || read.failure().code == Status::too_new) known = read ? *read : *options;
    Result<Error::Fields> fields = read ? fields_of(*read) : read.failure();
    if (fields) return hand_out(Error::make(std::move(*fields)));
    if (known.payload_release) known.payload_release(known.payload);
    return refuse(fields.failure());
  } catch (const std::bad_alloc&) {
    if (known.payload_release) known.payload_release(known.payload);
    return hand_out(Error::out_of_memory());
  }
}

tractor_error* tractor_error_newf(int code, const char* type, const char* format, ...) {
  va_list args;
  va_start(args, format);
  tractor_error* made;
  try {
    if (known_code(code)) {
      Error::Fields f;
      f.code = static_cast<Status>(code);
      if (type) f.type = type;
      if (format) f.message = format_text(format, args);
      made = hand_out(Error::make(std::move(f)));
    } else {
      made = refuse(unknown_code("the code of tractor_error_newf()", code));
    }
  } catch (const std::bad_alloc&) {
    made = hand_out(Error::out_of_memory());
  }
  va_end(args);
  return made;
}

tractor_error* tractor_error_group(const char* message, const tractor_error* const* members, size_t count) {
  try {
    std::vector<ErrorRef> all;
    for (size_t i = 0; members && i < count && members[i]; ++i) all.emplace_back(read(members[i]));
    if (all.empty() || all.size() != count)
      return refuse(
          Failure::of(Status::invalid, "tractor_error_group(): a member is NULL, or there is none", "ValueError"));
    return hand_out(Error::group(message ? message : "", std::move(all)));
  } catch (const std::bad_alloc&) {
    return hand_out(Error::out_of_memory());
  }
}

tractor_error* tractor_error_ref(const tractor_error* err) {
  if (const Error* e = read(err)) e->ref();
  return const_cast<tractor_error*>(err);
}

void tractor_error_unref(const tractor_error* err) {
  if (err) from_c(err)->unref();
}

int tractor_error_code(const tractor_error* err) {
  const Error* e = read(err);
  return e ? static_cast<int>(e->code()) : TRACTOR_OK;
}

int tractor_error_kind(const tractor_error* err) {
  const Error* e = read(err);
  return e ? e->kind() : 0;
}

const char* tractor_error_name(const tractor_error* err) {
  const Error* e = read(err);
  return e ? e->name() : "OK";
}

const char* tractor_error_message(const tractor_error* err) {
  const Error* e = read(err);
  return e ? e->message().c_str() : "";
}

const char* tractor_error_boxed_type(const tractor_error* err) {
  const Error* e = read(err);
  return e ? e->type().c_str() : "";
}

const char* tractor_error_source_type(const tractor_error* err) {
  const Error* e = read(err);
  return e ? e->source_type().c_str() : "";
}

const char* tractor_error_traceback(const tractor_error* err) {
  const Error* e = read(err);
  return e && !e->fields().traceback.empty() ? e->fields().traceback.c_str() : nullptr;
}

const tractor_id* tractor_error_source(const tractor_error* err) {
  const Error* e = read(err);
  return e ? e->source_id() : nullptr;
}

const tractor_id* tractor_error_sender(const tractor_error* err) {
  const Error* e = read(err);
  return e ? e->sender_id() : nullptr;
}

const tractor_id* tractor_error_canceller(const tractor_error* err) {
  const Error* e = read(err);
  return e ? e->canceller_id() : nullptr;
}

size_t tractor_error_relay_count(const tractor_error* err) {
  const Error* e = read(err);
  return e ? e->fields().relay_path.size() : 0;
}

const tractor_id* tractor_error_relay(const tractor_error* err, size_t index) {
  const Error* e = read(err);
  return e ? e->relay_id(index) : nullptr;
}

const tractor_error* tractor_error_cause(const tractor_error* err) {
  const Error* e = read(err);
  return e ? to_c(e->fields().cause.get()) : nullptr;
}

size_t tractor_error_child_count(const tractor_error* err) {
  const Error* e = read(err);
  return e ? e->fields().members.size() : 0;
}

const tractor_error* tractor_error_child(const tractor_error* err, size_t index) {
  const Error* e = read(err);
  return e && index < e->fields().members.size() ? to_c(e->fields().members[index].get()) : nullptr;
}

const tractor_error* tractor_error_find(const tractor_error* err, int code) {
  const Error* e = read(err);
  return e ? to_c(e->find(static_cast<Status>(code))) : nullptr;
}

int tractor_error_exit_status(const tractor_error* err) {
  const Error* e = read(err);
  return e ? e->fields().exit_status : Error::kNoExit;
}

void* tractor_error_payload(const tractor_error* err, const void* tag) {
  const Error* e = read(err);
  return e && e->fields().payload_tag == tag ? e->fields().payload : nullptr;
}

char* tractor_error_format(const tractor_error* err) {
  const Error* e = read(err);
  try {
    return strdup(e ? e->format().c_str() : "OK\n");
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void tractor_error_print(const tractor_error* err, FILE* to) {
  if (!err || !to) return;
  char* text = tractor_error_format(err);
  std::fputs(text ? text : "out of memory\n", to);
  std::free(text);
}

int tractor_error_type_register(const char* name) {
  if (!name || !*name || (*name >= '0' && *name <= '9')) return TRACTOR_EINVAL;
  for (const char* p = name; *p; ++p) {
    bool fits = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_';
    if (!fits) return TRACTOR_EINVAL;
  }
  try {
    return register_error_type(name) ? TRACTOR_OK : TRACTOR_EALREADY;
  } catch (const std::bad_alloc&) {
    return TRACTOR_ENOMEM;
  }
}

bool tractor_error_type_known(const char* name) { return name && known_error_type(name); }
