#include "world.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace scope_test {

using model::Kind;
using model::Outcome;

struct World::NurseryUser {
  World* w;
  int id;
  Nursery* core;
  OpToken token = 0;
};

struct World::OpUser {
  World* w;
  int id;
  OpToken token = 0;
  FakeCall* call = nullptr;
};

class World::FakeChild final : public ChildOf {
 public:
  Nursery* home = nullptr;
  std::string name = "child";
  int uses = 0;
  bool asked = false, gone = false;
  ErrorRef lost_by;
  void cancel_child(const ErrorRef&) override { asked = true; }
  void terminate_child() override {}
  bool in_use() const override { return uses > 0; }
  const std::string& child_name() const override { return name; }
  void describe(wire::Packer&) const override {}
};

class World::FakeCall final : public Op {
 public:
  FakeCall(World& w, Nursery& in, bool armed, bool slow, OpUser& user, FakeChild* child)
      : Op(in, armed), w_(w), user_(user), child_(child), slow_(slow) {
    if (child_) ++child_->uses;
  }
  ~FakeCall() override {
    w_.event();
    w_.check(w_.model_.expect_gone(user_.id));
    user_.call = nullptr;
    if (child_ && --child_->uses == 0 && !child_->gone) child_->home->settle();
  }
  void answer(const ErrorRef& err) { decide(err); }

 private:
  void deliver(const Error* err) override { completed(to_c(err), &user_); }
  void on_cancel(const ErrorRef& why) override {
    if (!slow_) decide(why);
  }
  void orphan_error(ErrorRef err) override {
    w_.event();
    w_.check(w_.model_.expect_orphan(user_.id));
    Op::orphan_error(std::move(err));
  }
  World& w_;
  OpUser& user_;
  FakeChild* child_;
  bool slow_;
};

struct World::Probe final : Ready {
  World* w = nullptr;
  void fire() override {
    w->event();
    w->callback_body();
  }
};

// --- reports -------------------------------------------------------------------------------------------------------

void World::bug(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", label_.c_str(), what.c_str());
  std::fflush(stderr);
  _exit(1);  // both sides disagree: nothing below this frame can be trusted any more
}

void World::say(const char* format, ...) {
  if (!trace_) return;
  va_list args;
  va_start(args, format);
  std::fputs("  ", stderr);
  std::vfprintf(stderr, format, args);
  std::fputc('\n', stderr);
  va_end(args);
}

// --- errors --------------------------------------------------------------------------------------------------------

ErrorRef World::new_failure(Status code) {
  ErrorRef err = Error::of(code, "failure " + std::to_string(failures_.size() + 1));
  failures_.push_back(err);
  known_[err.get()] = static_cast<int>(failures_.size());
  return err;
}

ErrorRef World::old_failure(size_t which) { return failures_[which % failures_.size()]; }

ErrorRef World::seen_from_elsewhere(const ErrorRef& failure, Status code) {
  return Error::caused(code, "because of " + failure->message(), failure);
}

Outcome World::read(const Error* err, int own_deadline) {
  Outcome out;
  if (err) read_into(out, *err, false, own_deadline);
  return out;
}

void World::read_into(Outcome& out, const Error& err, bool in_group, int own_deadline) {
  if (err.canceled()) {
    if (in_group) bug("ECANCELED inside a group");
    if (err.fields().canceller.empty()) bug("a cancel without a name on it");
    out.canceled = true;
    return;
  }
  const Error* root = err.root();
  for (const ErrorRef& member : root->fields().members) read_into(out, *member, true, own_deadline);
  if (!root->fields().members.empty()) return;
  auto known = known_.find(root);
  if (known == known_.end()) {
    if (own_deadline == 0 || root->code() != Status::timed_out) bug("an error from nowhere: " + err.format());
    failures_.push_back(ErrorRef(root));
    known = known_.emplace(root, own_deadline).first;
    raised_.insert(own_deadline);
  }
  if (!out.failures.insert(known->second).second) bug("one failure twice in one outcome");
}

void World::raised(const Outcome& outcome) { raised_.insert(outcome.failures.begin(), outcome.failures.end()); }

namespace {

/// What a group that the program made by hand contains; unlike those that the core makes it may hold anything.
Outcome contents(const Error& err, const std::map<const Error*, int>& known) {
  Outcome out;
  if (err.canceled()) return {true, {}};
  for (const ErrorRef& member : err.root()->fields().members) {
    Outcome part = contents(*member, known);
    out.canceled |= part.canceled;
    out.failures.merge(part.failures);
  }
  auto it = known.find(err.root());
  if (it != known.end()) out.failures.insert(it->second);
  return out;
}

}  // namespace

