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

/// Binds and listens; a file in the way is replaced if it is a socket and nobody is behind it.
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

}  // namespace tractor::core
