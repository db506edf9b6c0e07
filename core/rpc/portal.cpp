#include "rpc/portal.hpp"

#include <new>

namespace tractor::core {

Portal* Portal::open(Nursery& home, PeerLink& link, Kind kind, const ActorId& id) {
  auto made = Ref<Portal>::adopt(new Portal());
  Portal* portal = made.get();
  portal->id_ = id;
  portal->c_id_ = {portal->id_.name.c_str(), portal->id_.uuid.c_str(), portal->id_.pid};
  portal->link_ = Ref<PeerLink>(&link);
  portal->home_ = &home;
  portal->kind_ = kind;
  if (kind != Kind::self) {
    portal->address_ = link.transport().peer().to_string();
    portal->local_address_ = link.transport().local().to_string();
  }
  home.own(*portal);
  return made.release();
}

Portal* Portal::dead() {
  alignas(Portal) static unsigned char place[sizeof(Portal)];
  return new (place) Portal();
}

void Portal::call_ends() {
  // A daemon that nobody calls any more may be what its closed nursery waits for.
  if (--calls_ == 0 && home_ && kind_ == Kind::child) home_->settle();
}

void Portal::close() {
  if (kind_ != Kind::found || !link_) return;
  Ref<PeerLink> link = std::move(link_);
  ErrorRef why = home_->engine().cancel_error({"the portal to ", id_.name, " was closed"});
  link->fail_calls(why);
  link->close(why, true);
}

void Portal::nursery_ended() {
  close();
  link_.reset();
  home_ = nullptr;
  unref();
}

}  // namespace tractor::core
