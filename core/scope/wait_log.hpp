// Says in the log what a scope waits for that should have ended: once, after a second.
#pragma once

#include <cstdint>

#include "base/list.hpp"
#include "loop/loop.hpp"

namespace tractor::core {

class Nursery;
struct WaitTag;

/// A scope's part of it. Most end in the turn they are closed in, and then nothing of this happens.
class WaitsInLog : public Link<WaitTag> {
 private:
  friend class WaitLog;
  uint32_t since_ = 0;
};

/// One slow tick for all scopes, and none while nobody waits: so it takes no clock and no timer of its own to wait.
class WaitLog final : private Timer {
 public:
  explicit WaitLog(Loop& loop) : loop_(loop) {}
  /// It waits from now on.
  void add(Nursery& scope);

 private:
  void on_timer() override;
  void tick_on();
  Loop& loop_;
  List<WaitsInLog, WaitTag> waiting_;  ///< the longest first
  uint32_t now_ = 0;
};

}  // namespace tractor::core
