// Work that the C library cannot see: a coroutine that nobody awaits, a wait for something of this program.
#pragma once

#include <tractor/nursery.h>

#include <utility>

#include "error.hpp"

namespace tractor::detail {

/// Keeps its nursery from ending for as long as it lives.
class hold {
 public:
  hold() = default;
  /// @throws misuse_error if the nursery has ended
  hold(tractor_nursery* nursery, const char* what, tractor_cancel_fn on_cancel = nullptr, void* user = nullptr)
      : nursery_(nursery), op_(tractor_nursery_hold(nursery, what, on_cancel, user)) {
    check(op_);
  }
  hold(hold&& other) noexcept : nursery_(other.nursery_), op_(std::exchange(other.op_, 0)) {}
  hold& operator=(hold&& other) noexcept {
    std::swap(nursery_, other.nursery_);
    std::swap(op_, other.op_);
    return *this;
  }
  ~hold() { complete(); }

  tractor_nursery* nursery() const noexcept { return nursery_; }
  /// Once this has returned, `on_cancel` never runs.
  void complete() noexcept {
    if (op_ > 0) tractor_op_complete(tractor_nursery_actor(nursery_), std::exchange(op_, 0), nullptr);
  }
  explicit operator bool() const noexcept { return op_ > 0; }

 private:
  tractor_nursery* nursery_ = nullptr;
  tractor_op op_ = 0;
};

/// Is all that is in a nursery on its way to its end? That is later than cancel_called() where C code only collects the
/// errors of one-shots.
inline bool is_stopped(const tractor_nursery* nursery) noexcept {
  const bool* stopped = tractor_nursery_stop_flag(nursery);
  return stopped && *stopped;
}

}  // namespace tractor::detail
