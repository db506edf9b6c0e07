// A coroutine that belongs to a nursery instead of whoever awaits it.
#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <tuple>
#include <utility>

#include "box.hpp"
#include "failure.hpp"
#include "hold.hpp"
#include "task.hpp"
#include "turn.hpp"

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
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> self) {
    turn_.belongs_to(self.promise().scope(), self);
    return turn_.come_soon();
  }
  void await_resume() const noexcept {}

 private:
  turn turn_;
};

/// What ends in a coroutine that nobody awaits: a cancel is what its nursery wanted, a failure is its nursery's. To be called
/// in a handler.
inline void fail_scope(tractor_nursery* scope) noexcept {
  if (handling_cancelled()) return;
  error_ptr why = box_current_exception();
  tractor_nursery_fail(scope, why.get());
}
inline void fail_scope(const hold& work) noexcept { fail_scope(work.nursery()); }
inline void fail_scope(tractor_nursery* scope, const failure& why) noexcept {
  try {
    if (!why.is_cancel()) why.rethrow();
  } catch (...) {
    fail_scope(scope);
  }
}

/// A task that its nursery owns, with the function that it runs and the arguments. It frees itself when the task has ended.
template <class Fn, class... Args>
class owned_task final : task_owner {
 public:
  /// The task begins when everything else that is ready has had its turn; in a cancelled scope too: it runs up to its first
  /// wait there.
  static void start(hold work, Fn fn, Args... args) {
    tractor_nursery* scope = work.nursery();
    auto self = std::make_unique<owned_task>(std::move(work), std::move(fn), std::move(args)...);
    check(tractor_nursery_sleep(scope, 0, begin, self.get()));
    self.release();
  }

  owned_task(hold work, Fn fn, Args... args)
      : work_(std::move(work)),
        fn_(std::move(fn)),
        args_(std::move(args)...),
        task_(std::apply([&](Args&... arg) { return std::invoke(fn_, std::move(arg)...); }, args_)) {}

 private:
  static void begin(const tractor_error*, void* user) {
    auto self = static_cast<owned_task*>(user);
    if (self->task_.run(self->work_.nursery(), *self)) self->task_ended();
  }
  void task_ended() noexcept override {
    fail_scope(work_.nursery(), task_.failed());
    delete this;
  }

  hold work_;
  Fn fn_;
  std::tuple<Args...> args_;
  task<> task_;
};

template <class Fn, class... Args>
void run_detached(tractor_nursery*, hold work, Fn fn, Args... args) {
  owned_task<Fn, Args...>::start(std::move(work), std::move(fn), std::move(args)...);
}

}  // namespace tractor::detail
