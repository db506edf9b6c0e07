// The life of a connection, and its output. Input is in channel_input.cpp.
#include "ipc/channel.hpp"

#include <algorithm>
#include <cerrno>
#include <new>

namespace tractor::core {

namespace {
constexpr int64_t kMemoryKept = kSecond;
}

Ref<Channel> Channel::open(Loop& loop, std::unique_ptr<Transport> transport, ChannelHandler& handler) {
  return Ref<Channel>::adopt(new Channel(loop, std::move(transport), handler));
}

Channel::Channel(Loop& loop, std::unique_ptr<Transport> transport, ChannelHandler& handler)
    : loop_(loop), transport_(std::move(transport)), handler_(&handler) {
  transport_->start(loop_, *this, interest_);
}

void Channel::on_fd(unsigned ready) {
  Ref<Channel> keep(this);  // a handler may drop the last one but this
  if ((ready & kWrite) && write_blocked_) write_out();
  if ((ready & kRead) && state_ == State::open) readable();
}

void Channel::want(unsigned interest) {
  if (interest == interest_) return;
  interest_ = interest;
  transport_->want(interest);
}

void Channel::sent_slowly() {
  if (state_ != State::open) {
    discarded_.clear();
    discarded_.release();
  } else if (!write_blocked_) {
    write_out();
  }
}

void Channel::flush() {
  if (!write_blocked_) write_out();
}

void Channel::write_out() {
  if (pending() > 0) {
    iovec parts[3];
    int count = 0;
    for (Bytes b : {out_.view(), part_, behind_.view()})
      if (!b.empty()) parts[count++] = {const_cast<char*>(b.data()), b.size()};
    ssize_t n = transport_->write(parts, count);
    if (n < 0 && n != -EAGAIN) return write_failed(static_cast<int>(-n));
    if (n > 0) consume(static_cast<size_t>(n));
  }
  write_blocked_ = pending() > 0;
  if (write_blocked_) return want(interest_ | kWrite);
  want(interest_ & ~unsigned{kWrite});
  flush_.unlink();
  if (out_.capacity() > kLarge || behind_.capacity() > kLarge) keep_memory_for_now();
  if (state_ == State::flushing) return close();
  if (tell_drained_) loop_.post(report_);
}

void Channel::consume(size_t written) {
  size_t n = std::min(written, out_.size());
  out_.consume(n);
  written -= n;
  n = std::min(written, part_.size());
  part_.remove_prefix(n);
  behind_.consume(written - n);
  if (!part_.empty()) return;
  part_owner_.reset();
  if (out_.empty() && !behind_.empty()) out_.swap(behind_);
}

void Channel::send_parts(Bytes head, Bytes payload, const Value* shared) {
  if (state_ != State::open) return;
  if (pending() > kWriteAtOnce || write_blocked_) {
    OutBuffer& to = out();
    to.reserve(head.size() + payload.size());
    to.append(head);
    to.append(payload);
    return sent();
  }
  out_.append(head);
  // From here on the frame has begun: it is sent whole, or the connection ends.
  try {
    if (shared) part_owner_ = shared->keep();
    part_ = part_owner_ ? part_owner_->bytes() : payload;
    write_out();
    if (part_.empty() || part_owner_) return;
    out_.append(part_);
    part_ = {};
  } catch (const std::bad_alloc&) {
    part_ = {};
    lose_for_memory();
  }
}

void Channel::drop_output() {
  write_blocked_ = false;
  flush_.unlink();
  part_ = {};
  part_owner_.reset();
  for (OutBuffer* buffer : {&out_, &behind_}) {
    buffer->clear();
    buffer->release();
  }
}

/// What the peer sent before it went away may be the reason why it did: it is read first.
void Channel::write_failed(int error) {
  if (state_ == State::flushing) return close();
  state_ = State::write_failed;
  drop_output();
  want(0);
  try {
    why_ = Failure::system(Status::transport, "writing to " + transport_->peer().to_string(), error);
  } catch (const std::bad_alloc&) {
    why_ = Failure::out_of_memory();
  }
  loop_.post(report_);
}

void Channel::report() {
  Ref<Channel> keep(this);
  if (state_ == State::write_failed) {
    read_the_rest();
  } else if (state_ == State::lost) {
    Failure why = std::move(*why_);
    why_.reset();
    handler_->on_lost(*this, std::move(why));
  } else if (state_ == State::open && tell_drained_ && pending() == 0) {
    tell_drained_ = false;
    handler_->on_drained(*this);
  }
}

/// The limit of close_when_flushed(); before that, the time to give back what was needed for a burst. Not at once: the
/// next large frame of a stream would fault all the pages in again.
void Channel::later() {
  if (state_ == State::flushing) return close();
  if (large_) return keep_memory_for_now();
  for (OutBuffer* buffer : {&out_, &behind_})
    if (buffer->capacity() > kLarge) buffer->release();
  if (!reading_ && in_ && begin_ == end_ && in_->capacity() > kLarge) {
    in_.reset();
    begin_ = end_ = 0;
  }
}

void Channel::keep_memory_for_now() {
  large_ = later_.armed();
  if (later_.armed()) return;
  try {
    loop_.arm_after(later_, kMemoryKept);
  } catch (const std::bad_alloc&) {
    later();  // there is better use for it
  }
}

void Channel::notify_drained() {
  if (state_ != State::open) return;
  tell_drained_ = true;
  if (pending() == 0) loop_.post(report_);
}

void Channel::lose(Failure why) {
  stop();
  state_ = State::lost;
  why_ = std::move(why);
  loop_.post(report_);
}

void Channel::lose_for_memory() {
  if (is_reading()) lose(Failure::out_of_memory());
}

void Channel::close() {
  if (state_ == State::closed) return;
  if (state_ == State::flushing) {
    // A TCP socket that closes on unread input takes back what it has sent.
    char scrap[4096];
    transport_->shutdown_write();
    for (int i = 0; i < 64 && transport_->read(scrap, sizeof scrap) > 0; ++i) {
    }
  }
  stop();
  state_ = State::closed;
  why_.reset();
  LastWork::unlink();
  Ref<Channel> last = std::move(self_);  // possibly the end of this object
}

void Channel::close_when_flushed(int64_t limit) {
  if (state_ != State::open || pending() == 0) return close();
  state_ = State::flushing;
  tell_drained_ = false;
  report_.unlink();
  want(interest_ & ~unsigned{kRead});
  self_ = Ref<Channel>(this);
  loop_.adopt(*this);
  try {
    loop_.arm_after(later_, limit);
  } catch (const std::bad_alloc&) {
    close();
  }
}

/// Gives up everything but the addresses. What is being parsed stays until the parser returns.
void Channel::stop() {
  report_.unlink();
  resume_.unlink();
  later_.disarm();
  transport_->close();
  drop_output();
  if (!reading_) in_.reset();
}

}  // namespace tractor::core
