// A part of a task that can be cancelled by itself.
#pragma once

#include <tractor/nursery.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <type_traits>
#include <utility>

#include "hazard.hpp"
#include "options.hpp"
#include "task.hpp"
#include "task_group.hpp"

namespace tractor {

struct cancel_scope_options {
  duration timeout{};   ///< from run() on; 0: none; below zero it has passed
  bool shield = false;  ///< a cancel from outside does not reach it; needs a timeout
  text_ref name{};      ///< for logs and errors
};

class cancel_scope;

namespace detail {

/// A body may take the scope that it runs in.
template <class Body>
auto call_in_scope(Body& body, cancel_scope& scope) {
  if constexpr (std::is_invocable_v<Body&, cancel_scope&>)
    return body(scope);
  else
    return body();
}

template <class Body>
struct scope_result;
template <class T>
struct scope_result<task<T>> {
  using type = std::optional<T>;
};
template <>
struct scope_result<task<>> {
  using type = void;
};
/// What is left of a body's result: nothing if it was cut short.
template <class Body>
using result_in_scope = typename scope_result<decltype(call_in_scope(std::declval<std::remove_reference_t<Body>&>(),
                                                                     std::declval<cancel_scope&>()))>::type;

}  // namespace detail

/// Its body can be cut short by cancel(), from anywhere in the actor, and by a deadline; then the scope has taken the cancel
/// and its task goes on behind run(). It has to outlive its run.
///
///     cancel_scope scope({.timeout = 2s});
///     co_await scope.run([&]() -> task<> { ... });
///     if (scope.cancelled_caught()) std::puts("cut short");
class cancel_scope {
 public:
  using clock = std::chrono::steady_clock;
  static constexpr clock::time_point never = clock::time_point::max();

  explicit cancel_scope(const cancel_scope_options& options = {}) noexcept : options_(options) {}
  cancel_scope(const cancel_scope&) = delete;
  cancel_scope& operator=(const cancel_scope&) = delete;

  /// Runs `body()` or `body(cancel_scope&)`, which gives a task, once. For a task<T> it gives a std::optional<T>, which is
  /// empty if the body was cut short.
  /// @throws what the body throws; cancelled if the scope around it was cancelled; misuse_error for a shield without a
  ///         timeout: nothing may keep an actor from ending for ever
  template <class Body>
  [[nodiscard]] task<detail::result_in_scope<Body>> run(Body&& body) {
    detail::refuse_hazard_bodies<Body&&>();
    return run_body<Body>(*this, std::forward<Body>(body));
  }

  /// Cancels the body; one that has not begun then runs up to its first wait.
  void cancel(text_ref reason = {}) noexcept {
    if (phase_ != phase::ended) called_ = true;
    if (c_) tractor_nursery_cancel(c_, reason);
  }
  /// Has it been asked to stop, by cancel() or by its deadline?
  bool cancel_called() const noexcept { return called_ || (phase_ != phase::ended && clock::now() >= deadline_); }
  /// Has that cut the body short?
  bool cancelled_caught() const noexcept { return caught_; }

  /// When it will be cancelled; `never` if it has no deadline. A timeout counts from run() on.
  clock::time_point deadline() const noexcept { return deadline_; }
  /// Moves the deadline. @throws misuse_error if a shielded scope would lose it
  void set_deadline(clock::time_point when) {
    if (c_) detail::check(tractor_nursery_set_timeout(c_, when == never ? 0 : left_until(when)));
    deadline_ = when;
  }

 private:
  enum class phase { unused, running, ended };

  /// What ends with the frame of the run, also if that is destroyed.
  class running {
   public:
    explicit running(cancel_scope& self) : self_(self) {
      if (self.phase_ != phase::unused)
        throw misuse_error(TRACTOR_ERUNTIME, "RuntimeError", "a cancel_scope is run once");
      self.phase_ = phase::running;
    }
    running(const running&) = delete;
    ~running() {
      self_.phase_ = phase::ended;
      self_.c_ = nullptr;
    }

   private:
    cancel_scope& self_;
  };

  static std::int64_t left_until(clock::time_point when) noexcept {
    auto now = clock::now();
    return when <= now ? 1 : std::chrono::duration_cast<duration>(when - now).count();
  }

  nursery_options begin() {
    auto now = clock::now();
    if (options_.timeout.count() != 0 && options_.timeout < never - now)
      deadline_ = std::min(deadline_, now + options_.timeout);
    if (deadline_ != never && deadline_ <= clock::now()) called_ = true;
    return {.name = options_.name,
            .timeout = duration(deadline_ == never ? 0 : left_until(deadline_)),
            .shield = options_.shield};
  }

  /// Draws the conclusion from how body and nursery have ended. @return whether the body's result counts
  void end(const tractor_error* err, bool unwound, bool failed) {
    int code = tractor_error_code(err);
    bool late = code == TRACTOR_ETIMEDOUT && !failed;
    called_ = called_ || late;
    if (err && !late && code != TRACTOR_ECANCELED) throw_error(err);
    if (!unwound) return;  // what has ended by itself was not cut short
    if (code == TRACTOR_ECANCELED || !called_) throw cancelled{};
    caught_ = true;
  }

  template <class Body>
  static task<detail::result_in_scope<Body>> run_body(cancel_scope& self, Body body);

  cancel_scope_options options_;
  clock::time_point deadline_ = never;
  tractor_nursery* c_ = nullptr;
  phase phase_ = phase::unused;
  bool called_ = false;
  bool caught_ = false;
};

template <class Body>
task<detail::result_in_scope<Body>> cancel_scope::run_body(cancel_scope& self, Body body) {
  using result = detail::result_in_scope<Body>;
  std::conditional_t<std::is_void_v<result>, std::optional<int>, result> value;
  tractor_nursery* outer = co_await detail::this_scope();
  detail::hold parent_is_alive(outer, self.options_.name ? self.options_.name : "a cancel scope");
  running run(self);
  detail::opened_nursery opened(outer, self.begin());
  bool unwound = false, failed = false;
  if (opened.is_open()) {
    self.c_ = opened.get();
    if (self.called_) self.cancel();
    detail::hold work(opened.get(), "the body of a cancel scope");
    try {
      auto body_running = detail::call_in_scope(body, self);
      if constexpr (std::is_void_v<result>)
        co_await std::move(body_running).in(opened.get());
      else
        value.emplace(co_await std::move(body_running).in(opened.get()));
    } catch (const cancelled&) {
      unwound = true;
    } catch (...) {
      failed = true;
      detail::fail_scope(work);
    }
  }
  const tractor_error* err = co_await opened.join();
  self.end(err, unwound, failed);
  if constexpr (!std::is_void_v<result>) co_return value;
}

}  // namespace tractor
