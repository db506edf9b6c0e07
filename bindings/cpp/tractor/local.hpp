// Tasks without a tree: a loop, and no runtime until one is wanted.
#pragma once

#include <tractor/actor.h>

#include <optional>
#include <utility>

#include "error.hpp"
#include "handle.hpp"
#include "options.hpp"
#include "program.hpp"

namespace tractor {

/// Runs `body`, which takes nothing, or an actor& or nursery&, and gives a task<T>, on a loop of its own, to its end. There is no
/// runtime: nothing is bound, nobody is asked, and a process is the only one of its kind. Task groups, scopes, channels,
/// threads and whatever else is of this process works; the first with_nursery() makes it a root (a program that has children then
/// calls child_main() first).
///
///     int n = run_local([]() -> task<int> { co_await sleep(1ms); co_return 42; });
///
/// @return what the body gives. @throws what it throws, and what fails in its nursery; cancelled if that is cancelled before the
///         body has ended; misuse_error where there is an actor already
template <class Body>
auto run_local(Body body) {
  using program = detail::root_body<Body>;
  struct local {
    explicit local(Body& b) : body(b) {}
    static void start(tractor_nursery* root, void* user) {
      program::start(root, &static_cast<local*>(user)->body);
      tractor_actor_close(tractor_nursery_actor(root));
    }
    static void end(const tractor_error* err, void* user) {
      static_cast<local*>(user)->error.reset(tractor_error_ref(err));
    }
    program body;
    error_ptr error;
  } run(body);
  detail::c_root_options options({.local = true});
  tractor_actor* actor = nullptr;
  module::register_all();
  detail::check(tractor_actor_open(&options, local::start, local::end, &run, &actor));
  detail::check(tractor_actor_run(actor));
  if (run.error) throw_error(run.error.get());
  if (!run.body.given) throw cancelled{};
  if constexpr (!std::is_void_v<typename program::result>) return std::move(*run.body.given);
}

}  // namespace tractor
