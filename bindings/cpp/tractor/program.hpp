// The program's entry.
#pragma once

#include <tractor/actor.h>

#include <type_traits>

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

/// The root's body and what it came to.
template <class Body>
struct program {
  Body& body;
  int status = 0;

  static void start(tractor_nursery* root, void* user) {
    run(root, hold(root, "the body of run()"), *static_cast<program*>(user));
  }
  static detached run(tractor_nursery* root, hold work, program& self) {
    actor here(tractor_nursery_actor(root));
    try {
      if constexpr (std::is_same_v<std::invoke_result_t<Body&, actor&>, task<int>>)
        self.status = co_await self.body(here);
      else
        co_await self.body(here);
    } catch (...) {
      fail_scope(work);
    }
  }
};

}  // namespace detail

/// A whole program: runs `body(actor&)`, which gives a task<int> or a task<>, in a root; in a process that a parent started it
/// serves instead and does not return. All modules that the program declares are registered.
/// @return for main: what the body gave; 1 after an error, which is on stderr as one report; 2 for bad options
template <class Body>
int run(int argc, char** argv, Body body, const root_options& options = {}) {
  module::register_all();
  detail::c_root_options o(options);
  detail::program<Body> program{body};
  int status = tractor_main(argc, argv, &o, program.start, &program);
  return status ? status : program.status;
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
