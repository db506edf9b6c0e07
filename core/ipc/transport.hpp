// A byte stream without its framing: a socket, or a pair of queues inside one process.
#pragma once

#include <memory>
#include <string>
#include <sys/uio.h>
#include <utility>

#include "base/result.hpp"
#include "ipc/address.hpp"
#include "loop/loop.hpp"

namespace tractor::core {

/// Non-blocking. Destroying it closes it. Handlers run from the loop, never inside a call; a handler may close or
/// destroy its transport.
class Transport {
 public:
  virtual ~Transport() = default;
  /// Bytes read, 0 at end of stream, or -errno (-EAGAIN: nothing now).
  virtual ssize_t read(void* to, size_t room) = 0;
  virtual ssize_t write(const iovec* parts, int count) = 0;
  /// Which readiness `handler` hears of.
  virtual void start(Loop& loop, FdHandler& handler, unsigned interest) = 0;
  virtual void want(unsigned interest) = 0;
  virtual void shutdown_write() = 0;
  virtual void close() = 0;  ///< reading and writing then answer -EBADF; the addresses stay
  virtual const Address& local() const = 0;
  virtual const Address& peer() const = 0;
  virtual int64_t peer_pid() const = 0;  ///< by the kernel (Unix sockets), else 0
};

/// Takes over a connected, non-blocking, close-on-exec socket.
std::unique_ptr<Transport> socket_transport(int fd, Address local, Address peer);

/// Two ends of one in-process stream. Each end buffers up to `capacity` bytes that the other has not read.
std::pair<std::unique_ptr<Transport>, std::unique_ptr<Transport>> memory_pair(Loop& loop, size_t capacity = 256 * 1024);

/// Connects in the background. Destroying it gives up. `on_dialed` runs once.
class Dialer {
 public:
  class Handler {
   public:
    virtual void on_dialed(Result<std::unique_ptr<Transport>> result) = 0;

   protected:
    ~Handler() = default;
  };
  virtual ~Dialer() = default;
};
std::unique_ptr<Dialer> dial(Loop& loop, const Address& to, int64_t timeout, Dialer::Handler& handler);

/// A bound, listening socket. A Unix one makes its directory, is private to the user (0600 in a 0700 directory),
/// accepts only this user's and root's processes, and unlinks its file when destroyed, if the file is still its own.
class Listener {
 public:
  class Handler {
   public:
    virtual void on_accepted(std::unique_ptr<Transport> transport) = 0;

   protected:
    ~Handler() = default;
  };
  virtual ~Listener() = default;
  virtual const Address& address() const = 0;  ///< with the real port
};
/// A Unix socket file that is in the way is probed and, if its owner is dead and nobody answers, replaced.
Result<std::unique_ptr<Listener>> listen(Loop& loop, const Address& at, Listener::Handler& handler);

/// Unlinks socket files `*@PID.sock` in `directory` whose process is dead and where nobody answers. Returns how many.
int sweep_dead_sockets(const std::string& directory);

}  // namespace tractor::core
