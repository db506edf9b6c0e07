// The caller's side of a context, or of a remote generator: a scope that is linked with the peer's task.
//
// It is a nested nursery whose body is over from the beginning, and in which the peer's last message is work. So it ends
// when that is here and nothing else is left.
#pragma once

#include "base/pool.hpp"
#include "rpc/context.hpp"
#include "rpc/context_ops.hpp"
#include "rpc/portal.hpp"

namespace tractor::core {

class OpenContext final : public Context, public Pooled<OpenContext> {
 public:
  struct Options {
    int64_t timeout = 0;
    StreamOptions stream;
    std::optional<PayloadSpec> schema;
  };
  /// For one of the two kinds of endpoint.
  struct Handlers {
    tractor_started_fn on_started = nullptr;
    tractor_value_fn on_result = nullptr;
    tractor_stream_fn on_open = nullptr;
    tractor_done_fn on_end = nullptr;
    void* user = nullptr;
    bool generator = false;
  };
  /// `bad`: why it can't be opened; it is then the outcome.
  static OpToken open(Portal& portal, Nursery& in, const CallTarget& target, Options options, const ErrorRef& bad,
                      const Handlers& handlers);

  // The program.
  OpToken cancel_task(Nursery& in, int64_t timeout, const ErrorRef& bad, tractor_done_fn fn, void* user) override;
  void observe(ResultOp& op);
  const Item& result() const { return result_; }
  bool is_caller() const override { return true; }
  std::string what() const override { return "context '" + options().name + "'"; }
  bool cancel_called() const override { return cancel_called_ || has_errors_besides(remote_error_.get()); }
  bool cancel_acked() const override { return acked_; }
  int state() const override;

  // The peer.
  void on_start_ack(wire::FuncType type) override;
  void on_started(Bytes first, SharedBuffer& buffer) override;
  void on_stop(bool because_of_error) override;
  void on_return(Bytes payload, SharedBuffer& buffer) override;
  void on_error(const wire::ErrorMsg& msg) override;
  void on_stray(const char* message_name) override;
  void on_garbled(const ErrorRef& why) override { fail(why); }
  void on_lost(const ErrorRef& why) override;

  bool drops_items() override;
  void stream_was_read() override;

 private:
  OpenContext(Portal& portal, PeerLink& link, Nursery& in, Options&& options, NurseryOptions scope,
              const Handlers& handlers);
  ~OpenContext() override = default;

  /// The callback that tells of the start, on its way.
  struct Notice final : core::Ready {
    explicit Notice(OpenContext& of) : ctx(of) {}
    void fire() override { ctx.tell_started(); }
    OpenContext& ctx;
  };
  /// How long the peer's last word may take after a cancel.
  struct Patience final : core::Timer {
    explicit Patience(OpenContext& of) : ctx(of) {}
    void on_timer() override { ctx.out_of_patience(); }
    OpenContext& ctx;
  };

  void launch(const CallTarget& target);
  void tell_started();
  Status can_open_stream() const override;
  /// The peer's last message may have come before anything of a stream.
  void stream_opens() override {
    if (finished_) pipe().peer_done(true);
  }
  StreamOptions first_limits() const override { return options_.stream; }
  const PayloadSpec* schema() const override { return options_.schema ? &*options_.schema : nullptr; }
  void task_stopped() override;
  void out_of_patience();
  void wait_for_last_word(int64_t patience);
  bool deliver_end(const ErrorRef& outcome) override;
  void on_gone() override;
  void disarm_end() override { handlers_ = Handlers{.generator = handlers_.generator}; }
  std::string own_work() override;

  bool is_ack(const Error& err) const;
  static ErrorRef unexpected(const char* message_name, const char* where);
  void violated(const char* message_name, const char* where);
  void part(bool canceled);
  /// Asks the peer to end the task, once, and gives it time for its last word.
  void ask_to_stop();
  /// The dialog is over; what the peer's task came to, `err` or a result, is told to whoever asked.
  enum class Ended : bool { badly, well };
  void finish(const ErrorRef& err, Ended how = Ended::badly);
  void settle_wait();
  /// The program is not done with what has come.
  bool still_read() const;

  Ref<Portal> portal_;
  Options options_;
  Handlers handlers_;
  Notice notice_{*this};
  Patience patience_{*this};
  Item first_, result_;
  List<ResultOp, ResultTag> observers_;
  bool launched_ = false, waits_ = false;  ///< waits_: the peer's last word is work here
  bool started_ = false, telling_ = false, finished_ = false, returned_ = false;
  bool asked_ = false, acked_ = false;
  bool dropped_ = false;  ///< values came that nobody could have received
};

}  // namespace tractor::core
