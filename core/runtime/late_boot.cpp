#include "runtime/late_boot.hpp"

#include <algorithm>
#include <new>

#include "runtime/actor.hpp"
#include "scope/basic_ops.hpp"

namespace tractor::core {

void LateBoot::wish(BootOp& op, std::optional<RootConfig> config) {
  if (state_ == State::up) return op.decide({});
  if (state_ == State::failed) return op.decide(failure_);
  waiting_.push_back(&op);
  op.boot_ = this;
  if (state_ == State::under_way) return;
  if (config) config_ = std::move(*config);
  OpToken hold = HoldOp::start(*actor_.main(), "boot", stop, this);
  if (hold < 0) throw std::bad_alloc();
  hold_ = hold;
  state_ = State::under_way;
  run();
}

void LateBoot::forget(BootOp& op) { waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &op)); }

/// The actor is cancelled.
void LateBoot::stop(void* self) {
  auto& boot = *static_cast<LateBoot*>(self);
  boot.actor_.stop_boot(boot.actor_.engine().cancel_error("the actor ends"));
}

Flow LateBoot::run() {
  Result<Done> done = Failure::out_of_memory();
  try {
    co_await pause(actor_.loop(), 0);  // whoever wishes has its token by then
    done = co_await actor_.enter_tree(&config_);
  } catch (const std::bad_alloc&) {
  }
  if (actor_.boot_halt_.why())
    over(actor_.boot_halt_.why());
  else
    over(done ? ErrorRef() : Error::of(done.failure()));
}

void LateBoot::over(const ErrorRef& failure) {
  state_ = failure ? State::failed : State::up;
  failure_ = failure;
  const bool told = !waiting_.empty() || (failure && failure->canceled());
  for (BootOp* op : waiting_) {
    op->boot_ = nullptr;
    op->decide(failure);
  }
  waiting_.clear();
  if (Tokened* hold = actor_.engine().tokens().find(hold_)) hold->token_complete(told ? ErrorRef() : failure);
}

OpToken BootOp::start(Actor& actor, Nursery& in, std::optional<RootConfig> config, const ErrorRef& bad,
                      tractor_done_fn fn, void* user) {
  auto* op = new BootOp(in, fn, user);
  OpToken token = op->token();
  if (!op->begin()) return token;
  if (bad)
    op->decide(bad);
  else if (LateBoot* boot = actor.late_boot())
    op->go([&] { boot->wish(*op, std::move(config)); });
  else
    op->decide({});
  return token;
}

BootOp::~BootOp() {
  if (boot_) boot_->forget(*this);
}

}  // namespace tractor::core
