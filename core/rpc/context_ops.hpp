// Operations on a context.
#pragma once

#include "base/list.hpp"
#include "base/pool.hpp"
#include "rpc/call.hpp"
#include "rpc/item.hpp"
#include "scope/op.hpp"

namespace tractor::core {

class Context;
class OpenContext;
struct ResultTag;

/// Whose outcome is known when it starts.
class SettledOp final : public Op {
 public:
  static OpToken start(Nursery& in, const ErrorRef& outcome, tractor_done_fn fn, void* user);

 private:
  SettledOp(Nursery& in, tractor_done_fn fn, void* user) : Op(in, fn != nullptr), fn_(fn), user_(user) {}
  void deliver(const Error* err) override { fn_(to_c(err), user_); }
  void on_cancel(const ErrorRef&) override {}
  tractor_done_fn fn_;
  void* user_;
};

/// The request to end the peer's task: bounded, and deaf to cancels.
class CancelTaskOp final : public Call {
 public:
  static OpToken start(PeerLink& link, Nursery& in, std::string_view cid, int64_t timeout, tractor_done_fn fn,
                       void* user);

 private:
  CancelTaskOp(PeerLink& link, Nursery& in, tractor_done_fn fn, void* user)
      : Call(&link, nullptr, in, fn != nullptr), fn_(fn), user_(user) {}
  void deliver(const Error* err) override { fn_(to_c(err), user_); }
  void on_cancel(const ErrorRef&) override {}
  void on_deadline() override;
  void orphan_error(ErrorRef) override {}
  tractor_done_fn fn_;
  void* user_;
};

/// Observes how the peer's task ended.
class ResultOp final : public Op, public Link<ResultTag> {
 public:
  /// In an endpoint: ERUNTIME.
  static OpToken start(Context& ctx, Nursery& in, tractor_value_fn fn, void* user);
  void tell(const ErrorRef& err);

 private:
  ResultOp(Nursery& in, tractor_value_fn fn, void* user) : Op(in, true), fn_(fn), user_(user) {}
  ~ResultOp() override;
  void deliver(const Error* err) override;
  void on_cancel(const ErrorRef& why) override;
  void orphan_error(ErrorRef) override {}
  void leave();
  OpenContext* ctx_ = nullptr;  ///< while it waits
  Item result_;
  tractor_value_fn fn_;
  void* user_;
};

}  // namespace tractor::core
