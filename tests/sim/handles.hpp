// What a simulated process holds of the machine: its loop's port, its ends of connections, its children.
#pragma once

#include <sys/uio.h>

#include "world.hpp"

namespace sim {

class SimPort final : public Port {
 public:
  explicit SimPort(SimProcess& p) : process_(&p) { p.port = this; }
  ~SimPort() override { process_->port = nullptr; }
  int64_t now() override { return process_->world.now; }
  std::unique_ptr<Watch> watch(int, unsigned, FdHandler&) override;
  void set_alarm(int64_t deadline) override { alarm_ = deadline; }
  void request_turn() override { turn_wanted_ = true; }
  void wake() override { woken_ = true; }
  bool run_once() override { return false; }
  bool foreign() const override { return true; }

  bool turn_wanted() const { return turn_wanted_; }
  bool is_woken() const { return woken_; }
  int64_t alarm() const { return alarm_; }

  // Each may be the end of this object.
  void turn() {
    turn_wanted_ = false;
    loop_->turn();
  }
  void woken() {
    woken_ = false;
    Dispatch dispatch(*this);
    loop_->woken();
  }
  void expire() {
    alarm_ = kForever;
    Dispatch dispatch(*this);
    loop_->expire();
  }
  template <class F>
  void call(F&& f) {
    Dispatch dispatch(*this);
    f();
  }

 private:
  SimProcess* process_;
  int64_t alarm_ = kForever;
  bool turn_wanted_ = false, woken_ = false;
};

class SimTransport final : public Transport {
 public:
  SimTransport(World& world, Socket& s) : world_(world), socket_(&s), local_(s.local), remote_(s.remote) {
    s.handle = this;
  }
  ~SimTransport() override { close(); }
  ssize_t read(void* to, size_t room) override;
  ssize_t write(const iovec* parts, int count) override;
  void start(Loop&, FdHandler& handler, unsigned interest) override {
    handler_ = &handler;
    interest_ = interest;
  }
  void want(unsigned interest) override { interest_ = interest; }
  void shutdown_write() override;
  void close() override;
  const Address& local() const override { return local_; }
  const Address& peer() const override { return remote_; }
  int64_t peer_pid() const override { return 0; }

  unsigned ready() const {
    if (!handler_) return 0;
    return interest_ & ((socket_->readable() ? unsigned{kRead} : 0) | (socket_->writable() ? unsigned{kWrite} : 0));
  }
  FdHandler* handler() const { return handler_; }

 private:
  World& world_;
  Socket* socket_;
  FdHandler* handler_ = nullptr;
  unsigned interest_ = 0;
  Address local_, remote_;
};

class SimDialer final : public Dialer, private Timer {
 public:
  SimDialer(World& world, Loop& loop, const Address& to, int64_t timeout, Handler& handler);
  ~SimDialer() override;
  void arrived();

 private:
  void on_timer() override;
  World& world_;
  Handler& handler_;
  Address to_;
};

class SimListener final : public Listener {
 public:
  SimListener(World& world, Address at, Handler& handler) : world_(world), at_(std::move(at)), handler_(handler) {}
  ~SimListener() override;
  const Address& address() const override { return at_; }
  Handler& handler() { return handler_; }

 private:
  World& world_;
  Address at_;
  Handler& handler_;
};

class SimChild final : public Process {
 public:
  SimChild(SimProcess& child, Handler& handler) : child_(&child), handler_(handler), pid_(child.pid) {
    child.handle = this;
  }
  ~SimChild() override;
  int64_t pid() const override { return pid_; }
  bool running() const override { return child_ != nullptr; }
  void signal(int signo) override;
  std::string last_stderr() const override { return {}; }
  void tell(const ExitStatus& status) {
    child_ = nullptr;
    handler_.on_exit(*this, status);
  }

 private:
  SimProcess* child_;  ///< until it is reaped
  Handler& handler_;
  int64_t pid_;
};

}  // namespace sim
