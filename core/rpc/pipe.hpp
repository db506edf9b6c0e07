// The stream of one context as the connection sees it: what came and waits to be taken, what waits to be sent, and how
// much may be on its way.
//
// Two ways to bound what waits here. Between native peers the receiver grants a window of bytes, and what is taken is
// granted again by Credit messages: nothing is ever lost. From any other peer up to `capacity` messages wait; a further one
// is dropped, and the sender is told by a StreamOverrun.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/list.hpp"
#include "base/pool.hpp"
#include "rpc/item.hpp"
#include "rpc/stream.hpp"

namespace tractor::core {

class Context;
class SendOp;
struct SendTag;
struct BlockedTag;

class Pipe final : public Link<BlockedTag>, public Pooled<Pipe> {
 public:
  static constexpr size_t kCapacity = 64;
  static constexpr size_t kOverruns = 616;

  explicit Pipe(Context& ctx);
  ~Pipe();
  Context& context() { return ctx_; }

  // The program.
  Stream* open(size_t capacity, bool allow_overruns);
  void set_limits(size_t capacity, bool allow_overruns);
  /// The peer is a generator, which takes nothing.
  void receive_only() { receive_only_ = true; }
  bool opened() const { return opened_; }
  /// The program has opened it, and neither left it nor been told its end.
  bool is_open() const { return opened_ && !stop_sent_ && !stop_was_read(); }
  bool dead() const { return dead_; }
  /// One direction at least is over.
  bool finished() const { return main_.closed_ || peer_stopped_ || eof_wanted_; }
  Status subscribe(Stream& from, bool tells_lag, Stream*& out);
  /// OK: taken. EAGAIN: not now.
  Status send(Bytes payload);
  OpToken send_later(Nursery& in, Bytes payload, const Value* shared, const ErrorRef& bad, tractor_done_fn fn,
                     void* user);
  Status send_eof();
  void close();

  // The connection.
  void arrived(Bytes payload, SharedBuffer& buffer);
  void credited(uint64_t bytes);
  void peer_stopped(bool because_of_error);
  /// What was written has left; more can be.
  void drained() { flush(); }

  // The context.
  /// It fails or is cancelled: receives end so, nothing more is sent.
  void stop(const ErrorRef& why);
  /// The peer's last message is here: nothing more comes, nothing more is taken there. Unless it ended well, the context
  /// is about to stop.
  void peer_done(bool well);
  /// Says Stop, unless that was said or the peer's own has been read.
  void say_stop(bool because_of_error);
  /// The peer sent an Error. Whoever has read all that came before leaves the stream by it, and so says no Stop.
  void error_came() { stop_sent_ = stop_sent_ || queue_.empty(); }
  /// The ctx has ended: every verb answers so.
  void die();
  /// The program has begun to receive and has not come to the end of what is here.
  bool has_unread() const;
  /// It was closed, or the program was told its end.
  bool read_to_the_end() const { return main_.closed_ || stop_was_read_; }
  Stream* main() { return &main_; }
  size_t unread() const { return queue_.size(); }
  /// Values that wait until they can be sent.
  size_t unsent();
  /// A further message would not fit.
  bool full() const { return !windowed() && queue_.size() >= capacity_ + (allow_overruns_ ? kOverruns : 0); }
  void send_overrun();

 private:
  friend class Stream;
  friend class ReceiveOp;

  bool windowed() const { return window_ > 0; }
  bool broadcasting() const { return !ring_.empty(); }
  bool receiving() const;
  /// Or is being read.
  bool stop_was_read() const { return stop_was_read_ || (peer_stopped_ && queue_.empty() && receiving()); }
  template <class F>
  void each_stream(F&& f);
  /// Takes the oldest value off the queue.
  bool pull(Item& item);
  void broadcast(Item item);
  void give_back(size_t cost);
  void wake();
  bool over() const { return peer_stopped_ || peer_done_; }
  size_t frame_size(Bytes payload) const;
  Status sendable(Bytes payload) const;
  bool can_write(size_t size) const;
  void write(Bytes payload, const Value* shared);
  void wait_for_room();
  void flush();
  void end_sends(const ErrorRef& why);

  Context& ctx_;
  Stream main_;
  std::vector<std::unique_ptr<Stream>> subscribers_;

  ItemQueue queue_;
  size_t capacity_ = kCapacity;
  size_t window_;            ///< granted to the peer; 0: none
  size_t held_ = 0;          ///< of it, what came and was not granted again
  size_t to_give_back_ = 0;  ///< of that, what was taken
  std::vector<Item> ring_;   ///< of a broadcast: the last values, by number modulo its size
  uint64_t ring_first_ = 0, ring_next_ = 0;

  List<SendOp, SendTag> sends_;
  int64_t credit_;    ///< granted by the peer
  std::string head_;  ///< of a Yield, up to its payload

  ErrorRef stopped_;
  bool opened_ = false, allow_overruns_ = false, receive_only_ = false, dead_ = false;
  bool peer_stopped_ = false, peer_done_ = false, stop_was_read_ = false;
  bool eof_wanted_ = false, stop_sent_ = false;
};

/// A value that waits until it can be sent.
class SendOp final : public Op, public Link<SendTag>, public Pooled<SendOp> {
 public:
  SendOp(Nursery& in, tractor_done_fn fn, void* user) : Op(in, fn != nullptr), fn_(fn), user_(user) {}

 private:
  friend class Pipe;
  ~SendOp() override = default;
  void deliver(const Error* err) override { fn_(to_c(err), user_); }
  void on_cancel(const ErrorRef& why) override {
    static_cast<Link<SendTag>*>(this)->unlink();
    decide(why);
  }
  Ref<Value> payload_;
  tractor_done_fn fn_;
  void* user_;
};

}  // namespace tractor::core
