#include "runtime/discover.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <tuple>

#include "base/log.hpp"
#include "rpc/args.hpp"
#include "rpc/ask.hpp"
#include "runtime/actor.hpp"

namespace tractor::core {

namespace {

std::string name_argument(std::string_view name) {
  OutBuffer out;
  wire::Packer pack(out);
  pack.map(1);
  pack.str("name");
  pack.text(name);
  return std::string(out.view());
}

int64_t left(Loop& loop, int64_t deadline) {
  return deadline == kForever ? kForever : std::max<int64_t>(deadline - loop.now(), 1);
}

/// Of several addresses the nearest: a socket on this machine, then loopback, then the rest; the last of each kind.
const Address& nearest(const std::vector<Address>& addrs) {
  const Address* best = &addrs.front();
  auto rank = [](const Address& a) {
    if (a.kind == TransportKind::uds) return 2;
    return a.host.rfind("127.", 0) == 0 || a.host == "::1" ? 1 : 0;
  };
  for (const Address& a : addrs)
    if (rank(a) >= rank(*best)) best = &a;
  return *best;
}

}  // namespace

OpToken DiscoverOp::start(Actor& actor, Nursery& in, What what, std::string name, std::optional<Address> at,
                          int64_t timeout, const ErrorRef& bad, tractor_portal_fn fn, void* user) {
  auto* op = new DiscoverOp(in, fn, user);
  OpToken token = op->token();
  if (bad) {
    op->decide(bad);
  } else if (op->begin()) {
    op->go([&] {
      auto search = std::make_unique<Search>(op, Ref<Nursery>(&in));
      Search* s = search.get();
      op->search_ = s;
      try {
        run(actor, s, what, std::move(name), std::move(at), timeout);
      } catch (const std::bad_alloc&) {
        op->search_ = nullptr;
        throw;
      }
      std::ignore = search.release();  // the flow frees it
    });
  }
  return token;
}

DiscoverOp::~DiscoverOp() {
  if (!search_) return;
  search_->op = nullptr;
  search_->halt.halt(engine().cancel_error("nobody waits for it any more"));
}

void DiscoverOp::deliver(const Error* err) { fn_(to_c(err), err ? nullptr : to_c(portal_), user_); }

Flow DiscoverOp::run(Actor& actor, Search* search, What what, std::string name, std::optional<Address> at,
                     int64_t timeout) {
  // The actor does not end before its searches have, though nobody may wait for them.
  actor.backstage().enter();
  int64_t deadline = timeout > 0 ? actor.loop().after(timeout) : kForever;
  Result<Portal*> found = Failure::out_of_memory();
  try {
    found = co_await look(actor, search, what, std::move(name), std::move(at), deadline);
  } catch (const std::bad_alloc&) {
  }
  DiscoverOp* op = search->op;
  if (op) op->search_ = nullptr;
  if (op && !op->decided()) {
    if (found) op->portal_ = *found;
    op->decide(found ? ErrorRef() : Error::of(found.failure()));
  } else if (found && *found) {
    (*found)->close();
  }
  delete search;
  actor.backstage().leave();
}

Task<Result<Portal*>> DiscoverOp::look(Actor& actor, Search* search, What what, std::string name,
                                       std::optional<Address> at, int64_t deadline) {
  Loop& loop = actor.loop();
  Nursery& in = *search->in;
  if (what != What::registry) {
    if (PeerLink* link = actor.find_serving_child(name)) co_return Portal::open(in, *link, Portal::Kind::shared);
  }
  // The registrar: ourselves, or a connection for this one question.
  Ref<PeerLink> registry;
  bool own = actor.is_registrar() &&
             (!at || std::find(actor.addresses().begin(), actor.addresses().end(), *at) != actor.addresses().end());
  if (own) {
    if (what == What::registry) co_return Portal::open_self(in, actor.self_link(), actor.self());
    registry = Ref<PeerLink>(&actor.self_link());
  } else {
    if (!at && actor.registry_addrs().empty())
      co_return Failure::of(Status::registry, "this actor knows no registrar", "RuntimeError");
    Address where = at ? *at : actor.registry_addrs().front();
    auto link = co_await connect(actor, where, Greeting::at_once, left(loop, deadline), &search->halt);
    if (!link) {
      if (loop.now() >= deadline) co_return Failure::of(Status::timed_out, link.failure().message, "TimeoutError");
      if (what == What::registry) co_return link.failure();
      co_return Failure::of(Status::registry, "can't reach the registrar: " + link.failure().message,
                            "ConnectionError");
    }
    registry = *link;
    if (!registry->peer_is_registrar()) {
      registry->close(Error::of(Status::closed, "not a registrar"));
      co_return Failure::of(Status::registry, where.to_string() + " is no registrar", "RuntimeError");
    }
    if (what == What::registry) {
      if (in.ended()) {
        registry->close(Error::of(Status::closed, "nobody waits for it any more"), true);
        co_return static_cast<Portal*>(nullptr);
      }
      co_return Portal::open(in, *registry, Portal::Kind::found);
    }
  }
  Answer answer =
      co_await ask(registry, actor.backstage(), "self", what == What::find ? "find_actor" : "wait_for_actor",
                   name_argument(name), deadline == kForever ? 0 : left(loop, deadline), &search->halt, OnHalt::cancel);
  Result<Portal*> outcome = static_cast<Portal*>(nullptr);
  if (answer.err) {
    bool late = answer.err->code() == Status::timed_out;
    outcome = Failure::of(late ? Status::timed_out : Status::registry, "the registrar: " + answer.err->message(),
                          "RuntimeError");
  } else {
    auto addrs = read_addresses(answer.value->bytes());
    if (!addrs) {
      outcome = addrs.failure();
    } else if (!addrs->empty()) {
      const Address& to = nearest(*addrs);
      bool self = std::find(actor.addresses().begin(), actor.addresses().end(), to) != actor.addresses().end();
      if (self && !in.ended()) {
        outcome = Portal::open_self(in, actor.self_link(), actor.self());
      } else {
        auto link = co_await connect(actor, to, Greeting::at_once, left(loop, deadline), &search->halt);
        if (link && !in.ended()) {
          outcome = Portal::open(in, **link, Portal::Kind::found);
        } else if (link) {
          (*link)->close(Error::of(Status::closed, "nobody waits for it any more"), true);
        } else if (search->halt.why() || loop.now() >= deadline) {
          // It was not asked to the end: that says nothing about who lives there.
          outcome = Failure::of(Status::timed_out, link.failure().message, "TimeoutError");
        } else if (what == What::find) {
          // Registered, but nobody lives there: the registrar should know.
          TRACTOR_LOG(kRuntime, "tractor.registry", "stale entry of '%s': %s", name.c_str(),
                      link.failure().message.c_str());
          OutBuffer args;
          wire::Packer pack(args);
          pack.map(1);
          pack.str("addr");
          pack_address(pack, to);
          co_await ask(registry, actor.backstage(), "self", "delete_addr", std::string(args.view()), kSecond,
                       &search->halt, OnHalt::cancel);
        } else {
          outcome = link.failure();
        }
      }
    }
  }
  if (!own) registry->close(Error::of(Status::closed, "asked"), true);
  co_return outcome;
}

}  // namespace tractor::core