// --- comparing -----------------------------------------------------------------------------------------------------

World::Step::Step(World& world) : w(world) {
  w.in_step_ = true;
  w.model_.tick();
}
World::Step::~Step() {
  w.in_step_ = false;
  w.compare();
}

void World::event() {
  if (in_step_) bug("something ran inside the call that caused it");
  model_.tick();
  poll();
}

/// What the core did since, without anybody being told.
void World::poll() {
  model_.pass_time(env_.loop.now());
  for (OpUser& o : ops_) {
    const model::Op& it = model_.ops[static_cast<size_t>(o.id)];
    if (it.kind == Kind::sleep && !it.armed && !it.gone && !engine().tokens().find(o.token))
      check(model_.expect_gone(o.id));
  }
  std::set<int> closed;
  for (NurseryUser& n : nurseries_) {
    const model::Nursery& it = model_.nurseries[static_cast<size_t>(n.id)];
    if (!it.gone && !it.closed && n.core->closed()) closed.insert(n.id);
  }
  if (!closed.empty()) check(model_.expect_closed(closed));
  for (size_t i = 0; i < children_.size(); ++i) {
    const model::Child& it = model_.children[i];
    if (!it.gone && !it.asked && children_[i].asked) check(model_.expect_dismissed(static_cast<int>(i)));
  }
}

void World::compare() {
  for (NurseryUser& n : nurseries_) {
    const model::Nursery& it = model_.nurseries[static_cast<size_t>(n.id)];
    if (it.gone) continue;
    std::string name = "nursery " + std::to_string(n.id);
    if (n.core->closed() != it.closed) bug(name + (it.closed ? " is not closed" : " is closed"));
    if (n.core->ended() != it.ended) bug(name + (it.ended ? " has not ended" : " has ended"));
    if (n.core->cancel_called() != (it.stopped || !it.errors.empty())) bug(name + ": cancel_called is wrong");
    if (!it.ended && !!n.core->cancel_reason() != it.stopped) bug(name + (it.stopped ? " goes on" : " was stopped"));
  }
  for (size_t i = 0; i < children_.size(); ++i)
    if (!model_.children[i].gone && children_[i].asked != model_.children[i].asked)
      bug("child " + std::to_string(i) + (children_[i].asked ? " was cancelled" : " was not cancelled"));
  if (engine().tokens().size() != model_.live_tokens()) bug("the table of tokens is wrong");
}

void World::callback_body() {
  compare();
  if (on_callback && !over_) on_callback();
}

// --- callbacks -----------------------------------------------------------------------------------------------------

void World::completed(const tractor_error* c_err, void* user) {
  auto& o = *static_cast<OpUser*>(user);
  World& w = *o.w;
  w.event();
  Outcome out = w.read(from_c(c_err), 0);
  w.say("> op %d completes: %s", o.id, text(out).c_str());
  w.check(w.model_.expect_completion(o.id, out));
  w.seen_.insert(out.failures.begin(), out.failures.end());
  w.callback_body();
  // A sleep leaves as soon as this returns, and does not say so.
  if (w.model_.ops[static_cast<size_t>(o.id)].kind == Kind::sleep) w.check(w.model_.expect_gone(o.id));
}

void World::told(void* user) {
  auto& o = *static_cast<OpUser*>(user);
  o.w->event();
  o.w->say("> hold %d is told to stop", o.id);
  o.w->check(o.w->model_.expect_told(o.id));
  o.w->callback_body();
}

void World::end_begun(int n, const Error* err, bool to_fn) {
  event();
  Outcome out = read(err, model::deadline_of(n));
  say("> nursery %d ends: %s", n, text(out).c_str());
  if (err && out.failures.size() > 1 && err->root()->code() != Status::group) bug("several failures that are no group");
  if (err && out.failures.size() == 1 && err->code() == Status::group) bug("a group of one");
  check(model_.expect_end(n, out, to_fn));
  if (to_fn) seen_.insert(out.failures.begin(), out.failures.end());
  callback_body();
}

void World::end_fn(const tractor_error* err, void* user) {
  auto& n = *static_cast<NurseryUser*>(user);
  n.w->end_begun(n.id, from_c(err), true);
}

