// What the program may set the runtime variables to.
#pragma once

#include "base/result.hpp"
#include "runtime/vars.hpp"

namespace tractor::core {

/// `map` is exactly one value. The failure names the first key that can't have its value, and why; keys that are the program's
/// own may have any.
Result<Done> check_vars(Bytes map, const RuntimeVars& now);

}  // namespace tractor::core
