// task<T>: a coroutine that begins when it is awaited and ends before the await does.
#pragma once

#include <tractor/nursery.h>

#include <coroutine>
#include <optional>
#include <utility>

#include "failure.hpp"

namespace tractor {

template <class T = void>
class task;

namespace detail {

/// Owns a task that nobody awaits, and is told of its end.
class task_owner {
 public:
  /// May destroy the task.
  virtual void task_ended() noexcept = 0;

 protected:
  ~task_owner() = default;
};

template <class Fn, class... Args>
class owned_task;
template <auto Fn, class Arguments>
class endpoint_call;

/// What the promises of all coroutines here have in common. A coroutine knows its scope: the nursery that whatever it
/// awaits is started in. It inherits it from the one that awaits it.
class promise_base {
 public:
  tractor_nursery* scope() const noexcept { return scope_; }
  void set_scope(tractor_nursery* scope) noexcept {
    scope_ = scope;
    stopped_ = nullptr;
  }
  /// Who goes on when it has ended: a coroutine, or an owner instead.
  void set_waiter(std::coroutine_handle<> waiter) noexcept { waiter_ = waiter; }
  void set_owner(task_owner& owner) noexcept { owner_ = &owner; }

  /// May an operation whose outcome is there already go on at once? Not in a cancelled scope, and not for ever: the loop
  /// has other things to do. Its own turns are as long.
  bool may_hurry() noexcept {
    if (!stopped_ && !(stopped_ = tractor_nursery_stop_flag(scope_))) return false;  // the operation tells why
    return ++hurried_ % 256 != 0 && !*stopped_;
  }

  std::suspend_always initial_suspend() const noexcept { return {}; }

  struct resume_waiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      const promise_base& self = ended.promise();
      if (!self.owner_) return self.waiter_;
      self.owner_->task_ended();
      return std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };
  resume_waiter final_suspend() const noexcept { return {}; }

  void unhandled_exception() noexcept { failure_ = failure::current(); }
  const failure& failed() const noexcept { return failure_; }

 protected:
  [[gnu::always_inline]] void rethrow() const { failure_.rethrow(); }

 private:
  tractor_nursery* scope_ = nullptr;
  const bool* stopped_ = nullptr;  ///< the scope's flag, once it was asked for
  std::coroutine_handle<> waiter_ = std::noop_coroutine();
  task_owner* owner_ = nullptr;
  failure failure_;
  unsigned hurried_ = 0;
};

template <class T>
class promise : public promise_base {
 public:
  template <class U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  [[gnu::always_inline]] T take() {
    rethrow();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class promise<void> : public promise_base {
 public:
  void return_void() const noexcept {}
  [[gnu::always_inline]] void take() const { rethrow(); }
};

}  // namespace detail

/// A coroutine that yields a T. Nothing of it runs before it is awaited, once; a task that never is does nothing. If it is
/// destroyed while it is suspended, what it waits for is abandoned.
///
///     task<int> twice(portal worker) { co_return 2 * co_await worker.run(answer); }
template <class T>
class [[nodiscard]] task {
 public:
  using value_type = T;

  struct promise_type : detail::promise<T> {
    task get_return_object() noexcept { return task(std::coroutine_handle<promise_type>::from_promise(*this)); }
  };

  task(task&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  task& operator=(task&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~task() {
    if (frame_) frame_.destroy();
  }

  class awaiter {
   public:
    bool await_ready() const noexcept { return false; }
    /// Runs the task up to its first wait. If it has ended by then, its awaiter goes on without having been suspended, so
    /// that a loop over such tasks needs no stack.
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) const {
      frame_.promise().set_scope(scope_ ? scope_ : waiter.promise().scope());
      frame_.resume();
      if (frame_.done()) return false;
      frame_.promise().set_waiter(waiter);
      return true;
    }
    [[gnu::always_inline]] T await_resume() const { return frame_.promise().take(); }

   private:
    friend task;
    awaiter(std::coroutine_handle<promise_type> frame, tractor_nursery* scope) noexcept
        : frame_(frame), scope_(scope) {}
    std::coroutine_handle<promise_type> frame_;
    tractor_nursery* scope_;
  };

  awaiter operator co_await() && noexcept { return {frame_, nullptr}; }
  /// Awaits it in another scope than the awaiter's own.
  awaiter in(tractor_nursery* scope) && noexcept { return {frame_, scope}; }

 private:
  template <class Fn, class... Args>
  friend class detail::owned_task;
  template <auto Fn, class Arguments>
  friend class detail::endpoint_call;

  /// Runs it up to its first wait, in place of an await. @return has it ended by then? If not, `owner` is told when it has
  bool run(tractor_nursery* scope, detail::task_owner& owner) const {
    frame_.promise().set_scope(scope);
    frame_.resume();
    if (frame_.done()) return true;
    frame_.promise().set_owner(owner);
    return false;
  }
  /// How it ended: if it has not failed, with a value to take.
  const detail::failure& failed() const noexcept { return frame_.promise().failed(); }
  T take() const { return frame_.promise().take(); }

  explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

/// `co_await this_scope()`: the nursery that this coroutine's operations are started in.
struct this_scope {
  tractor_nursery* scope = nullptr;
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> self) noexcept {
    scope = self.promise().scope();
    return false;
  }
  tractor_nursery* await_resume() const noexcept { return scope; }
};

}  // namespace detail

}  // namespace tractor
