// The operations that need nothing but a scope: a sleep, and work that the program declares itself.
#pragma once

#include <string>

#include "base/handles.hpp"
#include "scope/nursery.hpp"
#include "scope/op.hpp"

namespace tractor::core {

class SleepOp final : public Op, private Timer {
 public:
  static OpToken start(Nursery& in, int64_t ns, tractor_done_fn fn, void* user);

 private:
  SleepOp(Nursery& in, tractor_done_fn fn, void* user) : Op(in, fn != nullptr), fn_(fn), user_(user) {}
  void deliver(const Error* err) override { fn_(to_c(err), user_); }
  void on_cancel(const ErrorRef& why) override;
  void on_timer() override { decide({}); }
  tractor_done_fn fn_;
  void* user_;
};

/// Lasts until the program says that it is over; a cancel is only passed on.
class HoldOp final : public Op {
 public:
  static OpToken start(Nursery& in, const char* what, tractor_cancel_fn fn, void* user);
  bool token_abandon() override;
  bool token_complete(ErrorRef err) override;
  std::string what() const override { return what_.empty() ? std::string() : "hold '" + what_ + "'"; }

 private:
  HoldOp(Nursery& in, const char* what, tractor_cancel_fn fn, void* user)
      : Op(in, false), what_(what ? what : ""), fn_(fn), user_(user) {}
  void deliver(const Error*) override {}
  void on_cancel(const ErrorRef&) override;
  void on_notify() override { fn_(user_); }
  std::string what_;
  tractor_cancel_fn fn_;
  void* user_;
};

}  // namespace tractor::core
