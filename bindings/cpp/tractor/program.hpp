// The program's entry.
#pragma once

#include <tractor/actor.h>

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "actor.hpp"
#include "detached.hpp"
#include "endpoint.hpp"
#include "hold.hpp"
#include "nursery.hpp"
#include "options.hpp"
#include "serve.hpp"
#include "task.hpp"

namespace tractor {

namespace detail {

template <class Body>
auto call_root_body(Body& body, actor& here, nursery& its) {
  if constexpr (std::is_invocable_v<Body&, actor&>)
    return body(here);
  else if constexpr (std::is_invocable_v<Body&, nursery&>)
    return body(its);
  else
    return body();
}

/// A root's body and what it came to.
template <class Body>
class root_body {
 public:
  using result = typename decltype(call_root_body(std::declval<Body&>(), std::declval<actor&>(),
                                                  std::declval<nursery&>()))::value_type;

  explicit root_body(Body& body) : body_(body) {}

  /// For the C library, with this as the user pointer.
  static void start(tractor_nursery* root, void* user) {
    run(root, hold(root, "the root's body"), *static_cast<root_body*>(user));
  }
  /// Empty if it failed.
  std::optional<std::conditional_t<std::is_void_v<result>, std::monostate, result>> given;

 private:
  static detached run(tractor_nursery* root, hold work, root_body& self) {
    actor here(tractor_nursery_actor(root));
    nursery its(root);
    try {
      if constexpr (std::is_void_v<result>) {
        co_await call_root_body(self.body_, here, its);
        self.given.emplace();
      } else {
        self.given.emplace(co_await call_root_body(self.body_, here, its));
      }
    } catch (...) {
      fail_scope(work);
    }
  }

  Body& body_;
};

}  // namespace detail

/// A whole program: runs `body` in a root; in a process that a parent started it serves instead and does not return. All
/// modules that the program declares are registered. The body takes an actor&, or the root's own nursery&, or nothing, and
/// gives a task<int> or a task<>.
/// @return for main: what the body gave; 1 after an error, which is on stderr as one report; 2 for bad options
template <class Body>
int run(int argc, char** argv, Body body, const root_options& options = {}) {
  module::register_all();
  detail::c_root_options o(options);
  detail::root_body<Body> program(body);
  int status = tractor_main(argc, argv, &o, program.start, &program);
  if constexpr (std::is_same_v<typename detail::root_body<Body>::result, int>)
    if (status == 0 && program.given) status = *program.given;
  return status;
}

/// A whole program that only serves: a root whose modules others call. It ends when another actor cancels it, or by
/// actor::cancel_soon(), or when a child of it fails.
/// @return for main: 0 when it was cancelled, 1 after an error, 2 for bad options
inline int run_daemon(int argc, char** argv, const root_options& options = {}) {
  module::register_all();
  detail::c_root_options o(options);
  return tractor_run_daemon(argc, argv, &o);
}

/// For programs that open a root otherwise, first in main: serves and exits if this process was started as a child.
inline void child_main(int argc, char** argv) {
  module::register_all();
  tractor_child_main(argc, argv);
}
/// For programs that parents start by a command line with the standard flags: serves and exits.
/// @return for main, only if the flags are bad
inline int child_main_from_flags(int argc, char** argv) {
  module::register_all();
  return tractor_child_main_from_flags(argc, argv);
}

}  // namespace tractor
