#include <tractor/actor.h>

#include "base/log.hpp"
#include "capi/boot_options.hpp"
#include "capi/guard.hpp"
#include "capi/options.hpp"
#include "runtime/actor.hpp"
#include "runtime/modules.hpp"
#include "wire/scratch.hpp"
#include "wire/value.hpp"

using namespace tractor::core;

namespace {

/// A code does not say which option it is about, and there is nobody yet to hand an error to.
int not_opened(const Failure& why) {
  const int code = static_cast<int>(why.code);
  TRACTOR_LOG(kError, "tractor", "no root was opened: %s",
              why.message.empty() ? tractor_strerror(code) : why.message.c_str());
  return code;
}

/// One of an actor's addresses.
const char* nth(tractor_actor* actor, size_t index, const std::vector<std::string>& (Actor::*texts)() const) {
  return guarded_or(static_cast<const char*>(nullptr), [&]() -> const char* {
    if (!actor) return nullptr;
    const std::vector<std::string>& all = (from_c(actor)->*texts)();
    return index < all.size() ? all[index].c_str() : nullptr;
  });
}

}  // namespace

int tractor_register(const char* module, const tractor_endpoint* list, void* user) {
  try {
    if (!list) return TRACTOR_EINVAL;
    size_t count = 0;
    while (list[count].name) ++count;
    return static_cast<int>(Modules::add(module, list, count, user));
  } catch (const std::bad_alloc&) {
    return TRACTOR_ENOMEM;
  }
}

int tractor_register_endpoint(const char* module, const tractor_endpoint* endpoint, void* user,
                              tractor_release_fn release) {
  try {
    if (!endpoint) return TRACTOR_EINVAL;
    return static_cast<int>(Modules::add_owned(module, *endpoint, user, release));
  } catch (const std::bad_alloc&) {
    return TRACTOR_ENOMEM;
  }
}

int tractor_actor_open(const tractor_root_options* options, tractor_root_fn body, tractor_done_fn on_end, void* user,
                       tractor_actor** out) {
  try {
    auto config = read_root_options(options);
    if (!config) return not_opened(config.failure());
    if (!out) return TRACTOR_EINVAL;
    if (Owner::forked()) return TRACTOR_EFORKED;
    auto actor = Actor::open_root(std::move(*config), false, body, on_end, user);
    if (!actor) return not_opened(actor.failure());
    *out = to_c(*actor);
    return TRACTOR_OK;
  } catch (const std::bad_alloc&) {
    return TRACTOR_ENOMEM;
  }
}

tractor_op tractor_actor_boot(tractor_nursery* in, const tractor_root_options* options, tractor_done_fn fn,
                              void* user) {
  return guarded<tractor_op>([&]() -> tractor_op {
    if (!in) return Actor::current() ? TRACTOR_EINVAL : TRACTOR_ERUNTIME;
    Nursery* n = live(in);
    if (!n) return TRACTOR_ECLOSED;
    ErrorRef bad;
    std::optional<RootConfig> config;
    if (options) {
      auto read = read_boot_options(options);
      if (read)
        config = std::move(*read);
      else
        note(bad, read.failure());
    }
    return BootOp::start(*Actor::current(), *n, std::move(config), bad, fn, user);
  });
}

bool tractor_actor_has_runtime(tractor_actor* actor) {
  return guarded_or(false, [&] { return actor && from_c(actor)->has_runtime(); });
}

void tractor_actor_close(tractor_actor* actor) {
  if (!actor) return;
  guarded<int>([&] {
    from_c(actor)->close();
    return 0;
  });
}

int tractor_actor_on_exit(tractor_actor* actor, tractor_exit_fn fn, void* user) {
  if (!actor) return TRACTOR_ECLOSED;
  return guarded<int>([&] {
    if (from_c(actor)->past_exit()) return TRACTOR_ECLOSED;
    if (!fn) return TRACTOR_EINVAL;
    from_c(actor)->on_exit(fn, user);
    return TRACTOR_OK;
  });
}

