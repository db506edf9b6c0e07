// How the calls that are given a body run: portal::with_context() and portal::open_stream_from().
#pragma once

#include <tractor/portal.h>
#include <tractor/stream.h>

#include <coroutine>
#include <type_traits>
#include <utility>

#include "call.hpp"
#include "context.hpp"
#include "detached.hpp"
#include "hold.hpp"
#include "options.hpp"
#include "one_way.hpp"
#include "task.hpp"

namespace tractor::detail {

/// Something with a beginning and an end that the library tells; lives in the frame of the function that has the body.
class opened {
 public:
  opened() = default;
  opened(const opened&) = delete;
  ~opened() {
    if (op_ > 0) tractor_op_abandon(actor_, op_);
  }

  struct ending {
    opened& self;
    bool await_ready() const noexcept { return self.op_ == 0; }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept { self.waiter_ = waiter; }
    void await_resume() const {
      if (self.error_) throw_error(self.error_.get());
    }
  };
  /// Awaited: until both sides have ended.
  ending end() noexcept { return {*this}; }

 protected:
  /// `Start` is called as `start(scope)` and returns the token.
  template <class Start>
  struct beginning {
    opened& self;
    Start start;
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) const {
      self.waiter_ = waiter;
      tractor_nursery* scope = waiter.promise().scope();
      tractor_op op = start(scope);
      check(op);
      self.op_ = op;
      self.actor_ = tractor_nursery_actor(scope);
      return true;
    }
    void await_resume() const noexcept {}
  };
  /// Awaited: until it has begun, or has ended before.
  template <class Start>
  beginning<Start> begin(Start start) {
    return {*this, start};
  }

  void begun() const { waiter_.resume(); }
  void ended(const tractor_error* err) {
    op_ = 0;
    error_.reset(tractor_error_ref(err));
    waiter_.resume();
  }

 private:
  std::coroutine_handle<> waiter_;
  tractor_actor* actor_ = nullptr;
  tractor_op op_ = 0;
  error_ptr error_;
};

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
