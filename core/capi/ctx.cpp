#include <tractor/ctx.h>

#include <cstdarg>
#include <cstdio>

#include "capi/guard.hpp"
#include "rpc/context.hpp"
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

int answer(Context& ctx, Bytes value) {
  auto checked = check_payload(value, kNil);
  if (checked) return static_cast<int>(ctx.answer(*checked));
  ctx.fail(Error::of(
      Failure::of(Status::invalid, "the endpoint's answer can't be sent: " + checked.failure().message, "TypeError")));
  return TRACTOR_EINVAL;
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

int tractor_ctx_return(tractor_ctx* ctx, const char* fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int status = on_live(ctx, [&](Context& c) { return answer(c, pack_values(fmt, args)); });
  va_end(args);
  return status;
}

int tractor_ctx_return_value(tractor_ctx* ctx, tractor_bytes result) {
  return on_live(ctx, [&](Context& c) { return answer(c, {static_cast<const char*>(result.data), result.len}); });
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
    Error::Fields f;
    f.code = Status::user;
    f.type = type ? type : "RuntimeError";
    f.message = text;
    c.fail(Error::make(std::move(f)));
    return TRACTOR_OK;
  });
  va_end(args);
  return status;
}

int tractor_ctx_unpack(tractor_ctx* ctx, const tractor_value* args, const char* fmt, ...) {
  va_list list;
  va_start(list, fmt);
  int status = on_live(ctx, [&](Context& c) {
    auto done = unpack_values(args ? from_c(args)->bytes() : kNil, fmt, list);
    if (done) return TRACTOR_OK;
    auto code = static_cast<int>(done.failure().code);
    c.refuse(Failure::of(Status::user, done.failure().message, "TypeError"));
    return static_cast<tractor_status>(code);
  });
  va_end(list);
  return status;
}

tractor_ctx* tractor_ctx_ref(tractor_ctx* ctx) {
  if (ctx) from_c(ctx)->ref();
  return ctx;
}

void tractor_ctx_unref(tractor_ctx* ctx) {
  if (ctx) from_c(ctx)->unref();
}
