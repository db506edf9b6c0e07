#include "ipc/socket.hpp"

#include <cerrno>
#include <new>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/credentials.hpp"
#include "ipc/transport.hpp"

namespace tractor::core {

namespace {

constexpr int kNotSentLowWater = 16384;

class SocketTransport final : public Transport {
 public:
  SocketTransport(int fd, Address local, Address peer) : fd_(fd), local_(std::move(local)), peer_(std::move(peer)) {
    if (peer_.kind == TransportKind::uds) {
      peer_pid_ = peer_credentials(fd).pid;
    } else {
      set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
      set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kNotSentLowWater);
    }
  }
  ~SocketTransport() override { close(); }

  ssize_t read(void* to, size_t room) override {
    for (;;) {
      ssize_t n = recv(fd_, to, room, 0);
      if (n >= 0) return n;
      if (errno != EINTR) return -errno;
    }
  }

  ssize_t write(const iovec* parts, int count) override {
    msghdr message = {};
    message.msg_iov = const_cast<iovec*>(parts);
    message.msg_iovlen = static_cast<size_t>(count);
    for (;;) {
      // A lone part goes the short way; neither may raise SIGPIPE.
      ssize_t n =
          count == 1 ? send(fd_, parts->iov_base, parts->iov_len, MSG_NOSIGNAL) : sendmsg(fd_, &message, MSG_NOSIGNAL);
      if (n >= 0) return n;
      if (errno != EINTR) return -errno;
    }
  }

  void start(Loop& loop, FdHandler& handler, unsigned interest) override {
    watch_ = loop.watch(fd_, interest, handler);
  }
  void want(unsigned interest) override {
    if (watch_) watch_->want(interest);
  }
  void shutdown_write() override { shutdown(fd_, SHUT_WR); }
  void close() override {
    watch_.reset();
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  const Address& local() const override { return local_; }
  const Address& peer() const override { return peer_; }
  int64_t peer_pid() const override { return peer_pid_; }

 private:
  int fd_;
  std::unique_ptr<Watch> watch_;
  Address local_, peer_;
  int64_t peer_pid_ = 0;
};

}  // namespace

int open_socket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

void set_option(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof value); }

std::unique_ptr<Transport> socket_transport(int fd, Address local, Address peer) {
  try {
    return std::make_unique<SocketTransport>(fd, std::move(local), std::move(peer));
  } catch (const std::bad_alloc&) {
    ::close(fd);
    throw;
  }
}

}  // namespace tractor::core
