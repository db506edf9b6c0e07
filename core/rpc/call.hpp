// The caller's side of one call.
#pragma once

#include "base/handles.hpp"
#include "base/pool.hpp"
#include "rpc/dialog.hpp"
#include "rpc/link.hpp"
#include "rpc/portal.hpp"
#include "scope/op.hpp"
#include "wire/value.hpp"

namespace tractor::core {

/// How long a task has for its last word once it is cancelled.
constexpr int64_t kLastWord = 616 * kMillisecond;

struct CallTarget {
  std::string_view ns, func;
  Bytes args;
};

/// What Call and its relatives share: a dialog on a link that waits for its final message.
class Call : public Op, public Dialog, private Timer {
 public:
  // From the link.
  void on_start_ack(wire::FuncType type) override;
  void on_return(Bytes pld, SharedBuffer& buffer) override;
  void on_cancel_ack() override;
  void on_error(const wire::ErrorMsg& msg) override;
  void on_stray(const char* message_name) override;
  void on_lost(const ErrorRef& why) override;

 protected:
  /// `portal`, if there is one, counts as in use until the call is over.
  Call(PeerLink* link, Portal* portal, Nursery& in, bool armed);
  ~Call() override;
  /// Sends the Start, or decides why not. `timeout` 0: none.
  void launch(const CallTarget& target, int64_t timeout);
  void on_cancel(const ErrorRef& why) override;
  virtual void on_deadline();
  void finish(ErrorRef err);
  ErrorRef late() const;
  /// A large answer, or null if it is a small one, which lies in this object.
  const Value* kept_result() const { return kept_.get(); }
  Value small_result() const { return Value(Bytes(small_, small_size_), nullptr); }
  std::string peer_name() const { return link_ ? link_->peer().name : "the peer"; }

 private:
  void on_timer() override;
  void leave_link();
  void ask_to_stop();

  Ref<Portal> portal_;
  Ref<PeerLink> link_;  ///< while the dialog is open
  char small_[40];      ///< most answers fit; a larger one shares the block it was read into
  uint8_t small_size_ = 0;
  Ref<Value> kept_;
  ErrorRef timeout_error_;
  bool launched_ = false, stopping_ = false;
};

class RunOp final : public Call, public Pooled<RunOp> {
 public:
  /// `bad`: why the arguments can't be sent; it is then the outcome.
  static OpToken start(Portal& portal, Nursery& in, const CallTarget& target, int64_t timeout, const ErrorRef& bad,
                       tractor_value_fn fn, void* user);

 private:
  RunOp(Portal& portal, Nursery& in, tractor_value_fn fn, void* user)
      : Call(portal.link(), &portal, in, fn != nullptr), fn_(fn), user_(user) {}
  void deliver(const Error* err) override;
  tractor_value_fn fn_;
  void* user_;
};

/// The request to end the whole peer: bounded, and deaf to cancels.
class CancelActorOp final : public Call {
 public:
  static OpToken start(Portal& portal, Nursery& in, int64_t timeout, const ErrorRef& bad, tractor_done_fn fn,
                       void* user);

 private:
  CancelActorOp(Portal& portal, Nursery& in, tractor_done_fn fn, void* user)
      : Call(portal.link(), &portal, in, fn != nullptr), fn_(fn), user_(user) {}
  void deliver(const Error* err) override;
  void on_cancel(const ErrorRef&) override {}
  void on_deadline() override;
  void orphan_error(ErrorRef) override {}
  tractor_done_fn fn_;
  void* user_;
};

}  // namespace tractor::core
