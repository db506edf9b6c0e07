#include "rpc/pipe.hpp"

#include <new>

#include "base/log.hpp"
#include "rpc/context.hpp"
#include "rpc/link.hpp"

namespace tractor::core {

namespace {

/// A connection that has more than this to write takes nothing new from streams.
constexpr size_t kHighWater = 1024 * 1024;
/// From here on a payload is written from where it lies.
constexpr size_t kInPlace = 32 * 1024;

size_t cost_of(Bytes payload) { return payload.size() + kItemCost; }

/// Why nothing can be sent any more.
const char* why_not(Status status) {
  switch (status) {
    case Status::eof: return "the peer's task is over";
    case Status::transport: return "the connection is gone";
    case Status::runtime: return "a generator takes no values";
    default: return "the stream was closed, or its end was told already";
  }
}

}  // namespace

Pipe::Pipe(Context& ctx)
    : ctx_(ctx),
      main_(*this, false, true),
      window_(ctx.link()->own_window()),
      credit_(static_cast<int64_t>(ctx.link()->peer_window())),
      head_(wire::yield_head(ctx.cid())) {}

Pipe::~Pipe() { die(); }

template <class F>
void Pipe::each_stream(F&& f) {
  f(main_);
  for (auto& s : subscribers_) f(*s);
}

// --- receiving -----------------------------------------------------------------------------------------------------

void Pipe::set_limits(size_t capacity, bool allow_overruns) {
  allow_overruns_ = allow_overruns;
  if (capacity > 0) capacity_ = capacity;
}

Stream* Pipe::open(size_t capacity, bool allow_overruns) {
  opened_ = true;
  set_limits(capacity, allow_overruns);
  return &main_;
}

Status Pipe::subscribe(Stream& from, bool tells_lag, Stream*& out) {
  if (dead_ || main_.closed_ || from.closed()) return Status::closed;
  if (ring_.empty()) ring_.resize(capacity_);
  auto stream = std::make_unique<Stream>(*this, true, tells_lag);
  stream->cursor_ = ring_next_;
  subscribers_.push_back(std::move(stream));
  out = subscribers_.back().get();
  return Status::ok;
}

bool Pipe::receiving() const {
  if (main_.waiting_) return true;
  for (const auto& s : subscribers_)
    if (s->waiting_) return true;
  return false;
}

bool Pipe::has_unread() const {
  if (!opened_) return false;
  if (main_.has_unread()) return true;
  for (const auto& s : subscribers_)
    if (s->has_unread()) return true;
  return false;
}

void Pipe::arrived(Bytes payload, SharedBuffer& buffer) {
  size_t cost = cost_of(payload);
  if (windowed()) {
    if (held_ >= window_) return ctx_.link()->violation("more on a stream than its window");
    held_ += cost;
  }
  if (over()) TRACTOR_LOG(kRuntime, "tractor.rpc", "a Yield behind the end of its stream was dropped");
  if (over() || main_.closed_ || stopped_ || ctx_.drops_items()) return give_back(cost);
  if (full()) return send_overrun();
  try {
    queue_.push(payload, &buffer);
  } catch (const std::bad_alloc&) {
    return ctx_.fail(Error::out_of_memory());
  }
  wake();
  // Whoever is receiving gets the chance to make room before the next message is looked at, and to have done with a large
  // one while the block that it lies in can be read into again.
  if ((full() || payload.size() >= kInPlace) && receiving()) ctx_.link()->channel().pause();
}

void Pipe::wake() {
  each_stream([](Stream& s) { s.wake(); });
}

bool Pipe::pull(Item& item) {
  if (queue_.empty()) return false;
  queue_.pop(item);
  give_back(item.cost());
  return true;
}

void Pipe::broadcast(Item item) {
  if (ring_next_ - ring_first_ == ring_.size()) ++ring_first_;
  ring_[ring_next_++ % ring_.size()] = std::move(item);
  wake();
}

void Pipe::give_back(size_t cost) {
  if (!windowed()) return;
  to_give_back_ += cost;
  if (to_give_back_ < window_ / 4 || peer_done_ || !ctx_.link() || !ctx_.link()->is_open()) return;
  ctx_.link()->send(wire::Credit{ctx_.cid(), to_give_back_});
  held_ -= to_give_back_;
  to_give_back_ = 0;
}

void Pipe::send_overrun() {
  PeerLink& link = *ctx_.link();
  if (link.channel().pending() > kHighWater) return;  // it does not read these either
  ErrorRef err = Error::from([&] {
    Error::Fields f;
    f.code = Status::overrun;
    f.type = "StreamOverrun";
    f.message = "a message of " + link.peer().name + " found " + std::to_string(queue_.size()) + " others unread by " +
                link.host().self().name + (opened_ ? "" : ", which has no stream open");
    f.sender = link.peer();
    return Error::make(std::move(f));
  });
  link.send_error(*err, ctx_.cid());
}

void Pipe::peer_stopped(bool because_of_error) {
  if (because_of_error) return;  // the error follows, and says more
  peer_stopped_ = true;
  wake();
}

// --- sending -------------------------------------------------------------------------------------------------------

size_t Pipe::frame_size(Bytes payload) const { return head_.size() - wire::kPrefix + payload.size(); }

Status Pipe::sendable(Bytes payload) const {
  if (dead_ || eof_wanted_ || main_.closed_) return Status::closed;
  if (receive_only_) return Status::runtime;
  if (stopped_) return Status::canceled;
  if (peer_done_) return Status::eof;
  PeerLink* link = ctx_.link();
  if (!link || !link->is_open()) return Status::transport;
  return frame_size(payload) > link->peer_max_frame() ? Status::invalid : Status::ok;
}

bool Pipe::can_write(size_t size) const {
  if (windowed() && credit_ <= 0) return false;
  // A large one waits where it is rather than being copied to the end of a queue.
  Channel& channel = ctx_.link()->channel();
  return size >= kInPlace ? !channel.write_blocked() : channel.pending() <= kHighWater;
}

void Pipe::wait_for_room() {
  if (!windowed() || credit_ > 0) ctx_.link()->wait_until_drained(*this);
}

void Pipe::write(Bytes payload, const Value* shared) {
  Channel& channel = ctx_.link()->channel();
  if (payload.size() >= kInPlace) {
    wire::write_prefix(head_.data(), static_cast<uint32_t>(frame_size(payload)));
    channel.send_parts(head_, payload, shared);
  } else {
    wire::append_yield(channel.out(), head_, payload);
    channel.sent();
  }
  credit_ -= static_cast<int64_t>(cost_of(payload));
}

Status Pipe::send(Bytes payload) {
  Status status = sendable(payload);
  if (status != Status::ok) return status;
  if (!sends_.empty() || !can_write(payload.size())) return Status::again;
  write(payload, nullptr);
  return Status::ok;
}

OpToken Pipe::send_later(Nursery& in, Bytes payload, const Value* shared, const ErrorRef& bad, tractor_done_fn fn,
                         void* user) {
  auto* op = new SendOp(in, fn, user);
  OpToken token = op->token();
  if (!op->begin()) return token;
  op->go([&] {
    if (bad) return op->decide(bad);
    Status status = sendable(payload);
    if (status == Status::canceled) return op->decide(stopped_);
    if (status == Status::invalid)
      return op->decide(Error::of(ctx_.link()->too_long("a value of this size", frame_size(payload))));
    if (status != Status::ok) return op->decide(Error::of(status, why_not(status)));
    if (sends_.empty() && can_write(payload.size())) {
      write(payload, shared);
      return op->decide({});
    }
    op->payload_ = shared ? shared->keep() : Value::copy_of(payload);
    sends_.push_back(*op);
    wait_for_room();
  });
  return token;
}

void Pipe::flush() {
  if (!ctx_.link() || !ctx_.link()->is_open()) return;
  while (SendOp* op = sends_.first()) {
    if (!can_write(op->payload_->bytes().size())) return wait_for_room();
    static_cast<Link<SendTag>*>(op)->unlink();
    try {
      write(op->payload_->bytes(), op->payload_.get());
      op->decide({});
    } catch (const std::bad_alloc&) {
      op->decide(Error::out_of_memory());
    }
  }
  if (eof_wanted_) say_stop(false);
}

void Pipe::credited(uint64_t bytes) {
  if (!windowed()) return;
  // No peer grants more than it has been sent.
  auto used = static_cast<uint64_t>(static_cast<int64_t>(ctx_.link()->peer_window()) - credit_);
  if (bytes > used) return ctx_.link()->violation("more credit than was used up");
  credit_ += static_cast<int64_t>(bytes);
  flush();
}

Status Pipe::send_eof() {
  if (dead_ || main_.closed_) return Status::closed;
  if (receive_only_) return Status::runtime;
  if (eof_wanted_) return Status::already;
  eof_wanted_ = true;
  flush();
  return Status::ok;
}

void Pipe::say_stop(bool because_of_error) {
  if (stop_sent_ || peer_done_ || !opened_ || (stop_was_read() && !eof_wanted_)) return;
  stop_sent_ = true;
  PeerLink* link = ctx_.link();
  if (link && link->is_open()) link->send(wire::Stop{ctx_.cid(), because_of_error && link->peer_is_native()});
}

void Pipe::end_sends(const ErrorRef& why) {
  while (SendOp* op = sends_.pop_front()) op->decide(why);
}

// --- the end -------------------------------------------------------------------------------------------------------

void Pipe::close() {
  if (dead_ || main_.closed_) return;
  eof_wanted_ = eof_wanted_ || !stop_was_read();
  for (Item item; pull(item);) {
  }
  each_stream([](Stream& s) { s.end(); });
  flush();
  ctx_.stream_was_read();
}

void Pipe::stop(const ErrorRef& why) {
  if (stopped_) return;
  stopped_ = why;
  each_stream([&](Stream& s) { s.end_receive(why); });
  if (!sends_.empty())
    end_sends(why->canceled() ? why
                              : ctx_.engine().cancel_error({"the context has failed: ", why->message(), {}}, why));
  static_cast<Link<BlockedTag>*>(this)->unlink();
}

void Pipe::peer_done(bool well) {
  if (std::exchange(peer_done_, true)) return;
  static_cast<Link<BlockedTag>*>(this)->unlink();
  if (!well) return;  // stop() comes next and says why
  if (!sends_.empty()) end_sends(Error::of(Status::eof, "the peer's task is over"));
  wake();
}

void Pipe::die() {
  if (std::exchange(dead_, true)) return;
  each_stream([](Stream& s) { s.die(); });
  if (!sends_.empty()) end_sends(Error::of(Status::closed, "the context has ended"));
  static_cast<Link<BlockedTag>*>(this)->unlink();
}

size_t Pipe::unsent() {
  size_t count = 0;
  for (SendOp* op = sends_.first(); op; op = sends_.after(*op)) ++count;
  return count;
}

}  // namespace tractor::core
