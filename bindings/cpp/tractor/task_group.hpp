// The scope that owns tasks.
#pragma once

#include <tractor/nursery.h>

#include <coroutine>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "arguments.hpp"
#include "detached.hpp"
#include "hazard.hpp"
#include "hold.hpp"
#include "options.hpp"
#include "start.hpp"
#include "task.hpp"

namespace tractor {

namespace detail {

/// A task may be given a name before its function.
template <class Fn>
concept is_name = std::is_convertible_v<Fn, text_ref>;

}  // namespace detail

/// What the body of with_task_group() is given. The group does not end before all tasks in it have ended; the first failure
/// cancels the rest.
class task_group {
 public:
  explicit task_group(tractor_nursery* c) noexcept : c_(c) {}
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;

  /// Runs `fn(args...)`, which gives a task, beside the caller, from the next turn of the loop on. The function and its
  /// arguments are moved into the task, so a lambda may capture; what it captures by reference has to outlive the group.
  /// A name before it says in logs and trees what is running: `g.start_soon("feeder", feed, 1)`.
  /// @throws misuse_error if the group has ended
  template <class Fn, class... Args>
  requires(!detail::is_name<Fn>) void start_soon(Fn fn, Args... args) {
    start_soon("task", std::move(fn), std::move(args)...);
  }
  template <class Fn, class... Args>
  void start_soon(text_ref name, Fn fn, Args... args) {
    detail::run_detached(c_, detail::hold(c_, name), std::move(fn), std::move(args)...);
  }

  /// Runs `fn(status, args...)` likewise, and waits until it calls `status.started(value)`: that value is the outcome. The
  /// parameter is a `task_status<T>&`.
  ///
  ///     port p = co_await g.start(serve);
  ///
  /// Until then the task is a part of its caller, and start() does not end before it: a cancel of either, or of the group, cuts
  /// it short, and what it throws is thrown here and not in the group.
  /// @throws what the task throws; cancelled; the failure of the group that took the task along; misuse_error, a
  ///         "RuntimeError", if the task ends without having started, or if the group has ended
  template <class Fn, class... Args>
  requires(!detail::is_name<Fn>) [[nodiscard]] auto start(Fn&& fn, Args&&... args) {
    return start("task", std::forward<Fn>(fn), std::forward<Args>(args)...);
  }
  template <class Fn, class... Args>
  [[nodiscard]] auto start(text_ref name, Fn&& fn, Args&&... args) {
    detail::refuse_hazard_bodies<Fn&&>();
    detail::refuse_hazards<Args&&...>();
    return detail::start<detail::start_value<Fn>, std::decay_t<Fn>, std::decay_t<Args>...>(
        c_, name, std::forward<Fn>(fn), std::forward<Args>(args)...);
  }

  /// Cancels everything in it. The group takes that cancel: with_task_group() then ends without an error.
  void cancel(text_ref reason = {}) noexcept { tractor_nursery_cancel(c_, reason); }
  /// Has anybody asked it to stop: a cancel from inside or outside, its deadline, or a failure?
  bool cancel_called() const noexcept { return tractor_nursery_cancel_called(c_); }

  tractor_nursery* c_nursery() const noexcept { return c_; }

 protected:
  tractor_nursery* c_;
};

namespace detail {

/// A nursery from its opening to its end; lives in the frame of whoever opens it.
class opened_nursery {
 public:
  opened_nursery(tractor_nursery* parent, const nursery_options& options) : actor_(tractor_nursery_actor(parent)) {
    c_nursery_options o(options);
    c_ = tractor_nursery_open(parent, &o, on_end, link_);
  }
  opened_nursery(const opened_nursery&) = delete;
  ~opened_nursery() {
    if (ended_) return;
    if (tractor_op_abandon(actor_, tractor_nursery_op(c_)) == TRACTOR_OK)
      delete link_;
    else
      *link_ = nullptr;  // a dead nursery: nothing can be abandoned, and its end is still told
  }

  tractor_nursery* get() const noexcept { return c_; }
  /// Options that are no good give a dead nursery, whose end tells what is wrong with them.
  bool is_open() const noexcept { return tractor_nursery_actor(c_) != nullptr; }

  /// Says that the body is over, and waits until everything has ended; no cancel cuts this short. It gives how it ended, an
  /// error or NULL.
  auto join() {
    struct joining {
      opened_nursery& self;
      bool await_ready() const noexcept { return self.ended_; }
      void await_suspend(std::coroutine_handle<> waiter) const noexcept { self.waiter_ = waiter; }
      const tractor_error* await_resume() const noexcept { return self.error_.get(); }
    };
    tractor_nursery_close(c_);
    return joining{*this};
  }

 private:
  static void on_end(const tractor_error* err, void* user) {
    std::unique_ptr<opened_nursery*> link(static_cast<opened_nursery**>(user));
    opened_nursery* self = *link;
    if (!self) return;
    self->ended_ = true;
    self->error_.reset(tractor_error_ref(err));
    if (self->waiter_) self->waiter_.resume();
  }

  tractor_actor* actor_;
  opened_nursery** link_ = new opened_nursery*(this);  ///< by which the end finds it, if it is still there
  tractor_nursery* c_;
  bool ended_ = false;
  error_ptr error_;
  std::coroutine_handle<> waiter_;
};

template <class Group, class Body>
task<> with_group(nursery_options options, Body body) {
  tractor_nursery* outer = co_await this_scope();
  hold parent_is_alive(outer, options.name ? options.name : "a nursery around tasks");
  opened_nursery opened(outer, options);
  Group group(opened.get());  // outlives the body: its tasks may refer to it
  if (opened.is_open()) {
    hold work(opened.get(), "the body of the nursery");
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<Body&, Group&>>) {
        body(group);
      } else {
        auto running = body(group);
        co_await std::move(running).in(opened.get());
      }
    } catch (...) {
      fail_scope(work);
    }
  }
  if (const tractor_error* err = co_await opened.join()) throw_error(err);
}

}  // namespace detail

/// Opens a group of tasks, runs `body(task_group&)` in it, and ends when that and everything it started has ended.
///
///     co_await with_task_group([&](task_group& g) -> task<> {
///       g.start_soon(feed, 1);
///       ...
///     });
///
/// A body that only starts tasks may be a plain function that gives nothing.
/// @throws the failure if there was one, itself if it is an exception of this process; error_group if there were several;
///         timed_out; cancelled if the scope around it was cancelled
template <class Body>
[[nodiscard]] task<> with_task_group(const nursery_options& options, Body&& body) {
  detail::refuse_hazard_bodies<Body&&>();
  return detail::with_group<task_group, Body>(options, std::forward<Body>(body));
}
template <class Body>
[[nodiscard]] task<> with_task_group(Body&& body) {
  return tractor::with_task_group(nursery_options{}, std::forward<Body>(body));
}

}  // namespace tractor
