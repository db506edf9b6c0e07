// Scopes with a deadline.
#pragma once

#include <type_traits>
#include <utility>

#include "nursery.hpp"

namespace tractor {

namespace detail {

/// Runs `body()` in a nursery with a timeout. @return whether it ended in time
template <class Body>
task<bool> with_deadline(nursery_options options, Body body) {
  bool failed = false;
  auto guarded = [&](nursery&) -> task<> {
    try {
      co_await body();
    } catch (const cancelled&) {
      throw;
    } catch (...) {
      failed = true;
      throw;
    }
  };
  auto scope = tractor::with_nursery(options, guarded);
  try {
    co_await std::move(scope);
  } catch (const timed_out&) {
    // One that the body threw belongs to a deadline in there, or to a call.
    if (failed) throw;
    co_return false;
  }
  co_return true;
}

}  // namespace detail

/// Runs `body()`, which gives a task, and cancels it when the time has passed.
///
///     if (!co_await move_on_after(1s, [&]() -> task<> { ... })) std::puts("too late");
///
/// @return whether it ended in time. @throws what the body throws; cancelled if the scope around it was cancelled
template <class Body>
[[nodiscard]] task<bool> move_on_after(duration time, Body&& body) {
  static_assert(
      !detail::is_hazard_body<Body&&>,
      "g++ 12 destroys this lambda twice inside a co_await expression: capture by reference, or name it first");
  return detail::with_deadline<Body>({.timeout = time}, std::forward<Body>(body));
}

namespace detail {

template <class Body>
task<> fail_after(duration time, Body body) {
  auto scope = with_deadline<Body>({.timeout = time}, std::forward<Body>(body));
  if (!co_await std::move(scope)) throw timed_out(TRACTOR_ETIMEDOUT, nullptr, "the deadline has passed");
}

}  // namespace detail

/// The same, but being late is an error. @throws timed_out
template <class Body>
[[nodiscard]] task<> fail_after(duration time, Body&& body) {
  static_assert(
      !detail::is_hazard_body<Body&&>,
      "g++ 12 destroys this lambda twice inside a co_await expression: capture by reference, or name it first");
  return detail::fail_after<Body>(time, std::forward<Body>(body));
}

}  // namespace tractor
