// Waits that no cancel cuts short, because what they wait for is certain to come.
#pragma once

#include <tractor/nursery.h>

#include <coroutine>

#include "hold.hpp"

namespace tractor::detail {

/// Something that comes once, and that one coroutine waits for: `co_await a.wait()`. A cancel of the scope that waits is only told
/// of, so that it can be passed on to what shall come.
class arrival {
 public:
  explicit arrival(tractor_cancel_fn on_cancel = nullptr, void* user = nullptr) noexcept
      : on_cancel_(on_cancel), user_(user) {}
  arrival(const arrival&) = delete;
  ~arrival() {
    if (turn_ > 0) tractor_op_abandon(actor_, turn_);
  }

  /// The coroutine goes on later, never inside this call.
  void come() noexcept {
    if (came_) return;
    came_ = true;
    if (!hold_) return;
    turn_ = tractor_nursery_sleep(scope_, 0, go_on, this);
    hold_.complete();
  }

  struct waiting {
    arrival& self;
    bool await_ready() const noexcept { return self.came_; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> waiter) const {
      self.wait(waiter.promise().scope(), waiter);
    }
    void await_resume() const noexcept {}
  };
  waiting wait() noexcept { return {*this}; }

 private:
  void wait(tractor_nursery* scope, std::coroutine_handle<> waiter) {
    scope_ = scope;
    actor_ = tractor_nursery_actor(scope);
    waiter_ = waiter;
    hold_ = hold(scope, "what is certain to come", on_cancel_, user_);
  }
  static void go_on(const tractor_error*, void* user) {
    auto self = static_cast<arrival*>(user);
    self->turn_ = 0;
    self->waiter_.resume();
  }

  tractor_cancel_fn on_cancel_;
  void* user_;
  tractor_nursery* scope_ = nullptr;
  tractor_actor* actor_ = nullptr;
  hold hold_;
  tractor_op turn_ = 0;
  std::coroutine_handle<> waiter_;
  bool came_ = false;
};

}  // namespace tractor::detail
