#include "ipc/credentials.hpp"

#include <sys/socket.h>
#include <unistd.h>

namespace tractor::core {

PeerCredentials peer_credentials(int fd) {
  ucred cred;
  socklen_t n = sizeof cred;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0) return {};
  return {cred.pid, cred.uid};
}

bool is_trusted_user(int64_t uid) { return uid == geteuid() || uid == 0; }

}  // namespace tractor::core
