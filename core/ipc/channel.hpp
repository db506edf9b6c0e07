// One connection: frames in, frames out. It knows nothing of what the frames mean.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/buffer.hpp"
#include "base/ref.hpp"
#include "ipc/transport.hpp"
#include "loop/loop.hpp"
#include "wire/message.hpp"
#include "wire/value.hpp"

namespace tractor::core {

class Channel;

class ChannelHandler {
 public:
  /// One frame body. It lies in `buffer`, which a value may share beyond this call. The handler may close the
  /// channel here; no further frame then comes.
  virtual void on_frame(Channel& channel, Bytes body, SharedBuffer& buffer) = 0;
  /// The stream ended or broke, or a frame was over the limit. Once; never after close(), never inside a call.
  virtual void on_lost(Channel& channel, Failure why) = 0;
  /// All output has left; asked for by notify_drained().
  virtual void on_drained(Channel&) {}

 protected:
  ~ChannelHandler() = default;
};

/// Loop thread only. Output is collected and written once at the end of the turn, or sooner when there is much; a frame
/// is either sent whole or the connection ends. Reading drains many frames with one system call.
class Channel final : public LoopRefCounted<Channel>, private FdHandler, private LastWork {
 public:
  static Ref<Channel> open(Loop& loop, std::unique_ptr<Transport> transport, ChannelHandler& handler);
  static void destroy(const Channel* self) { delete self; }

  void set_handler(ChannelHandler& handler) { handler_ = &handler; }
  /// From the next frame on.
  void set_max_frame(size_t bytes) { max_frame_ = bytes; }

  /// Where to append whole frames; call sent() after. On a closed channel the bytes go nowhere.
  OutBuffer& out() { return state_ != State::open ? discarded_ : part_.empty() ? out_ : behind_; }
  void sent() {
    if (state_ != State::open || pending() >= kWriteAtOnce) return sent_slowly();
    if (!write_blocked_) loop_.flush_later(flush_);
  }
  void send(const wire::Message& message) {
    wire::encode(message, out());
    sent();
  }

  /// A frame in two parts, the second of which is large: written at once from where it lies, if nothing else is pending. What
  /// the transport does not take of it is copied, or shared if it is part of a value.
  void send_parts(Bytes head, Bytes payload, const Value* shared);

  /// Bytes not yet taken by the transport.
  size_t pending() const { return out_.size() + part_.size() + behind_.size(); }
  /// The transport takes nothing more for now.
  bool write_blocked() const { return write_blocked_; }
  /// No further frame is delivered until what is in the ready queue now has run.
  void pause();
  /// Something was to be sent that there is no memory for: the connection is lost.
  void lose_for_memory();
  /// on_drained() comes when pending() is 0, at once (but later) if it is now.
  void notify_drained();
  /// Closes now; what is pending is lost. No handler runs any more.
  void close();
  /// Stops reading, writes what is pending, at most `limit`, then closes. No handler runs any more, and nobody needs
  /// to hold the channel: the loop does.
  void close_when_flushed(int64_t limit);
  /// From open() until the connection is lost or closed.
  bool is_open() const { return state_ == State::open; }

  const Transport& transport() const { return *transport_; }

 private:
  friend class LoopRefCounted<Channel>;
  enum class State : uint8_t {
    open,
    write_failed,  ///< reads what the peer sent before it went away, then is lost
    lost,
    flushing,  ///< close_when_flushed() was called
    closed,
  };

  template <void (Channel::*kFunction)()>
  struct Item final : Ready {
    explicit Item(Channel& c) : channel(c) {}
    void fire() override { (channel.*kFunction)(); }
    Channel& channel;
  };
  struct Later final : Timer {
    explicit Later(Channel& c) : channel(c) {}
    void on_timer() override { channel.later(); }
    Channel& channel;
  };

  static constexpr size_t kWriteAtOnce = 256 * 1024;
  static constexpr size_t kLarge = 256 * 1024;  ///< a buffer that is not kept for long when it is empty

  Channel(Loop& loop, std::unique_ptr<Transport> transport, ChannelHandler& handler);
  ~Channel() { close(); }

  void on_fd(unsigned ready) override;
  void abandon() override { close(); }

  bool is_reading() const { return state_ == State::open || state_ == State::write_failed; }
  void readable();
  void read_frames(int reads, bool to_the_end);
  size_t make_room();
  void deliver();
  void after_reading();
  void resume();
  void read_ended(ssize_t result);
  std::string position() const;

  void sent_slowly();
  void flush();
  void write_out();
  void consume(size_t written);
  void drop_output();
  void write_failed(int error);
  void read_the_rest();
  void report();
  void later();
  void keep_memory_for_now();

  void lose(Failure why);
  void stop();
  void want(unsigned interest);

  Loop& loop_;
  std::unique_ptr<Transport> transport_;
  ChannelHandler* handler_;
  State state_ = State::open;
  bool reading_ = false;        // read_frames() is on the stack
  bool paused_ = false;         // resume_ is in the ready queue
  bool write_blocked_ = false;  // the rest of the output waits for the transport
  bool tell_drained_ = false;
  bool large_ = false;  // much memory was needed since later() looked last
  unsigned interest_ = kRead;

  // Input: bytes begin_ to end_ of the block have not been delivered.
  Ref<SharedBuffer> in_;
  size_t begin_ = 0, end_ = 0;
  size_t last_frame_ = 0;
  size_t max_frame_ = wire::kMaxFrameBeforeHandshake;

  OutBuffer out_;
  Bytes part_;             // goes behind it: the rest of a large payload,
  Ref<Value> part_owner_;  // which lies in this
  OutBuffer behind_;       // and what was sent after that
  OutBuffer discarded_;
  Item<&Channel::flush> flush_{*this};
  Item<&Channel::report> report_{*this};
  Item<&Channel::resume> resume_{*this};
  std::optional<Failure> why_;  // of a loss that was not reported yet
  Later later_{*this};
  Ref<Channel> self_;  // while it flushes without an owner
};

}  // namespace tractor::core
