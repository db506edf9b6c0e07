// The public root and spawn options, checked and copied into what the runtime works with.
#pragma once

#include <tractor/actor.h>
#include <tractor/nursery.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "runtime/config.hpp"

namespace tractor::core {

/// An array with a NULL at its end; NULL is an empty one.
Result<std::vector<std::string>> strings(const char* const* list, const char* field);
/// What an actor may be called: text that fits into a handshake with room to spare.
Result<Done> check_actor_name(std::string_view name, const char* field);
Result<RootConfig> read_root_options(const tractor_root_options* options);
/// Those of tractor_actor_boot(): what was settled when the actor was opened is refused.
Result<RootConfig> read_boot_options(const tractor_root_options* options);
Result<SpawnConfig> read_spawn_options(const tractor_spawn_options* options);

}  // namespace tractor::core
