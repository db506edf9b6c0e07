#include "scope/op.hpp"

#include "base/log.hpp"
#include "scope/callback.hpp"
#include "scope/nursery.hpp"

namespace tractor::core {

Op::Op(Nursery& in, bool armed) : nursery_(in), token_(in.engine().tokens().add(*this)), armed_(armed) {
  nursery_.add_op(*this);
}

Op::~Op() {
  drop_token();
  nursery_.remove_op(*this);
}

Engine& Op::engine() const { return nursery_.engine(); }

bool Op::begin() {
  if (token_ < 0) {
    finish_silently();
    return false;
  }
  if (!nursery_.cancel_reason()) return true;
  decide(nursery_.cancel_reason());
  return false;
}

void Op::cancel(ErrorRef why) {
  if (decided_ || cancel_reason_) return;
  cancel_reason_ = std::move(why);
  on_cancel(cancel_reason_);
}

void Op::decide(ErrorRef outcome) {
  if (decided_) return;
  decided_ = true;
  outcome_ = std::move(outcome);
  engine().loop().post(*this);
}

void Op::notify_later() {
  if (!decided_) engine().loop().post(*this);
}

void Op::fire() {
  CallbackScope callback;
  if (!decided_) return on_notify();
  drop_token();
  if (armed_) {
    deliver(outcome_.get());
    if (outcome_ && !outcome_->handled() && !outcome_->canceled())
      TRACTOR_LOG(kWarning, "tractor.scope", "a completion ignored its error: %s", outcome_->log_text().c_str());
  } else if (outcome_ && !outcome_->canceled()) {
    orphan_error(outcome_);
  }
  delete this;
}

void Op::orphan_error(ErrorRef err) { nursery_.fail(std::move(err)); }

void Op::finish_silently() { delete this; }

void Op::drop_token() {
  if (token_ > 0) engine().tokens().remove(token_);
  token_ = 0;
}

void Op::token_cancel() { cancel(engine().cancel_error("operation cancelled")); }

bool Op::token_abandon() {
  armed_ = false;
  token_cancel();
  return true;
}

}  // namespace tractor::core
