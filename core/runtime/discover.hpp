// Finding other actors: flows over the registrars, delivered as operations.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/handles.hpp"
#include "rpc/ask.hpp"
#include "rpc/portal.hpp"
#include "scope/flow.hpp"
#include "scope/op.hpp"

namespace tractor::core {

struct Question {
  enum class What : uint8_t {
    find,      ///< the actor of that name, if there is one
    wait,      ///< the actor of that name, once there is one
    where,     ///< its addresses, if there is one
    registry,  ///< a registrar
    root,      ///< the root of this tree
  } what;
  std::string name = {};
  std::vector<Address> registrars = {};  ///< empty: this actor's own
  bool raise_on_none = false;
  int64_t timeout = 0;  ///< 0: none
};

class DiscoverOp final : public Op {
 public:
  /// `bad`: why it can't be asked; it is then the outcome.
  static OpToken start(Actor& actor, Nursery& in, Question question, const ErrorRef& bad, tractor_portal_fn fn,
                       void* user) {
    return start(actor, *new DiscoverOp(in, fn, nullptr, user), std::move(question), bad);
  }
  /// For Question::What::where.
  static OpToken start(Actor& actor, Nursery& in, Question question, const ErrorRef& bad, tractor_value_fn fn,
                       void* user) {
    return start(actor, *new DiscoverOp(in, nullptr, fn, user), std::move(question), bad);
  }

 private:
  struct Search;
  /// What a search came to: a portal, or addresses; neither: nobody.
  struct Finding {
    Ref<Portal> portal = {};  ///< its nursery may end before this is delivered
    std::vector<Address> addrs = {};
  };
  class Lookup;
  class Gathering;

  DiscoverOp(Nursery& in, tractor_portal_fn fn, tractor_value_fn value_fn, void* user)
      : Op(in, fn != nullptr || value_fn != nullptr), fn_(fn), value_fn_(value_fn), user_(user) {}
  ~DiscoverOp() override;
  static OpToken start(Actor& actor, DiscoverOp& op, Question question, const ErrorRef& bad);
  static Flow run(Search* search);
  static Task<Result<Finding>> look(Search& search);
  static Task<Result<Finding>> look_for_registry(Search& search);
  static Task<Result<Finding>> look_for_root(Search& search);
  static Task<Result<Finding>> ask_registrars(Search& search);
  static Task<Result<Finding>> reach(Search& search, Lookup& lookup);
  static Task<Result<Finding>> try_addresses(Search& search, Lookup& lookup, bool& removed);
  static Task<Result<Finding>> connect_to(Search& search, const Address& to);
  void found(Finding finding);
  void deliver(const Error* err) override;
  void on_cancel(const ErrorRef& why) override { decide(why); }
  tractor_portal_fn fn_;
  tractor_value_fn value_fn_;
  void* user_;
  Search* search_ = nullptr;
  Portal* portal_ = nullptr;
  Ref<Value> value_;
};

}  // namespace tractor::core