void World::end_observer(const tractor_error* err, void* user) {
  auto& n = *static_cast<NurseryUser*>(user);
  World& w = *n.w;
  if (!w.model_.nurseries[static_cast<size_t>(n.id)].ended)
    w.end_begun(n.id, from_c(err), false);
  else
    w.callback_body();
  w.model_.told_parent(n.id);  // follows at once, before anything can be seen
  n.core = nullptr;
}

// --- steps ---------------------------------------------------------------------------------------------------------

World::World(std::string label, bool trace, bool body, bool cancel_daemons) : label_(std::move(label)), trace_(trace) {
  NurseryOptions options;
  options.name = "n0";
  options.cancel_daemons = cancel_daemons;
  model_.open(-1, false, cancel_daemons, true, 0, 0);
  model_.nurseries[0].body = body;
  auto* root = new RootNursery(engine(), options, body);
  nurseries_.push_back({this, 0, root});
  NurseryUser* user = &nurseries_.back();
  root->on_outcome = [user](const ErrorRef& err) { end_fn(to_c(err.get()), user); };
  root->on_end(end_observer, user);
  probe_ = std::make_unique<Probe>();
  probe_->w = this;
}

World::~World() = default;

int World::open(int parent, Nested o) {
  Step step(*this);
  int id = model_.open(parent, o.shield, o.cancel_daemons, o.fn, o.timeout, env_.loop.now());
  say("open nursery %d in %d%s%s%s timeout %ld", id, parent, o.fn ? "" : " without fn", o.shield ? " shield" : "",
      o.cancel_daemons ? " cancel_daemons" : "", static_cast<long>(o.timeout));
  nurseries_.push_back({this, id, nullptr});
  NurseryUser& user = nurseries_.back();
  NurseryOptions options{"n" + std::to_string(id), o.timeout, o.shield, o.cancel_daemons};
  user.core = UserNursery::open(*nurseries_[static_cast<size_t>(parent)].core, options, o.fn ? end_fn : nullptr, &user);
  user.core->on_end(end_observer, &user);
  if (o.keep_ref) kept_.emplace_back(user.core);
  return id;
}

int World::sleep(int in, int64_t ns, bool fn) {
  Step step(*this);
  int64_t wakes = ns <= 0 ? 0 : ns == kForever ? kForever : env_.loop.now() + ns;
  int id = model_.start(in, Kind::sleep, fn, -1, wakes);
  say("op %d: sleep %ld in %d%s", id, static_cast<long>(ns), in, fn ? "" : " without fn");
  ops_.push_back({this, id});
  OpUser& user = ops_.back();
  user.token = SleepOp::start(*nurseries_[static_cast<size_t>(in)].core, ns, fn ? completed : nullptr, &user);
  return id;
}

int World::call(int in, bool armed, bool slow, int child) {
  Step step(*this);
  int id = model_.start(in, slow ? Kind::slow_call : Kind::call, armed, child, 0);
  say("op %d: %scall in %d%s to child %d", id, slow ? "slow " : "", in, armed ? "" : " without fn", child);
  ops_.push_back({this, id});
  OpUser& user = ops_.back();
  FakeChild* target = child < 0 ? nullptr : &children_[static_cast<size_t>(child)];
  user.call = new FakeCall(*this, *nurseries_[static_cast<size_t>(in)].core, armed, slow, user, target);
  user.token = user.call->token();
  user.call->begin();
  return id;
}

int World::hold(int in, bool on_cancel) {
  Step step(*this);
  int id = model_.start(in, Kind::hold, on_cancel, -1, 0);
  say("op %d: hold in %d%s", id, in, on_cancel ? "" : " without on_cancel");
  ops_.push_back({this, id});
  OpUser& user = ops_.back();
  user.token = HoldOp::start(*nurseries_[static_cast<size_t>(in)].core, "test", on_cancel ? told : nullptr, &user);
  return id;
}

void World::answer(int call, const ErrorRef& err) {
  Step step(*this);
  FakeCall* target = ops_[static_cast<size_t>(call)].call;
  if (!target) return;
  Outcome out = read(err.get(), 0);
  say("call %d is answered: %s", call, text(out).c_str());
  if (!model_.ops[static_cast<size_t>(call)].decided) raised(out);
  model_.decide(call, out);
  target->answer(err);
}

