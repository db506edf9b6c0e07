// Finding out who lives at an address.
#pragma once

#include <string>

#include "rpc/ask.hpp"

namespace tractor::core {

enum class Found : uint8_t {
  them,         ///< who was looked for
  others,       ///< another actor
  nobody,       ///< nothing listens there, or no actor
  silent,       ///< somebody does, but did not say who
  unreachable,  ///< there is no telling
};

/// Why there was no connection: it is certain that nobody could have accepted one.
bool nobody_listens(const Failure& why);

/// Asks at `addr` whether the actor with that uuid lives there, by a probe, which no actor takes for a peer.
Task<Found> inquire(LinkHost& host, Address addr, std::string uuid, Halt& halt);

}  // namespace tractor::core
