#include "scope/nursery.hpp"

#include <algorithm>
#include <new>

#include "base/log.hpp"
#include "scope/callback.hpp"

namespace tractor::core {

namespace {

/// Are they one failure? A language's exception may have been made an error twice, on two ways to here.
bool same_failure(const Error& a, const Error& b) {
  const Error::Fields &x = a.fields(), &y = b.fields();
  return &a == &b || (x.payload && x.payload == y.payload && x.payload_tag == y.payload_tag);
}

/// Does `tree` tell of the failure at `root`?
bool tells_of(const Error& tree, const Error* root) {
  const Error* own = tree.root();
  if (same_failure(*own, *root)) return true;
  for (const ErrorRef& member : own->fields().members)
    if (tells_of(*member, root)) return true;
  return false;
}

}  // namespace

Nursery::Nursery(Engine& engine, Nursery* parent, NurseryOptions options)
    : engine_(&engine), parent_(parent), options_(std::move(options)), since_(engine.loop().about_now()) {
  if (parent_) {
    ladder_ = parent_->ladder_;
    options_.hard_kill = options_.hard_kill || parent_->options_.hard_kill;
    parent_->nested_.push_back(*this);
    parent_->settle();  // it may be closed and waiting for its daemons: then this one has to get going at once
  }
  ladder_ = ladder_.with(options_.cancel_timeout, options_.kill_timeout);
  set_deadline(options_.timeout);
  if (parent_ && parent_->stopped_ && !options_.shield) cancel_from_outside(parent_->cancel_reason_);
}

Nursery::Nursery(NurseryOptions options)
    : engine_(nullptr), parent_(nullptr), options_(std::move(options)), phase_(Phase::ended) {}

Nursery::~Nursery() {
  if (parent_ && counted_) parent_->leave();  // its derived class could not be made
}

// --- the counter ---------------------------------------------------------------------------------------------------

void Nursery::settle() {
  if (ended()) return;
  bool busy = phase_ != Phase::open || work_ > 0;
  if (parent_ && busy != counted_) {
    counted_ = busy;
    busy ? parent_->enter() : parent_->leave();
  }
  // The conclusion is drawn later, by fire(): until the running callback has returned it may still start more here.
  if (!idle() || daemons_ > 0)
    cut_by_.reset();
  else if (!cut_by_)
    cut_by_ = timed_out_ ? Status::timed_out : cancelled_outside_ ? Status::canceled : Status::ok;
  if (idle()) return engine_->loop().post(*this);
  Ready::unlink();
  if (wait_note_ == WaitNote::wanted && work_ > 0) note_wait();
}

void Nursery::note_wait() {
  wait_note_ = WaitNote::done;
  engine_->wait_log().add(*this);
}

void Nursery::add_op(Op& op) {
  ops_.push_back(op);
  enter();
}

void Nursery::remove_op(Op& op) {
  static_cast<Link<OpsTag>&>(op).unlink();
  leave();
}

void Nursery::add_child(ChildOf& child, bool daemon) {
  child.daemon_ = daemon && options_.cancel_daemons;
  children_.push_back(child);
  if (child.daemon_) {
    ++daemons_;
    settle();
  } else {
    enter();
  }
  if (stopped_) stop_child(child, cancel_reason_);
}

void Nursery::remove_child(ChildOf& child) {
  child.unlink();
  if (child.daemon_) {
    --daemons_;
    settle();
  } else {
    leave();
  }
}

void Nursery::one_shot_ended() {
  --one_shots_;
  stop_if_one_shots_failed();
}

void Nursery::stop_if_one_shots_failed() {
  if (one_shots_ > 0 || !one_shot_failed_) return;
  const ErrorRef& first = errors_.empty() ? unlisted_error_ : errors_.front();
  stop_all(engine_->cancel_error(first->message(), first));
}

void Nursery::dismiss_daemons() {
  ErrorRef why;
  for (ChildOf *c = children_.first(), *next; c; c = next) {
    next = children_.after(*c);
    if (c->in_use()) continue;
    if (!why) why = engine_->cancel_error("its nursery is closed");
    stop_child(*c, why);
  }
}

// --- stopping ------------------------------------------------------------------------------------------------------

void Nursery::body_over() {
  if (phase_ == Phase::open) phase_ = Phase::closed;
  set_body_running(false);
}

void Nursery::close() {
  if (ended()) return;
  phase_ = Phase::closed;
  expect_end();
  close_nested();
  settle();
}

void Nursery::close_nested() {
  for (Nursery* n = nested_.first(); n; n = nested_.after(*n)) n->close();
}

bool Nursery::cancel(std::string_view reason) {
  if (ended() || stopped_) return false;
  cut_short_ = work_ > 0 || daemons_ > 0;
  stop_all(engine_->cancel_error(reason));
  return true;
}

bool Nursery::cancel_hard(std::string_view reason) {
  if (ended() || (stopped_ && options_.hard_kill)) return false;
  harden();
  cancel(reason);
  return true;
}

void Nursery::harden() {
  options_.hard_kill = true;
  if (stopped_)
    for (ChildOf* c = children_.first(); c; c = children_.after(*c)) c->terminate_child();
  for (Nursery* n = nested_.first(); n; n = nested_.after(*n))
    if (!n->options_.shield) n->harden();
}

void Nursery::stop_child(ChildOf& child, const ErrorRef& why) {
  child.cancel_child(why);
  if (options_.hard_kill) child.terminate_child();
}

void Nursery::cancel_from_outside(const ErrorRef& why) {
  if (ended()) return;
  cancelled_outside_ = true;
  stop_all(why);
}

void Nursery::fail(ErrorRef err) {
  if (ended()) return;
  err->mark_handled();
  if (err->canceled()) return stop_all(std::move(err));
  keep(err);
  stop_all(engine_->cancel_error(err->message(), err));
}

bool Nursery::has_errors_besides(const Error* known) const {
  for (const ErrorRef& err : errors_)
    if (err.get() != known) return true;
  return unlisted_error_ && unlisted_error_.get() != known;
}

void Nursery::collect(ErrorRef err) {
  if (ended() || err->canceled()) return;
  err->mark_handled();
  keep(err);
  one_shot_failed_ = has_errors();
  stop_if_one_shots_failed();
}

void Nursery::keep(const ErrorRef& err) {
  try {
    if (ErrorRef fresh = news_in(err)) errors_.push_back(std::move(fresh));
  } catch (const std::bad_alloc&) {
    if (!unlisted_error_) unlisted_error_ = err;
  }
}

ErrorRef Nursery::news_in(const ErrorRef& err) const {
  if (err->canceled()) return {};
  const Error* root = err->root();
  const std::vector<ErrorRef>& members = root->fields().members;
  if (members.empty()) {
    for (const ErrorRef& known : errors_)
      if (tells_of(*known, root)) return {};
    return err;
  }
  std::vector<ErrorRef> fresh;
  bool all = true;
  for (const ErrorRef& member : members) {
    ErrorRef news = news_in(member);
    all = all && news == member;
    if (news) fresh.push_back(std::move(news));
  }
  if (all) return err;
  if (fresh.empty()) return {};
  return Error::group(root->message(), std::move(fresh));
}

void Nursery::stop_all(ErrorRef why) {
  if (stopped_) return;
  stopped_ = true;
  cancel_reason_ = std::move(why);
  Ref<Nursery> self(this);
  phase_ = Phase::closed;
  expect_end();
  scope_stopped(cancel_reason_);
  // None of these calls runs a completion: outcomes are only decided here.
  for (Op* op = ops_.first(); op; op = ops_.after(*op)) op->cancel(cancel_reason_);
  for (Nursery* n = nested_.first(); n; n = nested_.after(*n)) {
    if (!n->options_.shield) n->cancel_from_outside(cancel_reason_);
    n->close();  // only now: an idle one that is closed first would end as a success
  }
  for (ChildOf *c = children_.first(), *next; c; c = next) {
    next = children_.after(*c);
    stop_child(*c, cancel_reason_);
  }
  settle();
}

void Nursery::set_deadline(int64_t from_now) {
  options_.timeout = from_now;
  if (from_now <= 0 || from_now == kForever)
    Timer::disarm();
  else
    engine_->loop().arm_after(*this, from_now);
}

void Nursery::on_timer() {
  if (stopped_) return;  // something else came first
  timed_out_ = true;
  std::string rest = "' passed";
  try {
    if (work_ > 0) rest += "; still open: " + open_work();
  } catch (const std::bad_alloc&) {
    // It says less.
  }
  stop_all(engine_->cancel_error({"deadline of nursery '", options_.name, rest}));
}

// --- the end -------------------------------------------------------------------------------------------------------

/// A real error wins over the cancellations of contexts that it caused or met.
std::vector<ErrorRef> Nursery::telling_errors() const {
  std::vector<ErrorRef> all = errors_;
  if (unlisted_error_) all.push_back(unlisted_error_);
  auto cancelled = [](const ErrorRef& e) { return e->code() == Status::ctx_canceled; };
  if (!std::all_of(all.begin(), all.end(), cancelled)) std::erase_if(all, cancelled);
  return all;
}

ErrorRef Nursery::outcome() const {
  if (errors_.empty() && unlisted_error_) return unlisted_error_;
  if (errors_.size() == 1 && !unlisted_error_) return errors_.front();
  if (!errors_.empty()) {
    return Error::from([&] {
      std::vector<ErrorRef> all = telling_errors();
      if (all.size() == 1) return all.front();
      std::string message = std::to_string(all.size()) + " errors in nursery '" + options_.name + "'";
      return Error::group(std::move(message), std::move(all));
    });
  }
  if (cut_by_ == Status::timed_out)
    return Error::from([&] { return Error::of(*cut_by_, "deadline of nursery '" + options_.name + "' passed"); });
  if (cut_by_ == Status::canceled) return cancel_reason_;
  return {};
}

void Nursery::fire() {
  CallbackScope callback;
  on_idle();
  close_nested();  // what is left of them is open and empty: there is nobody who could use it
  if (!idle()) return;
  if (daemons_ > 0) dismiss_daemons();
  if (!idle() || daemons_ > 0) {
    if (wait_note_ == WaitNote::wanted) note_wait();
    return;
  }

  Ref<Nursery> self = Ref<Nursery>::adopt(this);
  Ready::unlink();
  Timer::disarm();
  Link<WaitTag>::unlink();
  ErrorRef out = outcome();
  phase_ = Phase::ended;
  caught_ = cut_short_ && !out;
  if (end_token_ > 0) engine_->tokens().remove(end_token_);
  end_token_ = 0;
  bool taken = deliver_end(out);
  for (size_t i = observers_.size(); i-- > 0;) observers_[i].fn(to_c(out.get()), observers_[i].user);
  observers_.clear();
  while (OwnedBy* owned = owned_.pop_front()) owned->nursery_ended();
  memory_.clear();
  if (Nursery* parent = std::exchange(parent_, nullptr)) {
    static_cast<Link<NestedTag>*>(this)->unlink();
    if (out && !taken && !out->canceled()) parent->fail(out);
    if (counted_) parent->leave();
  }
  on_gone();
  engine_ = nullptr;
}

void Nursery::abandon() {
  Ref<Nursery> self = Ref<Nursery>::adopt(this);
  Ready::unlink();
  Timer::disarm();
  Link<WaitTag>::unlink();
  phase_ = Phase::ended;
  while (OwnedBy* owned = owned_.pop_front()) owned->nursery_ended();
  engine_ = nullptr;
}

void* Nursery::alloc(size_t size) {
  memory_.push_back(std::make_unique<std::byte[]>(size ? size : 1));
  return memory_.back().get();
}

std::string Nursery::open_work() {
  constexpr size_t kMost = 10;
  std::string text;
  size_t named = 0, ops = 0;
  auto add = [&](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
  auto name = [&](const std::string& what) {
    if (++named <= kMost) add(what);
  };
  for (Op* op = ops_.first(); op; op = ops_.after(*op)) {
    std::string what = op->what();
    what.empty() ? void(++ops) : name(what);
  }
  if (ops > 0) add(std::to_string(ops) + (ops == 1 ? " operation" : " operations"));
  for (ChildOf* c = children_.first(); c; c = children_.after(*c)) name("child '" + c->child_name() + "'");
  for (Nursery* n = nested_.first(); n; n = nested_.after(*n)) name(n->what());
  if (std::string own = own_work(); !own.empty()) name(own);
  if (named > kMost) add("and " + std::to_string(named - kMost) + " more");
  return text.empty() ? "nothing" : text;
}

// --- its end as an operation ---------------------------------------------------------------------------------------

OpToken Nursery::end_token() {
  if (end_token_ == 0) end_token_ = engine_->tokens().add(*this);
  return end_token_;
}

void Nursery::token_cancel() {
  cancel_from_outside(engine_->cancel_error({"nursery '", options_.name, "' cancelled"}));
}

bool Nursery::token_abandon() {
  disarm_end();
  token_cancel();
  return true;
}

// --- UserNursery ---------------------------------------------------------------------------------------------------

UserNursery* UserNursery::open(Nursery& parent, NurseryOptions options, tractor_done_fn fn, void* user) {
  return new UserNursery(parent, std::move(options), fn, user);
}

bool UserNursery::deliver_end(const ErrorRef& outcome) {
  if (!fn_) return false;
  uint32_t seen = outcome ? outcome->times_handled() : 0;
  fn_(to_c(outcome.get()), user_);
  if (outcome && !outcome->canceled() && outcome->times_handled() == seen)
    TRACTOR_LOG(kWarning, "tractor.scope", "the end of nursery '%s' ignored its error: %s", options().name.c_str(),
                outcome->log_text().c_str());
  return true;
}

}  // namespace tractor::core
