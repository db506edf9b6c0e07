#include <tractor/stream.h>

#include <cstdarg>

#include "capi/guard.hpp"
#include "rpc/context.hpp"
#include "rpc/pipe.hpp"
#include "wire/pack.hpp"
#include "wire/payload.hpp"

using namespace tractor::core;

namespace {

Pipe* pipe_of(tractor_stream* stream) { return stream ? from_c(stream)->pipe() : nullptr; }

template <class F>
int on_pipe(tractor_stream* stream, F&& body) {
  return guarded<int>([&] {
    Pipe* pipe = pipe_of(stream);
    return pipe ? static_cast<int>(body(*pipe)) : TRACTOR_ECLOSED;
  });
}

int send(Pipe& pipe, Bytes item) {
  if (payload_fault(item)) return is_memory_poison(item) ? TRACTOR_ENOMEM : TRACTOR_EINVAL;
  return static_cast<int>(pipe.send(item.empty() ? kNil : item));
}

tractor_op send_later(tractor_stream* stream, tractor_nursery* in, Bytes item, const Value* shared, tractor_done_fn fn,
                      void* user) {
  return guarded<tractor_op>([&]() -> tractor_op {
    Pipe* pipe = pipe_of(stream);
    if (!pipe || pipe->dead()) return TRACTOR_ECLOSED;
    Nursery* n = in ? live(in) : &pipe->context();
    if (!n || n->ended()) return TRACTOR_ECLOSED;
    ErrorRef bad;
    auto checked = check_payload(item, kNil);
    if (!checked) note(bad, checked.failure());
    return pipe->send_later(*n, checked ? *checked : kNil, shared, bad, fn, user);
  });
}

}  // namespace

int tractor_stream_send(tractor_stream* stream, tractor_bytes item) {
  return on_pipe(stream, [&](Pipe& pipe) { return send(pipe, {static_cast<const char*>(item.data), item.len}); });
}

int tractor_stream_sendf(tractor_stream* stream, const char* fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int status = on_pipe(stream, [&](Pipe& pipe) { return send(pipe, pack_values(fmt, args)); });
  va_end(args);
  return status;
}

tractor_op tractor_stream_send_wait(tractor_stream* stream, tractor_nursery* in, tractor_bytes item, tractor_done_fn fn,
                                    void* user) {
  return send_later(stream, in, {static_cast<const char*>(item.data), item.len}, nullptr, fn, user);
}

tractor_op tractor_stream_send_value(tractor_stream* stream, tractor_nursery* in, const tractor_value* item,
                                     tractor_done_fn fn, void* user) {
  const Value* value = from_c(item);
  return send_later(stream, in, value ? value->bytes() : kNil, value, fn, user);
}

int tractor_stream_try_receive(tractor_stream* stream, const tractor_value** out) {
  return guarded<int>([&] {
    if (!stream) return Status::closed;
    if (!out) return Status::invalid;
    const Value* value = nullptr;
    Status status = from_c(stream)->try_receive(value);
    *out = to_c(value);
    return status;
  });
}

tractor_op tractor_stream_receive(tractor_stream* stream, tractor_nursery* in, tractor_value_fn fn, void* user) {
  return guarded<tractor_op>([&]() -> tractor_op {
    if (!stream) return TRACTOR_ECLOSED;
    if (!fn) return TRACTOR_EINVAL;
    return from_c(stream)->receive(from_c(in), fn, user);
  });
}

int tractor_stream_send_eof(tractor_stream* stream) {
  return on_pipe(stream, [](Pipe& pipe) { return pipe.send_eof(); });
}

void tractor_stream_close(tractor_stream* stream) {
  guarded<int>([&] {
    if (stream) from_c(stream)->close();
    return 0;
  });
}

tractor_ctx* tractor_stream_ctx(tractor_stream* stream) {
  return guarded_or(static_cast<tractor_ctx*>(nullptr), [&] {
    Pipe* pipe = pipe_of(stream);
    return pipe ? to_c(&pipe->context()) : nullptr;
  });
}

int tractor_stream_subscribe(tractor_stream* stream, uint32_t flags, tractor_stream** out) {
  Stream* subscriber = Stream::dead();
  int status = on_pipe(stream, [&](Pipe& pipe) {
    if (!out || (flags & ~uint32_t{TRACTOR_SUBSCRIBE_NO_LAG_ERROR})) return Status::invalid;
    return pipe.subscribe(*from_c(stream), !(flags & TRACTOR_SUBSCRIBE_NO_LAG_ERROR), subscriber);
  });
  if (out) *out = to_c(subscriber);
  return status;
}

uint64_t tractor_stream_lagged(tractor_stream* stream) {
  return guarded_or(uint64_t{0}, [&] { return stream ? from_c(stream)->lagged() : 0; });
}
