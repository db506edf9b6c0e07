// The ends of a context: the task that was called, and whoever called it.
#pragma once

#include <tractor/ctx.h>

#include <optional>
#include <string>

#include "codec.hpp"
#include "error.hpp"
#include "hazard.hpp"
#include "operation.hpp"
#include "options.hpp"
#include "schema.hpp"
#include "stream.hpp"
#include "task.hpp"
#include "value.hpp"

namespace tractor {

/// What both ends can do.
class context_base {
 public:
  context_base(const context_base&) = delete;

  /// This side's stream, once: receives In, sends Out. Nothing is sent for it, and what has come already waits.
  /// @param options  `allow_overruns` and `buffer` count
  /// @throws cancelled if the context is ending; misuse_error if it is open already, or before started()
  template <class In, class Out>
  [[nodiscard]] auto open_stream(const call_options& options = {}) const {
    detail::c_call_options o(options);
    tractor_stream* out = nullptr;
    detail::check(tractor_ctx_open_stream(c_, &o, &out));
    return detail::ready(stream<In, Out>(out));
  }

  /// Narrows what this side takes as started, stream and return values until `scope`, a nursery that was opened in this context,
  /// has ended. @param type  one payload type, see tractor/schema.h. @throws misuse_error, msg_type_error if it is none
  template <class Nursery>
  void limit_payloads(const Nursery& scope, const char* type) const {
    detail::check(tractor_ctx_limit_payloads(c_, scope.c_nursery(), type));
  }
  /// The same to what a T travels as.
  template <class T, class Nursery>
  void limit_payloads(const Nursery& scope) const {
    limit_payloads(scope, schema_of<T>().c_str());
  }

  /// Who is at the other end.
  const tractor_id& peer() const noexcept { return *tractor_ctx_peer(c_); }
  /// The id of the dialog on the wire.
  std::string cid() const { return tractor_ctx_cid(c_); }
  /// Where it stands, as seen from this side: a ::tractor_ctx_state, and its name, such as "streaming".
  int state() const noexcept { return tractor_ctx_state(c_); }
  std::string state_name() const { return tractor_ctx_state_name(state()); }
  /// Has this side asked for its end, by cancel() or because something failed here?
  bool cancel_called() const noexcept { return tractor_ctx_cancel_called(c_); }
  /// Who ended it; NULL: nobody has. See tractor_ctx_canceller().
  const tractor_id* canceller() const noexcept { return tractor_ctx_canceller(c_); }
  /// The first error that the peer sent, the acknowledgement of a cancel included.
  std::optional<error> remote_error() const { return kept(tractor_ctx_remote_error(c_)); }
  /// What failed here, or the remote error that was absorbed.
  std::optional<error> local_error() const { return kept(tractor_ctx_local_error(c_)); }
  /// The remote error if there is one, else the local one.
  std::optional<error> maybe_error() const { return kept(tractor_ctx_maybe_error(c_)); }
  tractor_ctx* c_ctx() const noexcept { return c_; }

 protected:
  explicit context_base(tractor_ctx* c) noexcept : c_(c) {}

  tractor_ctx* c_;

 private:
  static std::optional<error> kept(const tractor_error* e) {
    std::optional<error> copy;
    if (e) copy.emplace(e);
    return copy;
  }
};

/// `open_stream<int, int>(ctx)` is `ctx.open_stream<int, int>()`, for bodies that take their context as `auto&`.
template <class In, class Out>
[[nodiscard]] auto open_stream(const context_base& ctx, const call_options& options = {}) {
  return ctx.open_stream<In, Out>(options);
}

/// The end of a task that was called: the first parameter of a TRACTOR_CONTEXT. It lives until the task has ended.
class context : public context_base {
 public:
  explicit context(tractor_ctx* c) noexcept : context_base(c) {}

  /// Says, once, that the task is ready, with a first value for the caller.
  /// @throws misuse_error if it was said before, cancelled; msg_type_error for a value that breaks the endpoint's types: it is
  ///         not sent
  template <class T>
  context& started(T&& first) {
    detail::refuse_hazards<T&&>();
    int status = tractor_ctx_started_value(c_, encode(first));
    // The task has failed with an error that says more.
    if (status == TRACTOR_EMSGTYPE || status == TRACTOR_EINVAL) throw_error(tractor_ctx_local_error(c_));
    detail::check(status);
    return *this;
  }
  context& started() { return started(nullptr); }

  /// Cancels this very task: its caller gets a context_cancelled that names this actor.
  void cancel() { detail::check(tractor_ctx_cancel(c_, nullptr, nullptr, nullptr, nullptr)); }
};

namespace detail {

/// After a cancel by this side there is neither an error nor a value.
template <class R, class Start>
class result_wait : public operation<R, Start> {
 public:
  using operation<R, Start>::operation;
  R await_resume() {
    this->rethrow();
    if (!this->outcome_) throw cancelled{};
    return operation<R, Start>::await_resume();
  }
};

}  // namespace detail

/// The end of whoever called the task, whose result is an R: what the body of portal::with_context() is given. It lives until
/// that body has ended.
template <class R>
class linked_context : public context_base {
 public:
  explicit linked_context(tractor_ctx* c) noexcept : context_base(c) {}

  /// The task's result, as soon as it is here.
  /// @throws what the task failed with; cancelled after cancel()
  [[nodiscard]] auto wait_for_result() const {
    auto start = [c = c_](tractor_nursery* in, tractor_value_fn done, void* user) {
      return tractor_ctx_wait_for_result(c, in, done, user);
    };
    return detail::result_wait<R, decltype(start)>(start);
  }

  /// Asks the task to stop, and waits until it has. The body is cancelled as well then, and with_context() ends without an
  /// error. No cancel cuts this short; it takes 0.616 s at most, or the timeout of the options.
  /// @throws timed_out if the task has not stopped by then, transport_error
  [[nodiscard]] auto cancel(const call_options& options = {}) const {
    return detail::make_operation<void>([c = c_, options](tractor_nursery* in, tractor_done_fn done, void* user) {
      detail::c_call_options o(options);
      return tractor_ctx_cancel(c, in, &o, done, user);
    });
  }
  /// Has the task ended by that?
  bool cancel_acked() const noexcept { return tractor_ctx_cancel_acked(c_); }
};

}  // namespace tractor
