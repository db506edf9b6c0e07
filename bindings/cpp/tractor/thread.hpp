// Blocking and CPU-bound work.
#pragma once

#include <tractor/nursery.h>

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "arguments.hpp"
#include "error.hpp"
#include "handle.hpp"
#include "hazard.hpp"

namespace tractor {

namespace detail {

/// What both threads use. Work that has begun is not interrupted, so it may outlive the coroutine; then it is its own.
template <class Fn>
struct thread_work {
  using result = std::invoke_result_t<Fn&>;
  using storage = std::conditional_t<std::is_void_v<result>, std::monostate, result>;

  Fn fn;
  std::coroutine_handle<> waiter{};  ///< null: nobody waits any more
  error_ptr error{};
  std::optional<storage> value{};
  std::exception_ptr exception{};

  /// On the other thread.
  static void run(void* user) noexcept {
    auto self = static_cast<thread_work*>(user);
    try {
      if constexpr (std::is_void_v<result>)
        self->fn();
      else
        self->value.emplace(self->fn());
    } catch (...) {
      self->exception = std::current_exception();
    }
  }
  /// On the loop's thread.
  static void end(const tractor_error* err, void* user) {
    auto self = static_cast<thread_work*>(user);
    if (!self->waiter) return delete self;
    self->error.reset(tractor_error_ref(err));
    std::exchange(self->waiter, {}).resume();
  }
};

template <class Fn>
class [[nodiscard]] in_thread {
  using work = thread_work<Fn>;

 public:
  explicit in_thread(Fn fn) : work_(new work{.fn = std::move(fn)}) {}
  in_thread(const in_thread&) = delete;
  ~in_thread() {
    if (!std::exchange(work_->waiter, {}))
      delete work_;
    else
      tractor_op_cancel(tractor_nursery_actor(scope_), op_);  // has it not begun, it never will
  }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    scope_ = waiter.promise().scope();
    op_ = tractor_nursery_run_in_thread(scope_, work::run, work::end, work_);
    check(op_);
    work_->waiter = waiter;
    return true;
  }
  typename work::result await_resume() {
    if (work_->error) throw_error(work_->error.get());
    if (work_->exception) std::rethrow_exception(work_->exception);
    if constexpr (!std::is_void_v<typename work::result>) return std::move(*work_->value);
  }

 private:
  work* work_;
  tractor_nursery* scope_ = nullptr;
  tractor_op op_ = 0;
};

}  // namespace detail

/// Runs `fn()` on another thread, while the loop goes on, and gives what it gives. `fn` may use nothing of the library but
/// what is marked for any thread. Work that has begun is not interrupted: a cancel waits for it, and its result counts.
///
///     int n = co_await run_in_thread(count_words);
///
/// @throws what `fn` throws; cancelled, if it had not begun
template <class Fn>
[[nodiscard]] auto run_in_thread(Fn&& fn) {
  detail::refuse_hazard_bodies<Fn&&>();
  return detail::in_thread<std::decay_t<Fn>>(std::forward<Fn>(fn));
}

}  // namespace tractor
