// The rules of a scope one by one, over the manual loop. A nursery's, operation's or child's callbacks write what they
// see into one trace, which each test compares; owners live in the fixture, because a failed assertion leaves by longjmp.
#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <vector>

#include "base/log.hpp"
#include "scope_env.hpp"

extern "C" {
#include <cmocka.h>  // last: it defines `fail`
}
#undef fail

using namespace tractor::core;

namespace {

struct Env;

/// The user of one callback: its name in the trace and what it does besides.
struct Note {
  Env* env;
  std::string name;
  std::function<void(const Error*)> then;
};

class Call final : public Op {
 public:
  Call(Nursery& in, Note* note, bool slow = false) : Op(in, note != nullptr), note_(note), slow_(slow) {}
  using Op::decide;

 private:
  void deliver(const Error* err) override;
  void on_cancel(const ErrorRef& why) override {
    if (!slow_) decide(why);
  }
  Note* note_;
  bool slow_;
};

class Child final : public ChildOf {
 public:
  std::string name = "w1";
  bool used = false;
  int asked = 0;
  ErrorRef why;
  void cancel_child(const ErrorRef& reason) override {
    ++asked;
    why = reason;
  }
  bool in_use() const override { return used; }
  const std::string& child_name() const override { return name; }
};

struct Owned final : OwnedBy {
  Env* env = nullptr;
  void nursery_ended() override;
};

struct Env : ScopeEnv {
  std::string trace;
  std::deque<Note> notes;
  Child child[3];
  Owned owned;
  RootNursery* root = nullptr;
  bool root_gone = false;
  ErrorRef outcome, boom = Error::of(Status::user, "boom"), bang = Error::of(Status::user, "bang");
  std::vector<Ref<Nursery>> kept;
  std::vector<std::string> lines;

  Env() {
    root = new RootNursery(engine);
    root->on_outcome = [this](const ErrorRef& err) {
      root_gone = true;
      if (err) err->mark_handled();
      add("root", err.get());
    };
    owned.env = this;
  }
  ~Env() {
    log::set_sink(nullptr, nullptr, nullptr);
    log::set_level(log::kError);
  }
  void add(const std::string& name, const Error* err) {
    trace += (trace.empty() ? "" : " ") + name + ":" + (err ? err->name() : "OK");
  }
  Note* note(std::string name, std::function<void(const Error*)> then = {}) {
    return &notes.emplace_back(Note{this, std::move(name), std::move(then)});
  }
  Nursery* open(Nursery* parent, const char* name, NurseryOptions options = {}, std::function<void(const Error*)> then = {});
  Nursery* open_silent(Nursery* parent, NurseryOptions options = {}) {
    return UserNursery::open(*parent, std::move(options), nullptr, nullptr);
  }
  OpToken sleep(Nursery* in, int64_t ns, const char* name, std::function<void(const Error*)> then = {});
  OpToken hold(Nursery* in, const char* name, std::function<void(const Error*)> then = {});
  Call* call(Nursery* in, const char* name, bool slow = false) {
    auto* op = new Call(*in, name ? note(name) : nullptr, slow);
    op->begin();
    return op;
  }
  bool complete(OpToken op, ErrorRef err = {}) {
    Tokened* target = engine.tokens().find(op);
    return target && target->token_complete(std::move(err));
  }
  bool cancel(OpToken op) {
    Tokened* target = engine.tokens().find(op);
    if (target) target->token_cancel();
    return target != nullptr;
  }
  bool abandon(OpToken op) {
    Tokened* target = engine.tokens().find(op);
    return target && target->token_abandon();
  }
  bool live(OpToken op) { return engine.tokens().find(op) != nullptr; }
  void listen() {
    log::set_level(log::kWarning);
    log::set_sink([](int, const char* line, void* user) { static_cast<Env*>(user)->lines.emplace_back(line); }, this, nullptr);
  }
};

void done(const tractor_error* err, void* user) {
  auto& n = *static_cast<Note*>(user);
  n.env->add(n.name, from_c(err));
  if (n.then) n.then(from_c(err));
}
void told(void* user) {
  auto& n = *static_cast<Note*>(user);
  n.env->add(n.name, nullptr);
  if (n.then) n.then(nullptr);
}
void Call::deliver(const Error* err) { done(to_c(err), note_); }
void Owned::nursery_ended() { env->add("owned", nullptr); }

Nursery* Env::open(Nursery* parent, const char* name, NurseryOptions options, std::function<void(const Error*)> then) {
  options.name = name;
  return UserNursery::open(*parent, std::move(options), done, note(name, std::move(then)));
}
OpToken Env::sleep(Nursery* in, int64_t ns, const char* name, std::function<void(const Error*)> then) {
  return SleepOp::start(*in, ns, name ? done : nullptr, name ? note(name, std::move(then)) : nullptr);
}
OpToken Env::hold(Nursery* in, const char* name, std::function<void(const Error*)> then) {
  return HoldOp::start(*in, name, name ? told : nullptr, name ? note(name, std::move(then)) : nullptr);
}

int set_up(void** state) {
  *state = new Env;
  return 0;
}
/// Whatever the test left is cancelled; then nothing may be left.
int tear_down(void** state) {
  Env& e = **reinterpret_cast<Env**>(state);
  if (!e.root_gone) e.root->cancel("the test is over");
  e.drain();
  bool good = e.root_gone && e.engine.tokens().size() == 0;
  if (!good) print_error("left: %zu tokens; trace: %s\n", e.engine.tokens().size(), e.trace.c_str());
  if (good) delete &e;
  return good ? 0 : -1;
}

#define CASE(name) void name(void** state)
#define ENV Env& e = **reinterpret_cast<Env**>(state)
/// What was traced since the last look.
#define SEEN(text)                                \
  do {                                            \
    assert_string_equal(e.trace.c_str(), (text)); \
    e.trace.clear();                              \
  } while (0)

// --- starting and completing ---------------------------------------------------------------------------------------

CASE(completes_later_in_order) {  // rules 2, 18
  ENV;
  e.sleep(e.root, 0, "a", [&e](const Error*) { e.sleep(e.root, 0, "c"); });
  e.sleep(e.root, -5, "b");
  SEEN("");
  e.drain();
  SEEN("a:OK b:OK c:OK");
}

CASE(sleeps_as_long_as_asked) {
  ENV;
  e.sleep(e.root, 20, "late");
  e.sleep(e.root, 10, "early");
  OpToken never = e.sleep(e.root, kForever, "never");
  e.pass(9);
  SEEN("");
  e.pass(1);
  SEEN("early:OK");
  e.pass(kSecond);
  SEEN("late:OK");
  assert_true(e.cancel(never));
  e.drain();
  SEEN("never:ECANCELED");
}

CASE(completion_may_start_more_after_close) {  // rules 5, 7
  ENV;
  Nursery* n = e.open(e.root, "n");
  e.sleep(n, 1, "a", [&e, n](const Error*) { e.sleep(n, 1, "b", [&e, n](const Error*) { e.sleep(n, 1, "c"); }); });
  n->close();
  e.pass(2);
  SEEN("a:OK b:OK");
  e.pass(1);
  SEEN("c:OK n:OK");
}

CASE(start_after_close_before_the_end) {  // rule 7: close refuses nothing, however little is left
  ENV;
  Nursery* n = e.open(e.root, "n");
  n->close();
  e.sleep(n, 5, "a");
  e.pass(4);
  SEEN("");
  e.pass(1);
  SEEN("a:OK n:OK");
}

CASE(last_work_ends_and_more_starts_in_one_callback) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken h = e.hold(n, nullptr);
  n->close();
  e.sleep(e.root, 0, "x", [&](const Error*) {
    e.complete(h);
    e.sleep(n, 3, "a");
  });
  e.drain();
  SEEN("x:OK");
  e.pass(3);
  SEEN("a:OK n:OK");
}

