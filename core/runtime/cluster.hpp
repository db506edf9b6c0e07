// Equal children side by side, in a nursery of their own that ends with what is done with them.
#pragma once

#include <string>
#include <vector>

#include "base/handles.hpp"
#include "runtime/actor.hpp"
#include "scope/nursery.hpp"

namespace tractor::core {

class Cluster {
 public:
  struct Config {
    std::vector<std::string> names;
    SpawnConfig spawn;
    bool hard_kill = false;
  };
  /// Lives as long as the nursery that it returns.
  static Nursery* open(Actor& actor, Nursery& parent, Config config, tractor_cluster_fn body, tractor_done_fn fn,
                       void* user);

 private:
  struct Member {
    Cluster* of;
    size_t index;
  };
  Cluster(tractor_cluster_fn body, void* user, size_t count) : body_(body), user_(user), portals_(count) {}
  static void on_up(const tractor_error* err, tractor_portal* portal, void* member);

  UserNursery* nursery_ = nullptr;
  tractor_cluster_fn body_;
  void* user_;
  std::vector<Member> members_;
  std::vector<tractor_portal*> portals_;
  size_t up_ = 0;
};

}  // namespace tractor::core
