#include "rpc/ask.hpp"

#include "rpc/call.hpp"

namespace tractor::core {

namespace {

class DialStep final : public Dialer::Handler, private Halt::Step {
 public:
  using Dialed = Result<std::unique_ptr<Transport>>;
  DialStep(LinkHost& host, const Address& to, int64_t timeout, Halt* halt)
      : Step(halt), box_(host.engine().loop()), dialer_(host.dial(to, timeout, *this)) {
    begin();
  }
  Mailbox<Dialed>& box() { return box_; }

 private:
  void on_dialed(Dialed result) override { box_.put(std::move(result)); }
  void on_halt(const ErrorRef& why) override {
    try {
      box_.put(Failure::of(Status::canceled, why->message()));
    } catch (const std::bad_alloc&) {
      box_.put(Failure{Status::canceled, {}, nullptr});
    }
  }
  Mailbox<Dialed> box_;
  std::unique_ptr<Dialer> dialer_;
};

class GreetStep final : public PeerLink::Waiter, private Halt::Step {
 public:
  GreetStep(PeerLink& link, Halt* halt) : Step(halt), link_(link), box_(link.host().engine().loop()) {
    link_.set_waiter(this);
    begin();
  }
  ~GreetStep() { link_.set_waiter(nullptr); }
  Mailbox<ErrorRef>& box() { return box_; }

 private:
  void on_greeted(PeerLink&, const ErrorRef& err) override { box_.put(err); }
  void on_halt(const ErrorRef& why) override { link_.close(why); }
  PeerLink& link_;
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
    Answer answer{ErrorRef(err), {}};
    try {
      if (!err) answer.value = kept_result() ? kept_result()->keep() : small_result().keep();
    } catch (const std::bad_alloc&) {
      answer.err = Error::out_of_memory();
      answer.err->mark_handled();
    }
    asker_.on_answer(std::move(answer));
  }
  void on_cancel(const ErrorRef& why) override {
    if (!deaf_) Call::on_cancel(why);
  }
  void on_deadline() override { finish(late()); }
  Asker& asker_;
  bool deaf_ = true;
};

class AskStep final : public Asker, private Halt::Step {
 public:
  AskStep(PeerLink& link, Nursery& in, std::string_view ns, std::string_view func, Bytes args, int64_t timeout,
          Halt* halt, OnHalt on_halt)
      : Step(halt),
        engine_(in.engine()),
        link_(link),
        on_halt_(on_halt),
        box_(engine_.loop()),
        token_(ask(*this, link, in, ns, func, args, timeout)) {
    begin();
  }
  Mailbox<Answer>& box() { return box_; }

 private:
  void on_answer(Answer answer) override { box_.put(std::move(answer)); }
  void on_halt(const ErrorRef& why) override {
    if (on_halt_ == OnHalt::hang_up) return link_.close(why);
    if (Tokened* asked = engine_.tokens().find(token_)) asked->token_cancel();
  }
  Engine& engine_;
  PeerLink& link_;
  OnHalt on_halt_;
  Mailbox<Answer> box_;
  OpToken token_;
};

}  // namespace

Task<Result<Ref<PeerLink>>> connect(LinkHost& host, Address to, Greeting greeting, int64_t timeout, Halt* halt,
                                    bool* reached) {
  Loop& loop = host.engine().loop();
  int64_t deadline = loop.after(timeout);
  Ref<PeerLink> link;
  {
    DialStep dialing(host, to, timeout, halt);
    auto dialed = co_await dialing.box().next();
    if (!*dialed) co_return dialed->failure();
    if (reached) *reached = true;
    link = PeerLink::dial(host, std::move(dialed->value()), greeting);
  }
  GreetStep greeting_step(*link, halt);
  auto greeted = co_await greeting_step.box().next(deadline);
  if (!greeted) {
    link->close(Error::of(Status::timed_out, "no handshake in time"));
    co_return Failure::of(Status::transport,
                          to.to_string() + " accepted the connection but did not say who it is in time",
                          "TimeoutError");
  }
  if (*greeted)
    co_return Failure::of(Status::transport, to.to_string() + ": " + (*greeted)->message(), "ConnectionError");
  co_return link;
}

OpToken ask(Asker& asker, PeerLink& link, Nursery& in, std::string_view ns, std::string_view func, Bytes args,
            int64_t timeout) {
  auto* op = new AskOp(asker, link, in);
  OpToken token = op->token();
  op->launch({ns, func, args}, timeout);
  return token;
}

Task<Answer> ask(Ref<PeerLink> link, Nursery& in, std::string_view ns, std::string_view func, std::string args,
                 int64_t timeout, Halt* halt, OnHalt on_halt) {
  AskStep step(*link, in, ns, func, args, timeout, halt, on_halt);
  auto answer = co_await step.box().next();
  co_return std::move(*answer);
}

}  // namespace tractor::core
