#include <tractor/nursery.h>

#include <sched.h>

#include "capi/boot_options.hpp"
#include "capi/call_options.hpp"
#include "capi/guard.hpp"
#include "capi/options.hpp"
#include "runtime/actor.hpp"
#include "runtime/cluster.hpp"
#include "runtime/start.hpp"
#include "runtime/threads.hpp"
#include "scope/basic_ops.hpp"
#include "wire/payload.hpp"

using namespace tractor::core;

namespace {

Result<NurseryOptions> read_nursery_options(const tractor_nursery_options* options) {
  auto read = read_options(options, sizeof(tractor_nursery_options), "tractor_nursery_options");
  if (!read) return read.failure();
  const tractor_nursery_options& o = *read;
  constexpr uint32_t kKnown = TRACTOR_NURSERY_SHIELD | TRACTOR_NURSERY_CANCEL_DAEMONS | TRACTOR_NURSERY_HARD_KILL;
  if (auto ok = check_flags(o.flags, kKnown, "tractor_nursery_options.flags"); !ok) return ok.failure();
  if (auto ok = check_reserved(o.reserved0, "tractor_nursery_options.reserved0"); !ok) return ok.failure();
  for (auto [value, field] : {std::pair{o.timeout_ns, "timeout_ns"},
                              {o.cancel_timeout_ns, "cancel_timeout_ns"},
                              {o.kill_timeout_ns, "kill_timeout_ns"}})
    if (value < 0)
      return Failure::of(Status::invalid, std::string("tractor_nursery_options.") + field + " is negative",
                         "ValueError");
  bool shield = (o.flags & TRACTOR_NURSERY_SHIELD) != 0;
  if (shield && (o.timeout_ns == 0 || o.timeout_ns == TRACTOR_FOREVER))
    return Failure::of(Status::invalid, "a shielded nursery needs tractor_nursery_options.timeout_ns", "ValueError");
  return NurseryOptions{.name = text_or(o.name, ""),
                        .timeout = o.timeout_ns,
                        .shield = shield,
                        .cancel_daemons = (o.flags & TRACTOR_NURSERY_CANCEL_DAEMONS) != 0,
                        .hard_kill = (o.flags & TRACTOR_NURSERY_HARD_KILL) != 0,
                        .cancel_timeout = o.cancel_timeout_ns,
                        .kill_timeout = o.kill_timeout_ns};
}

template <class F>
int on_live(tractor_nursery* nursery, F&& body) {
  return guarded<int>([&] {
    Nursery* n = live(nursery);
    return n ? static_cast<int>(body(*n)) : TRACTOR_ECLOSED;
  });
}

/// A start in `in`: a token, or why there is nobody to tell.
template <class F>
tractor_op start_in(tractor_nursery* in, F&& body) {
  return guarded<tractor_op>([&]() -> tractor_op {
    Nursery* n = live(in);
    return n ? body(*n) : static_cast<tractor_op>(TRACTOR_ECLOSED);
  });
}

/// Who waits for a child that `owner` is to have.
Nursery& waiting_nursery(Nursery& owner, const tractor_spawn_options* options) {
  if (!options || options->struct_size <= offsetof(tractor_spawn_options, wait_in)) return owner;
  Nursery* waiting = live(options->wait_in);
  for (Nursery* n = waiting; n; n = n->parent())
    if (n == &owner) return *waiting;
  return owner;
}

/// The error has a receiver like any other; what the caller goes on to use is dead.
tractor_nursery* refused(Nursery& parent, const Failure& why, tractor_done_fn fn, void* user) {
  UserNursery::open(parent, {}, fn, user)->fail(Error::of(why));
  return dead_nursery();
}

/// Of this process, which may have been told to use some of them only.
uint32_t usable_processors() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<uint32_t>(CPU_COUNT(&set)) : 1;
}

Result<Cluster::Config> read_cluster_options(const Actor& actor, const tractor_cluster_options* options) {
  auto read = read_options(options, sizeof(tractor_cluster_options), "tractor_cluster_options");
  if (!read) return read.failure();
  const tractor_cluster_options& o = *read;
  if (auto ok = check_flags(o.flags, TRACTOR_NURSERY_HARD_KILL, "tractor_cluster_options.flags"); !ok)
    return ok.failure();
  constexpr uint32_t kMostActors = 65536;
  if (o.count > kMostActors)
    return Failure::of(Status::invalid, "tractor_cluster_options.count is too large", "ValueError");
  auto spawn = read_spawn_options(o.spawn);
  if (!spawn) return spawn.failure();
  Cluster::Config c{.names = {}, .spawn = std::move(*spawn), .hard_kill = (o.flags & TRACTOR_NURSERY_HARD_KILL) != 0};
  uint32_t count = o.count ? o.count : usable_processors();
  for (uint32_t i = 0; i < count; ++i) {
    if (o.names && (!o.names[i] || !*o.names[i]))
      return Failure::of(Status::invalid, "tractor_cluster_options.names[" + std::to_string(i) + "] is empty",
                         "ValueError");
    c.names.push_back(o.names ? o.names[i] : actor.self().name + ".worker_" + std::to_string(i));
    if (auto ok = check_actor_name(c.names.back(), "a name in tractor_cluster_options"); !ok) return ok.failure();
  }
  return c;
}

