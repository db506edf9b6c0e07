// Errors as values, for those who don't throw.
#pragma once

#include <coroutine>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "error.hpp"
#include "task.hpp"

namespace tractor {

/// A T, or the error that was there instead.
template <class T>
class [[nodiscard]] result {
 public:
  result(T value) : v_(std::in_place_index<0>, std::move(value)) {}
  result(tractor::error why) : v_(std::in_place_index<1>, std::move(why)) {}

  bool ok() const noexcept { return v_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }
  T& operator*() { return std::get<0>(v_); }
  T* operator->() { return &std::get<0>(v_); }
  const tractor::error& error() const { return std::get<1>(v_); }

 private:
  std::variant<T, tractor::error> v_;
};

template <>
class [[nodiscard]] result<void> {
 public:
  result() noexcept = default;
  result(tractor::error why) : error_(std::move(why)) {}

  bool ok() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return ok(); }
  const tractor::error& error() const { return error_.value(); }

 private:
  std::optional<tractor::error> error_;
};

namespace detail {

template <class Awaiter>
class result_awaiter {
 public:
  using type = decltype(std::declval<Awaiter&>().await_resume());

  explicit result_awaiter(Awaiter awaiter) : inner_(std::forward<Awaiter>(awaiter)) {}
  bool await_ready() { return inner_.await_ready(); }
  template <class Promise>
  auto await_suspend(std::coroutine_handle<Promise> waiter) {
    return inner_.await_suspend(waiter);
  }
  result<type> await_resume() {
    try {
      if constexpr (std::is_void_v<type>)
        return inner_.await_resume(), result<type>();
      else
        return inner_.await_resume();
    } catch (const error& e) {
      return e;
    }
  }

 private:
  Awaiter inner_;
};

}  // namespace detail

/// `auto r = co_await as_result(worker.run(f, 1))`: a tractor::error is given, not thrown. A cancel and other exceptions
/// are thrown as ever.
template <class T>
[[nodiscard]] auto as_result(task<T>&& t) {
  return detail::result_awaiter<typename task<T>::awaiter>(std::move(t).operator co_await());
}
template <class Operation>
[[nodiscard]] auto as_result(Operation&& operation) {
  return detail::result_awaiter<Operation&&>(std::forward<Operation>(operation));
}

}  // namespace tractor
