// The way into another actor.
#pragma once

#include <tractor/portal.h>

#include <functional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "arguments.hpp"
#include "caller.hpp"
#include "endpoint.hpp"
#include "operation.hpp"
#include "options.hpp"

namespace tractor {

/// Calls go through it. It lives as long as the nursery that it was got in; copies are the same portal.
class portal {
 public:
  explicit portal(tractor_portal* c) noexcept : c_(c) {}

  /// Calls a function that a TRACTOR_MODULE declares: `bool yes = co_await worker.run(is_prime, 97)`.
  /// @throws remote_error for what it raised, child_died, transport_error, cancelled; misuse_error for an integer that its
  ///         parameter can't hold
  template <class R, class... P, class... Args>
  [[nodiscard]] auto run(task<R> (*fn)(P...), Args&&... args) const {
    static_assert(!(detail::is_hazard<Args&&> || ...),
                  "g++ 12 destroys this argument twice if it is made inside a co_await expression: name it first");
    auto start = [c = c_, fn, given = std::tuple<const std::remove_reference_t<Args>&...>(args...)](
                     tractor_nursery* in, tractor_value_fn done, void* user) {
      const auto& endpoint = detail::declaration_of(reinterpret_cast<detail::any_function>(fn));
      tractor_bytes packed = std::apply(
          [&](const auto&... arg) {
            return detail::pack_arguments<std::tuple<detail::argument<P>...>>(endpoint, arg...);
          },
          given);
      return tractor_portal_run(c, in, endpoint.module, endpoint.name, packed, nullptr, done, user);
    };
    return detail::make_operation<R>(start);
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
    static_assert(!(detail::is_hazard<ArgsAndBody&&> || ...),
                  "g++ 12 destroys this argument twice if it is made inside a co_await expression: name it first");
    static_assert(sizeof...(ArgsAndBody) == sizeof...(P) + 1, "wrong number of arguments; the last one is the body");
    const auto& endpoint = detail::declaration_of(reinterpret_cast<detail::any_function>(fn));
    auto all = std::forward_as_tuple(std::forward<ArgsAndBody>(args_and_body)...);
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      using body = std::tuple_element_t<sizeof...(P), std::tuple<ArgsAndBody...>>;
      value args(detail::pack_arguments<std::tuple<detail::argument<P>...>>(endpoint, std::get<I>(all)...));
      return detail::with_context<R, body>(c_, &endpoint, std::move(args),
                                           std::forward<body>(std::get<sizeof...(P)>(all)));
    }
    (std::index_sequence_for<P...>());
  }

  /// Asks the whole peer to end. No cancel cuts this short; it takes 0.5 s at most.
  /// @throws timed_out if it is not acknowledged, transport_error if the peer was gone
  [[nodiscard]] auto cancel_actor() const {
    return detail::make_operation<void>([c = c_](tractor_nursery* in, tractor_done_fn done, void* user) {
      return tractor_portal_cancel_actor(c, in, nullptr, done, user);
    });
  }

  const tractor_id& id() const noexcept { return *tractor_portal_id(c_); }
  bool connected() const noexcept { return tractor_portal_connected(c_); }
  tractor_portal* c_portal() const noexcept { return c_; }

 private:
  tractor_portal* c_;
};

}  // namespace tractor
