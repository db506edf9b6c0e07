// From other threads into the actor's loop.
#pragma once

#include <tractor/actor.h>

#include <future>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "box.hpp"
#include "detached.hpp"
#include "error.hpp"
#include "failure.hpp"
#include "handle.hpp"
#include "hold.hpp"
#include "task.hpp"

namespace tractor {

/// What other threads know of an actor: they may use and copy it, and it may outlive the actor. See actor::token().
class actor_token {
 public:
  explicit actor_token(tractor_actor* c) noexcept : c_(tractor_actor_ref(c)) {}
  actor_token(const actor_token& other) noexcept : c_(tractor_actor_ref(other.c_.get())) {}
  actor_token& operator=(const actor_token& other) noexcept {
    c_.reset(tractor_actor_ref(other.c_.get()));
    return *this;
  }

  /// Calls `fn()` on the loop's thread soon; never, if the actor ends first. What it throws is an error of the actor.
  /// @throws misuse_error if the actor has ended
  template <class Fn>
  void run_sync_soon(Fn fn) const {
    post([c = c_.get(), fn = std::move(fn)](const tractor_error* ended) mutable {
      if (ended) return;
      try {
        fn();
      } catch (...) {
        error_ptr why = detail::box_current_exception();
        tractor_nursery_fail(tractor_actor_nursery(c), why.get());
      }
    });
  }

  /// `fn(ended)` is called exactly once, on the loop's thread, and throws nothing; `ended` is not NULL if the actor ended first.
  template <class Fn>
  void post(Fn fn) const {
    auto posted = std::make_unique<Fn>(std::move(fn));
    auto call = [](const tractor_error* ended, void* user) {
      std::unique_ptr<Fn> kept(static_cast<Fn*>(user));
      (*kept)(ended);
    };
    detail::check(tractor_actor_post(c_.get(), call, posted.get()));
    posted.release();
  }

  tractor_actor* c_actor() const noexcept { return c_.get(); }

 private:
  std::unique_ptr<tractor_actor, freed_by<tractor_actor_unref>> c_;
};

namespace detail {

/// What a waiting thread is told. By then the loop's thread has let go of all of it, the exception too.
template <class R>
struct told {
  failure why;
  std::optional<std::conditional_t<std::is_void_v<R>, std::monostate, R>> value;

  R take() {
    why.rethrow();
    if constexpr (!std::is_void_v<R>) return std::move(*value);
  }
};

/// Waits for what `body(outcome)` promises on the loop's thread. The promise is the loop's: once it is kept, what this thread
/// has on its stack is gone.
template <class R, class Body>
R ask_loop(const actor_token& actor, Body body) {
  if (tractor_current_actor()) check(TRACTOR_EDEADLK);
  std::promise<told<R>> promised;
  std::future<told<R>> future = promised.get_future();
  actor.post([&body, outcome = std::move(promised)](const tractor_error* ended) mutable {
    told<R> t;
    try {
      if (ended) throw_error(ended);
      return body(outcome);
    } catch (...) {
      t.why = failure::current();
    }
    outcome.set_value(std::move(t));
  });
  return future.get().take();
}

template <class R, class Fn>
detached run_for_thread(tractor_nursery*, hold, Fn& fn, std::promise<told<R>>& outcome) {
  std::promise<told<R>> own = std::move(outcome);
  told<R> t;
  try {
    if constexpr (std::is_void_v<R>) {
      co_await fn();
    } else {
      R value = co_await fn();
      t.value.emplace(std::move(value));
    }
  } catch (...) {
    t.why = failure::current();
  }
  own.set_value(std::move(t));
}

template <class T>
T result_of(task<T>);

}  // namespace detail

/// For threads that wait, such as what run_in_thread() runs.
namespace from_thread {

/// Calls `fn()` on the loop's thread, and waits for what it gives.
/// @throws what `fn` throws; misuse_error if the actor has ended, and on its own thread, which would wait for itself
template <class Fn>
auto run_sync(const actor_token& actor, Fn&& fn) {
  using result = std::invoke_result_t<Fn&>;
  return detail::ask_loop<result>(actor, [&](std::promise<detail::told<result>>& outcome) {
    detail::told<result> t;
    if constexpr (std::is_void_v<result>)
      fn();
    else
      t.value.emplace(fn());
    outcome.set_value(std::move(t));
  });
}

/// Runs `fn()`, which gives a task, in the actor's nursery, and waits for what that yields.
/// @throws what the task throws; cancelled if it was; misuse_error as run_sync()
template <class Fn>
auto run(const actor_token& actor, Fn&& fn) {
  using result = decltype(detail::result_of(fn()));
  return detail::ask_loop<result>(actor, [&](std::promise<detail::told<result>>& outcome) {
    tractor_nursery* scope = tractor_actor_nursery(actor.c_actor());
    detail::run_for_thread<result>(scope, detail::hold(scope, "from_thread::run()"), fn, outcome);
  });
}

}  // namespace from_thread

}  // namespace tractor
