#include "registry/registrar.hpp"

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

Bytes bytes_of(const tractor_value* args) { return from_c(args)->bytes(); }

template <class F>
void answer(TaskContext& ctx, F&& write) {
  OutBuffer out;
  wire::Packer pack(out);
  write(pack);
  ctx.answer(out.view());
}

ActorId identity(const wire::Uid& uid) { return {std::string(uid.name), std::string(uid.uuid), 0}; }

void refuse_stranger(TaskContext& ctx, const ActorId& owner) {
  ctx.fail(Error::of(Failure::of(
      Status::registry, ctx.link()->peer().name + " may not change the entry of " + owner.name, "PermissionError")));
}

}  // namespace

struct Registrar::Doubt {
  Address addr;
  ActorId owner;                       ///< whose entry it is in
  std::optional<ActorId> claims = {};  ///< who registers it now; none: it was reported
  bool lease = false;
  Doubter* doubter = nullptr;
  Halt halt = {};
};

Registrar::Doubter::~Doubter() {
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
  Table::Entry& entry = table_.add(who, addr);
  if (lease) table_.set_lease(entry, lease);
  entry.misses = 0;
  TRACTOR_LOG(kRuntime, "tractor.registry", "%s[%.6s] is at %s", who.name.c_str(), who.uuid.c_str(),
              addr.to_string().c_str());
  if (!entry.lease && !entry.own) patrol_if_needed();
  tell_waiters(who.name);
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

// --- looking for itself --------------------------------------------------------------------------------------------

/// Somebody says that an entry is wrong: its task stays until that is known.
void Registrar::doubt(TaskContext& ctx, Doubt what) {
  auto kept = std::make_unique<Doubt>(std::move(what));
  auto& doubter = seat<Doubter>(ctx, "inquiry");
  doubter.doubt = kept.get();
  kept->doubter = &doubter;
  try {
    find_out(kept.get());
  } catch (const std::bad_alloc&) {
    doubter.doubt = nullptr;
    doubter.leave();
    throw;
  }
  std::ignore = kept.release();  // the flow frees it
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
  delete doubt;
  backstage_.leave();
}

void Registrar::settle(Doubt& doubt, Found found) {
  TaskContext& ctx = doubt.doubter->ctx();
  if (ctx.cancel_called() || !ctx.link()->is_open()) return;
  // Meanwhile everything may have changed.
  Table::Entry* entry = table_.by_address(doubt.addr);
  const bool theirs = entry && entry->who.same_actor(doubt.owner);
  if (doubt.claims) {
    // Who listens there now is who lives there, and that it does is what it has just said.
    if (entry && !entry->who.same_actor(*doubt.claims)) {
      if (!theirs || found == Found::them) return refuse_stranger(ctx, entry->who);
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
      for (Beat& beat : beats)
        if (!stopped_) co_await look_after(std::move(beat.uuid), std::move(beat.addr));
    } catch (const std::bad_alloc&) {
      // The next round is another occasion.
    }
  }
  patrolling_ = false;
  backstage_.leave();
}

Task<Done> Registrar::look_after(std::string uuid, Address addr) {
  Found found = co_await inquire(host_, addr, uuid, patrol_halt_);
  Table::Entry* entry = table_.by_address(addr);
  if (stopped_ || !entry || entry->who.uuid != uuid || entry->lease) co_return Done{};
  if (found == Found::them) entry->misses = 0;
  if (found == Found::nobody || found == Found::others || (found == Found::unreachable && ++entry->misses == kMisses))
    remove(*entry, addr);
  co_return Done{};
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
  const bool lease = in.flag("lease");
  if (Table::Entry* known = registrar.table_.by_uuid(who.uuid); known && !registrar.may_change(*known, *ctx.link()))
    return refuse_stranger(ctx, known->who);
  if (Table::Entry* owner = registrar.table_.by_address(*addr); owner && !owner->who.same_actor(who)) {
    if (owner->own) return refuse_stranger(ctx, owner->who);
    return registrar.doubt(ctx, {.addr = *addr, .owner = owner->who, .claims = std::move(who), .lease = lease});
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
    registrar.doubt(ctx, {.addr = *addr, .owner = entry->who});
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