CASE(nested_opened_in_a_nursery_about_to_end) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  n->close();
  Nursery* m = e.open(n, "m");
  e.sleep(m, 1, "a");
  e.pass(1);
  SEEN("a:OK m:OK n:OK");
}

CASE(start_in_a_cancelled_nursery) {  // rule 4
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken keep = e.hold(n, "keep");
  n->cancel("x");
  e.drain();
  SEEN("keep:OK");
  e.sleep(n, kForever, "a");
  e.sleep(n, 0, "b");
  e.sleep(n, 0, nullptr);
  OpToken h = e.hold(n, "h");
  e.drain();
  SEEN("a:ECANCELED b:ECANCELED h:OK");
  e.complete(h);
  e.complete(keep);
  e.drain();
  SEEN("n:OK");
}

// --- what is work --------------------------------------------------------------------------------------------------

CASE(open_idle_nested_is_no_work) {  // rule 6
  ENV;
  Nursery* n = e.open(e.root, "n");
  e.open(n, "m");
  e.sleep(n, 1, "a");
  e.pass(1);
  e.sleep(n, 1, "b", [n](const Error*) { n->close(); });
  e.pass(1);
  SEEN("a:OK b:OK m:OK n:OK");
}

CASE(idle_nested_of_an_open_nursery_stays) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  Nursery* m = e.open(n, "m");
  e.sleep(m, 1, "a");
  e.sleep(n, 1, "b");
  e.pass(1);
  SEEN("a:OK b:OK");
  assert_false(m->closed());
  assert_false(n->closed());
}

CASE(busy_nested_is_work) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  Nursery* m = e.open(n, "m");
  Nursery* o = e.open(m, "o");
  OpToken h = e.hold(o, nullptr);
  n->close();
  e.drain();
  SEEN("");
  assert_true(o->closed());
  e.complete(h);
  e.drain();
  SEEN("o:OK m:OK n:OK");
}

