// Bound, listening sockets.
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <optional>
#include <unistd.h>
#include <utility>

#include "base/log.hpp"
#include "ipc/credentials.hpp"
#include "ipc/ip.hpp"
#include "ipc/socket.hpp"
#include "ipc/socket_file.hpp"
#include "ipc/transport.hpp"

namespace tractor::core {

namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr int kUnixBacklog = 128;
constexpr int64_t kPause = 100 * kMillisecond;

int open_reserve() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

class SocketListener final : public Listener, private FdHandler, private Timer {
 public:
  SocketListener(Loop& loop, Address at, Handler& handler) : loop_(loop), address_(std::move(at)), handler_(handler) {}
  Result<Done> begin();
  ~SocketListener() override {
    if (gone_) *gone_ = true;
    watch_.reset();
    file_.unlink_if_ours();  // first: nobody finds a file that nobody answers at
    if (fd_ >= 0) close(fd_);
    if (reserve_ >= 0) close(reserve_);
  }
  const Address& address() const override { return address_; }

 private:
  void on_fd(unsigned) override {
    bool gone = false;
    gone_ = &gone;
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      bool more = accept_one();
      if (gone) return;
      if (!more) break;
    }
    gone_ = nullptr;
  }

  /// False if there is nothing more to accept now.
  bool accept_one() {
    sockaddr_storage from = {};
    socklen_t n = sizeof from;
    int fd = accept4(fd_, reinterpret_cast<sockaddr*>(&from), &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return recover(errno);
    try {
      std::optional<Address> local, peer;
      try {
        if (address_.kind == TransportKind::tcp) {
          local = local_address(fd);
          peer = address_from_sockaddr(from);
        } else if (is_trusted(fd)) {
          local = peer = address_;
        }
      } catch (const std::bad_alloc&) {
      }
      if (!local || !peer) {
        close(fd);
        return true;
      }
      // The handler may destroy this object.
      handler_.on_accepted(socket_transport(fd, std::move(*local), std::move(*peer)));
    } catch (const std::bad_alloc&) {
      // It costs that connection.
    }
    return true;
  }

  bool recover(int error) {
    switch (error) {
      case EAGAIN: return false;
      case EINTR:
      case ECONNABORTED:
      case EPROTO: return true;
      case EMFILE:
      case ENFILE: return refuse_one(error);
      default:
        complain(error);
        pause();
        return false;
    }
  }

  /// Without a free descriptor the connection would stay in the backlog and keep us awake. The kernel looks for the
  /// descriptor first, so that there may be no connection at all.
  bool refuse_one(int error) {
    if (reserve_ >= 0) close(reserve_);
    int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    int second_error = errno;
    if (fd >= 0) close(fd);
    reserve_ = open_reserve();
    if (fd < 0 && second_error == EAGAIN) return false;
    complain(error);
    if (fd < 0) pause();
    return fd >= 0;
  }

  void pause() {
    watch_->want(0);
    loop_.arm_after(*this, kPause);
  }
  void on_timer() override { watch_->want(kRead); }

  void complain(int error) {
    if (complained_) return;
    complained_ = true;
    std::string text =
        Failure::system(Status::transport, "can't accept connections on " + address_.to_string(), error).message;
    TRACTOR_LOG(kError, "ipc", "%s", text.c_str());
  }

  /// Says so once: whoever tries again and again shall not fill the log.
  bool is_trusted(int fd) {
    PeerCredentials peer = peer_credentials(fd);
    if (is_trusted_user(peer.uid)) return true;
    if (!std::exchange(refused_stranger_, true)) {
      TRACTOR_LOG(kWarning, "ipc", "refused a connection of user %lld (pid %lld) on %s; more of them are not logged",
                  static_cast<long long>(peer.uid), static_cast<long long>(peer.pid), address_.to_string().c_str());
    }
    return false;
  }

  Address local_address(int fd) const {
    sockaddr_storage name = {};
    socklen_t n = sizeof name;
    if (address_.host != "0.0.0.0" && address_.host != "::") return address_;
    return getsockname(fd, reinterpret_cast<sockaddr*>(&name), &n) == 0 ? address_from_sockaddr(name) : address_;
  }

  Loop& loop_;
  int fd_ = -1, reserve_ = -1;
  Address address_;
  Handler& handler_;
  SocketFile file_;
  std::unique_ptr<Watch> watch_;
  bool* gone_ = nullptr;
  bool complained_ = false, refused_stranger_ = false;
};

Result<Done> bind_tcp(int fd, Address& at) {
  sockaddr_storage where;
  auto length = at.to_sockaddr(where);
  if (!length) return length.failure();
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  auto* name = reinterpret_cast<sockaddr*>(&where);
  socklen_t n = sizeof where;
  if (bind(fd, name, *length) != 0 || ::listen(fd, SOMAXCONN) != 0 || getsockname(fd, name, &n) != 0) {
    return Failure::system(Status::transport, "listen on " + at.to_string(), errno,
                           errno == EADDRINUSE ? "ConnectionError" : "OSError");
  }
  at = address_from_sockaddr(where);
  return Done{};
}

Result<Done> SocketListener::begin() {
  bool uds = address_.kind == TransportKind::uds;
  std::string path = uds ? address_.path() : std::string();
  fd_ = open_socket(uds ? AF_UNIX : address_.host.find(':') == address_.host.npos ? AF_INET : AF_INET6);
  if (fd_ < 0) return Failure::system(Status::transport, "listen on " + address_.to_string(), errno, "OSError");
  auto done = uds ? bind_socket_file(fd_, address_, kUnixBacklog) : bind_tcp(fd_, address_);
  if (!done) return done;
  if (uds) file_ = SocketFile(std::move(path));
  if (!uds && !address_.is_loopback()) {
    TRACTOR_LOG(
        kWarning, "ipc",
        "listening on %s, beyond the loopback interface: whoever reaches it may call this actor, and nothing is "
        "encrypted",
        address_.to_string().c_str());
  }
  reserve_ = open_reserve();
  watch_ = loop_.watch(fd_, kRead, *this);
  return Done{};
}

}  // namespace

Result<std::unique_ptr<Listener>> listen(Loop& loop, const Address& at, Listener::Handler& handler) {
  auto listener = std::make_unique<SocketListener>(loop, at, handler);
  if (auto ok = listener->begin(); !ok) return ok.failure();
  return std::unique_ptr<Listener>(std::move(listener));
}

}  // namespace tractor::core
