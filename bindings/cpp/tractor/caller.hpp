// How the calls that are given a body run: portal::with_context() and portal::open_stream_from().
#pragma once

#include <tractor/portal.h>
#include <tractor/stream.h>

#include <type_traits>
#include <utility>

#include "call.hpp"
#include "context.hpp"
#include "detached.hpp"
#include "hold.hpp"
#include "options.hpp"
#include "one_way.hpp"
#include "opened.hpp"
#include "task.hpp"

namespace tractor::detail {

class opened_context : public opened {
 public:
  auto open(tractor_portal* portal, const kept_call& call, const call_options& options) {
    return begin([this, portal, &call, &options](tractor_nursery* scope) {
      c_call_options o(options);
      return tractor_portal_open_context(portal, scope, call.module(), call.name(), call.args(), &o, on_started,
                                         on_result, this);
    });
  }

  /// NULL if it failed before the task has started.
  tractor_ctx* ctx() const noexcept { return ctx_; }
  const value& first() const noexcept { return first_; }

 private:
  static void on_started(tractor_ctx* ctx, const tractor_value* first, void* user) {
    auto self = static_cast<opened_context*>(user);
    self->ctx_ = ctx;
    self->first_ = value(first);
    self->begun();
  }
  static void on_result(const tractor_error* err, const tractor_value*, void* user) {
    static_cast<opened_context*>(user)->ended(err);
  }

  tractor_ctx* ctx_ = nullptr;
  value first_;
};

template <class Context, class Body>
auto call_body(Body& body, Context& ctx, const value& first) {
  if constexpr (std::is_invocable_v<Body&, Context&, const value&>)
    return body(ctx, first);
  else
    return body(ctx);
}

template <class R, class Body>
task<> with_context(tractor_portal* portal, call_options options, kept_call call, Body body) {
  opened_context opened;
  co_await opened.open(portal, call, options);
  if (opened.ctx()) {
    hold work(tractor_ctx_nursery(opened.ctx()), "the body of with_context()");
    try {
      linked_context<R> ctx(opened.ctx());
      auto running = call_body(body, ctx, opened.first());
      co_await std::move(running).in(tractor_ctx_nursery(opened.ctx()));
    } catch (...) {
      fail_scope(work);
    }
  }
  co_await opened.end();
}

class opened_stream : public opened {
 public:
  auto open(tractor_portal* portal, const kept_call& call, const call_options& options) {
    return begin([this, portal, &call, &options](tractor_nursery* scope) {
      c_call_options o(options);
      return tractor_portal_open_stream_from(portal, scope, call.module(), call.name(), call.args(), &o, on_open,
                                             on_end, this);
    });
  }

  /// NULL if it failed before it was open.
  tractor_stream* stream() const noexcept { return stream_; }

 private:
  static void on_open(tractor_stream* stream, void* user) {
    auto self = static_cast<opened_stream*>(user);
    self->stream_ = stream;
    self->begun();
  }
  static void on_end(const tractor_error* err, void* user) { static_cast<opened_stream*>(user)->ended(err); }

  tractor_stream* stream_ = nullptr;
};

template <class T, class Body>
task<> open_stream_from(tractor_portal* portal, call_options options, kept_call call, Body body) {
  opened_stream opened;
  co_await opened.open(portal, call, options);
  if (opened.stream()) {
    tractor_nursery* scope = tractor_ctx_nursery(tractor_stream_ctx(opened.stream()));
    hold work(scope, "the body of open_stream_from()");
    try {
      receive_stream<T> values(opened.stream());
      auto running = body(values);
      co_await std::move(running).in(scope);
    } catch (...) {
      fail_scope(work);
    }
    tractor_stream_close(opened.stream());
  }
  co_await opened.end();
}

}  // namespace tractor::detail
