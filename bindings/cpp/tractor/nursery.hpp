// The scope that owns work: tasks, children, and all they wait for.
#pragma once

#include <tractor/nursery.h>

#include <coroutine>
#include <functional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "arguments.hpp"
#include "call.hpp"
#include "detached.hpp"
#include "hold.hpp"
#include "operation.hpp"
#include "options.hpp"
#include "portal.hpp"
#include "task.hpp"

namespace tractor {

class actor;

/// What the body of with_nursery() is given. The nursery does not end before all that was started in it has ended; the first
/// failure cancels the rest.
class nursery {
 public:
  explicit nursery(tractor_nursery* c) noexcept : c_(c) {}
  nursery(const nursery&) = delete;
  nursery& operator=(const nursery&) = delete;

  /// Runs `fn(args...)`, which gives a task, beside the caller, from the next turn of the loop on. The function and its
  /// arguments are moved into the task, so a lambda may capture; what it captures by reference has to outlive the nursery.
  /// @throws misuse_error if the nursery has ended
  template <class Fn, class... Args>
  void start_soon(Fn fn, Args... args) {
    detail::run_detached(c_, detail::hold(c_, "task"), std::move(fn), std::move(args)...);
  }

  /// Starts a child that serves until it is cancelled.
  ///
  ///     portal worker = co_await an.start_actor("worker", {.modules = {numbers}});
  /// @throws spawn_failed, misuse_error for bad options, cancelled
  [[nodiscard]] auto start_actor(const char* name, const spawn_options& options = {}) {
    return detail::make_operation<portal>(
        [c = c_, name, &options](tractor_nursery*, tractor_portal_fn done, void* user) {
          detail::c_spawn_options o(options);
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
    static_assert(!(detail::is_hazard<Args&&> || ...),
                  "g++ 12 destroys this argument twice if it is made inside a co_await expression: name it first");
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

  /// Cancels everything in it. The nursery takes that cancel: with_nursery() then ends without an error.
  void cancel(const char* reason = nullptr) noexcept { tractor_nursery_cancel(c_, reason); }
  /// Has anybody asked it to stop: a cancel from inside or outside, its deadline, or a failure?
  bool cancel_called() const noexcept { return tractor_nursery_cancel_called(c_); }

  tractor_nursery* c_nursery() const noexcept { return c_; }

 private:
  template <class R, class Call>
  auto one_shot(const spawn_options& options, Call call) {
    return detail::make_operation<R>(
        [c = c_, options, call = std::move(call)](tractor_nursery*, tractor_value_fn done, void* user) {
          detail::c_spawn_options o(options);
          return call([&](const char* module, const char* name, tractor_bytes args) {
            return tractor_nursery_run_in_actor(c, module, name, args, &o, done, user);
          });
        });
  }

  tractor_nursery* c_;
};

namespace detail {

/// A nursery from its opening to its end; lives in the frame of with_nursery().
class opened_nursery {
 public:
  opened_nursery(tractor_nursery* parent, const nursery_options& options) : actor_(tractor_nursery_actor(parent)) {
    c_nursery_options o(options);
    c_ = tractor_nursery_open(parent, &o, on_end, this);
  }
  opened_nursery(const opened_nursery&) = delete;
  ~opened_nursery() {
    if (!ended_) tractor_op_abandon(actor_, tractor_nursery_op(c_));
  }

  tractor_nursery* get() const noexcept { return c_; }

  /// Says that the body is over, and waits until everything has ended; no cancel cuts this short.
  auto join() {
    struct joining {
      opened_nursery& self;
      bool await_ready() const noexcept { return self.ended_; }
      void await_suspend(std::coroutine_handle<> waiter) const noexcept { self.waiter_ = waiter; }
      void await_resume() const {
        if (self.error_) throw_error(self.error_.get());
      }
    };
    tractor_nursery_close(c_);
    return joining{*this};
  }

 private:
  static void on_end(const tractor_error* err, void* user) {
    auto self = static_cast<opened_nursery*>(user);
    self->ended_ = true;
    self->error_.reset(tractor_error_ref(err));
    if (self->waiter_) self->waiter_.resume();
  }

  tractor_actor* actor_;
  tractor_nursery* c_;
  bool ended_ = false;
  error_ptr error_;
  std::coroutine_handle<> waiter_;
};

template <class Body>
task<> with_nursery(nursery_options options, Body body) {
  tractor_nursery* outer = co_await this_scope();
  hold parent_is_alive(outer, options.name ? options.name : "with_nursery()");
  opened_nursery opened(outer, options);
  nursery n(opened.get());  // outlives the body: its tasks may refer to it
  // Options that are no good give a dead nursery, whose end tells what is wrong with them.
  if (tractor_nursery_actor(opened.get())) {
    hold work(opened.get(), "the body of with_nursery()");
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<Body&, nursery&>>) {
        body(n);
      } else {
        auto running = body(n);
        co_await std::move(running).in(opened.get());
      }
    } catch (...) {
      fail_scope(work);
    }
  }
  co_await opened.join();
}

}  // namespace detail

/// Opens a nursery, runs `body(nursery&)` in it, and ends when that and everything it started has ended.
///
///     co_await with_nursery([&](nursery& an) -> task<> {
///       portal worker = co_await an.start_actor("worker", {.modules = {numbers}});
///       ...
///     });
///
/// A body that only starts tasks may be a plain function that gives nothing.
/// @throws the failure if there was one, itself if it is an exception of this process; error_group if there were several;
///         timed_out; cancelled if the scope around it was cancelled
template <class Body>
[[nodiscard]] task<> with_nursery(const nursery_options& options, Body&& body) {
  static_assert(
      !detail::is_hazard_body<Body&&>,
      "g++ 12 destroys this lambda twice inside a co_await expression: capture by reference, or name it first");
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
