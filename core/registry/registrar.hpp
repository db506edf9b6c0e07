// The registrar: the end points by which actors register and are found, over the table of who listens where.
//
// An entry belongs to the actor that it names. It leaves with the connection that is its lease, or when its owner says so, or
// once the registrar has found out for itself that nobody lives there any more.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "registry/guest.hpp"
#include "registry/inquiry.hpp"
#include "registry/table.hpp"
#include "registry/watcher.hpp"
#include "rpc/endpoint.hpp"

namespace tractor::core {

class Registrar {
 public:
  /// `backstage` does not end before the registrar's own requests.
  Registrar(LinkHost& host, Nursery& backstage);

  /// An end point in the namespace `self`; null: not one of the registrar's.
  const Endpoint* find_endpoint(std::string_view func) const;

  /// An address of the registrar itself.
  Result<Done> add_own(const Address& addr);
  void remove(const ActorId& who);
  void on_link_lost(const PeerLink& link);
  /// The connection to whoever of that name registered last, if it holds one for as long as it lives.
  PeerLink* find_link(std::string_view name) const;
  size_t size() const { return table_.size(); }
  /// It makes no more requests of its own, and no end point is served any more.
  void stop();

 private:
  /// Waits for a name.
  struct Waiter final : Guest {
    Waiter(TaskContext& ctx, std::string n) : Guest(ctx), name(std::move(n)) {}
    std::string name;
  };
  /// Waits until it is known who lives at an address. What finds that out may outlive it.
  struct Doubt;
  struct Doubter final : Guest {
    explicit Doubter(TaskContext& ctx) : Guest(ctx) {}
    ~Doubter();
    Doubt* doubt = nullptr;
    bool waiting = false;  ///< nothing has been done about it yet, and the doubt is its own
  };

  static void register_actor(tractor_ctx* ctx, const tractor_value* args, void* self);
  static void unregister_actor(tractor_ctx* ctx, const tractor_value* args, void* self);
  static void find_actor(tractor_ctx* ctx, const tractor_value* args, void* self);
  static void wait_for_actor(tractor_ctx* ctx, const tractor_value* args, void* self);
  static void get_registry(tractor_ctx* ctx, const tractor_value* args, void* self);
  static void delete_addr(tractor_ctx* ctx, const tractor_value* args, void* self);
  static void watch_actors(tractor_ctx* ctx, const tractor_value* args, void* self);

  Table::Entry* find(std::string_view name) const;
  std::vector<Address> find_all(std::string_view name) const;
  Table::Entry& put(const ActorId& who, const Address& addr, PeerLink* lease);
  void remove(Table::Entry& entry);
  void remove(Table::Entry& entry, const Address& addr);
  /// Watchers catch up, soon and once, however much has changed.
  struct Changed final : Ready {
    explicit Changed(Registrar& r) : registrar(r) {}
    void fire() override { registrar.tell_watchers(); }
    Registrar& registrar;
  };
  void tell_watchers();
  void tell_waiters(const std::string& name);
  bool may_change(const Table::Entry& entry, PeerLink& link) const;

  ErrorRef objection(const ActorId& who, const Address& addr, PeerLink& link) const;

  void doubt(TaskContext& ctx, Doubt what);
  Doubter* next_of(const PeerLink& asker);
  bool inquire_for(Doubter& doubter);
  Flow find_out(Doubt* doubt);
  void settle(Doubt& doubt, Found found);
  void patrol_if_needed();
  Flow patrol();

  LinkHost& host_;
  Nursery& backstage_;
  Table table_;
  List<Waiter, GuestTag> waiters_;
  List<Watcher, GuestTag> watchers_;
  List<Doubter, GuestTag> asking_, queue_;
  Changed changed_{*this};
  std::vector<Endpoint> endpoints_;
  Mailbox<Done> patrol_box_;
  Halt patrol_halt_;
  bool patrolling_ = false, stopped_ = false;
};

}  // namespace tractor::core
