// Operations of the C library as awaitables.
#pragma once

#include <tractor/nursery.h>
#include <tractor/portal.h>

#include <coroutine>
#include <type_traits>
#include <utility>

#include "codec.hpp"
#include "error.hpp"
#include "handle.hpp"

namespace tractor::detail {

/// What all operations share. One lives in the frame of the coroutine that awaits it, from its start to its outcome; if
/// that frame is destroyed meanwhile, the operation is abandoned.
class operation_base {
 public:
  operation_base() = default;
  operation_base(const operation_base&) = delete;
  operation_base& operator=(const operation_base&) = delete;
  [[gnu::always_inline]] ~operation_base() {
    if (op_ > 0) abandon();
  }

  bool await_ready() const noexcept { return false; }

 protected:
  /// `op` is what the start returned: a token, or why there is nobody to tell.
  bool started(tractor_op op, tractor_nursery* scope, std::coroutine_handle<> waiter) {
    check(op);
    op_ = op;
    scope_ = scope;
    waiter_ = waiter;
    return true;
  }
  /// The completion. The waiter goes on inside it, so what the library lends to it is still there when the waiter looks.
  void complete(const tractor_error* err) {
    op_ = 0;
    error_.reset(tractor_error_ref(err));
    waiter_.resume();
  }
  bool failed() const noexcept { return error_ != nullptr; }
  int code() const noexcept { return tractor_error_code(error_.get()); }
  /// A cancel is thrown from where this stands, not out of a function: unwinding costs by the frame.
  [[gnu::always_inline]] void rethrow() const {
    if (!error_) return;
    if (code() == TRACTOR_ECANCELED) throw cancelled{};
    throw_error(error_.get());
  }

 private:
  [[gnu::noinline]] void abandon() const { tractor_op_abandon(tractor_nursery_actor(scope_), op_); }

  tractor_op op_ = 0;
  tractor_nursery* scope_ = nullptr;  ///< lives for as long as the operation
  std::coroutine_handle<> waiter_;
  error_ptr error_;
};

/// `Start` is called as `start(scope, completion, user)` and returns the token; the type of its second parameter says
/// which kind of completion it is. `T` is what the await yields.
template <class T, class Start>
class [[nodiscard]] operation : public operation_base {
 public:
  explicit operation(Start start) : start_(std::move(start)) {}

  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    tractor_nursery* scope = waiter.promise().scope();
    return started(start_(scope, &operation::completed, this), scope, waiter);
  }
  [[gnu::always_inline]] T await_resume() {
    rethrow();
    if constexpr (gives_portal)
      return T(outcome_);
    else if constexpr (!std::is_void_v<T>)
      return decode<T>(outcome_);
  }

 protected:
  static constexpr bool gives_portal = std::is_invocable_v<Start&, tractor_nursery*, tractor_portal_fn, void*>;
  using outcome = std::conditional_t<gives_portal, tractor_portal*, const tractor_value*>;
  outcome outcome_ = nullptr;

 private:
  static void completed(const tractor_error* err, void* user) { static_cast<operation*>(user)->complete(err); }
  static void completed(const tractor_error* err, outcome out, void* user) {
    auto self = static_cast<operation*>(user);
    self->outcome_ = out;
    self->complete(err);
  }

  Start start_;
};

template <class T, class Start>
operation<T, Start> make_operation(Start start) {
  return operation<T, Start>(std::move(start));
}

/// An outcome that is there without waiting, where the interface is one that awaits.
template <class T>
class ready {
 public:
  explicit ready(T value) : value_(std::move(value)) {}
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  T await_resume() { return std::move(value_); }

 private:
  T value_;
};

template <>
struct ready<void> : std::suspend_never {};

}  // namespace tractor::detail
