// What a registrar knows.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "command/session.hpp"

namespace tractor::command {

struct Entry {
  std::string name, uuid;
  std::vector<std::string> addresses;  ///< multiaddrs
};

/// An address as registrars have it, `[host, port]` or `[directory, file]`, as multiaddr.
std::string multiaddr(tractor_reader* reader);

/// All that are registered, in the order of their registration.
void list_actors(Session& session, tractor_portal* registrar, std::function<void(std::vector<Entry>)> then);

}  // namespace tractor::command
