// Waits that no cancel cuts short, because what they wait for is certain to come.
#pragma once

#include <tractor/nursery.h>

#include <coroutine>

#include "hold.hpp"
#include "turn.hpp"

namespace tractor::detail {

/// Something that comes once, and that one coroutine waits for: `co_await a.wait()`. A cancel of the scope that waits is only told
/// of, so that it can be passed on to what shall come.
class arrival {
 public:
  explicit arrival(tractor_cancel_fn on_cancel = nullptr, void* user = nullptr) noexcept
      : on_cancel_(on_cancel), user_(user) {}
  arrival(const arrival&) = delete;

  /// The coroutine goes on later, never inside this call.
  void come() noexcept {
    if (came_) return;
    came_ = true;
    if (!hold_) return;
    turn_.come_soon();
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
    turn_.belongs_to(scope, waiter);
    hold_ = hold(scope, "what is certain to come", on_cancel_, user_);
  }

  tractor_cancel_fn on_cancel_;
  void* user_;
  hold hold_;
  turn turn_;
  bool came_ = false;
};

}  // namespace tractor::detail