CASE(nested_is_work_until_its_end_was_reported) {  // finding 4
  ENV;
  Nursery* n = e.open(e.root, "n");
  Nursery* m = e.open(n, "m", {}, [&e, n](const Error*) { e.sleep(n, 0, "after"); });
  n->close();
  m->close();
  e.drain();
  SEEN("m:OK after:OK n:OK");
}

CASE(body_over_leaves_nested_open) {  // rule 8, finding 3
  ENV;
  auto* root = new RootNursery(e.engine, {}, true);
  root->on_outcome = [&e](const ErrorRef& err) { e.add("end", err.get()); };
  Nursery* n = e.open(root, "n");
  OpToken step = e.hold(root, nullptr);
  e.drain();
  root->body_over();
  e.drain();
  SEEN("");
  assert_false(n->closed());
  e.sleep(n, 1, "a", [&e, n](const Error*) { e.sleep(n, 1, "b"); });
  e.complete(step);
  e.pass(2);
  SEEN("a:OK b:OK n:OK end:OK");
}

CASE(running_body_keeps_it_open) {
  ENV;
  auto* root = new RootNursery(e.engine, {}, true);
  root->on_outcome = [&e](const ErrorRef& err) { e.add("end", err.get()); };
  root->cancel("x");
  e.drain();
  SEEN("");
  root->body_over();
  e.drain();
  SEEN("end:OK");
}

CASE(idle_is_asked_when_the_callback_is_over) {  // finding 4, rule 10: no false EUNANSWERED
  ENV;
  auto* root = new RootNursery(e.engine, {}, true);
  bool answered = false;
  root->on_outcome = [&e](const ErrorRef& err) { e.add("end", err.get()); };
  root->idle = [&] {
    if (!answered && !root->has_errors()) root->fail(Error::of(Status::unanswered, root->open_work()));
  };
  OpToken h = e.hold(root, nullptr);
  root->body_over();
  e.sleep(e.root, 0, "x", [&](const Error*) {
    e.complete(h);
    answered = true;
  });
  e.drain();
  SEEN("x:OK end:OK");
}

CASE(idle_may_raise) {
  ENV;
  auto* root = new RootNursery(e.engine, {}, true);
  root->on_outcome = [&e](const ErrorRef& err) { e.outcome = err; };
  root->idle = [&] {
    if (!root->has_errors()) root->fail(Error::of(Status::unanswered, "still open: " + root->open_work()));
  };
  e.open(root, "pool");
  root->body_over();
  e.drain();
  SEEN("pool:ECANCELED");
  assert_int_equal(static_cast<int>(e.outcome->code()), TRACTOR_EUNANSWERED);
  assert_string_equal(e.outcome->message().c_str(), "still open: nursery 'pool'");
}

CASE(names_its_open_work) {
  ENV;
  assert_string_equal(e.root->open_work().c_str(), "nothing");
  OpToken a = e.hold(e.root, nullptr), b = e.hold(e.root, nullptr);
  e.open(e.root, "pool");
  e.root->add_child(e.child[0], true);
  assert_string_equal(e.root->open_work().c_str(), "2 operations, child 'w1', nursery 'pool'");
  e.complete(b);
  assert_string_equal(e.root->open_work().c_str(), "1 operation, child 'w1', nursery 'pool'");
  e.complete(a);
  e.root->remove_child(e.child[0]);
}

// --- cancelling ----------------------------------------------------------------------------------------------------

CASE(own_cancel_is_success) {  // rules 7, 13
  ENV;
  Nursery* n = e.open(e.root, "n");
  Nursery* m = e.open(n, "m");
  e.sleep(m, kForever, "a", [&e](const Error* err) { e.outcome = ErrorRef(err); });
  e.sleep(n, kForever, "b");
  assert_true(n->cancel("enough"));
  assert_false(n->cancel("again"));
  SEEN("");
  e.drain();
  SEEN("b:ECANCELED a:ECANCELED m:ECANCELED n:OK");
  assert_string_equal(e.outcome->fields().canceller.name.c_str(), "me");
  assert_non_null(strstr(e.outcome->message().c_str(), "enough"));
}

CASE(cancel_from_outside) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  e.sleep(n, kForever, "a");
  e.root->cancel("x");
  e.drain();
  SEEN("a:ECANCELED n:ECANCELED root:OK");
}

CASE(own_cancel_then_from_outside) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken h = e.hold(n, nullptr);
  n->cancel("x");
  e.root->cancel("y");
  e.complete(h);
  e.drain();
  SEEN("n:ECANCELED root:OK");
}

CASE(born_cancelled) {
  ENV;
  OpToken h = e.hold(e.root, nullptr);
  e.root->cancel("x");
  Nursery* n = e.open(e.root, "n");
  assert_true(n->cancel_called());
  assert_true(n->closed());
  e.sleep(n, 5, "a");
  e.drain();
  SEEN("a:ECANCELED n:ECANCELED");
  e.complete(h);
}

