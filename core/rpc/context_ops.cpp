#include "rpc/context_ops.hpp"

#include "rpc/args.hpp"
#include "rpc/open_context.hpp"

namespace tractor::core {

OpToken SettledOp::start(Nursery& in, const ErrorRef& outcome, tractor_done_fn fn, void* user) {
  auto* op = new SettledOp(in, fn, user);
  OpToken token = op->token();
  if (token < 0)
    op->finish_silently();
  else
    op->decide(outcome);
  return token;
}

OpToken CancelTaskOp::start(PeerLink& link, Nursery& in, std::string_view cid, int64_t timeout, tractor_done_fn fn,
                            void* user) {
  auto* op = new CancelTaskOp(link, in, fn, user);
  OpToken token = op->token();
  if (token < 0) {
    op->finish_silently();
    return token;
  }
  op->go([&] {
    OutBuffer kwargs;
    pack_cancel_task(kwargs, cid);
    op->launch({"self", "_cancel_task", kwargs.view()}, timeout);
  });
  return token;
}

void CancelTaskOp::on_deadline() {
  finish(Error::from([&] {
    return Error::of(Status::timed_out, "the task in " + peer_name() + " did not end in time after its cancel");
  }));
}

OpToken ResultOp::start(Context& ctx, Nursery& in, tractor_value_fn fn, void* user) {
  auto* op = new ResultOp(in, fn, user);
  OpToken token = op->token();
  if (!op->begin()) return token;
  if (ctx.is_caller()) {
    op->ctx_ = static_cast<OpenContext*>(&ctx);
    op->ctx_->observe(*op);
  } else {
    op->decide(Error::of(Status::runtime, "an endpoint gives the result, it does not wait for it"));
  }
  return token;
}

ResultOp::~ResultOp() { leave(); }

void ResultOp::leave() {
  if (!std::exchange(ctx_, nullptr)) return;
  static_cast<Link<ResultTag>*>(this)->unlink();
}

void ResultOp::tell(const ErrorRef& err) {
  if (!err) result_ = ctx_->result();
  leave();
  decide(err);
}

void ResultOp::on_cancel(const ErrorRef& why) {
  leave();
  decide(why);
}

void ResultOp::deliver(const Error* err) {
  // It only observes: whoever opened the context is told too.
  if (err) err->mark_handled();
  if (err || result_.empty()) return fn_(to_c(err), nullptr, user_);
  result_.lend([&](const Value& value) { fn_(nullptr, to_c(&value), user_); });
}

}  // namespace tractor::core
