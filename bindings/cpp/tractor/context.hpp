// The ends of a context: the task that was called, and whoever called it.
#pragma once

#include <tractor/ctx.h>

#include "codec.hpp"
#include "operation.hpp"
#include "stream.hpp"
#include "task.hpp"
#include "value.hpp"

namespace tractor {

/// What both ends can do.
class context_base {
 public:
  context_base(const context_base&) = delete;

  /// This side's stream, once: receives In, sends Out. Nothing is sent for it, and what has come already waits.
  /// @throws cancelled if the context is ending; misuse_error if it is open already, or before started()
  template <class In, class Out>
  [[nodiscard]] auto open_stream() const {
    tractor_stream* out = nullptr;
    detail::check(tractor_ctx_open_stream(c_, nullptr, &out));
    return detail::ready(stream<In, Out>(out));
  }

  /// Who is at the other end.
  const tractor_id& peer() const noexcept { return *tractor_ctx_peer(c_); }
  tractor_ctx* c_ctx() const noexcept { return c_; }

 protected:
  explicit context_base(tractor_ctx* c) noexcept : c_(c) {}

  tractor_ctx* c_;
};

/// The end of a task that was called: the first parameter of a TRACTOR_CONTEXT. It lives until the task has ended.
class context : public context_base {
 public:
  explicit context(tractor_ctx* c) noexcept : context_base(c) {}

  /// Says, once, that the task is ready, with a first value for the caller.
  /// @throws misuse_error if it was said before, cancelled
  template <class T>
  context& started(const T& first) {
    detail::check(tractor_ctx_started_value(c_, encode(first)));
    return *this;
  }
  context& started() { return started(nullptr); }

  /// Cancels this very task: its caller gets a context_cancelled that names this actor.
  void cancel() { detail::check(tractor_ctx_cancel(c_, nullptr, nullptr, nullptr, nullptr)); }
};

/// The end of whoever called the task, whose result is an R: what the body of portal::with_context() is given. It lives until
/// that body has ended.
template <class R>
class linked_context : public context_base {
 public:
  explicit linked_context(tractor_ctx* c) noexcept : context_base(c) {}

  /// The task's result, as soon as it is here.
  /// @throws what the task failed with; cancelled after cancel()
  [[nodiscard]] auto wait_for_result() const {
    return detail::make_operation<R>([c = c_](tractor_nursery* in, tractor_value_fn done, void* user) {
      return tractor_ctx_wait_for_result(c, in, done, user);
    });
  }

  /// Asks the task to stop, and waits until it has. The body is cancelled as well then, and with_context() ends without an
  /// error. No cancel cuts this short; it takes 0.616 s at most.
  /// @throws timed_out if the task has not stopped by then, transport_error
  [[nodiscard]] auto cancel() const {
    return detail::make_operation<void>([c = c_](tractor_nursery* in, tractor_done_fn done, void* user) {
      return tractor_ctx_cancel(c, in, nullptr, done, user);
    });
  }
};

}  // namespace tractor
