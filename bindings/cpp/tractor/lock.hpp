// Mutual exclusion among the tasks of one actor.
#pragma once

#include <coroutine>
#include <utility>

#include "wait_list.hpp"

namespace tractor {

/// One task at a time, in the order in which they asked. It has to outlive its waits and guards.
///
///     auto held = co_await l.acquire();
class lock {
 public:
  /// The lock is held for as long as this lives.
  class [[nodiscard]] guard {
   public:
    explicit guard(lock& l) noexcept : lock_(&l) {}
    guard(guard&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)) {}
    guard& operator=(guard&&) = delete;
    ~guard() { release(); }
    void release() noexcept {
      if (lock_) std::exchange(lock_, nullptr)->hand_over();
    }

   private:
    lock* lock_;
  };

  class acquiring : public detail::waiter {
   public:
    explicit acquiring(lock& l) noexcept : lock_(l) {}
    ~acquiring() {
      if (woken()) lock_.hand_over();  // it was ours, and nobody goes on with it
    }
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) {
      if (!lock_.held_ && self.promise().may_hurry()) {
        lock_.held_ = true;
        return false;
      }
      wait_in(lock_.waiters_, self.promise().scope(), self, "lock");
      if (!lock_.held_) lock_.hand_over();
      return true;
    }
    guard await_resume() const {
      check_cancelled();
      return guard(lock_);
    }

   private:
    lock& lock_;
  };

  /// @throws cancelled, without having it
  [[nodiscard]] acquiring acquire() noexcept { return acquiring(*this); }
  bool is_held() const noexcept { return held_; }

 private:
  void hand_over() noexcept {
    held_ = !waiters_.empty();
    if (held_) waiters_.wake_first();
  }

  bool held_ = false;
  detail::wait_list waiters_;
};

}  // namespace tractor
