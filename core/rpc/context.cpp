#include "rpc/context.hpp"

#include <algorithm>

#include <tractor/ctx.h>

#include "wire/packer.hpp"

namespace tractor::core {

Context::Context(Nursery& parent, NurseryOptions options, PeerLink& link, std::string_view cid)
    : Nursery(parent.engine(), &parent, std::move(options)),
      Dialog(cid),
      link_(&link),
      peer_{link.peer().name.c_str(), link.peer().uuid.c_str(), link.peer().pid} {}

Pipe& Context::make_pipe() {
  pipe_ = std::make_unique<Pipe>(*this);
  StreamOptions limits = first_limits();
  pipe_->set_limits(limits.buffer, limits.allow_overruns);
  return *pipe_;
}

Status Context::open_stream(const StreamOptions& options, Stream*& out) {
  if (ended()) return Status::closed;
  if (Status status = can_open_stream(); status != Status::ok) return status;
  if (cancel_called_ || cancel_reason()) return Status::canceled;
  if (pipe_ && pipe_->opened()) return Status::already;
  stream_opens();
  out = pipe().open(options.buffer, options.allow_overruns);
  return Status::ok;
}

const tractor_id* Context::canceller() const {
  if (remote_error_) {
    const tractor_id* asked = remote_error_->code() == Status::ctx_canceled ? remote_error_->canceller_id() : nullptr;
    bool ours = asked && cancel_acked();
    return ours ? asked : &peer_;
  }
  return cancel_reason() ? cancel_reason()->canceller_id() : nullptr;
}

const Error* Context::local_error() const {
  if (const Error* own = first_error(); own && own != remote_error_.get()) return own;
  return absorbed_.get();
}

void Context::note_remote_error(const ErrorRef& err) {
  if (!remote_error_) remote_error_ = err;
}

// --- payloads ------------------------------------------------------------------------------------------------------

const char* Context::message_of(Payload kind) {
  switch (kind) {
    case Payload::started: return "Started";
    case Payload::stream: return "Yield";
    case Payload::result: return "Return";
  }
  return "";
}

ErrorRef Context::check(Payload kind, Bytes value, bool received) const {
  auto mismatch = [&](const TypeSpec* type) -> ErrorRef {
    if (!type || type->takes_all()) return {};
    auto wrong = type->check(value);
    if (!wrong) return {};
    Error::Fields f;
    f.code = Status::msg_type;
    f.type = "MsgTypeError";
    f.message = what() + ": payload of " + message_of(kind) + " is not '" + type->text() + "': " + wrong->text();
    if (received) {
      // As if the peer had sent it: it made the mistake.
      const ActorId& peer = link_->peer();
      f.remote = true;
      f.source = peer;
      f.relay_path.push_back(link_->host().self());
      f.traceback = "MsgTypeError: " + f.message + "\n";
    }
    return Error::make(std::move(f));
  };
  if (const PayloadSpec* spec = schema()) {
    const auto& type = kind == Payload::started ? spec->started : kind == Payload::stream ? spec->stream : spec->result;
    if (ErrorRef err = mismatch(type.get())) return err;
  }
  for (const Limit& limit : limits_)
    if (ErrorRef err = mismatch(limit.type.get())) return err;
  return {};
}

ErrorRef Context::refusal(Payload kind, Bytes value) {
  ErrorRef err = Error::from([&] { return check(kind, value, true); });
  if (!err) return {};
  note_remote_error(err);
  fail(err);
  return err;
}

Status Context::limit(Nursery& scope, Ref<const TypeSpec> type) {
  if (is_function()) return Status::runtime;
  const Nursery* n = &scope;
  while (n && n != this) n = n->parent();
  if (!n || &scope == this) return Status::runtime;
  struct End {
    Context* ctx;
    const Nursery* scope;
  };
  // What there may be no memory for comes first: a limit without its end would hold for ever.
  limits_.reserve(limits_.size() + 1);
  auto* end = static_cast<End*>(scope.alloc(sizeof(End)));
  *end = {this, &scope};
  scope.on_end(
      [](const tractor_error*, void* user) {
        auto* of = static_cast<End*>(user);
        std::erase_if(of->ctx->limits_, [&](const Limit& l) { return l.scope == of->scope; });
      },
      end);
  limits_.push_back({&scope, std::move(type)});
  checks_ = true;
  return Status::ok;
}

// --- the end -------------------------------------------------------------------------------------------------------

void Context::scope_stopped(const ErrorRef& why) {
  const Error* error = first_error();
  if (pipe_) pipe_->stop(error ? ErrorRef(error) : why);
  task_stopped();
}

void Context::on_gone() {
  if (pipe_) pipe_->die();
  if (!unique()) kept_peer_ = link_->identity();  // the program has a reference
  link_.reset();
}

const char* Context::state_name(int state) {
  switch (state) {
    case TRACTOR_CTX_OPENING: return "pre-started";
    case TRACTOR_CTX_STARTED: return "started";
    case TRACTOR_CTX_STREAMING: return "streaming";
    case TRACTOR_CTX_STREAM_FINISHED: return "streaming-finished";
    case TRACTOR_CTX_RETURNED: return "result-returned";
    case TRACTOR_CTX_SELF_CANCELLED: return "self-cancelled";
    case TRACTOR_CTX_PEER_CANCELLED: return "peer-cancelled";
    case TRACTOR_CTX_ERRORED: return "errored";
    default: return "unknown";
  }
}

void Context::describe_more(wire::Packer& out) {
  out.map(5);
  out.str("cid");
  out.text(cid());
  out.str("side");
  out.str(is_caller() ? "caller" : "callee");
  out.str("peer");
  out.array(2);
  out.text(peer_.name);
  out.text(peer_.uuid);
  out.str("state");
  out.str(state_name(state()));
  out.str("stream");
  if (!pipe_) return out.nil();
  out.map(3);
  out.str("state");
  out.str(!pipe_->opened() ? "waiting" : pipe_->finished() ? "finished" : "open");
  out.str("unread");
  out.integer(static_cast<uint64_t>(pipe_->unread()));
  out.str("unsent");
  out.integer(static_cast<uint64_t>(pipe_->unsent()));
}

}  // namespace tractor::core
