#include "rpc/task_context.hpp"

#include <tractor/ctx.h>

#include <new>

#include "base/log.hpp"
#include "fault/box.hpp"
#include "rpc/context_ops.hpp"
#include "scope/callback.hpp"
#include "wire/value.hpp"

namespace tractor::core {

using wire::FuncType;

namespace {

ErrorRef cancellation_of(const Endpoint& endpoint, const ErrorRef& why, const ActorId& self, bool by_itself) {
  return Error::from([&] {
    Error::Fields f;
    f.code = Status::ctx_canceled;
    f.type = "ContextCancelled";
    f.message = "endpoint '" + endpoint.name + "' was " + (why ? why->message() : "cancelled");
    if (by_itself) f.message = "endpoint '" + endpoint.name + "' of " + self.name + " cancelled itself";
    f.canceller = why && !why->fields().canceller.empty() ? why->fields().canceller : self;
    return Error::make(std::move(f));
  });
}

}  // namespace

TaskContext::TaskContext(PeerLink& link, std::string_view cid, const Endpoint& endpoint)
    : Context(link.host().service(), {}, link, cid), endpoint_(&endpoint) {
  checks_ = endpoint.schema.has_value();
  link.add_task(*this);
}

void TaskContext::run(PeerLink& link, const wire::Start& start, const Endpoint& endpoint, SharedBuffer& buffer) {
  // Tasks end before their actor does. One that comes in between fares as those did that were there.
  if (const Nursery& service = link.host().service(); service.ended()) {
    link.send(wire::StartAck{start.cid, endpoint.kind});
    return link.send_error(*cancellation_of(endpoint, service.cancel_reason(), link.host().self(), false), start.cid);
  }
  auto* ctx = new TaskContext(link, start.cid, endpoint);
  if (ctx->cancel_reason()) return;
  ctx->set_body_running(true);
  {
    CallbackScope scope;
    Value args(start.kwargs, &buffer);
    try {
      endpoint.fn(to_c(ctx), to_c(&args), endpoint.user);
    } catch (const std::bad_alloc&) {
      ctx->fail(Error::out_of_memory());  // one of the runtime's own
    }
  }
  // A refusal takes the place of the acknowledgement; it is the one thing that is decided before the function returns.
  if (!ctx->refused_) ctx->send_ack();
  ctx->body_over();
  // Most endpoints have answered by now. The next task then lies where this one did, which is still in the cache.
  ctx->end_at_once();
}

void TaskContext::send_ack() {
  if (std::exchange(ack_sent_, true) || !link_->is_open()) return;
  Channel& channel = link_->channel();
  try {
    wire::append_start_ack(channel.out(), cid(), endpoint_->kind);
    channel.sent();
  } catch (const std::bad_alloc&) {
    channel.lose_for_memory();
  }
}

// --- the endpoint --------------------------------------------------------------------------------------------------

bool TaskContext::fits(const char* what, size_t frame) {
  if (frame <= link_->peer_max_frame()) return true;
  fail(Error::of(link_->too_long(std::string(what) + " of endpoint '" + endpoint_->name + "'", frame)));
  return false;
}

Status TaskContext::start(Bytes first) {
  if (ended() || answered_) return Status::closed;
  if (!is(FuncType::context)) return Status::runtime;
  if (started_) return Status::already;
  if (cancel_reason()) return Status::canceled;
  if (!fits("the first value", wire::started_size(cid(), first))) return Status::invalid;
  if (ErrorRef wrong = check(Payload::started, first, false)) {
    fail(wrong);
    return Status::msg_type;
  }
  send_ack();
  started_ = true;
  if (link_->is_open()) link_->send(wire::Started{cid(), first});
  return Status::ok;
}

Status TaskContext::answer(Bytes value) {
  if (ended()) return Status::closed;
  if (answered_) return Status::already;
  if (is(FuncType::asyncgen) && value != kNil) {
    fail(Error::of(
        Failure::of(Status::invalid, "generator '" + endpoint_->name + "' can return nothing but nil", "TypeError")));
    return Status::invalid;
  }
  if (!fits("the answer", wire::return_size(cid(), value))) return Status::invalid;
  answer_.assign(value.data(), value.size());
  answered_ = true;
  if (pipe_ && !is(FuncType::asyncgen)) pipe_->close();
  close();
  return Status::ok;
}

void TaskContext::refuse(Failure why) {
  refused_ = !ack_sent_;
  fail(Error::of(why));
}

Status TaskContext::can_open_stream() const {
  if (answered_) return Status::closed;
  return is(FuncType::asyncgen) || started_ ? Status::ok : Status::runtime;
}

OpToken TaskContext::cancel_task(Nursery& in, int64_t, const ErrorRef& bad, tractor_done_fn fn, void* user) {
  OpToken token = SettledOp::start(in, bad, fn, user);
  if (token < 0 || bad) return token;
  cancel_called_ = true;
  cancel_from_outside(engine().cancel_error("cancelled by itself"));
  return token;
}

int TaskContext::state() const {
  if (cancel_called_) return TRACTOR_CTX_SELF_CANCELLED;
  if (has_errors()) return TRACTOR_CTX_ERRORED;
  if (cancel_reason()) return TRACTOR_CTX_PEER_CANCELLED;
  if (answered_) return TRACTOR_CTX_RETURNED;
  if (pipe_ && pipe_->opened()) return pipe_->finished() ? TRACTOR_CTX_STREAM_FINISHED : TRACTOR_CTX_STREAMING;
  return started_ ? TRACTOR_CTX_STARTED : TRACTOR_CTX_OPENING;
}

// --- the peer ------------------------------------------------------------------------------------------------------

void TaskContext::cancel_by(const ActorId& who, std::string_view ack_cid) {
  if (!ack_cid.empty()) acks_.emplace_back(ack_cid);
  Error::Fields f;
  f.code = Status::canceled;
  f.message = "cancelled by " + who.name;
  f.canceller = who;
  cancel_from_outside(Error::make(std::move(f)));
}

void TaskContext::on_yield(Bytes payload, SharedBuffer& buffer) {
  if (!is(FuncType::context)) return on_stray("Yield");
  Context::on_yield(payload, buffer);
}

void TaskContext::on_stop(bool because_of_error) {
  // A generator's consumer says it before it cancels; the cancel is what counts.
  if (is(FuncType::context)) Context::on_stop(because_of_error);
}

void TaskContext::on_error(const wire::ErrorMsg& msg) {
  ErrorRef err = Error::from([&] { return unbox(msg, link_->peer()); });
  if (pipe_) pipe_->error_came();
  // One comes for each message that was dropped there.
  bool first = !remote_error();
  note_remote_error(err);
  if (first) fail(err);
}

void TaskContext::on_stray(const char* message_name) {
  TRACTOR_LOG(kWarning, "tractor.rpc", "%s of %s for endpoint '%s' dropped: it has no place there", message_name,
              link_->peer().name.c_str(), endpoint_->name.c_str());
}

void TaskContext::on_garbled(const ErrorRef& why) {
  note_remote_error(why);
  fail(why);
}

// --- the end -------------------------------------------------------------------------------------------------------

void TaskContext::on_idle() {
  if (answered_ || has_errors() || cancel_reason()) return;
  fail(Error::from([&] {
    return Error::of(Status::unanswered,
                     "endpoint '" + endpoint_->name + "' ended without an answer; still open: " + open_work());
  }));
}

bool TaskContext::deliver_end(const ErrorRef& outcome) {
  link_->remove_task(*this);
  if (link_->is_open()) {
    if (!outcome && answered_)
      send_result();
    else
      send_failure(outcome);
    for (const Cid& cid : acks_) link_->cancel_ack(cid.view());
  } else if (outcome && !outcome->canceled()) {
    TRACTOR_LOG(kWarning, "tractor.rpc", "nobody is left to hear of: %s", outcome->log_text().c_str());
  }
  return true;
}

void TaskContext::send_result() {
  send_ack();
  if (is(FuncType::asyncgen)) return link_->send(wire::Stop{cid(), false});
  // A caller takes whatever comes first for the first value.
  if (is(FuncType::context) && !started_) link_->send(wire::Started{cid(), kNil});
  if (pipe_) pipe_->say_stop(false);
  Channel& channel = link_->channel();
  try {
    wire::append_return(channel.out(), cid(), answer_.empty() ? kNil : Bytes(answer_));
    channel.sent();
  } catch (const std::bad_alloc&) {
    link_->send_error(*Error::out_of_memory(), cid());  // of the answer nothing has been written
  }
}

void TaskContext::send_failure(const ErrorRef& outcome) {
  if (!refused_) send_ack();
  ErrorRef err = outcome ? outcome : cancel_reason();
  bool canceled = !err || err->canceled();
  if (is(FuncType::asyncgen)) {
    // Who asked a generator to stop is told so, and by nothing else.
    if (canceled && !acks_.empty()) return link_->send(wire::Stop{cid(), false});
  } else if (pipe_) {
    pipe_->say_stop(true);
  }
  link_->send_error(canceled ? *cancellation() : *err, cid());
}

ErrorRef TaskContext::cancellation() const {
  return cancellation_of(*endpoint_, cancel_reason(), link_->host().self(), cancel_called_);
}

}  // namespace tractor::core
