// What dialer, listener and transport share about sockets.
#pragma once

#include <cstdint>
#include <sys/socket.h>

namespace tractor::core {

/// A non-blocking, close-on-exec stream socket, or -1 with errno.
int open_socket(int family);

/// Who is at the other end of a Unix socket, by the kernel; pid 0 if it can't be seen from here.
struct PeerCredentials {
  int64_t pid = 0;
  int64_t uid = -1;
};
PeerCredentials peer_credentials(int fd);

void set_option(int fd, int level, int name, int value);

}  // namespace tractor::core
