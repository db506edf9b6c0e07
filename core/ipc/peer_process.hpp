// Whose end of a TCP connection on this machine that is; the kernel tells it unasked only for Unix sockets.
#pragma once

#include <cstdint>

#include "ipc/transport.hpp"

namespace tractor::core {

/// The inode of the socket at the other end; 0 if it is not on this machine, closed already, or not to be known.
uint64_t peer_socket(const Transport& transport);

/// Is the socket with that inode open in that process?
bool holds_socket(int64_t pid, uint64_t inode);

}  // namespace tractor::core