void World::complete(int hold, const ErrorRef& err) {
  Step step(*this);
  Outcome out = err ? contents(*err, known_) : Outcome{};
  say("hold %d is completed: %s", hold, text(out).c_str());
  Tokened* op = engine().tokens().find(ops_[static_cast<size_t>(hold)].token);
  if (!op != model_.ops[static_cast<size_t>(hold)].gone) bug("the token of a hold is wrong");
  if (!op) return;
  raised(out);
  model_.complete(hold, out);
  if (!op->token_complete(err)) bug("a hold can't be completed");
}

void World::cancel_op(int op) {
  Step step(*this);
  say("cancel op %d", op);
  const model::Op& it = model_.ops[static_cast<size_t>(op)];
  Tokened* target = engine().tokens().find(ops_[static_cast<size_t>(op)].token);
  if (!target != (it.gone || it.delivering)) bug("the token of an operation is wrong");
  if (!target) return;
  model_.cancel_op(op);
  target->token_cancel();
}

void World::abandon_op(int op) {
  Step step(*this);
  say("abandon op %d", op);
  const model::Op& it = model_.ops[static_cast<size_t>(op)];
  Tokened* target = engine().tokens().find(ops_[static_cast<size_t>(op)].token);
  if (!target != (it.gone || it.delivering)) bug("the token of an operation is wrong");
  if (!target) return;
  model_.abandon_op(op);
  if (!target->token_abandon()) bug("an operation can't be abandoned");
}

void World::body_over() {
  Step step(*this);
  if (model_.nurseries[0].ended) return;
  say("body over");
  model_.body_over(0);
  static_cast<RootNursery*>(nurseries_[0].core)->body_over();
}

void World::close(int n) {
  Step step(*this);
  if (model_.nurseries[static_cast<size_t>(n)].ended) return;
  say("close nursery %d", n);
  model_.close(n);
  nurseries_[static_cast<size_t>(n)].core->close();
}

void World::cancel(int n) {
  Step step(*this);
  const model::Nursery& it = model_.nurseries[static_cast<size_t>(n)];
  if (it.ended) return;
  say("cancel nursery %d", n);
  bool first = !it.stopped;
  model_.cancel(n);
  if (nurseries_[static_cast<size_t>(n)].core->cancel("a test") != first) bug("cancel answers wrongly");
}

void World::fail(int n, const ErrorRef& err) {
  Step step(*this);
  if (model_.nurseries[static_cast<size_t>(n)].ended) return;
  Outcome out = contents(*err, known_);
  say("fail nursery %d: %s", n, text(out).c_str());
  raised(out);
  model_.fail(n, out);
  nurseries_[static_cast<size_t>(n)].core->fail(err);
}

void World::set_timeout(int n, int64_t ns) {
  Step step(*this);
  if (model_.nurseries[static_cast<size_t>(n)].ended) return;
  say("timeout of nursery %d: %ld", n, static_cast<long>(ns));
  model_.set_timeout(n, ns, env_.loop.now());
  nurseries_[static_cast<size_t>(n)].core->set_deadline(ns);
}

void World::take_end_token(int n) {
  Step step(*this);
  model::Nursery& it = model_.nurseries[static_cast<size_t>(n)];
  if (it.ended) return;
  NurseryUser& user = nurseries_[static_cast<size_t>(n)];
  OpToken token = user.core->end_token();
  if (it.has_token && token != user.token) bug("a nursery has two tokens");
  user.token = token;
  it.has_token = true;
}

void World::cancel_end(int n) {
  Step step(*this);
  const model::Nursery& it = model_.nurseries[static_cast<size_t>(n)];
  if (!it.has_token) return;
  say("cancel nursery %d from outside", n);
  Tokened* target = engine().tokens().find(nurseries_[static_cast<size_t>(n)].token);
  if (!target != it.ended) bug("the token of a nursery is wrong");
  if (!target) return;
  model_.cancel_end(n);
  target->token_cancel();
}

void World::abandon_end(int n) {
  Step step(*this);
  const model::Nursery& it = model_.nurseries[static_cast<size_t>(n)];
  if (!it.has_token) return;
  say("abandon nursery %d", n);
  Tokened* target = engine().tokens().find(nurseries_[static_cast<size_t>(n)].token);
  if (!target != it.ended) bug("the token of a nursery is wrong");
  if (!target) return;
  model_.abandon_end(n);
  target->token_abandon();
}