CASE(shield) {  // rules 3, 4
  ENV;
  Nursery* before = e.open(e.root, "before", {"", 100, true, false});
  e.sleep(before, 10, "a");
  e.root->cancel("x");
  Nursery* born = e.open(e.root, "born", {"", 20, true, false});
  Nursery* inner = e.open(born, "inner");
  e.sleep(inner, kForever, "b");
  assert_false(born->cancel_called());
  assert_true(before->closed());
  e.pass(10);
  SEEN("a:OK before:OK");
  e.pass(10);
  SEEN("b:ECANCELED inner:ECANCELED born:ETIMEDOUT root:OK");
}

CASE(cancel_after_the_last_work_changes_nothing) {  // rule 17
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken h = e.hold(n, nullptr);
  n->close();
  e.complete(h);
  e.root->cancel("too late");
  e.drain();
  SEEN("n:OK root:OK");
}

CASE(but_a_failure_is_never_lost) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  n->close();
  n->fail(e.boom);
  e.drain();
  SEEN("n:EUSER");
}

CASE(cancel_after_the_last_work_counts_if_more_is_started) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  n->close();
  e.cancel(n->end_token());
  e.sleep(n, 3, "a");
  e.drain();
  SEEN("a:ECANCELED n:ECANCELED");
}

CASE(raised_cancel_only_cancels) {  // rule 23
  ENV;
  Nursery* n = e.open(e.root, "n");
  e.sleep(n, kForever, "a");
  n->fail(e.engine.cancel_error("x"));
  e.drain();
  SEEN("a:ECANCELED n:OK");
}

// --- deadlines -----------------------------------------------------------------------------------------------------

CASE(deadline) {  // rules 13, 15
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 10, false, false}, [&e](const Error* err) { e.outcome = ErrorRef(err); });
  e.sleep(n, kForever, "a");
  e.pass(9);
  SEEN("");
  e.pass(1);
  SEEN("a:ECANCELED n:ETIMEDOUT");
  assert_non_null(strstr(e.outcome->message().c_str(), "'n'"));
}

CASE(deadline_of_an_idle_nursery) {
  ENV;
  e.open(e.root, "n", {"", 10, false, false});
  e.pass(10);
  SEEN("n:ETIMEDOUT");
}

CASE(deadline_moved_and_removed) {
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 10, false, false});
  e.pass(5);
  n->set_deadline(20);
  e.pass(19);
  SEEN("");
  n->set_deadline(0);
  e.pass(kSecond);
  SEEN("");
  n->set_deadline(kForever);
  n->set_deadline(1);
  e.pass(1);
  SEEN("n:ETIMEDOUT");
}

CASE(error_wins_over_deadline) {
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 10, false, false});
  Call* slow = e.call(n, nullptr, true);
  e.pass(10);
  slow->decide(e.boom);
  e.drain();
  SEEN("n:EUSER");
}

CASE(deadline_then_cancel) {
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 10, false, false});
  OpToken h = e.hold(n, nullptr);
  e.pass(10);
  e.root->cancel("x");
  e.complete(h);
  e.drain();
  SEEN("n:ETIMEDOUT root:OK");
}

CASE(cancel_then_deadline) {  // the deadline found nothing left to cut
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 10, false, false});
  Nursery* m = e.open(e.root, "m", {"", 10, false, false});
  OpToken h = e.hold(n, nullptr), i = e.hold(m, nullptr);
  e.cancel(n->end_token());
  m->cancel("own");
  e.pass(20);
  e.complete(h);
  e.complete(i);
  e.drain();
  SEEN("n:ECANCELED m:OK");
}

CASE(deadline_after_the_last_work) {
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 10, false, false});
  n->close();
  e.port->advance(10);  // before its end was delivered
  e.drain();
  SEEN("n:OK");
}

// --- errors --------------------------------------------------------------------------------------------------------

CASE(failing_cancels_the_rest) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  Nursery* m = e.open(n, "m", {}, [&e](const Error* err) { e.outcome = ErrorRef(err); });
  e.sleep(m, kForever, "a");
  Call* c = e.call(n, nullptr);
  c->decide(e.boom);
  SEEN("");
  e.drain();
  SEEN("a:ECANCELED m:ECANCELED n:EUSER");
  assert_ptr_equal(e.outcome->root(), e.boom.get());  // rule 22: what fails because of it has it as cause
  assert_string_equal(e.outcome->fields().canceller.name.c_str(), "me");
}

CASE(error_given_to_a_completion_stays_there) {  // rule 20
  ENV;
  Nursery* n = e.open(e.root, "n");
  e.call(n, "c")->decide(e.boom);
  e.drain();
  SEEN("c:EUSER");
  assert_false(n->cancel_called());
}

