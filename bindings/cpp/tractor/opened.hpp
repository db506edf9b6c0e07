// What a body runs in: a context, a one-way stream, a cluster.
#pragma once

#include <tractor/nursery.h>

#include <coroutine>

#include "error.hpp"
#include "handle.hpp"

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
  /// `Start` is called as `start(scope)` and returns the token; 0 if there is none, and still an end that is told.
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

}  // namespace tractor::detail
