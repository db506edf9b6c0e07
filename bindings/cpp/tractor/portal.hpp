// The way into another actor.
#pragma once

#include <sys/types.h>
#include <tractor/portal.h>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "arguments.hpp"
#include "call.hpp"
#include "caller.hpp"
#include "endpoint.hpp"
#include "generator.hpp"
#include "hazard.hpp"
#include "identity.hpp"
#include "operation.hpp"
#include "options.hpp"
#include "value.hpp"

namespace tractor {

/// Calls go through it. It lives as long as the nursery that it was got in; copies are the same portal.
///
/// An endpoint is called by the function that a TRACTOR_MODULE declares, and then takes and gives what that does; or, if it
/// is another program's, by name: "module.name", with arguments that are named().
class portal {
 public:
  explicit portal(tractor_portal* c) noexcept : c_(c) {}

  /// Calls a function: `bool yes = co_await worker.run(is_prime, 97)`.
  /// @throws remote_error for what it raised, child_died, transport_error, cancelled; misuse_error for an integer that its
  ///         parameter can't hold
  template <class R, class... P, class... Args>
  [[nodiscard]] auto run(task<R> (*fn)(P...), Args&&... args) const {
    detail::refuse_hazards<Args&&...>();
    static_assert(detail::signature<task<R> (*)(P...)>::kind == TRACTOR_FUNCTION,
                  "a TRACTOR_CONTEXT is opened by with_context(), a TRACTOR_GENERATOR by open_stream_from()");
    return start<R>(tractor_portal_run, detail::call_of(fn, args...));
  }
  /// The same by name: `bool yes = co_await worker.run<bool>("numbers.is_prime", named("n", 97))`. Without a type it gives
  /// any value. @throws as above; not_exposed, msg_type_error if the result is no R
  template <class R = value, class... T>
  [[nodiscard]] auto run(std::string_view endpoint, const named<T>&... args) const {
    return start<R>(tractor_portal_run, detail::call_of(endpoint, args...));
  }
  /// Calls what the peer's runtime itself serves, such as "self.get_registry" of a registrar.
  template <class R = value, class... T>
  [[nodiscard]] auto run_from_ns(std::string_view endpoint, const named<T>&... args) const {
    return start<R>(tractor_portal_run_from_ns, detail::call_of(endpoint, args...));
  }

  /// Opens a context: runs `fn` there, and `body` here, as soon as `fn` has started; what happens to one happens to the other.
  ///
  ///     co_await worker.with_context(tally, "hello", [&](auto& ctx, std::string first) -> task<> { ... });
  ///
  /// The last argument is the body: it is called with a linked_context<R>& and, if it takes a second parameter, what `fn`
  /// started with. The await ends when both have ended.
  /// @throws what either of them failed with; see cancel() of linked_context for the one end that is no failure
  template <class R, class... P, class... ArgsAndBody>
  [[nodiscard]] task<> with_context(task<R> (*fn)(context&, P...), ArgsAndBody&&... args_and_body) const {
    static_assert(sizeof...(ArgsAndBody) == sizeof...(P) + 1, "wrong number of arguments; the last one is the body");
    return open_context<R>(fn, std::forward<ArgsAndBody>(args_and_body)...);
  }
  /// The same by name: `co_await worker.with_context<int>("numbers.tally", named("greeting", "hello"), body)`.
  template <class R = value, class... ArgsAndBody>
  [[nodiscard]] task<> with_context(std::string_view endpoint, ArgsAndBody&&... args_and_body) const {
    return open_context<R>(endpoint, std::forward<ArgsAndBody>(args_and_body)...);
  }

