// This process as a node of the tree, and the program's entry.
#pragma once

#include <tractor/actor.h>

#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

#include "detached.hpp"
#include "endpoint.hpp"
#include "nursery.hpp"
#include "options.hpp"
#include "serve.hpp"

namespace tractor {

/// This process's actor; lives as long as the body of run().
class actor {
 public:
  explicit actor(tractor_actor* c) noexcept : c_(c) {}
  actor(const actor&) = delete;

  const tractor_id& id() const noexcept { return *tractor_actor_id(c_); }
  bool is_root() const noexcept { return tractor_actor_is_root(c_); }
  bool is_registrar() const noexcept { return tractor_actor_is_registrar(c_); }
  tractor_actor* c_actor() const noexcept { return c_; }

 private:
  tractor_actor* c_;
};

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

}  // namespace tractor
