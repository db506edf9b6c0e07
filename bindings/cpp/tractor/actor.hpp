// This process as a node of the tree.
#pragma once

#include <sys/types.h>
#include <tractor/actor.h>
#include <tractor/tree.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "box.hpp"
#include "detached.hpp"
#include "error.hpp"
#include "fields.hpp"
#include "from_thread.hpp"
#include "handle.hpp"
#include "hold.hpp"
#include "identity.hpp"
#include "operation.hpp"
#include "options.hpp"
#include "portal.hpp"
#include "value.hpp"

namespace tractor {

/// An actor in numbers; see actor::stats().
struct actor_stats {
  struct child {
    std::string name, uuid;
    std::int64_t pid = 0;
    std::string state;
    TRACTOR_FIELDS(name, uuid, pid, state)
  };
  std::vector<child> children;
  std::vector<std::pair<std::string, std::string>> peers;  ///< name and uuid of who is connected to it
  std::uint64_t tasks = 0;                                 ///< endpoints that run
  std::uint64_t calls = 0;                                 ///< that it waits for
  std::string log_level;
  TRACTOR_FIELDS(children, peers, tasks, calls, log_level)
};

/// This process's actor; copies are the same one.
class actor {
 public:
  explicit actor(tractor_actor* c) noexcept : c_(c) {}

  const tractor_id& id() const noexcept { return *tractor_actor_id(c_); }
  std::string name() const { return id().name; }
  pid_t pid() const noexcept { return static_cast<pid_t>(id().pid); }
  bool is_root() const noexcept { return tractor_actor_is_root(c_); }
  /// Does it keep the registry?
  bool is_registrar() const noexcept { return tractor_actor_is_registrar(c_); }

  /// Can it have children, and find others? Not so in run_local(), before the first with_nursery().
  bool has_runtime() const noexcept { return tractor_actor_has_runtime(c_); }

  /// To oneself: calls go through the same messages as any other.
  portal self() const noexcept { return portal(tractor_actor_self(c_)); }
  /// nullopt in a root.
  std::optional<portal> parent() const noexcept {
    std::optional<portal> p;
    if (tractor_portal* c = tractor_actor_parent(c_)) p.emplace(c);
    return p;
  }

  /// Where it listens, as multiaddr; "" if it does not. The first of several.
  std::string address() const { return first(tractor_actor_address); }
  std::vector<std::string> addresses() const { return texts(tractor_actor_address); }
  /// The registrar that it is registered with and that it asks; of a registrar its own address. The first of several.
  std::string registry_address() const { return first(tractor_actor_registry_address); }
  std::vector<std::string> registry_addresses() const { return texts(tractor_actor_registry_address); }

  /// Cancels the whole actor, as if another one had: its tasks, its children, its nursery. That is no error of it.
  void cancel_soon() const noexcept { tractor_actor_cancel_soon(c_); }
  /// Has an actor asked it to end: its parent, another one, or itself by cancel_soon()?
  bool cancel_called() const noexcept { return tractor_actor_cancel_called(c_); }
  /// Who was the first to ask; NULL: nobody.
  const tractor_id* cancel_caller() const noexcept { return tractor_actor_cancel_caller(c_); }

  /// Pushes onto the actor's exit stack, which is run when all its tasks and children have ended, the latest first. Every one
  /// runs, on every path; what they throw are errors of the actor. `fn()` may give a task, which ends before the next one
  /// begins.
  template <class Fn>
  void on_exit(Fn fn) const {
    auto kept = std::make_unique<Fn>(std::move(fn));
    detail::check(tractor_actor_on_exit(c_, run_on_exit<Fn>, kept.get()));
    kept.release();
  }

  /// What is going on in this actor, as a map; see tractor_actor_snapshot(). format_tree() makes it a text.
  value snapshot() const { return value(tractor_actor_snapshot(c_)); }
  /// The same with all actors below it, which are asked side by side. The timeout is for all of them together: an actor that
  /// does not answer in time stands as a text among the children. @throws cancelled
  [[nodiscard]] auto tree(const call_options& options = {}) const {
    return detail::make_operation<value>([c = c_, options](tractor_nursery* in, tractor_value_fn done, void* user) {
      detail::c_call_options o(options);
      return tractor_actor_tree(c, in, &o, done, user);
    });
  }
  actor_stats stats() const { return value(tractor_actor_stats(c_)).as<actor_stats>(); }

  /// For other threads; see from_thread.hpp.
  actor_token token() const noexcept { return actor_token(c_); }
  tractor_actor* c_actor() const noexcept { return c_; }

 private:
  std::string first(const char* (*get)(tractor_actor*, std::size_t)) const {
    const char* text = get(c_, 0);
    return text ? text : "";
  }
  std::vector<std::string> texts(const char* (*get)(tractor_actor*, std::size_t)) const {
    std::vector<std::string> all;
    while (const char* text = get(c_, all.size())) all.emplace_back(text);
    return all;
  }

  template <class Fn>
  static void run_on_exit(tractor_actor* actor, void* user) {
    std::unique_ptr<Fn> fn(static_cast<Fn*>(user));
    tractor_nursery* scope = tractor_actor_nursery(actor);
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<Fn&>>)
        (*fn)();
      else
        detail::run_detached(scope, detail::hold(scope, "on_exit()"), std::move(*fn));
    } catch (...) {
      error_ptr why = detail::box_current_exception();
      tractor_nursery_fail(scope, why.get());
    }
  }

  tractor_actor* c_;
};

/// The actor of this process, from any task or callback of it.
/// @throws error a RuntimeError if there is none: outside of its life, and on all threads but its own
inline actor current_actor() {
  if (tractor_actor* c = tractor_current_actor()) return actor(c);
  throw error(TRACTOR_ERUNTIME, nullptr, "there is no actor runtime in this thread");
}
/// Is there an actor in this process, and is it the root of its tree?
inline bool is_root_process() noexcept { return tractor_is_root_process(); }

/// A snapshot or tree as text for people, a line for each thing in it.
inline std::string format_tree(const value& tree) {
  text_ptr text(tractor_tree_format(tractor_value_bytes(tree.c_value())));
  if (!text) throw std::bad_alloc();
  return text.get();
}

}  // namespace tractor
