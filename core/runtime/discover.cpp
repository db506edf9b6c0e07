#include "runtime/discover.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <tuple>

#include "base/log.hpp"
#include "ipc/nearness.hpp"
#include "registry/inquiry.hpp"
#include "rpc/args.hpp"
#include "runtime/actor.hpp"

namespace tractor::core {

namespace {

constexpr int64_t kReportLimit = kSecond;

template <class F>
std::string argument(const char* key, F&& write) {
  OutBuffer out;
  wire::Packer pack(out);
  pack.map(1);
  pack.str(key);
  write(pack);
  return std::string(out.view());
}

bool contains(const std::vector<Address>& addrs, const Address& addr) {
  return std::find(addrs.begin(), addrs.end(), addr) != addrs.end();
}

Failure too_late(std::string message) { return Failure::of(Status::timed_out, std::move(message), "TimeoutError"); }

void hang_up(Ref<PeerLink>& link) {
  if (Ref<PeerLink> closing = std::move(link)) closing->close(Error::of(Status::closed, "asked"), true);
}

}  // namespace

/// What the flow works on. It outlives an operation that is cancelled meanwhile.
struct DiscoverOp::Search {
  Search(Actor& a, DiscoverOp& o, Question q)
      : actor(a),
        op(&o),
        in(&o.nursery()),
        question(std::move(q)),
        deadline(question.timeout > 0 ? a.loop().after(question.timeout) : kForever) {}
  bool is_late() const { return actor.loop().now() >= deadline; }
  int64_t left() const { return deadline == kForever ? kForever : std::max<int64_t>(deadline - actor.loop().now(), 1); }
  Actor& actor;
  DiscoverOp* op;
  Ref<Nursery> in;
  Question question;
  int64_t deadline;
  Halt halt;
};

/// One registrar is asked, by a flow of its own.
class DiscoverOp::Lookup {
 public:
  Lookup(Search& search, std::optional<Address> at, Mailbox<Lookup*>& over)
      : search_(search), at_(std::move(at)), over_(over) {}
  ~Lookup() {
    if (!shared) hang_up(registrar);
  }
  Flow run() {
    try {
      auto asked = co_await reach();
      if (asked) asked = co_await ask_it(halt);
      if (!asked) failure = asked.failure();
    } catch (const std::bad_alloc&) {
      failure = Failure::out_of_memory();
    }
    over_.put(this);
  }
  /// Where the actor is.
  Task<Result<Done>> ask_it(Halt& until);

  Ref<PeerLink> registrar;
  bool shared = false;  ///< the connection is not its own
  std::vector<Address> addrs;
  std::optional<Failure> failure;
  Halt halt;

 private:
  Task<Result<Done>> reach();
  Search& search_;
  std::optional<Address> at_;  ///< none: ourselves
  Mailbox<Lookup*>& over_;
};

/// Waits until one of the lookups is over; passes a halt on to all.
class DiscoverOp::Gathering : private Halt::Step {
 public:
  Gathering(Halt& halt, std::vector<std::unique_ptr<Lookup>>& lookups) : Step(&halt), lookups_(lookups) { begin(); }

