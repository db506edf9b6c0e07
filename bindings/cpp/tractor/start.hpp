// How a task says that it has started.
#pragma once

#include <tractor/nursery.h>

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "arrival.hpp"
#include "callable.hpp"
#include "detached.hpp"
#include "error.hpp"
#include "hold.hpp"
#include "task.hpp"

namespace tractor {

namespace detail {

class starting_base;

/// Where a task and whoever waits for its start find each other, as long as both are there. It lives as long as the task.
struct start_link {
  tractor_nursery* group;
  starting_base* starter = nullptr;
  bool started = false;
};

/// A start from the call to its outcome; lives in the frame of start(). The task has a nursery of its own inside that of its
/// group, so that a cancel of its starter reaches it too.
class starting_base {
 public:
  starting_base(tractor_nursery* group, tractor_nursery* scope, const char* name)
      : scope_(scope), actor_(tractor_nursery_actor(group)) {
    auto link = std::make_unique<start_link>(start_link{group});
    tractor_nursery_options options{};
    options.struct_size = sizeof options;
    options.name = name;
    nursery_ = tractor_nursery_open(group, &options, on_end, link.get());
    if (tractor_nursery_actor(nursery_)) link_ = link.release();
    work_ = hold(nursery_, name);
    link_->starter = this;
  }
  starting_base(const starting_base&) = delete;
  ~starting_base() {
    if (!link_) return;
    link_->starter = nullptr;
    cancel(this);
  }

  tractor_nursery* nursery() const noexcept { return nursery_; }
  start_link* link() const noexcept { return link_; }
  hold take_work() noexcept { return std::move(work_); }

  /// Awaited: until the task has started, or has ended before that.
  arrival::waiting outcome() noexcept { return outcome_.wait(); }

 protected:
  bool failed() const noexcept { return error_ && tractor_error_code(error_.get()) != TRACTOR_ECANCELED; }

  /// From now on the task is its group's affair; unless its starter was cancelled: that takes it along.
  void started() noexcept {
    if (is_stopped(scope_)) return;
    std::exchange(link_, nullptr)->starter = nullptr;
    outcome_.come();
  }
  /// By its own error, taken along by its starter or by its group, or just so.
  [[noreturn]] void throw_why_it_ended() const {
    if (failed()) throw_error(error_.get());
    if (is_stopped(scope_)) throw cancelled{};
    if (const tractor_error* failure_of_group = tractor_error_cause(error_.get())) throw_error(failure_of_group);
    throw misuse_error(
        TRACTOR_ERUNTIME, "RuntimeError",
        error_ ? "the nursery was cancelled before its task had started" : "child exited without calling started()");
  }

 private:
  static void cancel(void* user) {
    auto self = static_cast<starting_base*>(user);
    if (self->link_) tractor_op_cancel(self->actor_, tractor_nursery_op(self->nursery_));
  }
  static void on_end(const tractor_error* err, void* user) {
    std::unique_ptr<start_link> link(static_cast<start_link*>(user));
    if (starting_base* starter = link->starter) {
      starter->link_ = nullptr;
      starter->error_.reset(tractor_error_ref(err));
      starter->outcome_.come();
    } else if (err && tractor_error_code(err) != TRACTOR_ECANCELED) {
      tractor_nursery_fail(link->group, err);
    }
  }

  tractor_nursery* scope_;
  tractor_actor* actor_;
  tractor_nursery* nursery_;
  hold work_;
  start_link* link_ = nullptr;
  arrival outcome_{cancel, this};
  error_ptr error_;
};

template <class T>
class starting : public starting_base {
 public:
  using starting_base::starting_base;

  template <class... Value>
  void started_with(Value&&... value) {
    value_.emplace(std::forward<Value>(value)...);
    started();
  }
  T take() {
    if (failed() || !value_) throw_why_it_ended();
    if constexpr (!std::is_void_v<T>) return std::move(*value_);
  }

 private:
  std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> value_;
};

}  // namespace detail

/// With this a task tells task_group::start() that it has started: it is the first parameter of the task's function.
///
///     task<> serve(task_status<port>& status) {
///       auto listener = co_await listen();
///       status.started(listener.port());
///       ...
///     }
///
/// One that is made by default tells nobody.
template <class T = void>
class task_status {
 public:
  task_status() = default;
  explicit task_status(detail::start_link* link) noexcept : link_(link) {}
  task_status(const task_status&) = delete;

  /// Says it, once, with the value that start() gives; with none if T is void. @throws misuse_error the second time
  template <class... Value>
  void started(Value&&... value) {
    static_assert(sizeof...(Value) == (std::is_void_v<T> ? 0 : 1), "started() takes a T");
    if (!link_) return;
    if (std::exchange(link_->started, true))
      throw misuse_error(TRACTOR_ERUNTIME, "RuntimeError", "called 'started' twice on the same task status");
    if (link_->starter) static_cast<detail::starting<T>*>(link_->starter)->started_with(std::forward<Value>(value)...);
  }

 private:
  detail::start_link* link_ = nullptr;
};

namespace detail {

template <class Status>
struct told_by;
template <class T>
struct told_by<task_status<T>> {
  using type = T;
};
/// What a task that is run by `Fn` starts with.
template <class Fn>
using start_value = typename told_by<first_parameter<Fn>>::type;

/// The task's own part of a start.
template <class T, class Fn, class... Args>
task<> run_started(tractor_nursery* nursery, start_link* link, Fn fn, Args... args) {
  struct closing {
    tractor_nursery* nursery;
    ~closing() { tractor_nursery_close(nursery); }
  } when_it_has_ended{nursery};
  task_status<T> status(link);
  co_await std::invoke(fn, status, std::move(args)...);
}

template <class T, class Fn, class... Args>
task<T> start(tractor_nursery* group, const char* name, Fn fn, Args... args) {
  tractor_nursery* scope = co_await this_scope();
  starting<T> child(group, scope, name);
  run_detached(child.nursery(), child.take_work(), run_started<T, Fn, Args...>, child.nursery(), child.link(),
               std::move(fn), std::move(args)...);
  co_await child.outcome();
  co_return child.take();
}

}  // namespace detail

}  // namespace tractor
