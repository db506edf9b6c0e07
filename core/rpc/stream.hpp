// The program's ends of a stream: to receive from, each at its own pace, and to send through.
#pragma once

#include <optional>

#include "base/handles.hpp"
#include "base/pool.hpp"
#include "rpc/item.hpp"
#include "scope/nursery.hpp"
#include "scope/op.hpp"

namespace tractor::core {

class Context;
class Pipe;
class ReceiveOp;

/// The stream itself, or one of its subscribers.
class Stream {
 public:
  Stream() = default;  ///< dead
  Stream(Pipe& pipe, bool subscriber, bool tells_lag) : pipe_(&pipe), subscriber_(subscriber), tells_lag_(tells_lag) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  /// One for all.
  static Stream* dead();

  /// Null if it is dead.
  Pipe* pipe() const { return pipe_; }
  bool closed() const { return closed_; }
  uint64_t lagged() const { return lagged_; }

  OpToken receive(Nursery* in, tractor_value_fn fn, void* user);
  Status try_receive(const Value*& out);
  void close();

 private:
  friend class Pipe;
  friend class ReceiveOp;

  bool has_value() const;
  bool has_unread() const { return used_ && !closed_ && has_value(); }
  /// EAGAIN: there is nothing; EEOF: nothing will come. Other failures stand in `why`.
  Status take(Item& item, ErrorRef& why);
  void take_broadcast(Item& item);
  ErrorRef missed();
  /// What a waiting receive completes with is found when it is delivered: a value, that some were missed, or the end.
  void wake();
  /// It completes with that, whatever is there.
  void end_receive(const ErrorRef& why);
  void end();
  void die();

  Pipe* pipe_ = nullptr;
  ReceiveOp* waiting_ = nullptr;
  uint64_t cursor_ = 0;  ///< of a broadcast: number of the next value
  uint64_t lagged_ = 0;
  bool subscriber_ = false, tells_lag_ = true;
  bool closed_ = false;
  bool used_ = false;  ///< something was received from it
  Item handed_item_;
  std::optional<Value> handed_;  ///< what try_receive() lends
};

class ReceiveOp final : public Op, public Pooled<ReceiveOp> {
 public:
  static OpToken start(Stream& stream, Nursery& in, tractor_value_fn fn, void* user);
  bool token_abandon() override;

 private:
  friend class Stream;
  friend class Pipe;
  ReceiveOp(Nursery& in, tractor_value_fn fn, void* user) : Op(in, true), fn_(fn), user_(user) {}
  ~ReceiveOp() override { leave(); }
  void deliver(const Error* err) override;
  void on_cancel(const ErrorRef& why) override;
  /// It only observes: what failed is told by the context, and the end of a stream is no failure.
  void orphan_error(ErrorRef) override {}
  void leave();
  Stream* stream_ = nullptr;  ///< while it is the one that waits there: the stream may end before this
  tractor_value_fn fn_;
  void* user_;
};

}  // namespace tractor::core
