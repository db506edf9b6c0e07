#include "registry/registrar.hpp"

#include <algorithm>
#include <new>

#include "base/log.hpp"
#include "rpc/args.hpp"
#include "scope/basic_ops.hpp"
#include "wire/value.hpp"

namespace tractor::core {

namespace {

Bytes bytes_of(const tractor_value* args) { return from_c(args)->bytes(); }

template <class F>
void answer(TaskContext& ctx, F&& write) {
  OutBuffer out;
  wire::Packer pack(out);
  write(pack);
  ctx.answer(out.view());
}

void pack_addresses(wire::Packer& out, const std::vector<Address>& addrs) {
  out.array(addrs.size());
  for (const Address& a : addrs) pack_address(out, a);
}

}  // namespace

Registrar::Registrar()
    : endpoints_{{"register_actor", register_actor, this}, {"unregister_actor", unregister_actor, this},
                 {"find_actor", find_actor, this},         {"wait_for_actor", wait_for_actor, this},
                 {"get_registry", get_registry, this},     {"delete_addr", delete_addr, this}} {}

const Endpoint* Registrar::find_endpoint(std::string_view func) const {
  for (const Endpoint& e : endpoints_)
    if (e.name == func) return &e;
  return nullptr;
}

// --- the table -----------------------------------------------------------------------------------------------------

Result<Done> Registrar::add(const ActorId& who, const Address& addr) {
  if (auto ok = addr.check_registrable(); !ok) return ok.failure();
  // An address has one owner: who binds it now is who lives there now.
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    auto at = std::find(it->addrs.begin(), it->addrs.end(), addr);
    if (at == it->addrs.end()) continue;
    if (it->who.same_actor(who)) return Done{};
    it->addrs.erase(at);
    if (it->addrs.empty()) entries_.erase(it);
    break;
  }
  auto mine = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.who.same_actor(who); });
  if (mine == entries_.end())
    entries_.push_back(Entry{who, {addr}});
  else
    mine->addrs.push_back(addr);
  wake(who.name);
  TRACTOR_LOG(kRuntime, "tractor.registry", "%s[%.6s] is at %s", who.name.c_str(), who.uuid.c_str(),
              addr.to_string().c_str());
  return Done{};
}

bool Registrar::remove(const ActorId& who) {
  return entries_.remove_if([&](const Entry& e) { return e.who.same_actor(who); }) > 0;
}

std::vector<Address> Registrar::find(std::string_view name) const {
  for (auto it = entries_.rbegin(); it != entries_.rend(); ++it)
    if (it->who.name == name || it->who.uuid == name) return it->addrs;
  return {};
}

std::vector<Address> Registrar::find_all(std::string_view name) const {
  std::vector<Address> all;
  for (const Entry& e : entries_)
    if (e.who.name == name) all.insert(all.end(), e.addrs.begin(), e.addrs.end());
  return all;
}

void Registrar::wake(const std::string& name) {
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    if (it->name != name) {
      ++it;
      continue;
    }
    Waiter waiter = std::move(*it);
    it = waiters_.erase(it);
    try {
      answer(*waiter.ctx, [&](wire::Packer& out) { pack_addresses(out, find_all(name)); });
    } catch (const std::bad_alloc&) {
      waiter.ctx->fail(Error::out_of_memory());
    }
    if (Tokened* hold = waiter.ctx->engine().tokens().find(waiter.hold)) hold->token_complete({});
  }
}

void Registrar::forget_waiter(TaskContext* ctx) {
  auto it = std::find_if(waiters_.begin(), waiters_.end(), [&](const Waiter& w) { return w.ctx == ctx; });
  if (it == waiters_.end()) return;
  OpToken hold = it->hold;
  waiters_.erase(it);
  if (Tokened* t = ctx->engine().tokens().find(hold)) t->token_complete({});
}

// --- end points ----------------------------------------------------------------------------------------------------

