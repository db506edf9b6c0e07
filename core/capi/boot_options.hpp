// The public root and spawn options, checked and copied into what the runtime works with.
#pragma once

#include <tractor/actor.h>
#include <tractor/nursery.h>

#include "base/result.hpp"
#include "runtime/config.hpp"

namespace tractor::core {

Result<RootConfig> read_root_options(const tractor_root_options* options);
Result<SpawnConfig> read_spawn_options(const tractor_spawn_options* options);

}  // namespace tractor::core
