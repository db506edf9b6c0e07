// How far away an address is, and which of an actor's to try first.
#pragma once

#include <vector>

#include "ipc/address.hpp"

namespace tractor::core {

/// Unix sockets, then TCP on this machine (loopback, or an address of one of its interfaces), then the rest; of each kind the
/// last one first.
void sort_nearest_first(std::vector<Address>& addrs);

/// A listener here could be bound to it.
bool is_on_this_machine(const Address& addr);

}  // namespace tractor::core
