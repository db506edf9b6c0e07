// The way into another actor.
#pragma once

#include <string>

#include "base/handles.hpp"
#include "base/ref.hpp"
#include "rpc/link.hpp"
#include "scope/nursery.hpp"

namespace tractor::core {

class Portal final : public RefCounted<Portal>, public OwnedBy {
 public:
  enum class Kind : uint8_t {
    child,
    parent,
    found,   ///< its own connection, which ends with it
    shared,  ///< somebody else's connection
    self,
  };

  /// Lives as long as `home`, which holds a reference.
  static Portal* open(Nursery& home, PeerLink& link, Kind kind) { return open(home, link, kind, link.peer()); }
  /// To oneself, whose identity need not have come over the link yet.
  static Portal* open_self(Nursery& home, PeerLink& link, const ActorId& self) {
    return open(home, link, Kind::self, self);
  }
  /// A dead handle.
  static Portal* dead();
  static void destroy(const Portal* self) { delete self; }

  const ActorId& id() const { return id_; }
  const tractor_id& c_id() const { return c_id_; }
  const std::string& address() const { return address_; }
  const std::string& local_address() const { return local_address_; }
  Kind kind() const { return kind_; }
  bool connected() const { return link_ && link_->is_open(); }
  bool closed() const { return !home_; }
  Nursery* home() const { return home_; }
  /// Where calls wait that name no nursery: its home, unless that is the runtime's own. Null once it has ended.
  Nursery* default_in() const { return home_ && default_in_ ? default_in_ : home_; }
  void set_default_in(Nursery& in) { default_in_ = &in; }
  PeerLink* link() const { return link_.get(); }

  void call_begins() { ++calls_; }
  void call_ends();
  bool in_use() const { return calls_ > 0; }

  /// Ends a found portal's connection.
  void close();

 private:
  friend class RefCounted<Portal>;
  static Portal* open(Nursery& home, PeerLink& link, Kind kind, const ActorId& id);
  Portal() = default;
  ~Portal() = default;
  void nursery_ended() override;

  ActorId id_;
  tractor_id c_id_{"", "", 0};
  std::string address_, local_address_;
  Ref<PeerLink> link_;
  Nursery* home_ = nullptr;
  Nursery* default_in_ = nullptr;
  Kind kind_ = Kind::found;
  uint32_t calls_ = 0;
};

}  // namespace tractor::core