Tokened* find(tractor_actor* actor, tractor_op op) {
  return actor && !from_c(actor)->ended() ? from_c(actor)->engine().tokens().find(op) : nullptr;
}

}  // namespace

tractor_nursery* tractor_nursery_open(tractor_nursery* parent, const tractor_nursery_options* options,
                                      tractor_done_fn fn, void* user) {
  return guarded_or(dead_nursery(), [&] {
    Nursery* p = live(parent);
    if (!p) return dead_nursery();
    auto read = read_nursery_options(options);
    if (!read) return refused(*p, read.failure(), fn, user);
    return to_c(static_cast<Nursery*>(UserNursery::open(*p, std::move(*read), fn, user)));
  });
}

tractor_nursery* tractor_nursery_open_actor_cluster(tractor_nursery* parent, const tractor_cluster_options* options,
                                                    tractor_cluster_fn body, tractor_done_fn fn, void* user) {
  return guarded_or(dead_nursery(), [&] {
    Nursery* p = live(parent);
    if (!p) return dead_nursery();
    auto config = read_cluster_options(*Actor::current(), options);
    if (!config) return refused(*p, config.failure(), fn, user);
    return to_c(Cluster::open(*Actor::current(), *p, std::move(*config), body, fn, user));
  });
}

void tractor_nursery_close(tractor_nursery* nursery) {
  on_live(nursery, [](Nursery& n) {
    n.close();
    return TRACTOR_OK;
  });
}

int tractor_nursery_cancel(tractor_nursery* nursery, const char* reason) {
  return on_live(nursery, [&](Nursery& n) { return n.cancel(text_view(reason)) ? TRACTOR_OK : TRACTOR_EALREADY; });
}

int tractor_nursery_cancel_hard(tractor_nursery* nursery, const char* reason) {
  return on_live(nursery, [&](Nursery& n) { return n.cancel_hard(text_view(reason)) ? TRACTOR_OK : TRACTOR_EALREADY; });
}

int tractor_nursery_fail(tractor_nursery* nursery, const tractor_error* err) {
  return on_live(nursery, [&](Nursery& n) {
    if (!err) return TRACTOR_EINVAL;
    n.fail(ErrorRef(from_c(err)));
    return TRACTOR_OK;
  });
}

int tractor_nursery_set_timeout(tractor_nursery* nursery, int64_t from_now_ns) {
  return on_live(nursery, [&](Nursery& n) {
    bool none = from_now_ns == 0 || from_now_ns == TRACTOR_FOREVER;
    if (from_now_ns < 0 || (none && n.options().shield)) return TRACTOR_EINVAL;
    n.set_deadline(from_now_ns);
    return TRACTOR_OK;
  });
}

tractor_op tractor_nursery_op(tractor_nursery* nursery) {
  return start_in(nursery, [](Nursery& n) -> tractor_op {
    if (!n.opened_by_program()) return TRACTOR_EINVAL;
    return n.end_token();
  });
}

int tractor_nursery_on_end(tractor_nursery* nursery, tractor_done_fn fn, void* user) {
  return on_live(nursery, [&](Nursery& n) {
    if (!fn) return TRACTOR_EINVAL;
    n.on_end(fn, user);
    return TRACTOR_OK;
  });
}

void* tractor_nursery_alloc(tractor_nursery* nursery, size_t size) {
  return guarded_or(static_cast<void*>(nullptr), [&] {
    Nursery* n = live(nursery);
    return n ? n->alloc(size) : nullptr;
  });
}

bool tractor_nursery_cancel_called(const tractor_nursery* nursery) {
  return guarded_or(false, [&] { return nursery && from_c(nursery)->cancel_called(); });
}

const bool* tractor_nursery_stop_flag(const tractor_nursery* nursery) {
  return guarded_or(static_cast<const bool*>(nullptr), [&] { return nursery ? &from_c(nursery)->stopped() : nullptr; });
}

bool tractor_nursery_cancelled_caught(const tractor_nursery* nursery) {
  return guarded_or(false, [&] { return nursery && from_c(nursery)->cancelled_caught(); });
}

