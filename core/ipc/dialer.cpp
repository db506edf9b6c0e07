// Connecting in the background.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <optional>
#include <unistd.h>

#include "ipc/credentials.hpp"
#include "ipc/ip.hpp"
#include "ipc/socket.hpp"
#include "ipc/transport.hpp"

namespace tractor::core {

namespace {

constexpr int64_t kFirstRetry = kMillisecond;
constexpr int64_t kLongestRetry = 50 * kMillisecond;

class SocketDialer final : public Dialer, private FdHandler, private Ready {
 public:
  SocketDialer(Loop& loop, const Address& to, int64_t timeout, Handler& handler)
      : loop_(loop), to_(to), timeout_(timeout), handler_(handler) {}
  ~SocketDialer() override { drop_socket(); }

  void begin() {
    auto length = to_.to_sockaddr(where_);
    if (!length) return end_later(length.failure());
    where_length_ = *length;
    loop_.arm_after(give_up_, timeout_);
    attempt();
  }

 private:
  struct Retry final : Timer {
    explicit Retry(SocketDialer& d) : dialer(d) {}
    void on_timer() override { dialer.attempt_again(); }
    SocketDialer& dialer;
  };
  struct GiveUp final : Timer {
    explicit GiveUp(SocketDialer& d) : dialer(d) {}
    void on_timer() override { dialer.give_up(); }
    SocketDialer& dialer;
  };

  void attempt() {
    fd_ = open_socket(where_.ss_family);
    if (fd_ < 0) return end_later(failure(errno));
    // A peer may want to know an unnamed client's credentials; this also gives it a name.
    if (where_.ss_family == AF_UNIX) set_option(fd_, SOL_SOCKET, SO_PASSCRED, 1);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&where_), where_length_) == 0) return succeed_later();
    switch (errno) {
      case EINPROGRESS:
      case EINTR: watch_ = loop_.watch(fd_, kWrite, *this); return;
      case EAGAIN:  // a Unix listener's backlog is full; there is nothing to poll for
        drop_socket();
        loop_.arm_after(retry_, retry_delay_);
        retry_delay_ = std::min(2 * retry_delay_, kLongestRetry);
        return;
      default: return end_later(failure(errno));
    }
  }

  void on_fd(unsigned) override {
    int error = 0;
    socklen_t n = sizeof error;
    if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &n) != 0) error = errno;
    end_with(error);
  }

  void attempt_again() {
    try {
      attempt();
    } catch (const std::bad_alloc&) {
      end_later(Failure::out_of_memory());
    }
  }
  void give_up() {
    Result<std::unique_ptr<Transport>> late = Failure{Status::timed_out, {}, "TimeoutError"};
    try {
      late = timed_out();
    } catch (const std::bad_alloc&) {
    }
    end(std::move(late));
  }
  /// `error` of the connecting, or 0.
  void end_with(int error) {
    Result<std::unique_ptr<Transport>> result = Failure::out_of_memory();
    try {
      result = error != 0 ? failure(error) : connected();
    } catch (const std::bad_alloc&) {
    }
    end(std::move(result));
  }

  Result<std::unique_ptr<Transport>> connected() {
    Address local = to_;
    if (to_.kind == TransportKind::uds) {
      // In a folder that others may write to, anybody can have put a socket of that name.
      int64_t uid = peer_credentials(fd_).uid;
      if (!is_trusted_user(uid)) return foreign(uid);
      // From here on the kernel need not attach credentials to each write of the peer.
      set_option(fd_, SOL_SOCKET, SO_PASSCRED, 0);
    } else {
      sockaddr_storage name = {};
      socklen_t n = sizeof name;
      getsockname(fd_, reinterpret_cast<sockaddr*>(&name), &n);
      local = address_from_sockaddr(name);
      // A loopback port that nobody listens on may, by chance, connect to itself.
      if (local == to_) return failure(ECONNREFUSED);
    }
    watch_.reset();
    Address peer = to_;
    return socket_transport(std::exchange(fd_, -1), std::move(local), std::move(peer));
  }

  Failure failure(int error) const {
    return Failure::system(Status::transport, "connect to " + to_.to_string(), error, "ConnectionError");
  }
  Failure foreign(int64_t uid) const {
    return Failure::of(Status::transport,
                       "connect to " + to_.to_string() + ": user " + std::to_string(uid) +
                           " listens there, and only this user and root are trusted",
                       "PermissionError");
  }
  Failure timed_out() const {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%g", static_cast<double>(timeout_) / 1e9);
    return Failure::of(Status::timed_out, "connect to " + to_.to_string() + ": no connection after " + seconds + " s",
                       "TimeoutError");
  }

  void succeed_later() { loop_.post(*this); }
  void end_later(Failure why) {
    failed_ = std::move(why);
    loop_.post(*this);
  }
  void fire() override { failed_ ? end(std::move(*failed_)) : end_with(0); }

  /// The handler may destroy this object.
  void end(Result<std::unique_ptr<Transport>> result) {
    give_up_.disarm();
    retry_.disarm();
    unlink();
    drop_socket();
    handler_.on_dialed(std::move(result));
  }

  void drop_socket() {
    watch_.reset();
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  Loop& loop_;
  Address to_;
  int64_t timeout_;
  Handler& handler_;
  sockaddr_storage where_ = {};
  socklen_t where_length_ = 0;
  int fd_ = -1;
  std::unique_ptr<Watch> watch_;
  Retry retry_{*this};
  GiveUp give_up_{*this};
  int64_t retry_delay_ = kFirstRetry;
  std::optional<Failure> failed_;
};

}  // namespace

std::unique_ptr<Dialer> dial(Loop& loop, const Address& to, int64_t timeout, Dialer::Handler& handler) {
  auto dialer = std::make_unique<SocketDialer>(loop, to, timeout, handler);
  dialer->begin();
  return dialer;
}

}  // namespace tractor::core
