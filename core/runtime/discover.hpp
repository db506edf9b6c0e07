// Finding other actors: flows over the registrar, delivered as operations.
#pragma once

#include <optional>
#include <string>

#include "base/handles.hpp"
#include "rpc/ask.hpp"
#include "rpc/portal.hpp"
#include "scope/flow.hpp"
#include "scope/op.hpp"

namespace tractor::core {

class DiscoverOp final : public Op {
 public:
  enum class What : uint8_t {
    find,      ///< the actor of that name, if there is one
    wait,      ///< the actor of that name, once there is one
    registry,  ///< the registrar at an address, or the own one
  };
  static OpToken start(Actor& actor, Nursery& in, What what, std::string name, std::optional<Address> at,
                       int64_t timeout, const ErrorRef& bad, tractor_portal_fn fn, void* user);

 private:
  /// The flow outlives an operation that is cancelled meanwhile.
  struct Search {
    Search(DiscoverOp* o, Ref<Nursery> n) : op(o), in(std::move(n)) {}
    DiscoverOp* op;
    Ref<Nursery> in;
    Halt halt;
  };
  DiscoverOp(Nursery& in, tractor_portal_fn fn, void* user) : Op(in, fn != nullptr), fn_(fn), user_(user) {}
  ~DiscoverOp() override;
  static Flow run(Actor& actor, Search* search, What what, std::string name, std::optional<Address> at,
                  int64_t timeout);
  static Task<Result<Portal*>> look(Actor& actor, Search* search, What what, std::string name,
                                    std::optional<Address> at, int64_t deadline);
  void deliver(const Error* err) override;
  void on_cancel(const ErrorRef& why) override { decide(why); }
  tractor_portal_fn fn_;
  void* user_;
  Search* search_ = nullptr;
  Portal* portal_ = nullptr;
};

}  // namespace tractor::core
