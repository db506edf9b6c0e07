// The timers of a loop: a binary heap whose elements know where they are, so that disarming needs no search.
#include "loop/loop.hpp"

namespace tractor::core {

namespace {

size_t parent(size_t i) { return (i - 1) / 2; }

}  // namespace

void Timer::disarm() {
  if (!loop_) return;
  Loop& loop = *loop_;
  loop.remove(*this);
  if (!loop.dispatching()) loop.rearm_alarm();
}

bool Timer::before(const Timer& other) const {
  return deadline_ != other.deadline_ ? deadline_ < other.deadline_ : armed_as_ < other.armed_as_;
}

void Loop::arm(Timer& timer, int64_t deadline) {
  if (timer.loop_ && timer.loop_ != this) timer.disarm();
  if (!timer.loop_) {
    timers_.push_back(&timer);
    timer.heap_index_ = timers_.size() - 1;
    timer.loop_ = this;
  }
  timer.deadline_ = deadline;
  timer.armed_as_ = ++armed_count_;
  restore_order(timer.heap_index_);
  if (!dispatching()) rearm_alarm();
}

void Loop::remove(Timer& timer) {
  size_t i = timer.heap_index_;
  Timer* last = timers_.back();
  timers_.pop_back();
  timer.loop_ = nullptr;
  if (last == &timer) return;
  place(i, last);
  restore_order(i);
}

void Loop::place(size_t i, Timer* timer) {
  timers_[i] = timer;
  timer->heap_index_ = i;
}

void Loop::restore_order(size_t i) {
  Timer* timer = timers_[i];
  for (; i > 0 && timer->before(*timers_[parent(i)]); i = parent(i)) place(i, timers_[parent(i)]);
  for (size_t n = timers_.size();;) {
    size_t child = 2 * i + 1;
    if (child >= n) break;
    if (child + 1 < n && timers_[child + 1]->before(*timers_[child])) ++child;
    if (!timers_[child]->before(*timer)) break;
    place(i, timers_[child]);
    i = child;
  }
  place(i, timer);
}

void Loop::expire() {
  alarm_ = kForever;  // the port's alarm is spent
  if (timers_.empty()) return;
  int64_t now = port_->now();
  // What a callback arms waits for the next round, even if it is due: a timer that rearms itself can't keep us here.
  uint64_t fence = armed_count_;
  while (!timers_.empty()) {
    Timer* timer = timers_.front();
    if (timer->deadline_ > now || timer->armed_as_ > fence) break;
    remove(*timer);
    timer->on_timer();
  }
}

/// Callers inside a turn leave this to its end: a deadline that comes and goes within one costs nothing.
void Loop::rearm_alarm() {
  int64_t first = timers_.empty() ? kForever : timers_.front()->deadline_;
  if (first == alarm_) return;
  alarm_ = first;
  port_->set_alarm(first);
}

}  // namespace tractor::core
