// Socket files that the dead have left behind.
#pragma once

#include <string>
#include <vector>

namespace tractor::command {

/// Where the actors of this user have their sockets unless they were told otherwise.
std::string runtime_directory();

/// The sockets of this user in a directory at which nobody listens, and whose process, which stands in their name, is dead.
/// Registries, which have a port in its place, only if `registries`.
std::vector<std::string> stale_sockets(const std::string& directory, bool registries);

/// The name of the actor in the path of its socket.
std::string actor_of_socket(const std::string& path);

/// Looks again, and removes it: never one at which somebody has begun to listen meanwhile.
bool remove_stale(const std::string& path, bool registries);

}  // namespace tractor::command
