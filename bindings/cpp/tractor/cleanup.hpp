// What has to happen whatever became of what was before it.
#pragma once

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "arguments.hpp"
#include "error.hpp"
#include "hazard.hpp"
#include "task.hpp"
#include "task_group.hpp"

namespace tractor {

namespace detail {

/// Both, as what they are together.
inline task<> throw_both(std::exception_ptr first, std::exception_ptr second) {
  auto thrown = [](std::exception_ptr e) -> task<> {
    std::rethrow_exception(e);
    co_return;
  };
  auto both = [&](task_group& g) {
    g.start_soon(thrown, first);
    g.start_soon(thrown, second);
  };
  co_await with_task_group(both);
}

template <class Result, class Body, class Cleanup>
task<Result> with_cleanup(Body body, Cleanup cleanup) {
  std::optional<std::conditional_t<std::is_void_v<Result>, int, Result>> result;
  std::exception_ptr failure, failure_of_cleanup;
  bool cut = false;
  try {
    if constexpr (std::is_void_v<Result>)
      co_await body();
    else
      result.emplace(co_await body());
  } catch (const cancelled&) {
    cut = true;
  } catch (...) {
    failure = std::current_exception();
  }
  try {
    co_await cleanup();
  } catch (const cancelled&) {
    cut = true;
  } catch (...) {
    failure_of_cleanup = std::current_exception();
  }
  if (failure && failure_of_cleanup) co_await throw_both(failure, failure_of_cleanup);
  if (failure) std::rethrow_exception(failure);
  if (failure_of_cleanup) std::rethrow_exception(failure_of_cleanup);
  if (cut) throw cancelled{};
  if constexpr (!std::is_void_v<Result>) co_return *std::move(result);
}

}  // namespace detail

/// Runs `body()` and then, whatever became of it, `cleanup()`; both give a task. It is what a destructor can't do: wait. It gives
/// what the body gives.
///
///     co_await with_cleanup([&]() -> task<> { ... }, [&]() -> task<> { co_await log.flush(); });
///
/// In a cancelled scope the cleanup runs up to its first wait, unless it shields itself; see cancel_scope.
/// @throws what either of them throws, both as an error_group. An error is never hidden by a cancel
template <class Body, class Cleanup>
[[nodiscard]] auto with_cleanup(Body&& body, Cleanup&& cleanup) {
  detail::refuse_hazard_bodies<Body&&, Cleanup&&>();
  using result = typename std::invoke_result_t<Body&>::value_type;
  return detail::with_cleanup<result, Body, Cleanup>(std::forward<Body>(body), std::forward<Cleanup>(cleanup));
}

}  // namespace tractor
