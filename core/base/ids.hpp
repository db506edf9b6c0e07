// Who is who: actor identities and uuids.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ref.hpp"

namespace tractor::core {

constexpr size_t kUuidLength = 36;

/// Writes a fresh random (version 4) uuid in its usual lower-case text form: 36 characters, no terminator. Takes no
/// system call but for the seed; a forked process draws from its own seed.
void make_uuid(char out[kUuidLength]);
std::string make_uuid();
/// What this thread draws from here on follows from `seed` alone: for simulations, which must repeat.
void seed_uuids(uint64_t seed);

/// The identity of one actor. Two identities are the same actor if their uuids are equal.
struct ActorId {
  std::string name;
  std::string uuid;
  int64_t pid = 0;  ///< 0: not known

  bool same_actor(const ActorId& o) const { return uuid == o.uuid; }
  bool empty() const { return name.empty() && uuid.empty(); }
};

}  // namespace tractor::core
