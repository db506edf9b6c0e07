// Who is at the other end of a Unix socket, as the kernel tells it, and whether that is somebody to talk to.
#pragma once

#include <cstdint>

namespace tractor::core {

/// Of a listening peer: what it was when it began to listen. pid 0: it can't be seen from here.
struct PeerCredentials {
  int64_t pid = 0;
  int64_t uid = -1;
};
PeerCredentials peer_credentials(int fd);

/// This process's effective user, and root: whom the kernel doesn't keep from our memory, a check can't keep out.
/// Not the other way round: an actor of root trusts root alone.
bool is_trusted_user(int64_t uid);

}  // namespace tractor::core
