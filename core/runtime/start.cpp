#include "runtime/start.hpp"

#include <new>
#include <utility>

#include "rpc/call.hpp"
#include "runtime/actor.hpp"

namespace tractor::core {

OpToken StartOp::start(Actor& actor, Nursery& owner, Nursery& in, std::string name, SpawnConfig config,
                       const ErrorRef& bad, tractor_portal_fn fn, void* user) {
  auto* op = new StartOp(in, fn, user);
  OpToken token = op->token();
  if (bad)
    op->decide(bad);
  else if (op->begin())
    op->go([&] { op->child_ = Child::start(actor, owner, std::move(name), std::move(config), false, op); });
  return token;
}

// The outcome comes when the process is reaped.
void StartOp::on_cancel(const ErrorRef& why) {
  if (child_) child_->cancel_child(why);
}

void StartOp::on_booted(Child& child, const ErrorRef& err) {
  child.set_starter(nullptr);
  child_ = nullptr;
  portal_ = child.portal();
  decide(err);
}

OneShotOp::OneShotOp(Nursery& owner, Nursery& in, tractor_value_fn fn, void* user)
    : Op(in, fn != nullptr), owner_(owner), fn_(fn), user_(user) {
  owner_.one_shot_started();
}

OneShotOp::~OneShotOp() {
  if (child_) child_->set_starter(nullptr);
  owner_.one_shot_ended();
}

OpToken OneShotOp::start(Actor& actor, Nursery& owner, Nursery& in, std::string module, std::string func, Bytes args,
                         SpawnConfig config, const ErrorRef& bad, tractor_value_fn fn, void* user) {
  auto* op = new OneShotOp(owner, in, fn, user);
  OpToken token = op->token();
  if (bad) {
    op->decide(bad);
  } else if (op->begin()) {
    op->go([&] {
      op->module_ = std::move(module);
      op->func_ = func;
      op->args_ = args;
      std::string name = config.name.empty() ? std::move(func) : std::move(config.name);
      op->child_ = Child::start(actor, owner, std::move(name), std::move(config), true, op);
    });
  }
  return token;
}

void OneShotOp::on_cancel(const ErrorRef& why) {
  if (call_ > 0) {
    // The call is work of the same nursery; alone it has to be told.
    if (Tokened* call = engine().tokens().find(call_)) call->token_cancel();
  } else if (child_) {
    child_->cancel_child(why);
  }
}

void OneShotOp::on_booted(Child& child, const ErrorRef& err) {
  if (err) {
    child_ = nullptr;
    return decide(err);
  }
  try {
    call_ = RunOp::start(*child.portal(), nursery(), {module_, func_, args_}, 0, {}, on_answer, this);
  } catch (const std::bad_alloc&) {
    call_ = static_cast<OpToken>(Status::no_memory);
  }
  if (call_ > 0) return;
  decide(Error::of(static_cast<Status>(call_), "the call could not be made"));
  dismiss();
}

void OneShotOp::on_answer(const tractor_error* err, const tractor_value* value, void* self) {
  auto& op = *static_cast<OneShotOp*>(self);
  const Error* e = from_c(err);
  if (e) e->mark_handled();
  try {
    if (value) op.value_ = from_c(value)->keep();
    op.decide(ErrorRef(e));
  } catch (const std::bad_alloc&) {
    op.decide(Error::out_of_memory());
  }
  op.dismiss();
}

void OneShotOp::dismiss() {
  if (!child_) return;
  child_->set_starter(nullptr);
  std::exchange(child_, nullptr)->cancel_child(engine().cancel_error("its one call is answered"));
}

void OneShotOp::on_buried(Child&, const ErrorRef& death) {
  child_ = nullptr;
  if (death && call_ == 0) decide(death);
}

}  // namespace tractor::core