int World::child(int in, bool daemon, bool one_shot) {
  Step step(*this);
  int id = model_.add_child(in, daemon, one_shot);
  say("child %d in %d%s%s", id, in, daemon ? " daemon" : "", one_shot ? " one-shot" : "");
  children_.emplace_back();
  FakeChild& c = children_.back();
  c.home = nurseries_[static_cast<size_t>(in)].core;
  c.home->add_child(c, daemon);
  if (one_shot) c.home->one_shot_started();
  return id;
}

void World::collect(int child, const ErrorRef& err) {
  Step step(*this);
  const model::Child& it = model_.children[static_cast<size_t>(child)];
  if (it.gone) return;
  Outcome out = contents(*err, known_);
  say("one-shot %d fails: %s", child, text(out).c_str());
  if (!out.failures.empty()) {
    raised(out);
    model_.collect(it.in, out.failures);
  }
  children_[static_cast<size_t>(child)].home->collect(err);
}

void World::die_calls(int child, Status code, const ErrorRef& failure) {
  for (OpUser& o : ops_) {
    const model::Op& it = model_.ops[static_cast<size_t>(o.id)];
    if (it.child != child || it.gone || it.decided) continue;
    ErrorRef err = seen_from_elsewhere(failure, code);
    raised(read(err.get(), 0));
    model_.decide(o.id, read(err.get(), 0));
    o.call->answer(err);
  }
}

void World::lose_connection(int child) {
  Step step(*this);
  FakeChild& c = children_[static_cast<size_t>(child)];
  if (c.gone) return;
  say("connection to child %d is lost", child);
  if (!c.lost_by) c.lost_by = new_failure(Status::transport);
  die_calls(child, Status::transport, c.lost_by);
}

void World::child_gone(int child, bool unexpected) {
  Step step(*this);
  FakeChild& c = children_[static_cast<size_t>(child)];
  if (c.gone) return;
  const model::Child it = model_.children[static_cast<size_t>(child)];
  say("child %d %s", child, unexpected ? "dies" : "ends");
  if (!c.lost_by) c.lost_by = new_failure(Status::child);
  die_calls(child, Status::child, c.lost_by);
  if (unexpected) {
    ErrorRef err = seen_from_elsewhere(c.lost_by, Status::child);
    raised(read(err.get(), 0));
    model_.fail(it.in, read(err.get(), 0));
    c.home->fail(err);
  }
  c.gone = true;
  model_.remove_child(child);
  c.home->remove_child(c);
  if (it.one_shot) {
    model_.one_shot_ended(it.in);
    c.home->one_shot_ended();
  }
}

void World::probe() { env_.loop.post(*probe_); }

void World::drain() {
  say("drain");
  env_.drain();
  model_.tick();
  poll();
  compare();
  check(model_.overdue());
}

void World::advance(int64_t ns) {
  say("advance %ld", static_cast<long>(ns));
  int64_t target = env_.loop.now() + ns;
  // One timer after the other, so that what the core does in silence is seen before the next.
  for (int64_t next; (next = model_.next_timer()) <= target;) {
    env_.port->advance(std::max<int64_t>(next - env_.loop.now(), 0));
    model_.tick();
    poll();
    compare();
  }
  env_.port->advance(target - env_.loop.now());
}

void World::wind_down() {
  say("wind down");
  over_ = true;
  for (int round = 0; round < 200 && !model_.nurseries[0].gone; ++round) {
    drain();
    if (round == 0) body_over();
    if (round == 1) close(0);
    for (size_t i = 0; i < model_.ops.size(); ++i) {
      int op = static_cast<int>(i);
      const model::Op& it = model_.ops[i];
      if (it.gone || it.decided) continue;
      if (it.kind == Kind::hold)
        complete(op, {});
      else if (it.kind == Kind::sleep)
        cancel_op(op);
      else
        answer(op, it.cancel_asked ? canceled() : ErrorRef());
      if (round % 2) drain();
    }
    for (size_t i = 0; i < model_.children.size(); ++i)
      if (!model_.children[i].gone && (model_.children[i].asked || !model_.children[i].daemon))
        child_gone(static_cast<int>(i), false);
  }
  drain();
  if (!model_.nurseries[0].gone) bug("the root never ended");
  if (engine().tokens().size() != 0) bug("tokens are left");
  for (const NurseryUser& n : nurseries_)
    if (n.core) bug("nursery " + std::to_string(n.id) + " outlived the root");
  for (int f : raised_)
    if (!seen_.count(f)) bug("failure " + std::to_string(f) + " was lost");
}

}  // namespace scope_test