void Registrar::register_actor(tractor_ctx* c, const tractor_value* args, void* self) {
  TaskContext& ctx = TaskContext::of(c);
  Args in(bytes_of(args));
  auto uid = in.uid("uid");
  if (!uid) return ctx.refuse(uid.failure());
  auto addr = in.address("addr");
  if (!addr) return ctx.refuse(addr.failure());
  auto done = static_cast<Registrar*>(self)->add({std::string(uid->name), std::string(uid->uuid), 0}, *addr);
  if (!done) return ctx.fail(Error::of(done.failure()));
  ctx.answer(kNil);
}

void Registrar::unregister_actor(tractor_ctx* c, const tractor_value* args, void* self) {
  TaskContext& ctx = TaskContext::of(c);
  auto uid = Args(bytes_of(args)).uid("uid");
  if (!uid) return ctx.refuse(uid.failure());
  if (!static_cast<Registrar*>(self)->remove({std::string(uid->name), std::string(uid->uuid), 0}))
    TRACTOR_LOG(kRuntime, "tractor.registry", "%.*s was not registered", static_cast<int>(uid->name.size()),
                uid->name.data());
  ctx.answer(kNil);
}

void Registrar::find_actor(tractor_ctx* c, const tractor_value* args, void* self) {
  TaskContext& ctx = TaskContext::of(c);
  auto name = Args(bytes_of(args)).text("name");
  if (!name) return ctx.refuse(name.failure());
  auto addrs = static_cast<Registrar*>(self)->find(*name);
  if (addrs.empty())
    ctx.answer(kNil);
  else
    answer(ctx, [&](wire::Packer& out) { pack_addresses(out, addrs); });
}

void Registrar::wait_for_actor(tractor_ctx* c, const tractor_value* args, void* self) {
  TaskContext& ctx = TaskContext::of(c);
  auto& registrar = *static_cast<Registrar*>(self);
  auto name = Args(bytes_of(args)).text("name");
  if (!name) return ctx.refuse(name.failure());
  auto addrs = registrar.find_all(*name);
  if (!addrs.empty()) return answer(ctx, [&](wire::Packer& out) { pack_addresses(out, addrs); });
  struct Waiting {
    Registrar* registrar;
    TaskContext* ctx;
  };
  auto* waiting = static_cast<Waiting*>(ctx.alloc(sizeof(Waiting)));
  *waiting = {&registrar, &ctx};
  // The list is written before the hold exists, so that a cancel that comes with it finds the entry.
  registrar.waiters_.push_back({std::string(*name), &ctx, 0});
  Waiter& waiter = registrar.waiters_.back();
  try {
    waiter.hold = HoldOp::start(
        ctx, "wait_for_actor",
        [](void* user) {
          auto* w = static_cast<Waiting*>(user);
          w->registrar->forget_waiter(w->ctx);
        },
        waiting);
  } catch (const std::bad_alloc&) {
    waiter.hold = static_cast<OpToken>(Status::no_memory);
  }
  if (waiter.hold < 0) {
    registrar.waiters_.pop_back();
    ctx.fail(Error::out_of_memory());
  }
}

void Registrar::get_registry(tractor_ctx* c, const tractor_value*, void* self) {
  auto& entries = static_cast<Registrar*>(self)->entries_;
  answer(TaskContext::of(c), [&](wire::Packer& out) {
    out.map(entries.size());
    for (const Entry& e : entries) {
      out.text(e.who.name + "." + e.who.uuid);
      pack_addresses(out, e.addrs);
    }
  });
}

void Registrar::delete_addr(tractor_ctx* c, const tractor_value* args, void* self) {
  TaskContext& ctx = TaskContext::of(c);
  auto addr = Args(bytes_of(args)).address("addr");
  if (!addr) return ctx.refuse(addr.failure());
  auto& entries = static_cast<Registrar*>(self)->entries_;
  for (auto it = entries.begin(); it != entries.end(); ++it) {
    auto at = std::find(it->addrs.begin(), it->addrs.end(), *addr);
    if (at == it->addrs.end()) continue;
    ActorId who = it->who;
    it->addrs.erase(at);
    if (it->addrs.empty()) entries.erase(it);
    return answer(ctx, [&](wire::Packer& out) { pack_uid(out, who); });
  }
  ctx.answer(kNil);
}

}  // namespace tractor::core
