// Work that the C library cannot see: a coroutine that nobody awaits, a wait for something of this program.
#pragma once

#include <tractor/nursery.h>

#include <utility>

#include "error.hpp"
#include "handle.hpp"

namespace tractor::detail {

/// Keeps its nursery from ending for as long as it lives.
class hold {
 public:
  hold() = default;
  /// @throws misuse_error if the nursery has ended
  hold(tractor_nursery* nursery, const char* what, tractor_cancel_fn on_cancel = nullptr, void* user = nullptr)
      : actor_(tractor_nursery_actor(nursery)), op_(tractor_nursery_hold(nursery, what, on_cancel, user)) {
    check(op_);
  }
  hold(hold&& other) noexcept
      : actor_(other.actor_), op_(std::exchange(other.op_, 0)), error_(std::move(other.error_)) {}
  hold& operator=(hold&& other) noexcept {
    std::swap(actor_, other.actor_);
    std::swap(op_, other.op_);
    error_.swap(other.error_);
    return *this;
  }
  ~hold() { complete(); }

  /// The nursery is told when the hold ends.
  void fail_with(error_ptr why) noexcept { error_ = std::move(why); }
  /// Once this has returned, `on_cancel` never runs.
  void complete() noexcept {
    if (op_ > 0) tractor_op_complete(actor_, std::exchange(op_, 0), error_.get());
  }
  explicit operator bool() const noexcept { return op_ > 0; }

 private:
  tractor_actor* actor_ = nullptr;
  tractor_op op_ = 0;
  error_ptr error_;
};

}  // namespace tractor::detail
