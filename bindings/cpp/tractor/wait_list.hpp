// Waits for something of this program: what event, lock and channel are made of.
#pragma once

#include <tractor/nursery.h>

#include <coroutine>
#include <utility>

#include "error.hpp"
#include "hold.hpp"
#include "turn.hpp"

namespace tractor::detail {

class wait_list;

/// A coroutine that waits in a list until it is woken or its scope is cancelled. What comes first decides; the coroutine goes
/// on later, never inside the call that woke it. Lives in the coroutine's frame, and may be destroyed at any time.
class waiter {
 public:
  waiter() = default;
  waiter(const waiter&) = delete;
  ~waiter() { leave(); }

  /// Was it woken, and has not gone on yet? What it was woken with is then still on its way.
  bool woken() const noexcept { return turn_.is_coming(); }

 protected:
  void wait_in(wait_list& list, tractor_nursery* scope, std::coroutine_handle<> self, const char* what);
  /// To be called when the coroutine goes on. @throws cancelled
  void check_cancelled() const {
    if (cancelled_) throw cancelled{};
  }

 private:
  friend wait_list;

  void leave() noexcept;
  void wake() noexcept {
    leave();
    turn_.come_soon();
    hold_.complete();
  }
  static void on_cancel(void* user) {
    auto self = static_cast<waiter*>(user);
    self->cancelled_ = true;
    self->leave();
    hold until_it_waits_again(std::move(self->hold_));
    self->turn_.resume();
  }

  wait_list* list_ = nullptr;
  waiter* previous_ = nullptr;
  waiter* next_ = nullptr;
  hold hold_;
  turn turn_;
  bool cancelled_ = false;
};

/// Waiters in the order in which they came.
class wait_list {
 public:
  wait_list() = default;
  wait_list(const wait_list&) = delete;

  bool empty() const noexcept { return !first_; }
  waiter* first() const noexcept { return first_; }
  void wake_first() noexcept { first_->wake(); }
  void wake_all() noexcept {
    while (first_) first_->wake();
  }

 private:
  friend waiter;
  waiter* first_ = nullptr;
  waiter* last_ = nullptr;
};

inline void waiter::wait_in(wait_list& list, tractor_nursery* scope, std::coroutine_handle<> self, const char* what) {
  hold_ = hold(scope, what, on_cancel, this);
  turn_.belongs_to(scope, self);
  // In a stopped scope nothing is waited for but the cancel, which is on its way.
  if (is_stopped(scope)) return;
  list_ = &list;
  previous_ = std::exchange(list.last_, this);
  (previous_ ? previous_->next_ : list.first_) = this;
}

inline void waiter::leave() noexcept {
  if (!list_) return;
  (previous_ ? previous_->next_ : list_->first_) = next_;
  (next_ ? next_->previous_ : list_->last_) = previous_;
  list_ = nullptr;
  previous_ = next_ = nullptr;
}

}  // namespace tractor::detail