CASE(several_errors_are_a_group) {
  ENV;
  Nursery* n = e.open(e.root, "n", {}, [&e](const Error* err) { e.outcome = ErrorRef(err); });
  e.call(n, nullptr)->decide(e.boom);
  e.call(n, nullptr, true)->decide(e.bang);
  e.drain();
  SEEN("n:EGROUP");
  assert_int_equal(e.outcome->fields().members.size(), 2);
  assert_ptr_equal(e.outcome->fields().members[0].get(), e.boom.get());
}

CASE(one_failure_is_kept_once) {  // rule 22
  ENV;
  Nursery* n = e.open(e.root, "n", {}, [&e](const Error* err) { e.outcome = ErrorRef(err); });
  ErrorRef lost = Error::caused(Status::transport, "lost", e.boom);
  e.call(n, nullptr)->decide(lost);
  e.call(n, nullptr, true)->decide(Error::caused(Status::child, "died", e.boom));
  n->fail(e.boom);
  e.drain();
  SEEN("n:EUSER");
  assert_ptr_equal(e.outcome.get(), e.boom.get());
}

CASE(one_failure_in_a_group_and_beside_it) {
  ENV;
  for (bool group_first : {false, true}) {
    Nursery* n = e.open(e.root, "n", {}, [&e](const Error* err) { e.outcome = ErrorRef(err); });
    ErrorRef pair = Error::group("pair", {Error::caused(Status::child, "died", e.boom), e.bang});
    if (!group_first) n->fail(e.boom);
    n->fail(pair);
    if (group_first) n->fail(e.boom);
    n->fail(pair);
    e.drain();
    SEEN("n:EGROUP");
    assert_int_equal(e.outcome->fields().members.size(), 2);
    assert_ptr_equal(e.outcome->fields().members[1].get(), e.bang.get());
  }
}

CASE(no_cancel_inside_a_group) {  // rule 23
  ENV;
  Nursery* n = e.open(e.root, "n");
  n->fail(Error::group("both", {e.engine.cancel_error("x"), e.boom}));
  Nursery* m = e.open(e.root, "m");
  m->fail(Error::group("both", {e.engine.cancel_error("x"), e.engine.cancel_error("y")}));
  e.drain();
  SEEN("n:EUSER m:OK");
}

CASE(nested_without_callback_passes_its_error_on) {  // rule 20
  ENV;
  Nursery* n = e.open(e.root, "n", {}, [&e](const Error* err) { e.outcome = ErrorRef(err); });
  Nursery* m = e.open_silent(n);
  Nursery* o = e.open_silent(m);
  e.sleep(n, kForever, "a");
  o->fail(e.boom);
  e.drain();
  SEEN("a:ECANCELED n:EUSER");
  assert_ptr_equal(e.outcome.get(), e.boom.get());
}

CASE(nested_without_callback_cancelled_or_late) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  Nursery* m = e.open_silent(n);
  e.cancel(m->end_token());
  e.drain();
  SEEN("");
  assert_false(n->cancel_called());
  e.open_silent(n, {"late", 5, false, false});
  e.pass(5);
  SEEN("n:ETIMEDOUT");
}

CASE(ignored_errors_are_logged) {  // rule 26
  ENV;
  e.listen();
  Nursery* n = e.open(e.root, "n");
  e.call(n, "ignores")->decide(Error::of(Status::user, "unseen"));
  e.drain();
  assert_int_equal(e.lines.size(), 1);
  assert_non_null(strstr(e.lines[0].c_str(), "unseen"));

  auto* reads = new Call(*n, e.note("reads", [](const Error* err) { err->mark_handled(); }));
  reads->decide(Error::of(Status::user, "seen"));
  auto* raises = new Call(*n, e.note("raises", [n](const Error* err) { n->fail(ErrorRef(err)); }));
  raises->decide(Error::of(Status::user, "raised"));
  e.sleep(n, kForever, "cancelled");
  e.drain();
  SEEN("ignores:EUSER reads:EUSER raises:EUSER cancelled:ECANCELED n:EUSER");
  assert_int_equal(e.lines.size(), 2);  // the end callback did not look at what it was given
  assert_non_null(strstr(e.lines[1].c_str(), "raised"));

  Nursery* m = e.open(e.root, "m", {}, [](const Error* err) { err->mark_handled(); });
  m->fail(Error::of(Status::user, "looked at"));
  e.cancel(e.open(e.root, "c")->end_token());
  e.drain();
  assert_int_equal(e.lines.size(), 2);
}

// --- one-shots and daemons -----------------------------------------------------------------------------------------

