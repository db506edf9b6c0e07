#include "loop/port_manual.hpp"

#include <algorithm>

namespace tractor::core {

namespace {

class InertWatch final : public Watch {
 public:
  void want(unsigned) override {}
};

}  // namespace

std::unique_ptr<Watch> ManualPort::watch(int, unsigned, FdHandler&) { return std::make_unique<InertWatch>(); }

void ManualPort::fire_alarm() {
  now_ = std::max(now_, alarm_);
  alarm_ = kForever;
  Dispatch dispatch(*this);
  loop_->expire();
}

bool ManualPort::run_once() {
  if (woken_.exchange(false)) {
    Dispatch dispatch(*this);
    loop_->woken();
    return true;
  }
  if (turn_wanted_) {
    turn_wanted_ = false;
    loop_->turn();
    return true;
  }
  if (alarm_ == kForever) return false;
  fire_alarm();
  return true;
}

void ManualPort::advance(int64_t ns) {
  int64_t target = now_ + ns;
  while (alarm_ <= target) fire_alarm();
  now_ = target;
}

}  // namespace tractor::core
