// A table of where actors are to be, as a program has it in its configuration.
#pragma once

#include "base/buffer.hpp"
#include "base/result.hpp"

namespace tractor::core {

/// Appends the same table, its names and their order kept, with each address as multiaddr. `table` is one well-formed value.
/// The failure names the actor, the place in its list, and what is wrong there.
Result<Done> append_endpoints(Bytes table, OutBuffer& out);

}  // namespace tractor::core
