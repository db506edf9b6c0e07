#include <tractor/actor.h>

#include "capi/guard.hpp"
#include "capi/reason.hpp"
#include "runtime/actor.hpp"
#include "wire/payload.hpp"
#include "wire/scratch.hpp"

using namespace tractor::core;

tractor_bytes tractor_get_runtime_vars(void) {
  const tractor_bytes none{kNil.data(), kNil.size()};
  return guarded_or(none, [] {
    const Actor* actor = Actor::current();
    Bytes all = scratch_copy(actor ? actor->vars().encode() : RuntimeVars().encode());
    return tractor_bytes{all.data(), all.size()};
  });
}

int tractor_set_runtime_vars(tractor_bytes vars, char* why, size_t why_size) {
  if (Status status = Owner::check(); status != Status::ok) return because("", status, why, why_size);
  try {
    Actor* actor = Actor::current();
    if (!actor) return because("there is no runtime", Status::runtime, why, why_size);
    auto map = check_payload({static_cast<const char*>(vars.data), vars.len}, kEmptyMap);
    if (!map) return because(map.failure(), why, why_size);
    auto set = actor->set_vars(*map);
    return set ? because("", Status::ok, why, why_size) : because(set.failure(), why, why_size);
  } catch (const std::bad_alloc&) {
    return because("", Status::no_memory, why, why_size);
  }
}
