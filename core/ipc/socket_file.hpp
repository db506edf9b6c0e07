// A Unix listener's file: bound over a dead predecessor, and removed only by its owner.
#pragma once

#include <string>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/result.hpp"
#include "ipc/address.hpp"

namespace tractor::core {

/// While it lives, no other libtractor process binds or removes a socket file in `directory`: between bind() and
/// listen() a live socket looks like a dead one. Taken with some patience, but not without end.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::string& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int fd_;
};

/// Binds and listens; a file in the way is replaced if it is a socket of this user and nobody is behind it.
Result<Done> bind_socket_file(int fd, const Address& at, int backlog);

/// Which file was bound: another may have taken its name since.
class SocketFile {
 public:
  SocketFile() = default;
  explicit SocketFile(std::string path);
  void unlink_if_ours();

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  pid_t owner_ = 0;  ///< a forked process inherits the object, not the file
};

/// The socket file that another process is expected to bind, to be removed when that one was killed. What that takes is
/// known beforehand: there may be no memory then.
class PresumedSocketFile {
 public:
  explicit PresumedSocketFile(const Address& at);
  /// Unless somebody else than the killed process listens there, or it is no socket of this user.
  void unlink_after(int64_t killed_pid) const;

 private:
  std::string directory_, path_;
};

}  // namespace tractor::core