CASE(one_shots_are_collected) {  // rule 13
  ENV;
  Nursery* n = e.open(e.root, "n", {}, [&e](const Error* err) { e.outcome = ErrorRef(err); });
  n->add_child(e.child[0], true);
  n->add_child(e.child[1], false);
  n->add_child(e.child[2], false);
  n->one_shot_started();
  n->one_shot_started();
  n->collect(e.boom);
  n->remove_child(e.child[1]);
  n->one_shot_ended();
  e.drain();
  assert_int_equal(e.child[0].asked, 0);
  assert_false(n->closed());
  n->collect(e.bang);
  n->remove_child(e.child[2]);
  n->one_shot_ended();
  assert_int_equal(e.child[0].asked, 1);
  assert_ptr_equal(e.child[0].why->root(), e.boom.get());
  e.drain();
  SEEN("");
  n->remove_child(e.child[0]);
  e.drain();
  SEEN("n:EGROUP");
  assert_int_equal(e.outcome->fields().members.size(), 2);
}

CASE(collected_after_the_last_one_shot) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  n->add_child(e.child[0], true);
  n->one_shot_started();
  n->one_shot_ended();
  n->collect(e.engine.cancel_error("dropped"));
  assert_int_equal(e.child[0].asked, 0);
  n->collect(e.boom);
  assert_int_equal(e.child[0].asked, 1);
  n->remove_child(e.child[0]);
  e.drain();
  SEEN("n:EUSER");
}

CASE(daemons_are_waited_for) {  // rule 14
  ENV;
  Nursery* n = e.open(e.root, "n");
  n->add_child(e.child[0], true);
  n->close();
  e.drain();
  assert_int_equal(e.child[0].asked, 0);
  SEEN("");
  n->remove_child(e.child[0]);
  e.drain();
  SEEN("n:OK");
}

CASE(daemons_are_dismissed) {
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 0, false, true});
  n->add_child(e.child[0], true);
  n->add_child(e.child[1], true);
  e.child[1].used = true;
  OpToken h = e.hold(n, nullptr);
  n->close();
  e.drain();
  assert_int_equal(e.child[0].asked + e.child[1].asked, 0);
  e.complete(h);
  assert_int_equal(e.child[0].asked, 0);
  e.drain();
  assert_int_equal(e.child[0].asked, 1);
  assert_int_equal(e.child[1].asked, 0);  // another scope calls it
  n->remove_child(e.child[0]);
  e.drain();
  assert_int_equal(e.child[1].asked, 0);
  e.child[1].used = false;
  n->settle();
  e.drain();
  assert_int_equal(e.child[1].asked, 1);
  SEEN("");
  n->remove_child(e.child[1]);
  e.drain();
  SEEN("n:OK");
}

CASE(daemons_outlast_nested_work) {
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 0, false, true});
  n->add_child(e.child[0], true);
  e.open(n, "m", {}, [&e, n](const Error*) { e.sleep(n, 1, "last"); });
  n->close();
  e.drain();
  SEEN("m:OK");
  assert_int_equal(e.child[0].asked, 0);
  e.pass(1);
  assert_int_equal(e.child[0].asked, 1);
  n->remove_child(e.child[0]);
  e.drain();
  SEEN("last:OK n:OK");
}

CASE(cancel_reaches_children_in_use) {
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 0, false, true});
  n->add_child(e.child[0], true);
  e.child[0].used = true;
  n->cancel("x");
  assert_true(e.child[0].asked > 0);
  e.drain();
  SEEN("");
  n->add_child(e.child[1], false);  // its start was under way
  assert_int_equal(e.child[1].asked, 1);
  n->remove_child(e.child[0]);
  n->remove_child(e.child[1]);
  e.drain();
  SEEN("n:OK");
}

// --- holds ---------------------------------------------------------------------------------------------------------

CASE(hold_is_told_once_and_lasts) {  // rule 9
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken h = e.hold(n, "h");
  assert_true(e.cancel(h));
  SEEN("");
  e.drain();
  SEEN("h:OK");
  e.cancel(h);
  n->cancel("x");
  e.drain();
  SEEN("");
  assert_true(e.complete(h));
  assert_false(e.complete(h));
  e.drain();
  SEEN("n:OK");
}

CASE(hold_completed_or_abandoned_before_it_is_told) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken a = e.hold(n, "a"), b = e.hold(n, "b"), c = e.hold(n, "c");
  n->cancel("x");
  assert_true(e.complete(a));
  assert_true(e.abandon(b));
  assert_false(e.abandon(b));
  assert_false(e.complete(b));
  assert_false(e.cancel(b));
  e.drain();
  SEEN("c:OK");
  e.complete(c);
  e.drain();
  SEEN("n:OK");
}

CASE(hold_completed_in_its_on_cancel) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken a = 0, b = 0;
  a = e.hold(n, "a", [&](const Error*) {
    e.complete(a);
    e.abandon(b);
  });
  b = e.hold(n, "b");
  n->cancel("x");
  e.drain();
  SEEN("a:OK n:OK");
}

CASE(hold_completed_with_an_error) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken a = e.hold(n, "a"), b = e.hold(n, "b");
  e.complete(a, e.boom);
  e.drain();
  SEEN("b:OK");
  e.complete(b, e.engine.cancel_error("as asked"));
  e.drain();
  SEEN("n:EUSER");
}

