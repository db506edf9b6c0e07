#include "loop/loop.hpp"

namespace tractor::core {

namespace {
constexpr int kItemsPerTurn = 256;
}

Loop::Loop(std::unique_ptr<Port> port) : port_(std::move(port)) { port_->attach(*this); }

Loop::~Loop() {
  while (LastWork* work = last_work_.pop_front()) work->abandon();
  for (Timer* timer : timers_) timer->loop_ = nullptr;
}

void Loop::request_turn() {
  if (turn_requested_) return;
  turn_requested_ = true;
  port_->request_turn();
}

void Loop::turn() {
  turn_requested_ = false;
  enter();
  leave();
}

void Loop::woken() {
  if (wake_handler_) wake_handler_->fire();
}

/// What was there at the start always runs, however much it is; the bound is on what it leads to. Otherwise a socket
/// that brings more items than one turn takes would fill the queue without end.
void Loop::drain() {
  int budget = kItemsPerTurn;
  List<Ready, ReadyTag> batch;
  do {
    while (!ready_.empty() && budget > 0) {
      batch.take(ready_);
      while (Ready* item = batch.pop_front()) {
        --budget;
        item->fire();
      }
    }
    batch.take(flush_);
    while (Ready* item = batch.pop_front()) {
      --budget;
      item->fire();
    }
  } while (budget > 0 && (!ready_.empty() || !flush_.empty()));
  if (!ready_.empty() || !flush_.empty()) request_turn();
  rearm_alarm();
}

}  // namespace tractor::core
