// Something that happens once.
#pragma once

#include <coroutine>

#include "wait_list.hpp"

namespace tractor {

/// Tasks of one actor wait until it is set; it stays set. It has to outlive its waits.
class event {
 public:
  class waiting : public detail::waiter {
   public:
    explicit waiting(event& e) noexcept : event_(e) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) {
      if (event_.set_ && self.promise().may_hurry()) return false;
      wait_in(event_.waiters_, self.promise().scope(), self, "event");
      if (event_.set_) event_.waiters_.wake_all();
      return true;
    }
    void await_resume() const { check_cancelled(); }

   private:
    event& event_;
  };

  /// Wakes all who wait, in their order, later.
  void set() noexcept {
    set_ = true;
    waiters_.wake_all();
  }
  bool is_set() const noexcept { return set_; }
  /// @throws cancelled
  [[nodiscard]] waiting wait() noexcept { return waiting(*this); }

 private:
  bool set_ = false;
  detail::wait_list waiters_;
};

}  // namespace tractor
