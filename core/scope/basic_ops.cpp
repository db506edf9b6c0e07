#include "scope/basic_ops.hpp"

namespace tractor::core {

OpToken SleepOp::start(Nursery& in, int64_t ns, tractor_done_fn fn, void* user) {
  auto* op = new SleepOp(in, fn, user);
  OpToken token = op->token();
  if (!op->begin()) return token;
  if (ns <= 0)
    op->decide({});
  else if (ns != kForever)
    op->go([&] { in.engine().loop().arm_after(*op, ns); });
  return token;
}

void SleepOp::on_cancel(const ErrorRef& why) {
  Timer::disarm();
  decide(why);
}

OpToken HoldOp::start(Nursery& in, const char* what, tractor_cancel_fn fn, void* user) {
  auto* op = new HoldOp(in, what, fn, user);
  OpToken token = op->token();
  if (token < 0)
    op->finish_silently();
  else if (in.cancel_reason())
    op->cancel(in.cancel_reason());
  return token;
}

void HoldOp::on_cancel(const ErrorRef&) {
  if (fn_) notify_later();
}

bool HoldOp::token_complete(ErrorRef err) {
  if (err) nursery().fail(std::move(err));
  finish_silently();
  return true;
}

// The program's part of the work is gone with whatever abandoned it.
bool HoldOp::token_abandon() { return token_complete({}); }

}  // namespace tractor::core