 private:
  void on_halt(const ErrorRef& why) override {
    for (auto& lookup : lookups_) lookup->halt.halt(why);
  }
  std::vector<std::unique_ptr<Lookup>>& lookups_;
};

OpToken DiscoverOp::start(Actor& actor, DiscoverOp& op, Question question, const ErrorRef& bad) {
  OpToken token = op.token();
  if (bad) {
    op.decide(bad);
  } else if (op.begin()) {
    op.go([&] {
      auto search = std::make_unique<Search>(actor, op, std::move(question));
      op.search_ = search.get();
      try {
        run(search.get());
      } catch (const std::bad_alloc&) {
        op.search_ = nullptr;
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

void DiscoverOp::deliver(const Error* err) {
  if (value_fn_) return value_fn_(to_c(err), err ? nullptr : to_c(value_.get()), user_);
  fn_(to_c(err), err ? nullptr : to_c(portal_), user_);
}

void DiscoverOp::found(Finding finding) {
  portal_ = finding.portal.get();
  if (!value_fn_) return decide({});
  OutBuffer out;
  wire::Packer pack(out);
  if (finding.addrs.empty()) {
    pack.nil();
  } else {
    pack.array(finding.addrs.size());
    for (const Address& addr : finding.addrs) pack.text(addr.to_string());
  }
  value_ = Value::copy_of(out.view());
  decide({});
}

Flow DiscoverOp::run(Search* search) {
  // The actor does not end before its searches have, though nobody may wait for them.
  Actor& actor = search->actor;
  actor.backstage().enter();
  Result<Finding> finding = Failure::out_of_memory();
  try {
    finding = co_await look(*search);
  } catch (const std::bad_alloc&) {
  }
  DiscoverOp* op = search->op;
  if (op) op->search_ = nullptr;
  if (op && !op->decided()) {
    try {
      finding ? op->found(std::move(*finding)) : op->decide(Error::of(finding.failure()));
    } catch (const std::bad_alloc&) {
      op->decide(Error::out_of_memory());
    }
  } else if (finding && finding->portal) {
    finding->portal->close();
  }
  delete search;
  actor.backstage().leave();
}

Task<Result<DiscoverOp::Finding>> DiscoverOp::look(Search& search) {
  const Question& question = search.question;
  switch (question.what) {
    case Question::What::registry: co_return co_await look_for_registry(search);
    case Question::What::root: co_return co_await look_for_root(search);
    case Question::What::find:
    case Question::What::wait:
      // Who names registrars wants to know what they say.
      if (!question.registrars.empty()) break;
      if (PeerLink* link = search.actor.find_connected(question.name))
        co_return Finding{Ref<Portal>(Portal::open(*search.in, *link, Portal::Kind::shared))};
      break;
    case Question::What::where: break;
  }
  co_return co_await ask_registrars(search);
}

// --- one place -----------------------------------------------------------------------------------------------------

/// A portal over a connection of its own. Null if its owner has gone meanwhile.
Task<Result<DiscoverOp::Finding>> DiscoverOp::connect_to(Search& search, const Address& to) {
  Actor& actor = search.actor;
  if (contains(actor.addresses(), to)) {
    if (search.in->ended()) co_return Finding{};
    co_return Finding{Ref<Portal>(Portal::open_self(*search.in, actor.self_link(), actor.self()))};
  }
  auto link = co_await connect(actor, to, Greeting::at_once, search.left(), &search.halt);
  if (!link) {
    if (search.is_late()) co_return too_late(link.failure().message);
    co_return link.failure();
  }
  if (!search.in->ended()) co_return Finding{Ref<Portal>(Portal::open(*search.in, **link, Portal::Kind::found))};
  hang_up(*link);
  co_return Finding{};
}

Task<Result<DiscoverOp::Finding>> DiscoverOp::look_for_registry(Search& search) {
  Actor& actor = search.actor;
  const std::vector<Address>& named = search.question.registrars;
  if (actor.is_registrar() && (named.empty() || contains(actor.addresses(), named.front())))
    co_return Finding{Ref<Portal>(Portal::open_self(*search.in, actor.self_link(), actor.self()))};
  const std::vector<Address>& known = named.empty() ? actor.registry_addrs() : named;
  if (known.empty()) co_return Failure::of(Status::registry, "this actor knows no registrar", "RuntimeError");
  const Address at = known.front();
  if (PeerLink* link = actor.registrar_link(at))
    co_return Finding{Ref<Portal>(Portal::open(*search.in, *link, Portal::Kind::shared))};
  auto finding = co_await connect_to(search, at);
  if (finding && finding->portal && !finding->portal->link()->peer_is_registrar()) {
    finding->portal->close();
    co_return Failure::of(Status::registry, at.to_string() + " is no registrar", "RuntimeError");
  }
  co_return finding;
}

Task<Result<DiscoverOp::Finding>> DiscoverOp::look_for_root(Search& search) {
  Actor& actor = search.actor;
  if (actor.is_root()) co_return Finding{Ref<Portal>(Portal::open_self(*search.in, actor.self_link(), actor.self()))};
  auto root = actor.vars().address("_root_mailbox");
  if (!root) co_return Failure::of(Status::runtime, "the parent has not told where the root is", "RuntimeError");
  if (*root == actor.parent_address() && actor.parent_link()->is_open())
    co_return Finding{Ref<Portal>(Portal::open(*search.in, *actor.parent_link(), Portal::Kind::shared))};
  co_return co_await connect_to(search, *root);
}

// --- registrars ----------------------------------------------------------------------------------------------------

Task<Result<Done>> DiscoverOp::Lookup::reach() {
  Actor& actor = search_.actor;
  registrar = Ref<PeerLink>(at_ ? actor.registrar_link(*at_) : &actor.self_link());
  shared = bool(registrar);
  if (!registrar) {
    auto link = co_await connect(actor, *at_, Greeting::at_once, search_.left(), &halt);
    if (!link && search_.is_late()) co_return too_late(link.failure().message);
    if (!link)
      co_return Failure::of(Status::registry, "can't reach the registrar: " + link.failure().message,
                            "ConnectionError");
    registrar = std::move(*link);
    // One of another make would not survive the question.
    if (!registrar->peer_is_registrar())
      co_return Failure::of(Status::registry, at_->to_string() + " is no registrar", "RuntimeError");
  }
  co_return Done{};
}

Task<Result<Done>> DiscoverOp::Lookup::ask_it(Halt& until) {
  const Question& question = search_.question;
  Answer answer = co_await ask(registrar, search_.actor.backstage(), "self",
                               question.what == Question::What::wait ? "wait_for_actor" : "find_actor",
                               argument("name", [&](wire::Packer& out) { out.text(question.name); }),
                               search_.deadline == kForever ? 0 : search_.left(), &until, OnHalt::cancel);
  if (answer.err) {
    std::string why = "the registrar: " + answer.err->message();
    if (answer.err->code() == Status::timed_out) co_return too_late(std::move(why));
    co_return Failure::of(Status::registry, std::move(why), "RuntimeError");
  }
  auto told = read_addresses(answer.value->bytes());
  if (!told) co_return told.failure();
  addrs = std::move(*told);
  sort_nearest_first(addrs);
  co_return Done{};
}

Task<Result<DiscoverOp::Finding>> DiscoverOp::ask_registrars(Search& search) {
  Actor& actor = search.actor;
  const Question& question = search.question;
  Mailbox<Lookup*> over(actor.loop());
  std::vector<std::unique_ptr<Lookup>> lookups;
  auto ask_at = [&](std::optional<Address> at) {
    lookups.push_back(std::make_unique<Lookup>(search, std::move(at), over));
  };
  if (question.registrars.empty() && actor.is_registrar()) {
    ask_at({});
  } else {
    for (const Address& at : question.registrars.empty() ? actor.registry_addrs() : question.registrars) {
      const bool own = actor.is_registrar() && contains(actor.addresses(), at);
      ask_at(own ? std::nullopt : std::optional(at));
    }
  }
  if (lookups.empty()) co_return Failure::of(Status::registry, "this actor knows no registrar", "RuntimeError");
  size_t open = 0;
  std::optional<Failure> failed;
  for (auto& lookup : lookups) {
    try {
      lookup->run();
      ++open;
    } catch (const std::bad_alloc&) {
      failed = Failure::out_of_memory();
    }
  }
  std::optional<Finding> finding;
  for (; open > 0; --open) {
    std::optional<Lookup*> done;
    {
      Gathering gathering(search.halt, lookups);
      done = co_await over.next();
    }
    Lookup& lookup = **done;
    // Whatever happens here, the others are waited for: they use what lies in this function.
    try {
      if (finding) {
        // It is only waited for.
      } else if (lookup.failure) {
        failed = std::move(lookup.failure);
      } else if (!lookup.addrs.empty()) {
        auto reached = co_await reach(search, lookup);
        if (!reached)
          failed = reached.failure();
        else if (reached->portal || !reached->addrs.empty())
          finding = std::move(*reached);
      }
    } catch (const std::bad_alloc&) {
      failed = Failure::out_of_memory();
    }
    if (finding)
      for (auto& other : lookups) other->halt.halt(actor.engine().cancel_error("another registrar knew"));
  }
  if (finding) co_return std::move(*finding);
  if (failed) co_return std::move(*failed);
  if (question.raise_on_none)
    co_return Failure::of(Status::registry, "no actor is registered as '" + question.name + "'", "RuntimeError");
  co_return Finding{};
}

/// Connects with who a registrar says it is. Whoever is not there any more leaves its list, where another one of that name may
/// stand behind it.
Task<Result<DiscoverOp::Finding>> DiscoverOp::reach(Search& search, Lookup& lookup) {
  constexpr int kMostStale = 64;
  Result<Finding> finding = Finding{};
  for (int stale = 0; stale < kMostStale && !lookup.addrs.empty(); ++stale) {
    bool removed = false;
    finding = co_await try_addresses(search, lookup, removed);
    const bool again = finding && !finding->portal && removed && search.question.what == Question::What::find &&
                       lookup.registrar->is_open() && lookup.registrar->peer_is_native();
    if (!again) break;
    if (auto asked = co_await lookup.ask_it(search.halt); !asked) co_return asked.failure();
  }
  co_return finding;
}

/// `removed`: the registrar agreed that one of them is stale.
Task<Result<DiscoverOp::Finding>> DiscoverOp::try_addresses(Search& search, Lookup& lookup, bool& removed) {
  const Question& question = search.question;
  if (question.what == Question::What::where) co_return Finding{{}, lookup.addrs};
  std::optional<Failure> failed;
  for (const Address& to : lookup.addrs) {
    auto finding = co_await connect_to(search, to);
    if (search.halt.why()) co_return Failure::of(Status::canceled, search.halt.why()->message());
    bool stale = !finding && nobody_listens(finding.failure());
    if (finding) {
      const Portal* portal = finding->portal.get();
      if (!portal || portal->id().name == question.name || portal->id().uuid == question.name) co_return finding;
      finding->portal->close();
      stale = true;
    }
    if (stale) {
      TRACTOR_LOG(kRuntime, "tractor.registry", "stale entry of '%s': %s", question.name.c_str(),
                  to.to_string().c_str());
      Answer answer = co_await ask(lookup.registrar, search.actor.backstage(), "self", "delete_addr",
                                   argument("addr", [&](wire::Packer& out) { pack_address(out, to); }), kReportLimit,
                                   &search.halt, OnHalt::cancel);
      removed = removed || (answer.value && answer.value->bytes() != kNil);
    }
    if (!stale || question.what == Question::What::wait)
      failed = finding ? Failure::of(Status::transport, to.to_string() + " belongs to another actor by now",
                                     "ConnectionError")
                       : finding.failure();
  }
  if (failed) co_return std::move(*failed);
  co_return Finding{};
}

}  // namespace tractor::core
