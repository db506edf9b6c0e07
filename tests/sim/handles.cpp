#include "handles.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sim {

namespace {

class InertWatch final : public Watch {
 public:
  void want(unsigned) override {}
};

}  // namespace

std::unique_ptr<Watch> SimPort::watch(int, unsigned, FdHandler&) { return std::make_unique<InertWatch>(); }

// --- connections ---------------------------------------------------------------------------------------------------

ssize_t SimTransport::read(void* to, size_t room) {
  if (!socket_) return -EBADF;
  Socket& s = *socket_;
  if (s.reset) return -ECONNRESET;
  if (s.unread() == 0) return s.fin ? 0 : -EAGAIN;
  size_t n = std::min(room, s.unread());
  std::memcpy(to, s.in.data() + s.in_read, n);
  Kernel kernel;
  std::string_view taken(s.in.data() + s.in_read, n);
  s.in_read += n;
  world_.tap_read(s, taken);
  if (s.unread() == 0) {
    s.in.clear();
    s.in_read = 0;
  }
  return static_cast<ssize_t>(n);
}

ssize_t SimTransport::write(const iovec* parts, int count) {
  if (!socket_) return -EBADF;
  Socket& s = *socket_;
  if (s.reset) return -ECONNRESET;
  if (s.peer->fin_sent) {  // it was shut down
    ++world_.cuts;
    return -EPIPE;
  }
  if (!s.peer->open) {
    // The first write to somebody who has gone is taken, and answered by a reset.
    ++world_.cuts;
    if (s.fin) return -EPIPE;
    size_t all = 0;
    for (int i = 0; i < count; ++i) all += parts[i].iov_len;
    return static_cast<ssize_t>(all);
  }
  Kernel kernel;
  size_t total = 0, wanted = 0;
  for (int i = 0; i < count; ++i) {
    size_t n = std::min(parts[i].iov_len, s.room());
    wanted += parts[i].iov_len;
    std::string_view taken(static_cast<const char*>(parts[i].iov_base), n);
    s.peer->flight.append(taken);
    world_.tap_write(*s.peer, taken);
    total += n;
  }
  if (total == 0 && wanted > 0) return -EAGAIN;
  world_.journal.event("write", static_cast<uint64_t>(s.id), total);
  return static_cast<ssize_t>(total);
}

void SimTransport::shutdown_write() {
  if (socket_) socket_->peer->fin_sent = true;
}

void SimTransport::close() {
  handler_ = nullptr;
  if (!socket_) return;
  Kernel kernel;
  Socket* s = std::exchange(socket_, nullptr);
  s->handle = nullptr;
  world_.close_socket(*s);
}

// --- connecting ----------------------------------------------------------------------------------------------------

SimDialer::SimDialer(World& world, Loop& loop, const Address& to, int64_t timeout, Handler& handler)
    : world_(world), handler_(handler), to_(to) {
  loop.arm_after(*this, timeout);
}

SimDialer::~SimDialer() {
  Kernel kernel;
  for (auto it = world_.dials_.begin(); it != world_.dials_.end(); ++it) {
    if ((*it)->handle != this) continue;
    if (Socket* s = (*it)->socket) world_.close_socket(*s);
    world_.dials_.erase(it);
    return;
  }
}

void SimDialer::arrived() {
  Socket* socket = nullptr;
  {
    Kernel kernel;
    auto it = std::find_if(world_.dials_.begin(), world_.dials_.end(), [&](auto& d) { return d->handle == this; });
    socket = (*it)->socket;
    world_.dials_.erase(it);
  }
  disarm();
  if (!socket)
    return handler_.on_dialed(
        Failure::system(Status::transport, "connect to " + to_.to_string(), ECONNREFUSED, "ConnectionError"));
  handler_.on_dialed(std::unique_ptr<Transport>(new SimTransport(world_, *socket)));
}

void SimDialer::on_timer() {
  {
    Kernel kernel;
    std::erase_if(world_.dials_, [&](auto& d) {
      if (d->handle != this) return false;
      if (d->socket) world_.close_socket(*d->socket);
      return true;
    });
  }
  handler_.on_dialed(
      Failure::of(Status::timed_out, "connect to " + to_.to_string() + ": no connection in time", "TimeoutError"));
}

SimListener::~SimListener() {
  Kernel kernel;
  for (auto it = world_.listeners_.begin(); it != world_.listeners_.end(); ++it) {
    if ((*it)->handle != this) continue;
    for (Socket* s : (*it)->backlog) world_.close_socket(*s);
    world_.listeners_.erase(it);
    return;
  }
}

// --- children ------------------------------------------------------------------------------------------------------

SimChild::~SimChild() {
  if (!child_) return;
  Kernel kernel;
  // What the real one does too; but it is the last resort, and nobody may rely on it.
  World& world = child_->world;
  world.journal.broken(world.now, "the supervisor of %s (pid %lld) let go of it before it was reaped", child_->name(),
                       static_cast<long long>(child_->pid));
  child_->handle = nullptr;
  child_->kill_pending = true;
}

void SimChild::signal(int signo) {
  if (!child_) return;
  World& world = child_->world;
  world.journal.event("signal", static_cast<uint64_t>(child_->index), static_cast<uint64_t>(signo));
  world.journal.line(world.now, "%s gets signal %d from its parent", child_->name(), signo);
  (signo == SIGKILL ? child_->kill_pending : child_->term_pending) = true;
  child_->asked_at = std::min(child_->asked_at, world.now);
}

}  // namespace sim
