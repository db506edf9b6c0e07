// A pool of equal workers.
#pragma once

#include <tractor/nursery.h>

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "boot.hpp"
#include "detached.hpp"
#include "error.hpp"
#include "hazard.hpp"
#include "hold.hpp"
#include "nursery.hpp"
#include "opened.hpp"
#include "options.hpp"
#include "portal.hpp"
#include "task.hpp"
#include "text.hpp"

namespace tractor {

/// See tractor_cluster_options.
struct cluster_options {
  module_list modules{};               ///< what they expose
  std::uint32_t count = 0;             ///< how many actors; 0: as many as there are names, else as usable processors
  const char* const* names = nullptr;  ///< theirs, NULL-terminated; NULL: "<this actor's name>.worker_<index>"
  bool hard_kill = false;              ///< they are not asked to end before they are terminated
  spawn_options spawn{};               ///< what else each is started with; its modules do not count
};

namespace detail {

class opened_cluster : public opened {
 public:
  /// Awaited: until all actors are up, or the cluster has failed.
  auto open(const cluster_options& options) {
    return begin([this, &options](tractor_nursery* scope) -> tractor_op {
      c_spawn_options spawn(options.spawn);
      module_names modules(options.modules);
      spawn.modules = modules.names;
      tractor_cluster_options o{};
      o.struct_size = sizeof o;
      o.count = checked_count(options);
      o.flags = options.hard_kill ? std::uint32_t{TRACTOR_NURSERY_HARD_KILL} : 0;
      o.names = options.names;
      o.spawn = &spawn;
      link_ = new opened_cluster*(this);
      tractor_nursery* cluster = tractor_nursery_open_actor_cluster(scope, &o, on_up, on_end, link_);
      is_dead_ = !tractor_nursery_actor(cluster);
      // Options that are no good give a dead nursery, whose end tells what is wrong with them.
      return is_dead_ ? 0 : tractor_nursery_op(cluster);
    });
  }
  ~opened_cluster() {
    if (!link_) return;
    if (is_dead_)
      *link_ = nullptr;  // nothing can be abandoned, and its end is still told
    else
      delete link_;  // it is abandoned
  }

  /// NULL if not all could be started.
  tractor_nursery* get() const noexcept { return cluster_; }
  const std::vector<portal>& portals() const noexcept { return portals_; }

 private:
  static std::uint32_t checked_count(const cluster_options& options) {
    std::uint32_t names = 0;
    while (options.names && options.names[names]) ++names;
    if (options.names && names != (options.count ? options.count : names))
      throw error("ValueError", text_of("there are ", names, " names for ", options.count, " actors"));
    if (options.names && names == 0) throw error("ValueError", "the list of names is empty");
    return options.names ? names : options.count;
  }

  static void on_up(tractor_nursery* cluster, tractor_portal* const* portals, std::size_t count, void* user) {
    auto self = *static_cast<opened_cluster**>(user);
    self->cluster_ = cluster;
    for (std::size_t i = 0; i < count; ++i) self->portals_.emplace_back(portals[i]);
    self->begun();
  }
  static void on_end(const tractor_error* err, void* user) {
    std::unique_ptr<opened_cluster*> link(static_cast<opened_cluster**>(user));
    if (opened_cluster* self = *link) {
      self->link_ = nullptr;
      self->ended(err);
    }
  }

  opened_cluster** link_ = nullptr;  ///< by which the library finds it, if it is still there
  bool is_dead_ = false;
  tractor_nursery* cluster_ = nullptr;
  std::vector<portal> portals_;
};

template <class Body>
task<> call_cluster_body(Body& body, nursery& an, const std::vector<portal>& workers) {
  if constexpr (std::is_invocable_v<Body&, nursery&, const std::vector<portal>&>)
    return body(an, workers);
  else
    return body(workers);
}

template <class Body>
task<> open_actor_cluster(cluster_options options, Body body) {
  tractor_nursery* outer = co_await this_scope();
  hold parent_is_alive(outer, "open_actor_cluster()");
  if (!tractor_actor_has_runtime(tractor_nursery_actor(outer))) co_await boot();
  opened_cluster opened;
  co_await opened.open(options);
  nursery an(opened.get());  // outlives the body: its tasks may refer to it
  if (opened.get()) {
    hold work(opened.get(), "the body of open_actor_cluster()");
    try {
      auto running = call_cluster_body(body, an, opened.portals());
      co_await std::move(running).in(opened.get());
    } catch (...) {
      fail_scope(work);
    }
  }
  co_await opened.end();
}

}  // namespace detail

/// Starts equal actors side by side, in a nursery of their own, and runs `body` as soon as all are up. When that and what it has
/// started in the nursery have ended, the actors are cancelled. If one of them can't be started, or dies, so are the others.
///
///     co_await open_actor_cluster({.modules = {numbers}, .count = 4},
///                                 [&](nursery& an, const std::vector<portal>& workers) -> task<> { ... });
///
/// The workers stand in the order of their names. A body may take just them.
/// @throws error a ValueError for names that are not as many as `count`; misuse_error for other bad options; as start_actor() and
///         with_nursery()
template <class Body>
[[nodiscard]] task<> open_actor_cluster(const cluster_options& options, Body&& body) {
  detail::refuse_hazard_bodies<Body&&>();
  return detail::open_actor_cluster<Body>(options, std::forward<Body>(body));
}

}  // namespace tractor
