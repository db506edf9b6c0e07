// Which of an actor's addresses to try first.
#pragma once

#include <vector>

#include "ipc/address.hpp"

namespace tractor::core {

/// Unix sockets, then TCP on this machine (loopback, or an address of one of its interfaces), then the rest; of each kind the
/// last one first.
void sort_nearest_first(std::vector<Address>& addrs);

}  // namespace tractor::core
