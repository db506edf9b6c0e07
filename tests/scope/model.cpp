#include "model.hpp"

#include <algorithm>
#include <cstddef>

namespace model {

std::string text(const Outcome& o) {
  if (o.failures.empty()) return o.canceled ? "canceled" : "ok";
  std::string s = o.canceled ? "canceled and failed" : "failed";
  for (int f : o.failures) s += " " + std::to_string(f);
  return s;
}

namespace {
size_t at(int i) { return static_cast<size_t>(i); }
int last(size_t size) { return static_cast<int>(size) - 1; }
}  // namespace

// --- what is so ----------------------------------------------------------------------------------------------------

bool Model::busy(int n) const {
  const Nursery& it = nurseries[at(n)];
  if (!present(it)) return false;
  if (it.closed) return true;
  for (const Op& op : ops)
    if (op.in == n && !op.gone) return true;
  for (const Child& c : children)
    if (c.in == n && !c.gone && !c.daemon) return true;
  for (size_t m = 0; m < nurseries.size(); ++m)
    if (nurseries[m].parent == n && busy(static_cast<int>(m))) return true;
  return false;
}

bool Model::quiet(int n) const {
  const Nursery& it = nurseries[at(n)];
  if (!it.closed || it.body || it.ended) return false;
  for (const Op& op : ops)
    if (op.in == n && !op.gone) return false;
  for (const Child& c : children)
    if (c.in == n && !c.gone && !c.daemon) return false;
  for (size_t m = 0; m < nurseries.size(); ++m)
    if (nurseries[m].parent == n && busy(static_cast<int>(m))) return false;
  return true;
}

bool Model::has_nested(int n) const {
  for (const Nursery& m : nurseries)
    if (m.parent == n && present(m)) return true;
  return false;
}

bool Model::empty(int n) const {
  for (const Child& c : children)
    if (c.in == n && !c.gone) return false;
  return quiet(n) && !has_nested(n);
}

bool Model::in_use(int child) const {
  for (const Op& op : ops)
    if (op.child == child && !op.gone) return true;
  return false;
}

size_t Model::live_tokens() const {
  size_t n = 0;
  for (const Op& op : ops) n += !op.gone && !op.delivering;
  for (const Nursery& it : nurseries) n += it.has_token && !it.ended;
  return n;
}

void Model::look_again() {
  for (size_t n = 0; n < nurseries.size(); ++n) {
    Nursery& it = nurseries[n];
    if (it.ended) continue;
    if (!quiet(static_cast<int>(n)))
      it.quieted.reset();
    else if (!it.quieted)
      it.quieted = step_;
    if (!empty(static_cast<int>(n))) {
      it.cut.reset();
    } else if (!it.cut) {
      it.cut.emplace();
      if (it.timed_out)
        it.cut->failures.insert(deadline_of(static_cast<int>(n)));
      else
        it.cut->canceled = it.outside;
    }
  }
}

// --- what the program and the world do -----------------------------------------------------------------------------

int Model::open(int parent, bool shield, bool cancel_daemons, bool has_fn, int64_t timeout, int64_t now) {
  Nursery n;
  n.parent = parent;
  n.shield = shield;
  n.cancel_daemons = cancel_daemons;
  n.has_fn = has_fn;
  nurseries.push_back(n);
  int id = last(nurseries.size());
  if (timeout > 0) timers_.push_back({now + timeout, true, id});
  if (parent >= 0 && nurseries[at(parent)].stopped && !shield) cancel_from_outside(id);
  look_again();
  return id;
}

int Model::start(int in, Kind kind, bool armed, int child, int64_t wakes_at) {
  Op op;
  op.in = in;
  op.kind = kind;
  op.armed = armed;
  op.child = child;
  ops.push_back(op);
  int id = last(ops.size());
  if (nurseries[at(in)].stopped) {
    // A call does nothing in a cancelled nursery, however slow it would be to stop once it runs.
    if (kind == Kind::slow_call)
      decide(id, {true, {}});
    else
      cancel_op(id);
  } else if (kind == Kind::sleep && wakes_at == 0) {
    decide(id, {});
  } else if (kind == Kind::sleep && wakes_at != INT64_MAX) {
    timers_.push_back({wakes_at, false, id});
  }
  look_again();
  return id;
}

void Model::decide(int op, Outcome outcome) {
  Op& it = ops[at(op)];
  if (it.decided || it.gone) return;
  it.decided = std::move(outcome);
  it.queued = step_;
  drop_timer(false, op);
  look_again();
}

void Model::complete(int hold, Outcome outcome) {
  Op& it = ops[at(hold)];
  if (outcome.canceled || !outcome.failures.empty()) fail(it.in, outcome);
  ops[at(hold)].gone = true;
  ops[at(hold)].tell_cancel = false;
  look_again();
}

void Model::cancel_op(int op) {
  Op& it = ops[at(op)];
  if (it.gone || it.decided || it.cancel_asked) return;
  it.cancel_asked = true;
  if (it.kind == Kind::hold) {
    it.tell_cancel = it.armed;
    it.queued = step_;
  } else if (it.kind != Kind::slow_call) {
    decide(op, {true, {}});
  }
}

void Model::abandon_op(int op) {
  if (ops[at(op)].kind == Kind::hold) return complete(op, {});
  ops[at(op)].armed = false;
  cancel_op(op);
  look_again();
}

void Model::body_over(int n) {
  nurseries[at(n)].closed = true;
  nurseries[at(n)].body = false;
  look_again();
}

void Model::close(int n) {
  if (nurseries[at(n)].ended) return;
  nurseries[at(n)].closed = true;
  for (size_t m = 0; m < nurseries.size(); ++m)
    if (nurseries[m].parent == n) close(static_cast<int>(m));
  look_again();
}

void Model::stop(int n) {
  if (nurseries[at(n)].stopped) return;
  nurseries[at(n)].stopped = nurseries[at(n)].closed = true;
  for (size_t i = 0; i < ops.size(); ++i)
    if (ops[i].in == n) cancel_op(static_cast<int>(i));
  for (size_t m = 0; m < nurseries.size(); ++m)
    if (nurseries[m].parent == n && !nurseries[m].shield) cancel_from_outside(static_cast<int>(m));
  close(n);
  for (Child& c : children)
    if (c.in == n && !c.gone) c.asked = true;
  look_again();
}

void Model::cancel(int n) {
  if (!nurseries[at(n)].ended) stop(n);
}

void Model::cancel_from_outside(int n) {
  if (nurseries[at(n)].ended) return;
  nurseries[at(n)].outside = true;
  stop(n);
}

void Model::fail(int n, const Outcome& outcome) {
  if (nurseries[at(n)].ended) return;
  nurseries[at(n)].errors.insert(outcome.failures.begin(), outcome.failures.end());
  stop(n);
}

void Model::set_timeout(int n, int64_t timeout, int64_t now) {
  drop_timer(true, n);
  if (timeout > 0) timers_.push_back({now + timeout, true, n});
}

void Model::cancel_end(int n) { cancel_from_outside(n); }

void Model::abandon_end(int n) {
  nurseries[at(n)].has_fn = false;
  cancel_from_outside(n);
}

int Model::add_child(int in, bool daemon, bool one_shot) {
  Child c;
  c.in = in;
  c.daemon = daemon && nurseries[at(in)].cancel_daemons;
  c.one_shot = one_shot;
  c.asked = nurseries[at(in)].stopped;
  children.push_back(c);
  nurseries[at(in)].one_shots += one_shot;
  look_again();
  return last(children.size());
}

void Model::collect(int n, const std::set<int>& failures) {
  Nursery& it = nurseries[at(n)];
  it.errors.insert(failures.begin(), failures.end());
  it.one_shot_failed = true;
  if (it.one_shots == 0) stop(n);
}

void Model::one_shot_ended(int n) {
  Nursery& it = nurseries[at(n)];
  if (--it.one_shots == 0 && it.one_shot_failed) stop(n);
}

void Model::remove_child(int child) {
  children[at(child)].gone = true;
  look_again();
}

void Model::drop_timer(bool of_nursery, int id) {
  std::erase_if(timers_, [=](const Timer& t) { return t.of_nursery == of_nursery && t.id == id; });
}

int64_t Model::next_timer() const {
  int64_t first = INT64_MAX;
  for (const Timer& t : timers_) first = std::min(first, t.at);
  return first;
}

void Model::pass_time(int64_t now) {
  for (int64_t due = next_timer(); due <= now; due = next_timer()) {
    auto it = std::find_if(timers_.begin(), timers_.end(), [=](const Timer& t) { return t.at == due; });
    Timer t = *it;
    timers_.erase(it);
    if (!t.of_nursery) {
      decide(t.id, {});
    } else if (!nurseries[at(t.id)].stopped) {
      nurseries[at(t.id)].timed_out = true;
      stop(t.id);
    }
  }
}

// --- what the core did ---------------------------------------------------------------------------------------------

/// Whatever was decided, or fell due to be told, at an earlier step comes first.
std::string Model::out_of_turn(long queued) const {
  for (size_t i = 0; i < ops.size(); ++i) {
    const Op& o = ops[i];
    if (!o.gone && !o.delivering && (o.decided || o.tell_cancel) && o.queued < queued)
      return "operation " + std::to_string(i) + " should have run before";
  }
  return {};
}

std::string Model::expect_completion(int op, const Outcome& outcome) {
  Op& it = ops[at(op)];
  if (it.gone || it.delivering) return "a second completion";
  if (!it.armed) return "a completion after abandon";
  if (!it.decided) return "a completion that nothing has caused";
  if (*it.decided != outcome) return "completed with '" + text(outcome) + "' in place of '" + text(*it.decided) + "'";
  it.delivering = true;
  return out_of_turn(it.queued);
}

std::string Model::expect_told(int hold) {
  Op& it = ops[at(hold)];
  if (it.gone) return "on_cancel after complete or abandon";
  if (!it.tell_cancel) return "on_cancel that nothing has caused, or a second one";
  it.tell_cancel = false;
  return out_of_turn(it.queued);
}

std::string Model::expect_orphan(int op) {
  Op& it = ops[at(op)];
  if (it.gone || it.armed || !it.decided || it.decided->failures.empty())
    return "an error without a completion to go to";
  Outcome raised = *it.decided;
  fail(it.in, raised);
  return {};
}

std::string Model::expect_gone(int op) {
  Op& it = ops[at(op)];
  if (it.gone || !it.decided) return "left without having been decided";
  if (it.armed && !it.delivering) return "left without a completion";
  it.gone = true;
  it.delivering = false;
  look_again();
  return {};
}

std::string Model::expect_closed(const std::set<int>& which) {
  std::vector<bool> may;
  for (size_t n = 0; n < nurseries.size(); ++n) may.push_back(quiet(static_cast<int>(n)));
  for (int n : which) {  // outer ones first: they have the lower numbers
    int parent = nurseries[at(n)].parent;
    if (parent < 0 || !may[at(parent)]) return "nursery " + std::to_string(n) + " was closed by nobody";
    may[at(n)] = true;
    nurseries[at(n)].closed = true;
  }
  look_again();
  return {};
}

std::string Model::expect_dismissed(int child) {
  Child& c = children[at(child)];
  if (!c.daemon) return "a child was cancelled that must be waited for";
  if (in_use(child)) return "a child was cancelled while it is in use";
  if (!quiet(c.in) || has_nested(c.in)) return "a child was cancelled while its nursery has work";
  c.asked = true;
  return {};
}

std::string Model::expect_end(int n, const Outcome& outcome, bool to_fn) {
  Nursery& it = nurseries[at(n)];
  if (it.ended) return "a second end";
  if (to_fn != it.has_fn) return to_fn ? "its end callback ran after abandon" : "its end callback was left out";
  if (!empty(n)) return "an end with work left";
  Outcome should = it.errors.empty() ? *it.cut : Outcome{false, it.errors};
  if (should != outcome) return "ended with '" + text(outcome) + "' in place of '" + text(should) + "'";
  it.ended = true;
  it.taken = to_fn;
  it.errors = outcome.failures;
  drop_timer(true, n);
  return out_of_turn(*it.quieted);
}

void Model::told_parent(int n) {
  Nursery it = nurseries[at(n)];
  if (it.parent >= 0 && !it.taken && !it.errors.empty()) fail(it.parent, {false, it.errors});
  nurseries[at(n)].gone = true;
  look_again();
}

std::string Model::overdue() const {
  for (size_t i = 0; i < ops.size(); ++i) {
    const Op& op = ops[i];
    if (op.gone) continue;
    if (op.decided) return "operation " + std::to_string(i) + " never completed";
    if (op.tell_cancel) return "hold " + std::to_string(i) + " was never told of its cancel";
  }
  for (size_t i = 0; i < nurseries.size(); ++i) {
    int n = static_cast<int>(i);
    if (nurseries[i].ended && !nurseries[i].gone) return "nursery " + std::to_string(i) + " never told its parent";
    if (nurseries[i].ended) continue;
    if (empty(n)) return "nursery " + std::to_string(i) + " never ended";
    if (quiet(n) && has_nested(n)) return "nursery " + std::to_string(i) + " waits for idle nested ones";
  }
  for (size_t i = 0; i < children.size(); ++i) {
    const Child& c = children[i];
    int child = static_cast<int>(i);
    if (!c.gone && !c.asked && c.daemon && !in_use(child) && quiet(c.in))
      return "child " + std::to_string(i) + " was never dismissed";
  }
  return {};
}

}  // namespace model
