// A coroutine goes on later: in a turn of the loop that is its own.
#pragma once

#include <tractor/nursery.h>

#include <coroutine>

namespace tractor::detail {

/// How whatever a coroutine waits for wakes it, without running it inside the call that does. It comes in a cancelled scope
/// too. Lives in the coroutine's frame, and may be destroyed at any time: then it does not come.
class turn {
 public:
  turn() = default;
  turn(const turn&) = delete;
  ~turn() {
    if (op_ > 0) tractor_op_abandon(tractor_nursery_actor(scope_), op_);
  }

  /// Says whose it is, before all else.
  void belongs_to(tractor_nursery* scope, std::coroutine_handle<> coroutine) noexcept {
    scope_ = scope;
    coroutine_ = coroutine;
  }
  /// @return false without memory: it does not come then
  bool come_soon() noexcept {
    op_ = tractor_nursery_sleep(scope_, 0, come, this);
    return op_ > 0;
  }
  bool is_coming() const noexcept { return op_ > 0; }
  /// Goes on at once, out of the loop.
  void resume() const { coroutine_.resume(); }

 private:
  static void come(const tractor_error*, void* user) {
    auto self = static_cast<turn*>(user);
    self->op_ = 0;
    self->resume();
  }

  tractor_nursery* scope_ = nullptr;
  std::coroutine_handle<> coroutine_;
  tractor_op op_ = 0;
};

}  // namespace tractor::detail
