// Connected transports of every kind, and a place for files.
#pragma once

#include <filesystem>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "ipc/transport.hpp"
#include "loop/port_libevent.hpp"

namespace tractor::core {

enum class PairKind { memory, uds, tcp };

using TransportPair = std::pair<std::unique_ptr<Transport>, std::unique_ptr<Transport>>;

inline TransportPair connected_tcp() {
  sockaddr_in at = {};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* name = reinterpret_cast<sockaddr*>(&at);
  socklen_t n = sizeof at;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int a = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), b = -1;
  if (bind(listener, name, n) == 0 && ::listen(listener, 1) == 0 && getsockname(listener, name, &n) == 0) {
    (void)connect(a, name, n);
    b = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  }
  close(listener);
  Address there = Address::tcp("127.0.0.1", ntohs(at.sin_port)), here = Address::tcp("127.0.0.1", 1);
  return {socket_transport(a, here, there), socket_transport(b, there, here)};
}

inline TransportPair connected(Loop& loop, PairKind kind) {
  if (kind == PairKind::memory) return memory_pair(loop);
  if (kind == PairKind::tcp) return connected_tcp();
  int fd[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) != 0) return {};
  Address at = Address::uds("/pair", "x.sock");
  return {socket_transport(fd[0], at, at), socket_transport(fd[1], at, at)};
}

inline std::unique_ptr<Loop> libevent_loop() {
  auto port = make_libevent_port(nullptr);
  return port ? std::make_unique<Loop>(std::move(*port)) : nullptr;
}

/// A fresh directory, removed with everything in it.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ipc.XXXXXX").string();
    if (mkdtemp(pattern.data())) path_ = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace tractor::core
