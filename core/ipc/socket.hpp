// What dialer, listener and transport share about sockets.
#pragma once

namespace tractor::core {

/// A non-blocking, close-on-exec stream socket, or -1 with errno.
int open_socket(int family);

void set_option(int fd, int level, int name, int value);

}  // namespace tractor::core