CASE(hold_without_on_cancel) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken h = e.hold(n, nullptr);
  n->cancel("x");
  e.drain();
  SEEN("");
  e.complete(h, e.engine.cancel_error("raised"));
  e.drain();
  SEEN("n:OK");
}

// --- tokens --------------------------------------------------------------------------------------------------------

CASE(stale_tokens) {  // rule 16
  ENV;
  OpToken a = e.sleep(e.root, 0, "a");
  assert_true(a > 0);
  e.drain();
  assert_false(e.cancel(a));
  assert_false(e.abandon(a));
  OpToken b = e.sleep(e.root, 5, "b");
  assert_int_equal(b & 0xffffff, a & 0xffffff);
  assert_int_not_equal(a, b);
  assert_false(e.cancel(a));
  for (OpToken bad : {int64_t{0}, int64_t{-3}, INT64_MIN, INT64_MAX, b + 1, b + (int64_t{1} << 24)}) assert_false(e.live(bad));
  e.pass(5);
  SEEN("a:OK b:OK");
}

CASE(slots_are_reused_first_in_first_out) {
  ENV;
  OpToken t[4];
  for (OpToken& it : t) it = e.hold(e.root, nullptr);
  for (int i : {2, 0, 3}) e.complete(t[i]);
  OpToken again[4];
  for (OpToken& it : again) it = e.hold(e.root, nullptr);
  const int order[] = {2, 0, 3};
  for (int i = 0; i < 3; ++i) {
    assert_int_equal(again[i] & 0xffffff, t[order[i]] & 0xffffff);
    assert_int_equal(again[i] >> 24, 2);
  }
  assert_int_equal(again[3] & 0xffffff, 4);
  assert_int_equal(e.engine.tokens().size(), 5);
  e.complete(t[1]);
  for (OpToken it : again) e.complete(it);
}

CASE(only_holds_are_completed) {
  ENV;
  OpToken s = e.sleep(e.root, 5, "s");
  Nursery* n = e.open(e.root, "n");
  assert_false(e.complete(s));
  assert_false(e.complete(n->end_token()));
  e.pass(5);
  SEEN("s:OK");
}

CASE(cancel_after_the_decision_changes_nothing) {  // rule 17
  ENV;
  OpToken s = e.sleep(e.root, 0, "s");
  e.cancel(s);
  Call* c = e.call(e.root, "c");
  c->decide(e.boom);
  c->decide({});
  e.cancel(c->token());
  Call* d = e.call(e.root, "d");
  e.cancel(d->token());
  d->decide(e.boom);
  e.drain();
  SEEN("s:OK c:EUSER d:ECANCELED");
}

CASE(abandon_disarms) {  // rule 19
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken waits = e.sleep(n, kForever, "waits");
  OpToken queued = e.sleep(n, 0, "queued");
  assert_true(e.abandon(waits));
  assert_true(e.abandon(queued));
  n->close();
  e.drain();
  SEEN("n:OK");
  assert_false(e.live(waits));
}

CASE(abandoned_work_is_waited_for_and_its_error_kept) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  Call* slow = e.call(n, "slow", true);
  Call* failed = e.call(e.root, "failed");
  e.abandon(slow->token());
  n->close();
  e.drain();
  SEEN("");
  slow->decide(e.boom);
  e.drain();
  SEEN("n:EUSER");
  failed->decide(e.bang);  // decided, not yet delivered
  e.abandon(failed->token());
  e.drain();
  SEEN("root:EUSER");
}

CASE(abandon_inside_its_own_completion) {
  ENV;
  OpToken s = 0;
  bool found = true;
  s = e.sleep(e.root, 0, "s", [&](const Error*) { found = e.abandon(s) || e.cancel(s); });
  e.drain();
  SEEN("s:OK");
  assert_false(found);
}

// --- the end -------------------------------------------------------------------------------------------------------

CASE(order_of_the_end) {  // rule 12
  ENV;
  Nursery* n = e.open(e.root, "n", {}, [&e](const Error*) { e.sleep(e.root, 0, "next"); });
  auto* memory = static_cast<unsigned char*>(n->alloc(100));
  bool zero = true;
  for (int i = 0; i < 100; ++i) zero = zero && memory[i] == 0;
  assert_true(zero);
  assert_int_equal(reinterpret_cast<uintptr_t>(memory) % alignof(max_align_t), 0);
  assert_non_null(n->alloc(0));
  n->on_end(done, e.note("first", [memory](const Error*) { memory[99] = 1; }));
  n->on_end(done, e.note("second", [memory](const Error*) { memory[0] = 1; }));
  n->own(e.owned);
  e.sleep(n, 1, "work");
  n->close();
  e.root->close();
  e.pass(1);
  SEEN("work:OK n:OK second:OK first:OK owned:OK next:OK root:OK");
}

