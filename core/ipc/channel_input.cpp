// The input of a connection: from bytes to frames.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "ipc/channel.hpp"

namespace tractor::core {

namespace {

constexpr size_t kBlock = 64 * 1024;
constexpr size_t kLittleRoom = 8 * 1024;
constexpr size_t kSpill = 4 * 1024;
constexpr int kReadsPerTurn = 4;
constexpr int kReadsOfTheRest = 256;

}  // namespace

void Channel::read_frames(int reads, bool to_the_end) {
  reading_ = true;
  try {
    while (reads-- > 0) {
      size_t room = make_room();
      ssize_t n = transport_->read(in_->data() + end_, room);
      if (n <= 0) {
        if (n != -EAGAIN) read_ended(n);
        break;
      }
      end_ += static_cast<size_t>(n);
      deliver();
      if (!is_reading() || paused_ || (static_cast<size_t>(n) < room && !to_the_end)) break;
    }
  } catch (const std::bad_alloc&) {
    // Whatever a peer makes us need memory for, a large frame or what one asks for, costs no more than its connection.
    lose_for_memory();
  }
  after_reading();
}

void Channel::after_reading() {
  reading_ = false;
  if (!is_reading()) {
    in_.reset();
    begin_ = end_ = 0;
  } else if (in_ && in_->capacity() > kLarge) {
    keep_memory_for_now();
  }
}

void Channel::readable() {
  if (!paused_) read_frames(kReadsPerTurn, false);
}

void Channel::pause() {
  if (state_ != State::open) return;
  paused_ = true;
  loop_.post(resume_);
}

void Channel::resume() {
  paused_ = false;
  if (!is_reading() || !in_) return;
  Ref<Channel> keep(this);
  reading_ = true;
  try {
    deliver();
  } catch (const std::bad_alloc&) {
    lose_for_memory();
  }
  after_reading();
  if (is_reading() && !paused_) read_frames(kReadsPerTurn, false);
}

/// Makes sure that the frame which begins at begin_ will fit, and tells how much to read now.
size_t Channel::make_room() {
  size_t have = end_ - begin_;
  if (have == 0 && begin_ > 0 && in_->unique()) begin_ = end_ = 0;
  // Large frames come in rows: before its length is known, the next one is taken to be like the last.
  size_t need = std::max(wire::kPrefix, last_frame_);
  if (have >= wire::kPrefix) need = wire::kPrefix + wire::read_prefix(in_->data() + begin_);
  bool large = need > kBlock - kSpill;

  bool fits = in_ && begin_ + need <= in_->capacity();
  if (!fits || (begin_ > 0 && in_->capacity() - end_ < kLittleRoom)) {
    if (in_ && need <= in_->capacity() && in_->unique()) {
      std::memmove(in_->data(), in_->data() + begin_, have);
      begin_ = 0;
      end_ = have;
    } else if (!fits || have == 0) {
      // A kept value lies in the old block; where it lies is never written again.
      Ref<SharedBuffer> fresh = SharedBuffer::create(std::max(kBlock, large ? need + kSpill : need));
      if (have > 0) std::memcpy(fresh->data(), in_->data() + begin_, have);
      in_ = std::move(fresh);
      begin_ = 0;
      end_ = have;
    }
  }
  // A large frame is read to its end and little further: what is read of the next one has to be moved.
  size_t room = in_->capacity() - end_;
  return large ? std::min(room, need - have + kSpill) : room;
}

void Channel::deliver() {
  while (is_reading() && !paused_) {
    size_t have = end_ - begin_;
    if (have < wire::kPrefix) return;
    char* frame = in_->data() + begin_;
    size_t length = wire::read_prefix(frame);
    if (length > max_frame_) {
      return lose(Failure::of(Status::transport, "frame of " + std::to_string(length) + " bytes from " +
                                                     transport_->peer().to_string() + " exceeds the limit of " +
                                                     std::to_string(max_frame_)));
    }
    if (have - wire::kPrefix < length) return;
    last_frame_ = wire::kPrefix + length;
    begin_ += last_frame_;
    handler_->on_frame(*this, Bytes(frame + wire::kPrefix, length), *in_);
    if (unique()) close();  // the handler let go of it: only our caller holds it now
  }
}

/// "between two frames", "after 13 of the 104 bytes of a frame".
std::string Channel::position() const {
  size_t have = end_ - begin_;
  if (have == 0) return "between two frames";
  if (have < wire::kPrefix) return "after " + std::to_string(have) + " of the 4 bytes of a frame's length";
  size_t whole = wire::kPrefix + wire::read_prefix(in_->data() + begin_);
  return "after " + std::to_string(have) + " of the " + std::to_string(whole) + " bytes of a frame";
}

void Channel::read_ended(ssize_t result) {
  std::string peer = transport_->peer().to_string();
  if (result == 0) return lose(Failure::of(Status::transport, "connection closed by " + peer + " " + position()));
  lose(Failure::system(Status::transport, "connection to " + peer + " lost " + position(), static_cast<int>(-result)));
}

/// A peer that has gone can't send without end, but one that only stopped reading can.
void Channel::read_the_rest() {
  read_frames(kReadsOfTheRest, true);
  if (state_ == State::write_failed) lose(std::move(*why_));
}

}  // namespace tractor::core
