// Operations of the C library as awaitables.
#pragma once

#include <tractor/nursery.h>
#include <tractor/portal.h>

#include <coroutine>
#include <exception>
#include <optional>
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
  ~operation_base() {
    if (op_ > 0) tractor_op_abandon(actor_, op_);
  }

  bool await_ready() const noexcept { return false; }

 protected:
  /// `op` is what the start returned: a token, or why there is nobody to tell.
  bool started(tractor_op op, tractor_nursery* scope, std::coroutine_handle<> waiter) {
    check(op);
    op_ = op;
    actor_ = tractor_nursery_actor(scope);
    waiter_ = waiter;
    return true;
  }
  /// The completion: `keep` takes what is borrowed, then the waiter goes on.
  template <class Keep>
  void complete(const tractor_error* err, Keep keep) {
    op_ = 0;
    if (err) {
      error_.reset(tractor_error_ref(err));
    } else {
      try {
        keep();
      } catch (...) {
        exception_ = std::current_exception();
      }
    }
    waiter_.resume();
  }
  int code() const noexcept { return tractor_error_code(error_.get()); }
  void rethrow() const {
    if (error_) throw_error(error_.get());
    if (exception_) std::rethrow_exception(exception_);
  }

 private:
  tractor_op op_ = 0;
  tractor_actor* actor_ = nullptr;
  std::coroutine_handle<> waiter_;
  error_ptr error_;
  std::exception_ptr exception_;
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
  T await_resume() {
    rethrow();
    if constexpr (!std::is_void_v<T>) return std::move(*result_);
  }

 private:
  using result = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  static void completed(const tractor_error* err, void* user) {
    static_cast<operation*>(user)->complete(err, [] {});
  }
  static void completed(const tractor_error* err, const tractor_value* value, void* user) {
    auto self = static_cast<operation*>(user);
    self->complete(err, [&] {
      if constexpr (!std::is_void_v<T>) self->result_.emplace(decode<T>(value));
    });
  }
  static void completed(const tractor_error* err, tractor_portal* portal, void* user) {
    auto self = static_cast<operation*>(user);
    self->complete(err, [&] { self->result_.emplace(portal); });
  }

  Start start_;
  std::optional<result> result_;
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
