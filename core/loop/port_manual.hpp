// The loop under a test's control: a virtual clock, no descriptors.
#pragma once

#include <atomic>

#include "loop/loop.hpp"

namespace tractor::core {

class ManualPort final : public Port {
 public:
  int64_t now() override { return now_; }
  std::unique_ptr<Watch> watch(int fd, unsigned interest, FdHandler& handler) override;  ///< reports nothing
  void set_alarm(int64_t deadline) override { alarm_ = deadline; }
  void request_turn() override { turn_wanted_ = true; }
  void wake() override { woken_ = true; }
  /// Runs one turn: what was requested, or else the next alarm (the clock jumps to it). False if there is neither.
  bool run_once() override;
  /// Moves the clock on, firing timers on the way in order.
  void advance(int64_t ns);
  bool idle() const { return !turn_wanted_ && !woken_; }

 private:
  void fire_alarm();

  int64_t now_ = kSecond;
  int64_t alarm_ = kForever;
  bool turn_wanted_ = false;
  std::atomic<bool> woken_ = false;
};

}  // namespace tractor::core
