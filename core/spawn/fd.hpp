// Descriptors that close themselves, and pipes of them.
#pragma once

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace tractor::core {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& o) noexcept : fd_(o.release()) {}
  Fd& operator=(Fd&& o) noexcept {
    reset(o.release());
    return *this;
  }
  ~Fd() { reset(); }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }
  /// Out of the way of the standard streams, which the program may have closed.
  bool move_up() {
    if (fd_ > STDERR_FILENO) return true;
    int moved = fcntl(fd_, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (moved < 0) return false;
    reset(moved);
    return true;
  }

 private:
  int fd_ = -1;
};

/// For what a child writes: our end never waits, its end does. 0, or errno.
inline int open_pipe(Fd& ours, Fd& theirs) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return errno;
  ours.reset(ends[0]);
  theirs.reset(ends[1]);
  if (!ours.move_up() || !theirs.move_up()) return errno;
  return fcntl(ours.get(), F_SETFL, O_NONBLOCK) < 0 ? errno : 0;
}

}  // namespace tractor::core
