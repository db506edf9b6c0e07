#include "runtime/cluster.hpp"

#include <memory>

#include "runtime/start.hpp"

namespace tractor::core {

Nursery* Cluster::open(Actor& actor, Nursery& parent, Config config, tractor_cluster_fn body, tractor_done_fn fn,
                       void* user) {
  size_t count = config.names.size();
  auto cluster = std::unique_ptr<Cluster>(new Cluster(body, user, count));
  for (size_t i = 0; i < count; ++i) cluster->members_.push_back({cluster.get(), i});
  UserNursery* n =
      UserNursery::open(parent, {.name = "cluster", .cancel_daemons = true, .hard_kill = config.hard_kill}, fn, user);
  cluster->nursery_ = n;
  try {
    n->on_end([](const tractor_error*, void* self) { delete static_cast<Cluster*>(self); }, cluster.get());
    Cluster* self = cluster.release();
    for (size_t i = 0; i < count; ++i)
      StartOp::start(actor, *n, *n, std::move(config.names[i]), config.spawn, {}, on_up, &self->members_[i]);
  } catch (const std::bad_alloc&) {
    n->fail(Error::out_of_memory());
  }
  return n;
}

void Cluster::on_up(const tractor_error* err, tractor_portal* portal, void* member) {
  auto& m = *static_cast<Member*>(member);
  Cluster& self = *m.of;
  if (err) return self.nursery_->fail(ErrorRef(from_c(err)));
  self.portals_[m.index] = portal;
  if (++self.up_ < self.portals_.size()) return;
  if (self.body_) self.body_(to_c(self.nursery_), self.portals_.data(), self.portals_.size(), self.user_);
  self.nursery_->body_over();
}

}  // namespace tractor::core