  /// Runs a generator there, and `body` here, which receives what it yields.
  ///
  ///     co_await worker.open_stream_from(count, 1, [&](auto& numbers) -> task<> {
  ///       while (auto n = co_await numbers.receive()) ...
  ///     });
  ///
  /// The last argument is the body: it is called with a receive_stream<T>&. When it is over, the generator is cancelled if it
  /// has not ended; that is no error. The await ends when both have ended.
  /// @throws what either of them failed with
  template <class T, class... P, class... ArgsAndBody>
  [[nodiscard]] task<> open_stream_from(generator<T> (*fn)(P...), ArgsAndBody&&... args_and_body) const {
    return open_stream<T>(fn, std::forward<ArgsAndBody>(args_and_body)...);
  }
  template <class T, class... P, class... ArgsAndBody>
  [[nodiscard]] task<> open_stream_from(task<> (*fn)(send_stream<T>&, P...), ArgsAndBody&&... args_and_body) const {
    return open_stream<T>(fn, std::forward<ArgsAndBody>(args_and_body)...);
  }
  /// The same by name: `co_await worker.open_stream_from<int>("numbers.count", named("from", 1), body)`.
  template <class T = value, class... ArgsAndBody>
  [[nodiscard]] task<> open_stream_from(std::string_view endpoint, ArgsAndBody&&... args_and_body) const {
    return open_stream<T>(endpoint, std::forward<ArgsAndBody>(args_and_body)...);
  }

  /// The same portal for calls with these options: `co_await worker.with({.timeout = 2s}).run(is_prime, 97)`. What they point
  /// to has to live until the call was awaited.
  portal with(const call_options& options) const noexcept {
    portal other(c_);
    other.options_ = options;
    return other;
  }

  /// Asks the whole peer to end. No cancel cuts this short; it takes 0.5 s at most, or the timeout that with() gave.
  /// @throws timed_out if it is not acknowledged, transport_error if the peer was gone
  [[nodiscard]] auto cancel_actor() const {
    return detail::make_operation<void>(
        [c = c_, options = options_](tractor_nursery* in, tractor_done_fn done, void* user) {
          detail::c_call_options o(options);
          return tractor_portal_cancel_actor(c, in, &o, done, user);
        });
  }

  /// Ends a connection that a search made, before the nursery does that it was made in; its calls are cancelled. Nothing happens
  /// to a portal to a child, to the parent or to oneself.
  void close() const noexcept { tractor_portal_close(c_); }

  const tractor_id& id() const noexcept { return *tractor_portal_id(c_); }
  std::string name() const { return id().name; }
  /// 0 if it is not known.
  pid_t pid() const noexcept { return static_cast<pid_t>(id().pid); }
  /// By which address the peer is connected, as multiaddr; "" to oneself.
  std::string address() const { return tractor_portal_address(c_); }
  /// The same for this end of the connection. Over a Unix socket both ends have the address of whoever listens.
  std::string local_address() const { return tractor_portal_local_address(c_); }
  bool connected() const noexcept { return tractor_portal_connected(c_); }
  tractor_portal* c_portal() const noexcept { return c_; }

 private:
  using c_run = decltype(tractor_portal_run)*;

  template <class R, class Call>
  auto start(c_run c_call, Call call) const {
    return detail::make_operation<R>([c = c_, options = options_, c_call, call = std::move(call)](
                                         tractor_nursery* in, tractor_value_fn done, void* user) {
      detail::c_call_options o(options);
      return call([&](const char* module, const char* name, tractor_bytes args) {
        return c_call(c, in, module, name, args, &o, done, user);
      });
    });
  }
  template <class R, class Endpoint, class... ArgsAndBody>
  task<> open_context(Endpoint endpoint, ArgsAndBody&&... args_and_body) const {
    auto make = [this]<class Body>(detail::kept_call call, Body&& body) {
      return detail::with_context<R, Body>(c_, options_, std::move(call), std::forward<Body>(body));
    };
    return detail::with_body(make, endpoint, std::forward<ArgsAndBody>(args_and_body)...);
  }
  template <class T, class Endpoint, class... ArgsAndBody>
  task<> open_stream(Endpoint endpoint, ArgsAndBody&&... args_and_body) const {
    auto make = [this]<class Body>(detail::kept_call call, Body&& body) {
      return detail::open_stream_from<T, Body>(c_, options_, std::move(call), std::forward<Body>(body));
    };
    return detail::with_body(make, endpoint, std::forward<ArgsAndBody>(args_and_body)...);
  }

  tractor_portal* c_;
  call_options options_{};
};

}  // namespace tractor
