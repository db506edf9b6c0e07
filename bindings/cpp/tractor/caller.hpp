// How portal::with_context() runs.
#pragma once

#include <tractor/portal.h>

#include <coroutine>
#include <optional>
#include <utility>

#include "box.hpp"
#include "context.hpp"
#include "detached.hpp"
#include "endpoint.hpp"
#include "hold.hpp"
#include "task.hpp"

namespace tractor::detail {

/// A context from its opening to its result; lives in the frame of with_context().
class opened_context {
 public:
  opened_context() = default;
  opened_context(const opened_context&) = delete;
  ~opened_context() {
    if (op_ > 0) tractor_op_abandon(actor_, op_);
  }

  struct opening {
    opened_context& self;
    tractor_portal* portal;
    const declaration& endpoint;
    tractor_bytes args;
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) const {
      self.waiter_ = waiter;
      tractor_nursery* scope = waiter.promise().scope();
      tractor_op op = tractor_portal_open_context(portal, scope, endpoint.module, endpoint.name, args, nullptr,
                                                  on_started, on_result, &self);
      check(op);
      self.op_ = op;
      self.actor_ = tractor_nursery_actor(scope);
      return true;
    }
    void await_resume() const noexcept {}
  };
  struct ending {
    opened_context& self;
    bool await_ready() const noexcept { return self.op_ == 0; }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept { self.waiter_ = waiter; }
    void await_resume() const {
      if (self.error_) throw_error(self.error_.get());
    }
  };

  /// Awaited: until the task has started, or the context has failed before.
  opening open(tractor_portal* portal, const declaration& endpoint, tractor_bytes args) noexcept {
    return {*this, portal, endpoint, args};
  }
  /// Awaited: until both sides have ended.
  ending result() noexcept { return {*this}; }

  /// NULL if it failed before the task has started.
  tractor_ctx* ctx() const noexcept { return ctx_; }
  const value& first() const noexcept { return first_; }

 private:
  static void on_started(tractor_ctx* ctx, const tractor_value* first, void* user) {
    auto self = static_cast<opened_context*>(user);
    self->ctx_ = ctx;
    self->first_ = value(first);
    self->waiter_.resume();
  }
  static void on_result(const tractor_error* err, const tractor_value*, void* user) {
    auto self = static_cast<opened_context*>(user);
    self->op_ = 0;
    self->error_.reset(tractor_error_ref(err));
    self->waiter_.resume();
  }

  std::coroutine_handle<> waiter_;
  tractor_actor* actor_ = nullptr;
  tractor_op op_ = 0;
  tractor_ctx* ctx_ = nullptr;
  value first_;
  error_ptr error_;
};

template <class Context, class Body>
auto call_body(Body& body, Context& ctx, const value& first) {
  if constexpr (std::is_invocable_v<Body&, Context&, const value&>)
    return body(ctx, first);
  else
    return body(ctx);
}

template <class R, class Body>
task<> with_context(tractor_portal* portal, const declaration* endpoint, value args, Body body) {
  opened_context opened;
  co_await opened.open(portal, *endpoint, tractor_value_bytes(args.c_value()));
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
  co_await opened.result();
}

}  // namespace tractor::detail
