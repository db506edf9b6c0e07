#include <tractor/ctx.h>

#include <cstdarg>
#include <cstdio>
#include <new>

#include "capi/call_options.hpp"
#include "capi/guard.hpp"
#include "rpc/context_ops.hpp"
#include "rpc/task_context.hpp"
#include "runtime/actor.hpp"
#include "wire/pack.hpp"
#include "wire/payload.hpp"
#include "wire/value.hpp"
#include "wire/unpack.hpp"

using namespace tractor::core;

namespace {

template <class F>
int on_live(tractor_ctx* ctx, F&& body) {
  return guarded<int>([&] {
    Context* c = from_c(ctx);
    return c && !c->ended() ? static_cast<int>(body(*c)) : TRACTOR_ECLOSED;
  });
}

/// The endpoint's side only.
template <class F>
int on_task(tractor_ctx* ctx, F&& body) {
  return on_live(ctx, [&](Context& c) -> int {
    return c.is_caller() ? TRACTOR_ERUNTIME : static_cast<int>(body(static_cast<TaskContext&>(c)));
  });
}

/// Bytes that can't be sent are the endpoint's mistake: raised, and answered.
int refuse(Context& ctx, const char* what, const Failure& why) {
  if (why.code == Status::no_memory) throw std::bad_alloc();
  ctx.fail(Error::of(Failure::of(Status::invalid, std::string(what) + " can't be sent: " + why.message, "TypeError")));
  return TRACTOR_EINVAL;
}

/// Runs `body`. Endpoints have no way on if it lacks memory, and seldom look: that is raised too.
template <class F>
int or_raise(Context& ctx, F&& body) {
  try {
    return static_cast<int>(body());
  } catch (const std::bad_alloc&) {
    ctx.fail(Error::out_of_memory());
    return TRACTOR_ENOMEM;
  }
}

void refuse_arguments(Context& ctx, std::string message) {
  Failure why = Failure::of(Status::user, std::move(message), "TypeError");
  if (ctx.is_caller())
    ctx.fail(Error::of(why));
  else
    static_cast<TaskContext&>(ctx).refuse(std::move(why));
}

int answer(TaskContext& ctx, Bytes value) {
  return or_raise(ctx, [&] {
    auto checked = check_payload(value, kNil);
    return checked ? static_cast<int>(ctx.answer(*checked)) : refuse(ctx, "the endpoint's answer", checked.failure());
  });
}

int start(TaskContext& ctx, Bytes value) {
  return or_raise(ctx, [&] {
    auto checked = check_payload(value, kNil);
    return checked ? static_cast<int>(ctx.start(*checked)) : refuse(ctx, "the first value", checked.failure());
  });
}

Bytes take(tractor_bytes b) { return {static_cast<const char*>(b.data), b.len}; }

/// The ctx and the nursery that a start waits in; null if there is nobody to tell.
Nursery* waiting_in(Context* ctx, tractor_nursery* in) {
  if (!ctx || ctx->ended()) return nullptr;
  return in ? live(in) : ctx;
}

/// Getters work on tombstones too.
template <class R, class F>
R of(tractor_ctx* ctx, R otherwise, F&& get) {
  return guarded_or(otherwise, [&]() -> R { return ctx ? get(*from_c(ctx)) : otherwise; });
}

}  // namespace

tractor_nursery* tractor_ctx_nursery(tractor_ctx* ctx) {
  return ctx ? to_c(static_cast<Nursery*>(from_c(ctx))) : dead_nursery();
}

tractor_actor* tractor_ctx_actor(tractor_ctx* ctx) {
  return guarded_or(static_cast<tractor_actor*>(nullptr),
                    [&] { return ctx && !from_c(ctx)->ended() ? to_c(Actor::current()) : nullptr; });
}

const tractor_id* tractor_ctx_peer(tractor_ctx* ctx) {
  static const tractor_id nobody{"", "", 0};
  return ctx ? &from_c(ctx)->peer() : &nobody;
}

const char* tractor_ctx_cid(tractor_ctx* ctx) { return ctx ? from_c(ctx)->cid_text() : ""; }

// --- the endpoint --------------------------------------------------------------------------------------------------

int tractor_ctx_started(tractor_ctx* ctx, const char* fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int status = on_task(ctx, [&](TaskContext& c) { return start(c, pack_values(fmt, args)); });
  va_end(args);
  return status;
}

int tractor_ctx_started_value(tractor_ctx* ctx, tractor_bytes first) {
  return on_task(ctx, [&](TaskContext& c) { return start(c, take(first)); });
}

int tractor_ctx_return(tractor_ctx* ctx, const char* fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int status = on_task(ctx, [&](TaskContext& c) { return answer(c, pack_values(fmt, args)); });
  va_end(args);
  return status;
}

int tractor_ctx_return_value(tractor_ctx* ctx, tractor_bytes result) {
  return on_task(ctx, [&](TaskContext& c) { return answer(c, take(result)); });
}

int tractor_ctx_raise(tractor_ctx* ctx, const tractor_error* err) {
  return on_live(ctx, [&](Context& c) {
    if (!err) return TRACTOR_EINVAL;
    c.fail(ErrorRef(from_c(err)));
    return TRACTOR_OK;
  });
}

