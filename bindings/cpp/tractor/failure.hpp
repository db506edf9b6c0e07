// How a coroutine ended that did not return.
#pragma once

#include <cxxabi.h>

#include <exception>
#include <typeinfo>
#include <utility>

#include "error.hpp"

namespace tractor::detail {

/// Is the exception that is being handled a `cancelled`? Its type tells; to find out by throwing it on would cost as much as
/// the cancel itself.
inline bool handling_cancelled() noexcept {
  const std::type_info* type = abi::__cxa_current_exception_type();
  return type && *type == typeid(cancelled);
}

/// Nothing, a cancel, or an exception.
class failure {
 public:
  failure() = default;
  /// What is being handled. To be called in a handler.
  static failure current() noexcept {
    failure f;
    f.cancelled_ = handling_cancelled();
    if (!f.cancelled_) f.exception_ = std::current_exception();
    return f;
  }

  explicit operator bool() const noexcept { return cancelled_ || exception_; }
  bool is_cancel() const noexcept { return cancelled_; }
  /// A cancel is thrown from where this stands, not out of a function: unwinding costs by the frame.
  [[gnu::always_inline]] void rethrow() const {
    if (cancelled_) throw cancelled{};
    if (exception_) std::rethrow_exception(exception_);
  }

 private:
  bool cancelled_ = false;
  std::exception_ptr exception_;
};

}  // namespace tractor::detail
