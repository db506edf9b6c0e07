// A coroutine that belongs to a nursery instead of whoever awaits it.
#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <utility>

#include "box.hpp"
#include "hold.hpp"
#include "operation.hpp"
#include "task.hpp"

namespace tractor::detail {

/// Runs at once, and frees itself when it has ended. The first parameter of such a coroutine is its scope.
struct detached {
  struct promise_type : promise_base {
    template <class... Rest>
    explicit promise_type(tractor_nursery* scope, const Rest&...) noexcept {
      set_scope(scope);
    }
    detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};

/// Lets everything else that is ready have its turn. It comes in a cancelled scope too: a task runs up to its first wait
/// there.
class next_turn {
 public:
  next_turn() = default;
  next_turn(const next_turn&) = delete;
  ~next_turn() {
    if (op_ > 0) tractor_op_abandon(actor_, op_);
  }
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> self) {
    waiter_ = self;
    actor_ = tractor_nursery_actor(self.promise().scope());
    op_ = tractor_nursery_sleep(self.promise().scope(), 0, come, this);
    return op_ > 0;
  }
  void await_resume() const noexcept {}

 private:
  static void come(const tractor_error*, void* user) {
    auto self = static_cast<next_turn*>(user);
    self->op_ = 0;
    self->waiter_.resume();
  }
  tractor_actor* actor_ = nullptr;
  tractor_op op_ = 0;
  std::coroutine_handle<> waiter_;
};

/// What ends in a task that nobody awaits: a cancel is what its nursery wanted, a failure is its nursery's.
inline void fail_scope(hold& work) noexcept {
  try {
    throw;
  } catch (const cancelled&) {
  } catch (...) {
    work.fail_with(box_current_exception());
  }
}

template <class Fn, class... Args>
detached run_detached(tractor_nursery*, hold work, Fn fn, Args... args) {
  co_await next_turn();
  try {
    co_await std::invoke(fn, std::move(args)...);
  } catch (...) {
    fail_scope(work);
  }
}

}  // namespace tractor::detail
