// Signals as events on the loop.
#pragma once

#include <csignal>
#include <initializer_list>
#include <memory>
#include <vector>

#include "loop/loop.hpp"

namespace tractor::core {

/// Handlers are process-wide: installed for as long as this lives, then restored.
class SignalWatch final : private FdHandler {
 public:
  class Handler {
   public:
    virtual void on_signal(int signo) = 0;

   protected:
    ~Handler() = default;
  };
  SignalWatch(Loop& loop, Handler& handler, std::initializer_list<int> caught, std::initializer_list<int> ignored);
  ~SignalWatch();

 private:
  struct Saved {
    int signo;
    struct sigaction action;
  };
  void install(int signo, void (*handler)(int));
  void on_fd(unsigned ready) override;
  Handler& handler_;
  int pipe_[2];
  std::unique_ptr<Watch> watch_;
  std::vector<Saved> saved_;
};

}  // namespace tractor::core