tractor_actor* tractor_nursery_actor(tractor_nursery* nursery) {
  return guarded_or(static_cast<tractor_actor*>(nullptr),
                    [&] { return live(nursery) ? to_c(Actor::current()) : nullptr; });
}

tractor_nursery* tractor_nursery_ref(tractor_nursery* nursery) {
  if (nursery) from_c(nursery)->ref();
  return nursery;
}

void tractor_nursery_unref(tractor_nursery* nursery) {
  if (nursery) from_c(nursery)->unref();
}

// --- operations ----------------------------------------------------------------------------------------------------

int tractor_op_cancel(tractor_actor* actor, tractor_op op) {
  return guarded<int>([&] {
    Tokened* t = find(actor, op);
    if (!t) return TRACTOR_ECLOSED;
    t->token_cancel();
    return TRACTOR_OK;
  });
}

int tractor_op_abandon(tractor_actor* actor, tractor_op op) {
  return guarded<int>([&] {
    Tokened* t = find(actor, op);
    return t && t->token_abandon() ? TRACTOR_OK : TRACTOR_ECLOSED;
  });
}

tractor_op tractor_nursery_hold(tractor_nursery* nursery, const char* what, tractor_cancel_fn on_cancel, void* user) {
  return start_in(nursery, [&](Nursery& n) { return HoldOp::start(n, what, on_cancel, user); });
}

int tractor_op_complete(tractor_actor* actor, tractor_op hold, const tractor_error* err) {
  return guarded<int>([&] {
    Tokened* t = find(actor, hold);
    if (!t) return TRACTOR_ECLOSED;
    return t->token_complete(ErrorRef(from_c(err))) ? TRACTOR_OK : TRACTOR_EINVAL;
  });
}

tractor_op tractor_nursery_sleep(tractor_nursery* in, int64_t ns, tractor_done_fn fn, void* user) {
  return start_in(in, [&](Nursery& n) { return SleepOp::start(n, ns, fn, user); });
}

tractor_op tractor_nursery_run_in_thread(tractor_nursery* in, tractor_work_fn work, tractor_done_fn fn, void* user) {
  return start_in(in, [&](Nursery& n) -> tractor_op {
    if (!work) return TRACTOR_EINVAL;
    return ThreadOp::start(Actor::current()->threads(), n, work, fn, user);
  });
}

// --- children ------------------------------------------------------------------------------------------------------

tractor_op tractor_nursery_start_actor(tractor_nursery* in, const char* name, const tractor_spawn_options* options,
                                       tractor_portal_fn fn, void* user) {
  return start_in(in, [&](Nursery& n) {
    ErrorRef bad;
    auto config = read_spawn_options(options);
    if (!config) note(bad, config.failure());
    if (!name || !*name)
      note(bad, Failure::of(Status::invalid, "a child needs a name", "ValueError"));
    else if (auto ok = check_actor_name(name, "the child's name"); !ok)
      note(bad, ok.failure());
    if (options && config && !config->name.empty())
      note(bad, Failure::of(Status::invalid, "tractor_spawn_options.name: the child has a name", "ValueError"));
    return StartOp::start(*Actor::current(), n, waiting_nursery(n, options), text_or(name, ""),
                          config ? std::move(*config) : SpawnConfig{}, bad, fn, user);
  });
}

tractor_op tractor_nursery_run_in_actor(tractor_nursery* in, const char* module, const char* func, tractor_bytes args,
                                        const tractor_spawn_options* options, tractor_value_fn fn, void* user) {
  return start_in(in, [&](Nursery& n) {
    ErrorRef bad;
    auto config = read_spawn_options(options);
    if (!config) note(bad, config.failure());
    auto kwargs = check_arguments({static_cast<const char*>(args.data), args.len});
    if (!kwargs) note(bad, kwargs.failure());
    if (auto ok = check_endpoint_name(module, func); !ok)
      note(bad, ok.failure());
    else if (ok = check_actor_name(config && !config->name.empty() ? config->name : func,
                                   "the endpoint's name, which is also the child's,");
             !ok)
      note(bad, ok.failure());
    SpawnConfig c = config ? std::move(*config) : SpawnConfig{};
    bool enabled = false;
    for (const ModuleSpec& m : c.modules) enabled = enabled || m.name == text_or(module, "");
    if (!enabled) c.modules.push_back({text_or(module, ""), {}});
    return OneShotOp::start(*Actor::current(), n, waiting_nursery(n, options), text_or(module, ""), text_or(func, ""),
                            kwargs ? *kwargs : kEmptyMap, std::move(c), bad, fn, user);
  });
}
