// Signals as events on the loop.
#pragma once

#include <csignal>
#include <initializer_list>
#include <memory>
#include <vector>

#include "loop/loop.hpp"

namespace tractor::core {

/// Handlers are process-wide: installed for as long as this lives, then restored. None is, if there is no descriptor left.
class SignalWatch final : private FdHandler {
 public:
  class Handler {
   public:
    virtual void on_signal(int signo) = 0;

   protected:
    ~Handler() = default;
  };
  SignalWatch(Loop& loop, Handler& handler, std::initializer_list<int> caught, std::initializer_list<int> ignored = {});
  ~SignalWatch();
  /// Zero, or why it watches nothing.
  int error() const { return error_; }

 private:
  struct Saved {
    int signo;
    struct sigaction action;
  };
  void install(int signo, void (*handler)(int));
  void on_fd(unsigned ready) override;
  Handler& handler_;
  int pipe_[2] = {-1, -1};
  int error_ = 0;
  std::unique_ptr<Watch> watch_;
  std::vector<Saved> saved_;
};

/// SIGUSR1 asks a tree for a dump, and whoever sends it must not kill an actor that has no handler for it.
class Usr1Guard {
 public:
  Usr1Guard();
  ~Usr1Guard();
  Usr1Guard(const Usr1Guard&) = delete;
  Usr1Guard& operator=(const Usr1Guard&) = delete;

 private:
  bool changed_ = false;
};

}  // namespace tractor::core
