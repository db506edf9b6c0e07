// A stream inside one process: both ends on one loop, no descriptor.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "base/buffer.hpp"
#include "ipc/transport.hpp"

namespace tractor::core {

namespace {

class MemoryEnd final : public Transport, private Ready {
 public:
  MemoryEnd(Loop& loop, size_t capacity, std::string name)
      : loop_(loop), capacity_(capacity), local_(Address::uds("/memory", std::move(name))) {}
  ~MemoryEnd() override { close(); }

  static void join(MemoryEnd& a, MemoryEnd& b) {
    a.other_ = &b;
    b.other_ = &a;
    a.peer_ = b.local_;
    b.peer_ = a.local_;
  }

  ssize_t read(void* to, size_t room) override {
    if (closed_) return -EBADF;
    if (in_.empty()) return in_ended_ ? 0 : -EAGAIN;
    size_t n = std::min(room, in_.size());
    std::memcpy(to, in_.data(), n);
    in_.consume(n);
    if (other_) other_->look();
    return static_cast<ssize_t>(n);
  }

  ssize_t write(const iovec* parts, int count) override {
    if (closed_) return -EBADF;
    if (!other_ || other_->in_ended_) return -EPIPE;
    size_t total = 0, wanted = 0;
    for (int i = 0; i < count; ++i) {
      size_t n = std::min(parts[i].iov_len, other_->room());
      wanted += parts[i].iov_len;
      try {
        if (n > 0) other_->in_.append(parts[i].iov_base, n);
      } catch (const std::bad_alloc&) {
        if (total == 0) return -ENOMEM;
        break;
      }
      total += n;
    }
    if (total == 0 && wanted > 0) return -EAGAIN;
    other_->look();
    return static_cast<ssize_t>(total);
  }

  void start(Loop&, FdHandler& handler, unsigned interest) override {
    handler_ = &handler;
    want(interest);
  }
  void want(unsigned interest) override {
    interest_ = interest;
    look();
  }
  void shutdown_write() override {
    if (other_) other_->end_input();
  }
  void close() override {
    closed_ = true;
    unlink();
    handler_ = nullptr;
    if (!other_) return;
    other_->other_ = nullptr;
    std::exchange(other_, nullptr)->end_input();
  }

  const Address& local() const override { return local_; }
  const Address& peer() const override { return peer_; }
  int64_t peer_pid() const override { return 0; }

 private:
  size_t room() const { return capacity_ > in_.size() ? capacity_ - in_.size() : 0; }

  void end_input() {
    in_ended_ = true;
    look();
  }

  unsigned readiness() const {
    unsigned ready = 0;
    if (!in_.empty() || in_ended_) ready |= kRead;
    if (!other_ || other_->in_ended_ || other_->room() > 0) ready |= kWrite;
    return ready & interest_;
  }

  void look() {
    if (handler_ && readiness() != 0) loop_.post(*this);
  }

  void fire() override {
    unsigned ready = readiness();
    if (!handler_ || ready == 0) return;
    loop_.post(*this);  // level-triggered; before the call, which may destroy this end
    handler_->on_fd(ready);
  }

  Loop& loop_;
  size_t capacity_;
  MemoryEnd* other_ = nullptr;
  FdHandler* handler_ = nullptr;
  unsigned interest_ = 0;
  bool in_ended_ = false, closed_ = false;
  OutBuffer in_;  // written by the other end, read by this one
  Address local_, peer_;
};

}  // namespace

std::pair<std::unique_ptr<Transport>, std::unique_ptr<Transport>> memory_pair(Loop& loop, size_t capacity) {
  auto a = std::make_unique<MemoryEnd>(loop, capacity, "a");
  auto b = std::make_unique<MemoryEnd>(loop, capacity, "b");
  MemoryEnd::join(*a, *b);
  return {std::move(a), std::move(b)};
}

}  // namespace tractor::core
