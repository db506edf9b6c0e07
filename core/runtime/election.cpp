#include "runtime/election.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <optional>
#include <string_view>

namespace tractor::core {

namespace {

constexpr int64_t kTotal = 3 * kSecond;
constexpr int64_t kPerAttempt = kSecond;
constexpr int kAttempts = 3;
constexpr int64_t kFirstPause = 50 * kMillisecond;

/// The probes of one election. They go on side by side, each as a flow with a halt of its own.
class Poll final : private Halt::Step {
 public:
  Poll(LinkHost& host, const std::vector<Address>& at, Halt& halt)
      : Step(&halt), host_(host), over_(host.engine().loop()), questions_(at.size()) {
    for (size_t i = 0; i < at.size(); ++i) ask(questions_[i], at[i]);
    begin();
  }
  /// The poll must not go while there are any.
  bool has_open() const { return open_ > 0; }
  Mailbox<Done>& over() { return over_; }
  std::vector<Finding> findings() {
    std::vector<Finding> all;
    for (Question& q : questions_) {
      if (!q.found) throw std::bad_alloc();
      all.push_back(std::move(*q.found));
    }
    return all;
  }

 private:
  struct Question {
    Halt halt;
    std::optional<Finding> found;  ///< none if memory was lacking
  };

  void ask(Question& question, const Address& at) {
    try {
      run(question, at);
    } catch (const std::bad_alloc&) {
    }
  }

  Flow run(Question& question, const Address& at) {
    ++open_;
    try {
      question.found = co_await probe(host_, at, &question.halt);
    } catch (const std::bad_alloc&) {
    }
    if (--open_ == 0) over_.put({});
  }

  void on_halt(const ErrorRef& why) override {
    for (Question& q : questions_) q.halt.halt(why);
  }

  LinkHost& host_;
  Mailbox<Done> over_;
  std::vector<Question> questions_;
  size_t open_ = 0;
};

/// Somebody is there whom this user may not talk to, or who is not to be trusted; nobody else could bind there either.
bool is_forbidden(const Failure& why) {
  return why.error == EACCES || (why.type && std::string_view(why.type) == "PermissionError");
}

}  // namespace

Task<Finding> probe(LinkHost& host, Address at, Halt* halt) {
  Loop& loop = host.engine().loop();
  const int64_t deadline = loop.after(kTotal);
  bool reached = false;  // at any time: whoever has been there once counts as there
  for (int attempt = 1;; ++attempt) {
    bool connected = false;
    auto link =
        co_await connect(host, at, Greeting::probe, std::min(kPerAttempt, deadline - loop.now()), halt, &connected);
    if (link) {
      bool registrar = (*link)->peer_is_registrar() || (*link)->peer_registrar_unknown();
      std::string who = "actor '" + (*link)->peer().name + "' listens at " + at.to_string();
      (*link)->close(Error::of(Status::closed, "the probe is answered"));
      co_return Finding{registrar ? Verdict::registrar : Verdict::occupied, std::move(who)};
    }
    Failure& why = link.failure();
    if (why.code == Status::no_memory) throw std::bad_alloc();
    reached = reached || connected;
    if (is_forbidden(why)) co_return Finding{Verdict::occupied, std::move(why.message)};
    if (!reached || (halt && halt->why())) co_return Finding{};
    bool refused = !connected && why.code != Status::timed_out;
    const int64_t rest = kFirstPause * attempt;
    if (refused || attempt == kAttempts || loop.now() + rest >= deadline)
      co_return Finding{Verdict::occupied, std::move(why.message)};
    co_await pause(loop, rest);
  }
}

Task<std::vector<Finding>> probe_all(LinkHost& host, const std::vector<Address>& at, Halt& halt) {
  Poll poll(host, at, halt);
  while (poll.has_open()) co_await poll.over().next();
  co_return poll.findings();
}

}  // namespace tractor::core
