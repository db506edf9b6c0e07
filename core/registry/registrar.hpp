// The registrar: who listens where, by name.
#pragma once

#include <list>
#include <string>
#include <vector>

#include "base/handles.hpp"
#include "base/ids.hpp"
#include "ipc/address.hpp"
#include "rpc/task_context.hpp"
#include "rpc/endpoint.hpp"

namespace tractor::core {

class Registrar {
 public:
  Registrar();

  /// Its six end points, in the namespace `self`; null for any other name.
  const Endpoint* find_endpoint(std::string_view func) const;

  Result<Done> add(const ActorId& who, const Address& addr);
  bool remove(const ActorId& who);
  /// The addresses of the last registered actor of that name (or uuid).
  std::vector<Address> find(std::string_view name) const;
  std::vector<Address> find_all(std::string_view name) const;
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    ActorId who;
    std::vector<Address> addrs;
  };
  /// A task that waits for a name; it leaves by itself when it ends.
  struct Waiter {
    std::string name;
    TaskContext* ctx;
    OpToken hold;
  };

  static void register_actor(tractor_ctx* ctx, const tractor_value* args, void* self);
  static void unregister_actor(tractor_ctx* ctx, const tractor_value* args, void* self);
  static void find_actor(tractor_ctx* ctx, const tractor_value* args, void* self);
  static void wait_for_actor(tractor_ctx* ctx, const tractor_value* args, void* self);
  static void get_registry(tractor_ctx* ctx, const tractor_value* args, void* self);
  static void delete_addr(tractor_ctx* ctx, const tractor_value* args, void* self);
  void wake(const std::string& name);
  void forget_waiter(TaskContext* ctx);

  std::list<Entry> entries_;  ///< in order of registration
  std::list<Waiter> waiters_;
  std::vector<Endpoint> endpoints_;
};

}  // namespace tractor::core
