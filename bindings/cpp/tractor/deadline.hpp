// Bodies with a deadline.
#pragma once

#include <type_traits>
#include <utility>

#include "cancel_scope.hpp"
#include "hazard.hpp"

namespace tractor {

namespace detail {

/// Whether a body that gives nothing ended in time; what is left of its result for others.
template <class Body>
using moved_on = std::conditional_t<std::is_void_v<result_in_scope<Body>>, bool, result_in_scope<Body>>;

/// When a deadline passes: at a time, or so long after it was begun.
inline cancel_scope::clock::time_point point_in_time(cancel_scope::clock::time_point when) noexcept { return when; }
inline cancel_scope::clock::time_point point_in_time(duration time) noexcept {
  auto now = cancel_scope::clock::now();
  return time < cancel_scope::never - now ? now + time : cancel_scope::never;
}

template <class Body, class When>
task<moved_on<Body>> move_on(When when, Body body) {
  cancel_scope scope;
  scope.set_deadline(point_in_time(when));
  if constexpr (std::is_void_v<result_in_scope<Body>>) {
    co_await scope.run(body);
    co_return !scope.cancelled_caught();
  } else {
    co_return co_await scope.run(body);
  }
}

template <class Body>
using body_result =
    decltype(call_in_scope(std::declval<std::remove_reference_t<Body>&>(), std::declval<cancel_scope&>()));

template <class Body, class When>
body_result<Body> fail(When when, Body body) {
  auto in_time = co_await move_on<Body&>(when, body);
  if (!in_time) throw timed_out(TRACTOR_ETIMEDOUT, nullptr, "the deadline has passed");
  if constexpr (!std::is_void_v<result_in_scope<Body>>) co_return *std::move(in_time);
}

}  // namespace detail

/// Runs `body()` or `body(cancel_scope&)`, which gives a task, and cancels it when the time has passed.
///
///     bool in_time = co_await move_on_after(1s, [&]() -> task<> { ... });
///
/// @return for a task<> whether it ended in time; for a task<T> a std::optional<T>, empty if it was cut short
/// @throws what the body throws; cancelled if the scope around it was cancelled
template <class Body>
[[nodiscard]] task<detail::moved_on<Body>> move_on_after(duration time, Body&& body) {
  detail::refuse_hazard_bodies<Body&&>();
  return detail::move_on<Body>(time, std::forward<Body>(body));
}
/// The same at a point in time.
template <class Body>
[[nodiscard]] task<detail::moved_on<Body>> move_on_at(cancel_scope::clock::time_point when, Body&& body) {
  detail::refuse_hazard_bodies<Body&&>();
  return detail::move_on<Body>(when, std::forward<Body>(body));
}

/// The same, but being late is an error: gives what the body gives. @throws timed_out
template <class Body>
[[nodiscard]] detail::body_result<Body> fail_after(duration time, Body&& body) {
  detail::refuse_hazard_bodies<Body&&>();
  return detail::fail<Body>(time, std::forward<Body>(body));
}
template <class Body>
[[nodiscard]] detail::body_result<Body> fail_at(cancel_scope::clock::time_point when, Body&& body) {
  detail::refuse_hazard_bodies<Body&&>();
  return detail::fail<Body>(when, std::forward<Body>(body));
}

}  // namespace tractor
