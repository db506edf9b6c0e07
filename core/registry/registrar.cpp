#include "registry/registrar.hpp"

#include <map>
#include <memory>
#include <new>
#include <tuple>
#include <utility>

#include "base/log.hpp"
#include "rpc/args.hpp"
#include "wire/value.hpp"

namespace tractor::core {

namespace {

/// Who holds no lease is looked after so often,
constexpr int64_t kPatrol = 10 * kSecond;
/// and so often there may be no telling before it counts as gone.
constexpr uint8_t kMisses = 3;
/// No actor has so long a name or so many addresses; whoever registers them makes others pay for it.
constexpr size_t kLongestName = 1024, kMostAddresses = 64;

Bytes bytes_of(const tractor_value* args) { return from_c(args)->bytes(); }

template <class F>
void answer(TaskContext& ctx, F&& write) {
  OutBuffer out;
  wire::Packer pack(out);
  write(pack);
  ctx.answer(out.view());
}

ActorId identity(const wire::Uid& uid) { return {std::string(uid.name), std::string(uid.uuid), 0}; }

Result<Done> check_identity(const ActorId& who) {
  for (const auto& [what, text] : {std::pair("name", &who.name), {"uuid", &who.uuid}})
    if (text->size() > kLongestName)
      return Failure::of(Status::invalid,
                         "a " + std::string(what) + " of " + std::to_string(text->size()) + " bytes; at most " +
                             std::to_string(kLongestName) + " are allowed",
                         "ValueError");
  return Done{};
}

ErrorRef strangers_error(const PeerLink& stranger, const ActorId& owner) {
  return Error::of(Failure::of(Status::registry, stranger.peer().name + " may not change the entry of " + owner.name,
                               "PermissionError"));
}

void refuse_stranger(TaskContext& ctx, const ActorId& owner) { ctx.fail(strangers_error(*ctx.link(), owner)); }

}  // namespace

struct Registrar::Doubt {
  Ref<PeerLink> asker;
  Address addr;
  ActorId owner;                       ///< whose entry it is in
  std::optional<ActorId> claims = {};  ///< who registers it now; none: it was reported
  bool lease = false;
  Doubter* doubter = nullptr;
  Halt halt = {};
};

Registrar::Doubter::~Doubter() {
  if (waiting) {
    delete doubt;
    return;
  }
  if (!doubt) return;
  doubt->doubter = nullptr;
  doubt->halt.halt(ctx().engine().cancel_error("nobody waits for it any more"));
}

Registrar::Registrar(LinkHost& host, Nursery& backstage)
    : host_(host),
      backstage_(backstage),
      endpoints_{{"register_actor", register_actor, this},
                 {"unregister_actor", unregister_actor, this},
                 {"find_actor", find_actor, this},
                 {"wait_for_actor", wait_for_actor, this},
                 {"get_registry", get_registry, this},
                 {"delete_addr", delete_addr, this},
                 {"watch_actors", watch_actors, this, wire::FuncType::asyncgen}},
      patrol_box_(host.engine().loop()) {}

const Endpoint* Registrar::find_endpoint(std::string_view func) const {
  for (const Endpoint& e : endpoints_)
    if (e.name == func) return &e;
  return nullptr;
}

// --- the table -----------------------------------------------------------------------------------------------------

Result<Done> Registrar::add_own(const Address& addr) {
  if (auto ok = addr.check_registrable(); !ok) return ok.failure();
  put(host_.self(), addr, nullptr).own = true;
  return Done{};
}

Table::Entry& Registrar::put(const ActorId& who, const Address& addr, PeerLink* lease) {
  // First, so that there is no entry that nobody looks after.
  if (!lease && !who.same_actor(host_.self())) patrol_if_needed();
  Table::Entry& entry = table_.add(who, addr);
  try {
    if (lease) table_.set_lease(entry, lease);
  } catch (const std::bad_alloc&) {
    remove(entry, addr);
    throw;
  }
  TRACTOR_LOG(kRuntime, "tractor.registry", "%s[%.6s] is at %s", who.name.c_str(), who.uuid.c_str(),
              addr.to_string().c_str());
  tell_waiters(entry.who.name);
  host_.engine().loop().post(changed_);
  return entry;
}

void Registrar::remove(const ActorId& who) {
  if (Table::Entry* entry = table_.by_uuid(who.uuid)) remove(*entry);
}

void Registrar::remove(Table::Entry& entry) {
  TRACTOR_LOG(kRuntime, "tractor.registry", "%s[%.6s] has left", entry.who.name.c_str(), entry.who.uuid.c_str());
  table_.remember_gone(!watchers_.empty());
  table_.remove(entry);
  host_.engine().loop().post(changed_);
}

void Registrar::remove(Table::Entry& entry, const Address& addr) {
  if (entry.addrs.size() == 1) return remove(entry);
  table_.remove(entry, addr);
  host_.engine().loop().post(changed_);
}

void Registrar::on_link_lost(const PeerLink& link) {
  while (Table::Entry* entry = table_.leased(link)) remove(*entry);
}

/// Whoever is told may leave, or make others leave.
void Registrar::tell_watchers() {
  List<Watcher, GuestTag> round;
  round.take(watchers_);
  while (Watcher* watcher = round.pop_front()) {
    watchers_.push_back(*watcher);
    watcher->catch_up();
  }
}

Table::Entry* Registrar::find(std::string_view name) const {
  const auto& named = table_.by_name(name);
  return named.empty() ? table_.by_uuid(name) : named.back();
}

PeerLink* Registrar::find_link(std::string_view name) const {
  const Table::Entry* entry = find(name);
  PeerLink* lease = entry ? entry->lease : nullptr;
  return lease && lease->is_open() && lease->peer().same_actor(entry->who) ? lease : nullptr;
}

/// Its owner, whoever registered it for as long as it is connected, and the registrar.
bool Registrar::may_change(const Table::Entry& entry, PeerLink& link) const {
  return link.peer().same_actor(entry.who) || entry.lease == &link || link.peer().same_actor(host_.self());
}

/// Why that peer may not add an address to the entry of `who`; null: it may.
ErrorRef Registrar::objection(const ActorId& who, const Address& addr, PeerLink& link) const {
  const Table::Entry* known = table_.by_uuid(who.uuid);
  if (!known) return {};
  if (!may_change(*known, link)) return strangers_error(link, known->who);
  if (known->who.name != who.name)
    return Error::of(
        Failure::of(Status::invalid, "this actor is registered as '" + known->who.name + "'", "ValueError"));
  if (known->addrs.size() >= kMostAddresses && table_.by_address(addr) != known)
    return Error::of(Failure::of(Status::invalid,
                                 known->who.name + " has " + std::to_string(kMostAddresses) + " addresses already",
                                 "ValueError"));
  return {};
}

// --- looking for itself --------------------------------------------------------------------------------------------

/// Somebody says that an entry is wrong: its task stays until that is known. Of each connection one is looked into at a
/// time, so that nobody can make the registrar knock at doors without end.
void Registrar::doubt(TaskContext& ctx, Doubt what) {
  auto kept = std::make_unique<Doubt>(std::move(what));
  auto& doubter = seat<Doubter>(ctx, "inquiry");
  doubter.doubt = kept.release();
  doubter.doubt->doubter = &doubter;
  doubter.waiting = true;
  for (Doubter* d = asking_.first(); d; d = asking_.after(*d))
    if (d->ctx().link() == ctx.link()) return queue_.push_back(doubter);
  inquire_for(doubter);
}

Registrar::Doubter* Registrar::next_of(const PeerLink& asker) {
  for (Doubter* d = queue_.first(); d; d = queue_.after(*d))
    if (d->ctx().link() == &asker) return d;
  return nullptr;
}

/// False: there was no memory for it, and its task has been told.
bool Registrar::inquire_for(Doubter& doubter) {
  asking_.push_back(doubter);
  doubter.waiting = false;
  try {
    find_out(doubter.doubt);  // which frees it
    return true;
  } catch (const std::bad_alloc&) {
    doubter.waiting = true;
    doubter.ctx().fail(Error::out_of_memory());
    doubter.leave();
    return false;
  }
}

Flow Registrar::find_out(Doubt* doubt) {
  backstage_.enter();
  Found found = Found::unreachable;
  try {
    found = co_await inquire(host_, doubt->addr, doubt->owner.uuid, doubt->halt);
    if (doubt->doubter) settle(*doubt, found);
  } catch (const std::bad_alloc&) {
    if (doubt->doubter) doubt->doubter->ctx().fail(Error::out_of_memory());
  }
  if (Doubter* doubter = std::exchange(doubt->doubter, nullptr)) {
    doubter->doubt = nullptr;
    doubter->leave();
  }
  Ref<PeerLink> asker = std::move(doubt->asker);
  delete doubt;
  while (Doubter* next = asker->is_open() ? next_of(*asker) : nullptr)
    if (inquire_for(*next)) break;
  backstage_.leave();
}

void Registrar::settle(Doubt& doubt, Found found) {
  TaskContext& ctx = doubt.doubter->ctx();
  if (ctx.cancel_called() || !ctx.link()->is_open()) return;
  // Meanwhile everything may have changed.
  Table::Entry* entry = table_.by_address(doubt.addr);
  const bool theirs = entry && entry->who.same_actor(doubt.owner);
  if (doubt.claims) {
    if (ErrorRef why = objection(*doubt.claims, doubt.addr, *ctx.link())) return ctx.fail(why);
    // Who listens there now is who lives there, and that it does is what it has just said. But who has just said something is
    // not silent: that is the owner, who is busy.
    if (entry && !entry->who.same_actor(*doubt.claims)) {
      if (!theirs || found == Found::them || found == Found::silent) return refuse_stranger(ctx, entry->who);
      remove(*entry, doubt.addr);
    }
    put(*doubt.claims, doubt.addr, doubt.lease ? ctx.link() : nullptr);
    ctx.answer(kNil);
  } else if (theirs && (found == Found::nobody || found == Found::others)) {
    remove(*entry, doubt.addr);
    answer(ctx, [&](wire::Packer& out) { pack_uid(out, doubt.owner); });
  } else {
    ctx.answer(kNil);
  }
}

void Registrar::patrol_if_needed() {
  if (!patrolling_ && !stopped_) patrol();
}

Flow Registrar::patrol() {
  struct Beat {
    std::string uuid;
    Address addr;
  };
  std::map<std::string, uint8_t> missed;  // how many rounds in a row there was no telling, by uuid and address
  patrolling_ = true;
  backstage_.enter();
  for (;;) {
    co_await patrol_box_.next(host_.engine().loop().after(kPatrol));
    if (stopped_) break;
    try {
      std::vector<Beat> beats;
      for (const auto& [number, entry] : table_.journal())
        if (!entry.lease && !entry.own)
          for (const Address& addr : entry.addrs) beats.push_back({entry.who.uuid, addr});
      if (beats.empty()) break;
      std::map<std::string, uint8_t> still;
      for (const Beat& beat : beats) {
        if (stopped_) break;
        Found found = co_await inquire(host_, beat.addr, beat.uuid, patrol_halt_);
        Table::Entry* entry = table_.by_address(beat.addr);
        if (stopped_ || !entry || entry->who.uuid != beat.uuid || entry->lease) continue;
        std::string key = beat.uuid + beat.addr.to_string();
        uint8_t misses = found == Found::unreachable ? static_cast<uint8_t>(missed[key] + 1) : 0;
        if (found == Found::nobody || found == Found::others || misses == kMisses)
          remove(*entry, beat.addr);
        else if (misses > 0)
          still[key] = misses;
      }
      missed = std::move(still);
    } catch (const std::bad_alloc&) {
      // The next round is another occasion.
    }
  }
  patrolling_ = false;
  backstage_.leave();
}

void Registrar::stop() {
  stopped_ = true;
  patrol_halt_.halt(host_.engine().cancel_error("the actor ends"));
  patrol_box_.put({});
}

// --- end points ----------------------------------------------------------------------------------------------------

void Registrar::register_actor(tractor_ctx* c, const tractor_value* args, void* self) {
  auto& registrar = *static_cast<Registrar*>(self);
  TaskContext& ctx = TaskContext::of(c);
  Args in(bytes_of(args));
  auto uid = in.uid("uid");
  if (!uid) return ctx.refuse(uid.failure());
  auto addr = in.address("addr");
  if (!addr) return ctx.refuse(addr.failure());
  if (auto ok = addr->check_registrable(); !ok) return ctx.fail(Error::of(ok.failure()));
  ActorId who = identity(*uid);
  if (auto ok = check_identity(who); !ok) return ctx.fail(Error::of(ok.failure()));
  const bool lease = in.flag("lease");
  if (ErrorRef why = registrar.objection(who, *addr, *ctx.link())) return ctx.fail(why);
  if (Table::Entry* owner = registrar.table_.by_address(*addr); owner && !owner->who.same_actor(who)) {
    if (owner->own) return refuse_stranger(ctx, owner->who);
    return registrar.doubt(ctx, {.asker = Ref<PeerLink>(ctx.link()),
                                 .addr = *addr,
                                 .owner = owner->who,
                                 .claims = std::move(who),
                                 .lease = lease});
  }
  registrar.put(who, *addr, lease ? ctx.link() : nullptr);
  ctx.answer(kNil);
}

void Registrar::unregister_actor(tractor_ctx* c, const tractor_value* args, void* self) {
  auto& registrar = *static_cast<Registrar*>(self);
  TaskContext& ctx = TaskContext::of(c);
  auto uid = Args(bytes_of(args)).uid("uid");
  if (!uid) return ctx.refuse(uid.failure());
  Table::Entry* entry = registrar.table_.by_uuid(uid->uuid);
  if (entry && !registrar.may_change(*entry, *ctx.link())) return refuse_stranger(ctx, entry->who);
  if (entry)
    registrar.remove(*entry);
  else
    TRACTOR_LOG(kRuntime, "tractor.registry", "%.*s was not registered", static_cast<int>(uid->name.size()),
                uid->name.data());
  ctx.answer(kNil);
}

void Registrar::find_actor(tractor_ctx* c, const tractor_value* args, void* self) {
  TaskContext& ctx = TaskContext::of(c);
  auto name = Args(bytes_of(args)).text("name");
  if (!name) return ctx.refuse(name.failure());
  const Table::Entry* entry = static_cast<Registrar*>(self)->find(*name);
  if (entry)
    answer(ctx, [&](wire::Packer& out) { pack_addresses(out, entry->addrs); });
  else
    ctx.answer(kNil);
}

/// The addresses of all actors of that name.
std::vector<Address> Registrar::find_all(std::string_view name) const {
  std::vector<Address> all;
  for (const Table::Entry* entry : table_.by_name(name))
    all.insert(all.end(), entry->addrs.begin(), entry->addrs.end());
  return all;
}

void Registrar::wait_for_actor(tractor_ctx* c, const tractor_value* args, void* self) {
  TaskContext& ctx = TaskContext::of(c);
  auto& registrar = *static_cast<Registrar*>(self);
  auto name = Args(bytes_of(args)).text("name");
  if (!name) return ctx.refuse(name.failure());
  if (registrar.table_.by_name(*name).empty())
    registrar.waiters_.push_back(seat<Waiter>(ctx, "wait_for_actor", std::string(*name)));
  else
    answer(ctx, [&](wire::Packer& out) { pack_addresses(out, registrar.find_all(*name)); });
}

void Registrar::tell_waiters(const std::string& name) {
  List<Waiter, GuestTag> round;
  round.take(waiters_);
  while (Waiter* waiter = round.pop_front()) {
    waiters_.push_back(*waiter);
    if (waiter->name != name) continue;
    try {
      answer(waiter->ctx(), [&](wire::Packer& out) { pack_addresses(out, find_all(name)); });
    } catch (const std::bad_alloc&) {
      waiter->ctx().fail(Error::out_of_memory());
    }
    waiter->leave();
  }
}

void Registrar::get_registry(tractor_ctx* c, const tractor_value*, void* self) {
  const Table& table = static_cast<Registrar*>(self)->table_;
  answer(TaskContext::of(c), [&](wire::Packer& out) {
    out.map(table.size());
    for (const auto& [number, entry] : table.journal()) {
      if (entry.gone()) continue;
      out.text(entry.who.name + "." + entry.who.uuid);
      pack_addresses(out, entry.addrs);
    }
  });
}

void Registrar::delete_addr(tractor_ctx* c, const tractor_value* args, void* self) {
  auto& registrar = *static_cast<Registrar*>(self);
  TaskContext& ctx = TaskContext::of(c);
  auto addr = Args(bytes_of(args)).address("addr");
  if (!addr) return ctx.refuse(addr.failure());
  Table::Entry* entry = registrar.table_.by_address(*addr);
  if (!entry || (entry->own && !registrar.may_change(*entry, *ctx.link()))) {
    ctx.answer(kNil);
  } else if (registrar.may_change(*entry, *ctx.link())) {
    ActorId who = entry->who;
    registrar.remove(*entry, *addr);
    answer(ctx, [&](wire::Packer& out) { pack_uid(out, who); });
  } else {
    registrar.doubt(ctx, {.asker = Ref<PeerLink>(ctx.link()), .addr = *addr, .owner = entry->who});
  }
}

void Registrar::watch_actors(tractor_ctx* c, const tractor_value* args, void* self) {
  auto& registrar = *static_cast<Registrar*>(self);
  TaskContext& ctx = TaskContext::of(c);
  Args in(bytes_of(args));
  std::string name;
  if (auto given = in.find("name"); given && *given != kNil) {
    auto text = in.text("name");
    if (!text) return ctx.refuse(text.failure());
    name = *text;
  }
  Stream* stream = nullptr;
  if (Status open = ctx.open_stream({}, stream); open != Status::ok)
    return ctx.fail(Error::of(open, "there is no stream to tell of it"));
  auto& watcher = seat<Watcher>(ctx, "watch_actors", registrar.table_, std::move(name), *stream->pipe());
  registrar.table_.remember_gone(true);
  registrar.watchers_.push_back(watcher);
  watcher.catch_up();
}

}  // namespace tractor::core
