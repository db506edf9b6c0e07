#include "rpc/context.hpp"

#include <new>

#include "base/log.hpp"
#include "fault/box.hpp"
#include "scope/callback.hpp"
#include "wire/value.hpp"

namespace tractor::core {

Context::Context(PeerLink& link, std::string_view cid, const Endpoint& endpoint)
    : Nursery(link.host().engine(), &link.host().service(), {}),
      link_(&link),
      cid_(cid),
      endpoint_(&endpoint),
      peer_{link.peer().name.c_str(), link.peer().uuid.c_str(), link.peer().pid} {
  link.add_task(*this);
}

void Context::run(PeerLink& link, const wire::Start& start, const Endpoint& endpoint, SharedBuffer& buffer) {
  auto* ctx = new Context(link, start.cid, endpoint);
  if (ctx->cancel_reason()) return;
  ctx->set_body_running(true);
  {
    CallbackScope scope;
    Value args(start.kwargs, &buffer);
    endpoint.fn(to_c(ctx), to_c(&args), endpoint.user);
  }
  // A refusal takes the place of the acknowledgement; it is the one thing that is decided before the function returns.
  if (!ctx->refused_) ctx->send_ack();
  ctx->body_over();
}

void Context::send_ack() {
  if (std::exchange(ack_sent_, true) || !link_->is_open()) return;
  Channel& channel = link_->channel();
  wire::append_start_ack(channel.out(), cid_.view(), wire::FuncType::asyncfunc);
  channel.sent();
}

Status Context::answer(Bytes value) {
  if (ended()) return Status::closed;
  if (answered_) return Status::already;
  answer_.assign(value.data(), value.size());
  answered_ = true;
  close();
  return Status::ok;
}

void Context::refuse(Failure why) {
  refused_ = !ack_sent_;
  fail(Error::of(why));
}

void Context::cancel_by(const ActorId& who, std::string_view ack_cid) {
  if (!ack_cid.empty()) acks_.emplace_back(ack_cid);
  Error::Fields f;
  f.code = Status::canceled;
  f.message = "cancelled by " + who.name;
  f.canceller = who;
  cancel_from_outside(Error::make(std::move(f)));
}

void Context::on_idle() {
  if (answered_ || has_errors() || cancel_reason()) return;
  fail(Error::of(Failure::of(
      Status::unanswered, "endpoint '" + endpoint_->name + "' ended without an answer; still open: " + open_work())));
}

bool Context::deliver_end(const ErrorRef& outcome) {
  link_->remove_task(*this);
  if (link_->is_open()) {
    if (!outcome && answered_) {
      send_ack();
      send_answer();
    } else {
      if (!refused_) send_ack();
      ErrorRef err = outcome ? outcome : cancel_reason();
      if (!err || err->canceled()) {
        Error::Fields f;
        f.code = Status::ctx_canceled;
        f.type = "ContextCancelled";
        f.message = "endpoint '" + endpoint_->name + "' was " + (err ? err->message() : "cancelled");
        f.canceller = err && !err->fields().canceller.empty() ? err->fields().canceller : link_->host().self();
        err = Error::make(std::move(f));
      }
      link_->send_error(*err, cid_.view());
    }
    for (const Cid& cid : acks_) link_->cancel_ack(cid.view());
  } else if (outcome && !outcome->canceled()) {
    TRACTOR_LOG(kWarning, "tractor.rpc", "nobody is left to hear of: %s", outcome->format().c_str());
  }
  return true;
}

void Context::send_answer() {
  Channel& channel = link_->channel();
  try {
    wire::append_return(channel.out(), cid_.view(), answer_.empty() ? kNil : Bytes(answer_));
    channel.sent();
  } catch (const std::bad_alloc&) {
    link_->send_error(*Error::out_of_memory(), cid_.view());  // of the answer nothing has been written
  }
}

void Context::on_gone() {
  if (!unique()) kept_peer_ = link_->identity();  // the program has a reference
  link_.reset();
}

}  // namespace tractor::core
