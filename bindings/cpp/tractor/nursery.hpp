// The scope that owns work: tasks, children, and all they wait for.
#pragma once

#include <tractor/nursery.h>

#include <string_view>
#include <type_traits>
#include <utility>

#include "arguments.hpp"
#include "boot.hpp"
#include "call.hpp"
#include "hazard.hpp"
#include "operation.hpp"
#include "options.hpp"
#include "portal.hpp"
#include "task.hpp"
#include "task_group.hpp"

namespace tractor {

class actor;

/// What the body of with_nursery() is given: a task group that owns children too. It does not end before all that was started
/// in it has ended; the first failure cancels the rest.
class nursery : public task_group {
 public:
  using task_group::task_group;

  /// Starts a child that serves until it is cancelled.
  ///
  ///     portal worker = co_await an.start_actor("worker", {.modules = {numbers}});
  /// @throws spawn_failed, misuse_error for bad options, cancelled
  [[nodiscard]] auto start_actor(text_ref name, const spawn_options& options = {}) {
    return detail::make_operation<portal>(
        [c = c_, name, options](tractor_nursery* in, tractor_portal_fn done, void* user) {
          detail::c_spawn_options o(options, in);
          return tractor_nursery_start_actor(c, name, &o, done, user);
        });
  }

  /// Starts a child for one call and cancels it when that is answered.
  ///
  ///     bool yes = co_await an.run_in_actor(is_prime, 97);
  /// @throws as start_actor() and portal::run()
  template <class R, class... P, class... Args>
  [[nodiscard]] auto run_in_actor(task<R> (*fn)(P...), Args&&... args) {
    return run_in_actor(spawn_options{}, fn, std::forward<Args>(args)...);
  }
  template <class R, class... P, class... Args>
  [[nodiscard]] auto run_in_actor(const spawn_options& options, task<R> (*fn)(P...), Args&&... args) {
    detail::refuse_hazards<Args&&...>();
    return one_shot<R>(options, detail::call_of(fn, args...));
  }
  /// The same by name: `bool yes = co_await an.run_in_actor<bool>("numbers.is_prime", named("n", 97))`.
  template <class R = value, class... T>
  [[nodiscard]] auto run_in_actor(std::string_view endpoint, const named<T>&... args) {
    return one_shot<R>(spawn_options{}, detail::call_of(endpoint, args...));
  }
  template <class R = value, class... T>
  [[nodiscard]] auto run_in_actor(const spawn_options& options, std::string_view endpoint, const named<T>&... args) {
    return one_shot<R>(options, detail::call_of(endpoint, args...));
  }

  /// As cancel(), but children are not asked to end: they are terminated at once, and killed when their time has passed. After
  /// a cancel() it makes haste.
  void cancel_hard(text_ref reason = {}) noexcept { tractor_nursery_cancel_hard(c_, reason); }

 private:
  template <class R, class Call>
  auto one_shot(const spawn_options& options, Call call) {
    return detail::make_operation<R>(
        [c = c_, options, call = std::move(call)](tractor_nursery* in, tractor_value_fn done, void* user) {
          detail::c_spawn_options o(options, in);
          return call([&](const char* module, const char* name, tractor_bytes args) {
            return tractor_nursery_run_in_actor(c, module, name, args, &o, done, user);
          });
        });
  }
};

namespace detail {

template <class Body>
task<> with_nursery(nursery_options options, Body body) {
  tractor_nursery* scope = co_await this_scope();
  if (!tractor_actor_has_runtime(tractor_nursery_actor(scope))) co_await boot_with(options.root);
  auto opened = with_group<nursery, Body>(options, std::forward<Body>(body));
  co_await std::move(opened);
}

}  // namespace detail

/// Opens a nursery, runs `body(nursery&)` in it, and ends when that and everything it started has ended.
///
///     co_await with_nursery([&](nursery& an) -> task<> {
///       portal worker = co_await an.start_actor("worker", {.modules = {numbers}});
///       ...
///     });
///
/// A body that only starts tasks may be a plain function that gives nothing. In an actor that has no runtime yet, see
/// run_local(), it makes that a root first.
/// @throws the failure if there was one, itself if it is an exception of this process; error_group if there were several;
///         timed_out; cancelled if the scope around it was cancelled
template <class Body>
[[nodiscard]] task<> with_nursery(const nursery_options& options, Body&& body) {
  detail::refuse_hazard_bodies<Body&&>();
  return detail::with_nursery<Body>(options, std::forward<Body>(body));
}
template <class Body>
[[nodiscard]] task<> with_nursery(Body&& body) {
  return tractor::with_nursery(nursery_options{}, std::forward<Body>(body));
}
template <class Body>
[[nodiscard]] task<> with_nursery(actor&, Body&& body) {
  return tractor::with_nursery(nursery_options{}, std::forward<Body>(body));
}

}  // namespace tractor