void tractor_actor_cancel_soon(tractor_actor* actor) {
  if (!actor) return;
  guarded<int>([&] {
    from_c(actor)->cancel_soon();
    return 0;
  });
}

bool tractor_actor_cancel_called(tractor_actor* actor) {
  return guarded_or(false, [&] { return actor && from_c(actor)->canceller(); });
}

const tractor_id* tractor_actor_cancel_caller(tractor_actor* actor) {
  return guarded_or(static_cast<const tractor_id*>(nullptr),
                    [&] { return actor ? from_c(actor)->canceller() : nullptr; });
}

int tractor_actor_run(tractor_actor* actor) {
  if (!actor) return TRACTOR_EINVAL;
  if (Owner::forked()) return TRACTOR_EFORKED;
  return static_cast<int>(from_c(actor)->run());
}

int tractor_actor_post(tractor_actor* actor, tractor_done_fn fn, void* user) {
  if (!actor || !fn) return TRACTOR_EINVAL;
  if (Owner::forked()) return TRACTOR_EFORKED;
  try {
    return static_cast<int>(from_c(actor)->post(fn, user));
  } catch (const std::bad_alloc&) {
    return TRACTOR_ENOMEM;
  }
}

tractor_nursery* tractor_actor_nursery(tractor_actor* actor) {
  return guarded_or(dead_nursery(), [&] {
    Actor* a = from_c(actor);
    // A child is asked things while it boots, but only from when it has an address can it have children.
    bool soon = !a || (a->booting() && a->addresses().empty());
    return !soon && a->main() ? to_c(a->main()) : dead_nursery();
  });
}

tractor_actor* tractor_current_actor(void) {
  return guarded_or(static_cast<tractor_actor*>(nullptr), [] { return to_c(Actor::current()); });
}

bool tractor_is_root_process(void) {
  return guarded_or(false, [] { return Actor::current() && Actor::current()->is_root(); });
}

const tractor_id* tractor_actor_id(tractor_actor* actor) {
  static const tractor_id nobody{"", "", 0};
  return actor ? &from_c(actor)->c_id() : &nobody;
}

bool tractor_actor_is_root(tractor_actor* actor) { return actor && from_c(actor)->is_root(); }

bool tractor_actor_is_registrar(tractor_actor* actor) {
  return guarded_or(false, [&] { return actor && from_c(actor)->is_registrar(); });
}

tractor_portal* tractor_actor_self(tractor_actor* actor) {
  static Portal* dead = Portal::dead();  // needs no memory
  return guarded_or(to_c(dead), [&] {
    Portal* self = actor ? from_c(actor)->self_portal() : nullptr;
    return to_c(self ? self : dead);
  });
}

tractor_portal* tractor_actor_parent(tractor_actor* actor) {
  return guarded_or(static_cast<tractor_portal*>(nullptr),
                    [&] { return to_c(actor ? from_c(actor)->parent_portal() : nullptr); });
}

const char* tractor_actor_address(tractor_actor* actor, size_t index) {
  return nth(actor, index, &Actor::address_texts);
}

const char* tractor_actor_registry_address(tractor_actor* actor, size_t index) {
  return nth(actor, index, &Actor::registry_texts);
}

tractor_bytes tractor_actor_stats(tractor_actor* actor) {
  return guarded_or(tractor_bytes{kNil.data(), kNil.size()}, [&] {
    OutBuffer out;
    if (!actor || from_c(actor)->ended()) return tractor_bytes{kNil.data(), kNil.size()};
    from_c(actor)->pack_stats(out);
    Bytes all = scratch_copy(out.view());
    return tractor_bytes{all.data(), all.size()};
  });
}

tractor_actor* tractor_actor_ref(tractor_actor* actor) {
  if (actor) from_c(actor)->ref();
  return actor;
}

void tractor_actor_unref(tractor_actor* actor) {
  if (actor) from_c(actor)->unref();
}
