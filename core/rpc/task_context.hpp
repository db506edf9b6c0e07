// The callee's side of one dialog: a scope that answers when it ends.
#pragma once

#include <string>
#include <vector>

#include "base/pool.hpp"
#include "rpc/context.hpp"
#include "rpc/endpoint.hpp"

namespace tractor::core {

class TaskContext final : public Context, public Pooled<TaskContext> {
 public:
  /// Runs the endpoint inside this call; the answer leaves when the scope has ended.
  static void run(PeerLink& link, const wire::Start& start, const Endpoint& endpoint, SharedBuffer& buffer);

  /// What an endpoint was given.
  static TaskContext& of(tractor_ctx* ctx) { return static_cast<TaskContext&>(*from_c(ctx)); }

  // The endpoint.
  Status start(Bytes first);
  Status answer(Bytes value);
  /// The arguments do not fit: a TypeError, in place of the StartAck if that has not left.
  void refuse(Failure why);
  OpToken cancel_task(Nursery& in, int64_t timeout, const ErrorRef& bad, tractor_done_fn fn, void* user) override;
  bool is_caller() const override { return false; }
  std::string what() const override { return "endpoint '" + endpoint_->name + "'"; }
  int state() const override;

  // The peer.
  /// Somebody asks it to stop; `ack_cid`, if not empty, gets its CancelAck when it has ended.
  void cancel_by(const ActorId& who, std::string_view ack_cid);
  void on_error(const wire::ErrorMsg& msg) override;
  void on_stray(const char* message_name) override;
  void on_garbled(const ErrorRef& why) override;
  void on_lost(const ErrorRef&) override {}  // the link cancels its tasks itself
  void on_yield(Bytes payload, SharedBuffer& buffer) override;
  void on_stop(bool because_of_error) override;
  bool drops_items() override { return answered_; }

 private:
  TaskContext(PeerLink& link, std::string_view cid, const Endpoint& endpoint);
  static void come_too_late(PeerLink& link, std::string_view cid, const Endpoint& endpoint);
  ~TaskContext() override = default;
  bool is(wire::FuncType kind) const { return endpoint_->kind == kind; }
  bool is_function() const override { return is(wire::FuncType::asyncfunc); }
  Status can_open_stream() const override;
  /// A generator may send at once, behind its acknowledgement.
  void stream_opens() override { send_ack(); }
  const PayloadSpec* schema() const override { return endpoint_->schema ? &*endpoint_->schema : nullptr; }
  /// False: the peer takes no frame of that size, and the task fails with that.
  bool fits(const char* what, size_t frame);
  void on_idle() override;
  bool deliver_end(const ErrorRef& outcome) override;
  void send_ack();
  void send_result();
  void send_failure(const ErrorRef& outcome);
  ErrorRef cancellation() const;

  const Endpoint* endpoint_;
  std::string answer_;
  std::vector<Cid> acks_;
  bool started_ = false, answered_ = false, ack_sent_ = false, refused_ = false;
};

}  // namespace tractor::core