int tractor_ctx_raisef(tractor_ctx* ctx, const char* type, const char* fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int status = on_live(ctx, [&](Context& c) {
    char text[1024];
    std::vsnprintf(text, sizeof text, fmt, args);
    c.fail(Error::from([&] {
      Error::Fields f;
      f.code = Status::user;
      f.type = type ? type : "RuntimeError";
      f.message = text;
      return Error::make(std::move(f));
    }));
    return TRACTOR_OK;
  });
  va_end(args);
  return status;
}

int tractor_ctx_unpack(tractor_ctx* ctx, const tractor_value* args, const char* fmt, ...) {
  va_list list;
  va_start(list, fmt);
  int status = on_live(ctx, [&](Context& c) {
    return or_raise(c, [&] {
      auto done = unpack_values(args ? from_c(args)->bytes() : kNil, fmt, list);
      if (done) return Status::ok;
      Status code = done.failure().code;
      refuse_arguments(c, std::move(done.failure().message));
      return code;
    });
  });
  va_end(list);
  return status;
}

int tractor_ctx_refuse(tractor_ctx* ctx, const char* why) {
  return on_live(ctx, [&](Context& c) {
    return or_raise(c, [&] {
      refuse_arguments(c, why ? why : "");
      return Status::ok;
    });
  });
}

// --- both sides ----------------------------------------------------------------------------------------------------

int tractor_ctx_open_stream(tractor_ctx* ctx, const tractor_call_options* options, tractor_stream** out) {
  Stream* stream = Stream::dead();
  int status = on_live(ctx, [&](Context& c) {
    auto read = read_call_options(options);
    if (!read) return read.failure().code;
    if (read->timeout != 0 || read->schema || !out) return Status::invalid;
    return c.open_stream(read->stream, stream);
  });
  if (out) *out = to_c(stream);
  return status;
}

tractor_op tractor_ctx_cancel(tractor_ctx* ctx, tractor_nursery* in, const tractor_call_options* options,
                              tractor_done_fn fn, void* user) {
  return guarded<tractor_op>([&]() -> tractor_op {
    Nursery* n = waiting_in(from_c(ctx), in);
    if (!n) return TRACTOR_ECLOSED;
    ErrorRef bad;
    CallOptions call = call_options(options, bad);
    return from_c(ctx)->cancel_task(*n, call.timeout, bad, fn, user);
  });
}

tractor_op tractor_ctx_wait_for_result(tractor_ctx* ctx, tractor_nursery* in, tractor_value_fn fn, void* user) {
  return guarded<tractor_op>([&]() -> tractor_op {
    Context* c = from_c(ctx);
    Nursery* n = waiting_in(c, in);
    if (!n) return TRACTOR_ECLOSED;
    if (!fn) return TRACTOR_EINVAL;
    return ResultOp::start(*c, *n, fn, user);
  });
}

int tractor_ctx_limit_payloads(tractor_ctx* ctx, tractor_nursery* scope, const char* type) {
  return on_live(ctx, [&](Context& c) {
    if (!type) return Status::invalid;
    Nursery* n = live(scope);
    if (!n) return Status::closed;
    auto spec = TypeSpec::parse(type);
    return spec ? c.limit(*n, *spec) : Status::msg_type;
  });
}

bool tractor_ctx_is_caller(tractor_ctx* ctx) {
  return of(ctx, false, [](Context& c) { return c.is_caller(); });
}

int tractor_ctx_state(tractor_ctx* ctx) {
  return of(ctx, int{TRACTOR_CTX_OPENING}, [](Context& c) { return c.state(); });
}

const char* tractor_ctx_state_name(int state) { return Context::state_name(state); }

bool tractor_ctx_cancel_called(tractor_ctx* ctx) {
  return of(ctx, false, [](Context& c) { return c.cancel_called(); });
}

bool tractor_ctx_cancel_acked(tractor_ctx* ctx) {
  return of(ctx, false, [](Context& c) { return c.cancel_acked(); });
}

const tractor_id* tractor_ctx_canceller(tractor_ctx* ctx) {
  return of(ctx, static_cast<const tractor_id*>(nullptr), [](Context& c) { return c.canceller(); });
}

const tractor_error* tractor_ctx_remote_error(tractor_ctx* ctx) {
  return of(ctx, static_cast<const tractor_error*>(nullptr), [](Context& c) { return to_c(c.remote_error()); });
}

const tractor_error* tractor_ctx_local_error(tractor_ctx* ctx) {
  return of(ctx, static_cast<const tractor_error*>(nullptr), [](Context& c) { return to_c(c.local_error()); });
}

const tractor_error* tractor_ctx_maybe_error(tractor_ctx* ctx) {
  return of(ctx, static_cast<const tractor_error*>(nullptr), [](Context& c) { return to_c(c.maybe_error()); });
}

tractor_ctx* tractor_ctx_ref(tractor_ctx* ctx) {
  if (ctx) from_c(ctx)->ref();
  return ctx;
}

void tractor_ctx_unref(tractor_ctx* ctx) {
  if (ctx) from_c(ctx)->unref();
}
