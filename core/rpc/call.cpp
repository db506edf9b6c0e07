#include "rpc/call.hpp"

#include <cstring>
#include <new>

#include "fault/box.hpp"
#include "rpc/portal.hpp"

namespace tractor::core {

Call::Call(PeerLink* link, Portal* portal, Nursery& in, bool armed) : Op(in, armed), portal_(portal), link_(link) {
  if (portal_) portal_->call_begins();
}

Call::~Call() {
  leave_link();
  if (portal_) portal_->call_ends();
}

void Call::launch(const CallTarget& target, int64_t timeout) {
  if (!link_ || !link_->is_open())
    return finish(Error::from([&] { return Error::of(Status::transport, "not connected to " + peer_name()); }));
  launched_ = true;
  cid_ = Cid::fresh();
  try {
    // Last comes what can't be taken back.
    if (timeout > 0 && timeout != kForever) engine().loop().arm_after(*this, timeout);
    link_->add_call(*this);
    size_t too_long = link_->send_start(cid_, target.ns, target.func, target.args);
    if (too_long > 0) {
      std::string what =
          "a call of '" + std::string(target.ns) + ":" + std::string(target.func) + "' with these arguments";
      return finish(Error::of(link_->too_long(what, too_long)));
    }
  } catch (const std::bad_alloc&) {
    return finish(Error::out_of_memory());  // of its frame nothing has been written
  }
}

void Call::leave_link() {
  if (link_ && launched_) link_->remove_call(*this);
  link_.reset();
  Timer::disarm();
}

void Call::finish(ErrorRef err) {
  leave_link();
  decide(std::move(err));
}

void Call::on_start_ack(wire::FuncType type) {
  if (type == wire::FuncType::asyncfunc) return;
  link_->request_cancel_task(cid_.view());
  finish(Error::of(Failure::of(Status::runtime,
                               std::string("the endpoint is no plain function but ") + wire::functype_name(type),
                               "TypeError")));
}

void Call::on_return(Bytes pld, SharedBuffer& buffer) {
  if (pld.size() <= sizeof small_) {
    std::memcpy(small_, pld.data(), pld.size());
    small_size_ = static_cast<uint8_t>(pld.size());
  } else {
    try {
      kept_ = Value(pld, &buffer).keep();
    } catch (const std::bad_alloc&) {
      return finish(Error::out_of_memory());
    }
  }
  finish({});
}

void Call::on_cancel_ack() {
  small_[0] = kNil[0];
  small_size_ = 1;
  finish({});
}

void Call::on_error(const wire::ErrorMsg& msg) {
  ErrorRef err = Error::from([&] { return unbox(msg, link_->peer()); });
  // The acknowledgement of our own cancel is not news; anything else that it raised is.
  bool acked = stopping_ && err->code() == Status::ctx_canceled;
  finish(!acked ? err : timeout_error_ ? timeout_error_ : cancel_reason());
}

void Call::on_stray(const char* message_name) {
  link_->request_cancel_task(cid_.view());
  finish(Error::of(
      Failure::of(Status::msg_type, std::string("unexpected ") + message_name + " in a call", "MessagingError")));
}

void Call::on_lost(const ErrorRef& why) { finish(stopping_ && cancel_reason() ? cancel_reason() : why); }

void Call::on_cancel(const ErrorRef& why) {
  if (!launched_) return decide(why);
  if (stopping_) return;
  ask_to_stop();
}

void Call::ask_to_stop() {
  stopping_ = true;
  link_->request_cancel_task(cid_.view());
  try {
    engine().loop().arm_after(*this, kLastWord);
  } catch (const std::bad_alloc&) {
    on_timer();
  }
}

void Call::on_timer() {
  if (!stopping_) return on_deadline();
  link_->give_up(*this, "a task");
  finish(timeout_error_ ? timeout_error_ : cancel_reason());
}

void Call::on_deadline() {
  timeout_error_ = late();
  ask_to_stop();
}

ErrorRef Call::late() const {
  return Error::from([&] { return Error::of(Status::timed_out, "no answer from " + peer_name() + " in time"); });
}

OpToken RunOp::start(Portal& portal, Nursery& in, const CallTarget& target, int64_t timeout, const ErrorRef& bad,
                     tractor_value_fn fn, void* user) {
  auto* op = new RunOp(portal, in, fn, user);
  OpToken token = op->token();
  if (bad)
    op->decide(bad);
  else if (op->begin())
    op->launch(target, timeout);
  return token;
}

void RunOp::deliver(const Error* err) {
  if (err) return fn_(to_c(err), nullptr, user_);
  if (const Value* kept = kept_result()) return fn_(nullptr, to_c(kept), user_);
  Value value = small_result();
  fn_(nullptr, to_c(&value), user_);
}

OpToken CancelActorOp::start(Portal& portal, Nursery& in, int64_t timeout, const ErrorRef& bad, tractor_done_fn fn,
                             void* user) {
  auto* op = new CancelActorOp(portal, in, fn, user);
  OpToken token = op->token();
  if (bad)
    op->decide(bad);
  else if (portal.kind() == Portal::Kind::self)
    op->decide(Error::of(Status::invalid, "an actor does not cancel itself through its portal"));
  else
    op->launch({"self", "cancel", {}}, timeout > 0 ? timeout : kSecond / 2);
  return token;
}

void CancelActorOp::deliver(const Error* err) { fn_(to_c(err), user_); }

void CancelActorOp::on_deadline() {
  finish(Error::from([&] {
    return Error::of(
        Failure::of(Status::timed_out, peer_name() + " did not acknowledge the cancel in time", "ActorTooSlowError"));
  }));
}

}  // namespace tractor::core
