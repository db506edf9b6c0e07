#include "rpc/stream.hpp"

#include "base/log.hpp"
#include "rpc/context.hpp"
#include "rpc/pipe.hpp"

namespace tractor::core {

Stream* Stream::dead() {
  alignas(Stream) static unsigned char place[sizeof(Stream)];
  static Stream* stream = new (place) Stream();
  return stream;
}

bool Stream::has_value() const { return !pipe_->queue_.empty() || cursor_ < pipe_->ring_next_; }

ErrorRef Stream::missed() {
  uint64_t count = pipe_->ring_first_ - cursor_;
  cursor_ = pipe_->ring_first_;
  lagged_ += count;
  return Error::from([&] {
    return Error::of(Status::lagged,
                     "the subscriber missed " + std::to_string(count) + " values; the oldest that is left comes next");
  });
}

void Stream::take_broadcast(Item& item) {
  Item next;
  if (cursor_ == pipe_->ring_next_ && pipe_->pull(next)) pipe_->broadcast(std::move(next));
  if (cursor_ < pipe_->ring_next_) item = pipe_->ring_[cursor_++ % pipe_->ring_.size()];
}

Status Stream::take(Item& item, ErrorRef& why) {
  used_ = true;
  Context& ctx = pipe_->context();
  if (!pipe_->broadcasting()) {
    pipe_->pull(item);
  } else {
    if (cursor_ < pipe_->ring_first_) {
      ErrorRef lag = missed();
      if (tells_lag_) {
        why = std::move(lag);
        return Status::lagged;
      }
      TRACTOR_LOG(kWarning, "tractor.rpc", "%s", lag->log_text().c_str());
    }
    take_broadcast(item);
  }
  if (!item.empty()) {
    ctx.stream_was_read();
    why = ctx.refusal_of(Payload::stream, item.bytes());
    return why ? Status::msg_type : Status::ok;
  }
  if (!pipe_->over()) return Status::again;
  pipe_->stop_was_read_ = true;
  ctx.stream_was_read();
  return Status::eof;
}

Status Stream::try_receive(const Value*& out) {
  if (!pipe_ || pipe_->dead_ || closed_) return Status::closed;
  if (waiting_) return Status::busy;
  if (pipe_->stopped_) return Status::canceled;
  handed_.reset();
  handed_item_ = Item();
  ErrorRef why;
  Status status = take(handed_item_, why);
  if (status != Status::ok) return status;
  out = handed_item_.kept();
  if (!out) out = &handed_.emplace(handed_item_.bytes(), nullptr);
  return Status::ok;
}

OpToken Stream::receive(Nursery* in, tractor_value_fn fn, void* user) {
  if (!pipe_ || pipe_->dead_) return static_cast<OpToken>(Status::closed);
  Nursery& where = in ? *in : pipe_->context();
  if (where.ended()) return static_cast<OpToken>(Status::closed);
  return ReceiveOp::start(*this, where, fn, user);
}

void Stream::wake() {
  if (waiting_ && (has_value() || pipe_->over())) waiting_->decide({});
}

void Stream::end_receive(const ErrorRef& why) {
  if (!waiting_ || waiting_->decided()) return;
  ReceiveOp* op = waiting_;
  op->leave();
  op->decide(why);
}

void Stream::end() {
  closed_ = true;
  if (waiting_) waiting_->decide({});
}

void Stream::die() {
  if (ReceiveOp* op = waiting_) {
    op->leave();
    op->decide({});
  }
  handed_.reset();
  handed_item_ = Item();
}

void Stream::close() {
  if (!pipe_ || closed_) return;
  if (!subscriber_) return pipe_->close();
  end();
  pipe_->context().stream_was_read();
}

OpToken ReceiveOp::start(Stream& stream, Nursery& in, tractor_value_fn fn, void* user) {
  auto* op = new ReceiveOp(in, fn, user);
  OpToken token = op->token();
  if (!op->begin()) return token;
  Pipe& pipe = *stream.pipe_;
  stream.used_ = true;
  if (stream.closed_) {
    op->decide(Error::of(Status::closed, "the stream is closed"));
  } else if (stream.waiting_) {
    op->decide(Error::of(Status::busy, "another receive waits on this stream"));
  } else if (pipe.stopped_) {
    op->decide(pipe.stopped_);
  } else {
    stream.waiting_ = op;
    op->stream_ = &stream;
    stream.wake();
  }
  return token;
}

void ReceiveOp::leave() {
  if (stream_) stream_->waiting_ = nullptr;
  stream_ = nullptr;
}

void ReceiveOp::on_cancel(const ErrorRef& why) {
  leave();
  decide(why);
}

bool ReceiveOp::token_abandon() {
  leave();
  return Op::token_abandon();
}

void ReceiveOp::deliver(const Error* err) {
  Stream* stream = stream_;
  leave();
  if (err) return fn_(to_c(err), nullptr, user_);
  ErrorRef why;
  Item item;
  if (!stream || stream->pipe_->dead_)
    why = Error::of(Status::closed, "the context has ended");
  else if (stream->closed_)
    why = Error::of(Status::eof, "the stream was closed");
  else if (Status status = stream->take(item, why); status == Status::ok)
    return item.lend([&](const Value& value) { fn_(nullptr, to_c(&value), user_); });
  else if (status == Status::eof)
    why = Error::of(Status::eof, "the peer sends no more");
  fn_(to_c(why.get()), nullptr, user_);
}

}  // namespace tractor::core
