#include "rpc/ask.hpp"

#include "rpc/call.hpp"

namespace tractor::core {

namespace {

class DialStep final : public Dialer::Handler {
 public:
  using Dialed = Result<std::unique_ptr<Transport>>;
  DialStep(Loop& loop, const Address& to, int64_t timeout) : box_(loop), dialer_(dial(loop, to, timeout, *this)) {}
  Mailbox<Dialed>& box() { return box_; }

 private:
  void on_dialed(Dialed result) override { box_.put(std::move(result)); }
  Mailbox<Dialed> box_;
  std::unique_ptr<Dialer> dialer_;
};

class GreetStep final : public PeerLink::Waiter {
 public:
  explicit GreetStep(Loop& loop) : box_(loop) {}
  Mailbox<ErrorRef>& box() { return box_; }

 private:
  void on_greeted(PeerLink&, const ErrorRef& err) override { box_.put(err); }
  Mailbox<ErrorRef> box_;
};

class AskOp final : public Call {
 public:
  AskOp(Asker& asker, PeerLink& link, Nursery& in) : Call(&link, nullptr, in, true), asker_(asker) {}
  using Call::launch;
  void token_cancel() override {
    deaf_ = false;
    Call::token_cancel();
  }

 private:
  void deliver(const Error* err) override {
    if (err) err->mark_handled();
    Ref<Value> value;
    if (!err) value = kept_result() ? kept_result()->keep() : small_result().keep();
    asker_.on_answer({ErrorRef(err), std::move(value)});
  }
  void on_cancel(const ErrorRef& why) override {
    if (!deaf_) Call::on_cancel(why);
  }
  void on_deadline() override { finish(Error::of(Status::timed_out, "no answer from " + peer_name() + " in time")); }
  Asker& asker_;
  bool deaf_ = true;
};

class AskStep final : public Asker {
 public:
  explicit AskStep(Loop& loop) : box_(loop) {}
  Mailbox<Answer>& box() { return box_; }

 private:
  void on_answer(Answer answer) override { box_.put(std::move(answer)); }
  Mailbox<Answer> box_;
};

}  // namespace

Task<Result<Ref<PeerLink>>> connect(LinkHost& host, Address to, Greeting greeting, int64_t timeout, bool* reached) {
  Loop& loop = host.engine().loop();
  int64_t deadline = timeout == kForever ? kForever : loop.now() + timeout;
  DialStep dialing(loop, to, timeout);
  auto dialed = co_await dialing.box().next();
  if (!*dialed) co_return dialed->failure();
  if (reached) *reached = true;
  Ref<PeerLink> link = PeerLink::dial(host, std::move(dialed->value()), greeting);
  GreetStep greeting_step(loop);
  link->set_waiter(&greeting_step);
  auto greeted = co_await greeting_step.box().next(deadline);
  link->set_waiter(nullptr);
  if (!greeted) {
    link->close(Error::of(Status::timed_out, "no handshake in time"));
    co_return Failure::of(Status::transport, to.to_string() + " accepted the connection but did not say who it is in time", "TimeoutError");
  }
  if (*greeted) co_return Failure::of(Status::transport, to.to_string() + ": " + (*greeted)->message(), "ConnectionError");
  co_return link;
}

OpToken ask(Asker& asker, PeerLink& link, Nursery& in, std::string_view ns, std::string_view func, Bytes args, int64_t timeout) {
  auto* op = new AskOp(asker, link, in);
  OpToken token = op->token();
  op->launch({ns, func, args}, timeout);
  return token;
}

Task<Answer> ask(Ref<PeerLink> link, Nursery& in, std::string_view ns, std::string_view func, std::string args, int64_t timeout,
                 OpToken* token) {
  AskStep step(in.engine().loop());
  OpToken asked = ask(step, *link, in, ns, func, args, timeout);
  if (token) *token = asked;
  auto answer = co_await step.box().next();
  co_return std::move(*answer);
}

}  // namespace tractor::core
