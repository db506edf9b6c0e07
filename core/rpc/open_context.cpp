#include "rpc/open_context.hpp"

#include <tractor/ctx.h>

#include <new>

#include "base/log.hpp"
#include "fault/box.hpp"
#include "scope/callback.hpp"

namespace tractor::core {

OpenContext::OpenContext(Portal& portal, PeerLink& link, Nursery& in, Options&& options, NurseryOptions scope,
                         const Handlers& handlers)
    : Context(in, std::move(scope), link, Cid::fresh().view()),
      portal_(&portal),
      options_(std::move(options)),
      handlers_(handlers) {
  checks_ = options_.schema.has_value();
  // A context that can't be named is refused, and so must not be there.
  if (end_token() < 0) throw std::bad_alloc();
  portal_->call_begins();
}

OpToken OpenContext::open(Portal& portal, Nursery& in, const CallTarget& target, Options options, const ErrorRef& bad,
                          const Handlers& handlers) {
  PeerLink* link = portal.link();
  if (!link) return static_cast<OpToken>(Status::closed);
  NurseryOptions scope;
  scope.name = std::string(target.ns) + ":" + std::string(target.func);
  scope.timeout = options.timeout;
  auto* ctx = new OpenContext(portal, *link, in, std::move(options), std::move(scope), handlers);
  OpToken token = ctx->end_token();
  if (bad)
    ctx->fail(bad);
  else if (!ctx->cancel_reason())
    ctx->launch(target);
  ctx->body_over();
  return token;
}

void OpenContext::launch(const CallTarget& target) {
  try {
    if (!link_->is_open()) return fail(Error::of(Status::transport, "not connected to " + link_->peer().name));
    link_->add_call(*this);
    launched_ = true;
    size_t too_long = link_->send_start(cid_, target.ns, target.func, target.args);
    if (too_long > 0) {
      link_->remove_call(*this);
      launched_ = false;
      return fail(Error::of(link_->too_long("a call of '" + options().name + "' with these arguments", too_long)));
    }
    waits_ = true;
    enter();
  } catch (const std::bad_alloc&) {
    if (std::exchange(launched_, false)) link_->remove_call(*this);
    fail(Error::out_of_memory());
  }
}

// --- the peer ------------------------------------------------------------------------------------------------------

void OpenContext::on_start_ack(wire::FuncType type) {
  wire::FuncType wanted = handlers_.generator ? wire::FuncType::asyncgen : wire::FuncType::context;
  if (type == wanted) {
    if (!handlers_.generator || started_) return;
    pipe().open(options_.stream.buffer, options_.stream.allow_overruns);
    pipe().receive_only();
    started_ = telling_ = true;
    enter();
    engine().loop().post(notice_);
    return;
  }
  fail(Error::from([&] {
    return Error::of(Failure::of(
        Status::runtime,
        "'" + options().name + "' is no " + wire::functype_name(wanted) + " but " + wire::functype_name(type),
        "TypeError"));
  }));
}

void OpenContext::on_started(Bytes first, SharedBuffer& buffer) {
  if (handlers_.generator) return on_stray("Started");
  if (started_) return violated("Started", "in a context that has started");
  try {
    first_ = Item(first, &buffer);
  } catch (const std::bad_alloc&) {
    return fail(Error::out_of_memory());
  }
  started_ = true;
  if (refusal_of(Payload::started, first)) return;
  telling_ = true;
  enter();
  engine().loop().post(notice_);
}

void OpenContext::tell_started() {
  Ref<OpenContext> self(this);
  if (!cancel_reason()) {
    CallbackScope scope;
    if (handlers_.on_started)
      first_.lend([&](const Value& value) {
        handlers_.on_started(to_c(static_cast<Context*>(this)), to_c(&value), handlers_.user);
      });
    else if (handlers_.on_open)
      handlers_.on_open(to_c(pipe().main()), handlers_.user);
  }
  first_ = Item();
  telling_ = false;
  leave();
}

void OpenContext::on_stop(bool because_of_error) {
  Context::on_stop(because_of_error);
  if (handlers_.generator && !because_of_error) {
    // Nothing more comes of a generator, but its makers expect to be told that nobody listens any more.
    if (!asked_) link_->request_cancel_task(cid());
    acked_ = asked_;
    finish({}, Ended::well);
    if (cancel_called_) cancel("its task has ended by our cancel");
  }
}

void OpenContext::on_return(Bytes payload, SharedBuffer& buffer) {
  if (cancel_reason() && !started_) return finish({});  // it was no context, and is being told to stop
  if (handlers_.generator) return on_stray("Return");
  if (!started_) {
    // It has had its last word, so there is nothing to cancel.
    ErrorRef err = unexpected("Return", "before Started");
    finish(err);
    return fail(err);
  }
  try {
    result_ = Item(payload, &buffer);
  } catch (const std::bad_alloc&) {
    finish(Error::out_of_memory());
    return fail(Error::out_of_memory());
  }
  ErrorRef wrong = Error::from([&] { return check(Payload::result, payload, true); });
  bool second = remote_error_ != nullptr;  // what it started with was wrong already, say
  if (wrong) {
    note_remote_error(wrong);
    if (!link_->peer_is_native()) link_->request_cancel_task(cid());
  } else {
    returned_ = true;
  }
  finish(wrong, wrong ? Ended::badly : Ended::well);
  if (wrong && !second) fail(wrong);
}

void OpenContext::on_error(const wire::ErrorMsg& msg) {
  ErrorRef err = Error::from([&] { return unbox(msg, link_->peer()); });
  if (pipe_ && pipe_->full() && !link_->peer_is_native())
    pipe_->send_overrun();  // nor does this fit, says the original
  bool overrun = err->code() == Status::overrun && err->fields().relay_path.size() <= 1;
  bool first = !remote_error();
  note_remote_error(err);
  if (overrun) {
    // It has dropped a message of ours and its task goes on; each further one that it dropped is told likewise.
    if (pipe_) pipe_->error_came();
    if (first) fail(err);
    return;
  }
  acked_ = is_ack(*err);
  if (acked_) {
    absorbed_ = err;
    finish({});
    cancel("its task has ended by our cancel");
    return;
  }
  bool canceled = err->code() == Status::ctx_canceled;
  bool was_stopping = cancel_reason() != nullptr;
  if (!link_->peer_is_native() && !was_stopping) part(canceled);
  finish(err);
  // Who is leaving already knows why; but a real error is told.
  if (!was_stopping || !canceled) fail(err);
}

/// The task is over, but those who made the protocol tell it all the same how they leave.
void OpenContext::part(bool canceled) {
  if (handlers_.generator || !started_) {
    if (pipe_) pipe_->say_stop(false);
    if (!asked_) link_->request_cancel_task(cid());
    return;
  }
  bool streaming = pipe_ && pipe_->is_open();
  // Values that were not read are found before the error, and then the end of the stream is told.
  if (streaming && pipe_->unread() > 0) return pipe_->say_stop(false);
  // Otherwise the error is found where the program is. If it is there no more, or was only cancelled, nothing is told.
  if (!canceled && (streaming || work() > 1)) link_->request_cancel_task(cid());
}

/// The five-part test of the protocol: our own cancel, told by the peer that we asked.
bool OpenContext::is_ack(const Error& err) const {
  const ActorId& us = link_->host().self();
  return cancel_called_ && err.code() == Status::ctx_canceled && err.fields().source.uuid == link_->peer().uuid &&
         err.fields().canceller.uuid == us.uuid;
}

void OpenContext::on_stray(const char* message_name) { violated(message_name, "in a context"); }

ErrorRef OpenContext::unexpected(const char* message_name, const char* where) {
  return Error::from([&] {
    return Error::of(
        Failure::of(Status::msg_type, std::string("unexpected ") + message_name + " " + where, "MessagingError"));
  });
}

void OpenContext::violated(const char* message_name, const char* where) {
  if (!cancel_reason()) fail(unexpected(message_name, where));
}

void OpenContext::on_lost(const ErrorRef& why) {
  bool was_stopping = cancel_reason() != nullptr || cancel_called_;
  finish(was_stopping ? ErrorRef() : why);
  if (was_stopping)
    cancel("the connection was lost");
  else if (why->canceled())
    cancel_from_outside(why);  // its portal was closed
  else
    fail(why);
}

// --- stopping ------------------------------------------------------------------------------------------------------

OpToken OpenContext::cancel_task(Nursery& in, int64_t timeout, const ErrorRef& bad, tractor_done_fn fn, void* user) {
  if (bad || finished_ || !launched_) return SettledOp::start(in, bad, fn, user);
  if (timeout <= 0) timeout = kLastWord;
  OpToken token = CancelTaskOp::start(*link_, in, cid(), timeout, fn, user);
  if (token < 0) return token;
  cancel_called_ = asked_ = true;
  wait_for_last_word(timeout);
  return token;
}

void OpenContext::task_stopped() {
  // What the peer told us is no wish of ours.
  bool told = finished_ && remote_error_ && first_error() == remote_error_.get();
  if (!told) cancel_called_ = true;
  if (finished_ || !launched_) return settle_wait();
  if (pipe_) pipe_->say_stop(false);
  ask_to_stop();
}

void OpenContext::ask_to_stop() {
  if (!std::exchange(asked_, true)) link_->request_cancel_task(cid());
  // Whoever asked before may have had more patience.
  wait_for_last_word(kLastWord);
}

void OpenContext::wait_for_last_word(int64_t patience) {
  if (patience == kForever || (patience_.armed() && patience_.deadline() <= engine().loop().after(patience))) return;
  try {
    engine().loop().arm_after(patience_, patience);
  } catch (const std::bad_alloc&) {
    out_of_patience();
  }
}

void OpenContext::out_of_patience() {
  try {
    link_->give_up(*this, "endpoint '" + options().name + "'");
  } catch (const std::bad_alloc&) {
    // If the task still fails, nobody hears of it.
  }
  finish({});
  cancel("its task did not end in time after its cancel");
}

// --- the end -------------------------------------------------------------------------------------------------------

void OpenContext::observe(ResultOp& op) {
  if (!finished_) {
    observers_.push_back(op);
    return;
  }
  const Error* err = returned_ || absorbed_ ? nullptr : maybe_error();
  op.tell(ErrorRef(err));
}

void OpenContext::finish(const ErrorRef& err, Ended how) {
  if (std::exchange(finished_, true)) return;
  patience_.disarm();
  if (launched_) link_->remove_call(*this);
  // Else what stops the scope is what a waiting receive is told.
  if (pipe_) pipe_->peer_done(how == Ended::well);
  while (ResultOp* op = observers_.first()) op->tell(err);
  settle_wait();
}

bool OpenContext::still_read() const {
  if (cancel_reason() || !pipe_) return false;
  return handlers_.generator ? !pipe_->read_to_the_end() : pipe_->has_unread();
}

void OpenContext::settle_wait() {
  if (!waits_ || !finished_ || still_read()) return;
  waits_ = false;
  leave();
}

void OpenContext::stream_was_read() {
  if (handlers_.generator && !finished_ && pipe().read_to_the_end()) ask_to_stop();
  settle_wait();
}

bool OpenContext::drops_items() {
  if (pipe_->opened() || !started_ || telling_) return false;
  // If nothing runs here that waits for anything but the peer's last word, nobody is there to open the stream.
  uint32_t observers = 0;
  for (ResultOp* op = observers_.first(); op; op = observers_.after(*op)) observers += &op->nursery() == this;
  if (work() > 1 + observers) return false;
  return dropped_ = true;
}

std::string OpenContext::own_work() {
  if (!waits_) return {};
  std::string what = finished_ ? "unread values of its stream" : "the answer of " + link_->peer().name;
  if (pipe_ && pipe_->unread() > 0) what += " (" + std::to_string(pipe_->unread()) + " values unread)";
  return what;
}

Status OpenContext::can_open_stream() const {
  if (!started_ || handlers_.generator) return Status::runtime;
  return dropped_ ? Status::overrun : Status::ok;
}

int OpenContext::state() const {
  // The acknowledgement of a cancel that a failure has caused does not hide the failure.
  if (has_errors_besides(remote_error_.get())) return TRACTOR_CTX_ERRORED;
  if (acked_ && !has_errors()) return TRACTOR_CTX_SELF_CANCELLED;
  if (remote_error_)
    return remote_error_->code() == Status::ctx_canceled ? TRACTOR_CTX_PEER_CANCELLED : TRACTOR_CTX_ERRORED;
  if (returned_) return TRACTOR_CTX_RETURNED;
  if (cancel_called_) return TRACTOR_CTX_SELF_CANCELLED;
  if (pipe_ && pipe_->opened()) return pipe_->finished() ? TRACTOR_CTX_STREAM_FINISHED : TRACTOR_CTX_STREAMING;
  return started_ ? TRACTOR_CTX_STARTED : TRACTOR_CTX_OPENING;
}

bool OpenContext::deliver_end(const ErrorRef& outcome) {
  finish({});
  if (pipe_) pipe_->die();
  portal_->call_ends();
  portal_.reset();
  uint32_t seen = outcome ? outcome->times_handled() : 0;
  if (handlers_.on_end)
    handlers_.on_end(to_c(outcome.get()), handlers_.user);
  else if (!handlers_.on_result)
    return !outcome;
  else if (outcome || !returned_)
    handlers_.on_result(to_c(outcome.get()), nullptr, handlers_.user);
  else
    result_.lend([&](const Value& value) { handlers_.on_result(nullptr, to_c(&value), handlers_.user); });
  if (outcome && !outcome->canceled() && outcome->times_handled() == seen)
    TRACTOR_LOG(kWarning, "tractor.rpc", "the end of context '%s' ignored its error: %s", options().name.c_str(),
                outcome->log_text().c_str());
  return true;
}

void OpenContext::on_gone() {
  result_ = Item();
  options_.schema.reset();
  Context::on_gone();
}

}  // namespace tractor::core