CASE(observers_see_the_outcome_and_change_nothing) {
  ENV;
  Nursery* n = e.open_silent(e.root);
  n->on_end(done, e.note("sees"));
  n->fail(e.boom);
  e.drain();
  SEEN("sees:EUSER root:EUSER");
}

CASE(end_as_an_operation) {  // rule 19
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken t = n->end_token();
  assert_int_equal(t, n->end_token());
  e.sleep(n, kForever, "a");
  assert_true(e.cancel(t));
  e.drain();
  SEEN("a:ECANCELED n:ECANCELED");
  assert_false(e.live(t));
}

CASE(abandoned_end) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken h = e.hold(n, nullptr);
  n->on_end(done, e.note("observer"));
  assert_true(e.abandon(n->end_token()));
  e.drain();
  SEEN("");
  e.complete(h, e.boom);
  e.drain();
  SEEN("observer:EUSER root:EUSER");
}

CASE(abandoned_end_that_is_queued) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken t = n->end_token();
  n->close();
  assert_true(e.abandon(t));
  e.drain();
  SEEN("");
  OpToken own = 0;
  bool found = true;
  Nursery* m = e.open(e.root, "m", {}, [&](const Error*) { found = e.abandon(own); });
  own = m->end_token();
  m->close();
  e.drain();
  SEEN("m:OK");
  assert_false(found);
}

CASE(tombstone) {  // rule 29
  ENV;
  Nursery* n = e.open(e.root, "n");
  e.kept.emplace_back(n);
  n->cancel("x");
  e.drain();
  SEEN("n:OK");
  assert_true(n->ended());
  n->close();
  n->fail(e.boom);
  n->settle();
  assert_false(n->cancel("again"));
  Ref<Nursery> dead = Ref<Nursery>::adopt(UserNursery::dead());
  dead->close();
  dead->fail(e.boom);
  assert_true(dead->ended());
  assert_false(dead->cancel("x"));
  e.drain();
  SEEN("");
}

CASE(everything_ends_inside_out) {  // sentence 6
  ENV;
  Nursery* n = e.root;
  for (const char* name : {"a", "b", "c", "d"}) {
    n = e.open(n, name);
    e.sleep(n, kForever, nullptr);
  }
  e.root->cancel("x");
  e.drain();
  SEEN("d:ECANCELED c:ECANCELED b:ECANCELED a:ECANCELED root:OK");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      T(completes_later_in_order), T(sleeps_as_long_as_asked), T(completion_may_start_more_after_close),
      T(start_after_close_before_the_end), T(last_work_ends_and_more_starts_in_one_callback),
      T(nested_opened_in_a_nursery_about_to_end), T(start_in_a_cancelled_nursery), T(open_idle_nested_is_no_work),
      T(idle_nested_of_an_open_nursery_stays), T(busy_nested_is_work), T(nested_is_work_until_its_end_was_reported),
      T(body_over_leaves_nested_open), T(running_body_keeps_it_open), T(idle_is_asked_when_the_callback_is_over),
      T(idle_may_raise), T(names_its_open_work), T(own_cancel_is_success), T(cancel_from_outside),
      T(own_cancel_then_from_outside), T(born_cancelled), T(shield), T(cancel_after_the_last_work_changes_nothing),
      T(but_a_failure_is_never_lost), T(cancel_after_the_last_work_counts_if_more_is_started),
      T(raised_cancel_only_cancels), T(deadline), T(deadline_of_an_idle_nursery), T(deadline_moved_and_removed),
      T(error_wins_over_deadline), T(deadline_then_cancel), T(cancel_then_deadline), T(deadline_after_the_last_work),
      T(failing_cancels_the_rest), T(error_given_to_a_completion_stays_there), T(several_errors_are_a_group),
      T(one_failure_is_kept_once), T(one_failure_in_a_group_and_beside_it), T(no_cancel_inside_a_group),
      T(nested_without_callback_passes_its_error_on), T(nested_without_callback_cancelled_or_late),
      T(ignored_errors_are_logged), T(one_shots_are_collected), T(collected_after_the_last_one_shot),
      T(daemons_are_waited_for), T(daemons_are_dismissed), T(daemons_outlast_nested_work),
      T(cancel_reaches_children_in_use), T(hold_is_told_once_and_lasts),
      T(hold_completed_or_abandoned_before_it_is_told), T(hold_completed_in_its_on_cancel),
      T(hold_completed_with_an_error), T(hold_without_on_cancel), T(stale_tokens),
      T(slots_are_reused_first_in_first_out), T(only_holds_are_completed), T(cancel_after_the_decision_changes_nothing),
      T(abandon_disarms), T(abandoned_work_is_waited_for_and_its_error_kept), T(abandon_inside_its_own_completion),
      T(order_of_the_end), T(observers_see_the_outcome_and_change_nothing), T(end_as_an_operation), T(abandoned_end),
      T(abandoned_end_that_is_queued), T(tombstone), T(everything_ends_inside_out),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
