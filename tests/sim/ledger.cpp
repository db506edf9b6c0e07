#include "ledger.hpp"

#include <algorithm>
#include <cstring>

#include "rpc/args.hpp"
#include "rpc/context.hpp"
#include "wire/message.hpp"

namespace sim {

namespace {

/// How long who has asked a task to stop waits for its last word.
constexpr int64_t kLastWord = 616 * kMillisecond;
/// Ours only: every endpoint's arguments begin with its caller's number.
constexpr std::string_view kArgs("\x81\xa1i\xce", 4);

size_t number_after(std::string_view body, size_t at) {
  uint32_t n = 0;
  if (at + 4 > body.size()) return SIZE_MAX;
  for (size_t i = 0; i < 4; ++i) n = n << 8 | static_cast<unsigned char>(body[at + i]);
  return n;
}

}  // namespace

bool says(const Error* err, std::string_view text) {
  if (!err) return false;
  if (err->message().find(text) != std::string::npos) return true;
  if (err->fields().traceback.find(text) != std::string::npos) return true;
  if (says(err->fields().cause.get(), text)) return true;
  for (const ErrorRef& member : err->fields().members)
    if (says(member.get(), text)) return true;
  return false;
}

Scope& Ledger::scope(SimProcess& p, Scope* parent, std::string what) {
  scopes_.push_back(std::make_unique<Scope>(*this, static_cast<int>(scopes_.size()), p, parent));
  scopes_.back()->what = std::move(what);
  return *scopes_.back();
}

Start& Ledger::start(SimProcess& p, Scope& in, const char* what, bool has_fn) {
  starts_.push_back(std::make_unique<Start>(*this, static_cast<int>(starts_.size()), p, in, what, has_fn));
  return *starts_.back();
}

void Ledger::returned(Start& s, tractor_op token) {
  s.in_call = false;
  s.token = token;
  world_.journal.event(s.what, static_cast<uint64_t>(s.id), token > 0);
  world_.journal.line(world_.now, "%s: start %d, %s in %s%d%s", s.p->name(), s.id, s.what, s.in->what.c_str(), s.in->id,
                      token > 0 ? "" : " is refused");
  if (token <= 0 && s.completions > 0)
    world_.journal.broken(world_.now, "start %d (%s) of %s was refused and has completed", s.id, s.what, s.p->name());
}

void Ledger::completed(Start& s, const tractor_error* c_err) {
  const Error* err = from_c(c_err);
  world_.journal.event("completed", static_cast<uint64_t>(s.id),
                       err ? static_cast<uint64_t>(-static_cast<int>(err->code())) : 0);
  if (err) world_.journal.hash(err->message());
  world_.journal.line(world_.now, "%s: start %d (%s) completes: %s", s.p->name(), s.id, s.what,
                      err ? (std::string(err->name()) + " " + err->message()).c_str() : "ok");
  const char* wrong = s.in_call                 ? "inside the call that started it"
                      : s.abandoned             ? "though it was abandoned"
                      : s.token <= 0            ? "though it was refused"
                      : s.in->ended             ? "after its nursery has ended"
                      : s.completions > 0       ? "a second time"
                      : world_.current() != s.p ? "in another process"
                                                : nullptr;
  ++s.completions;
  s.failed = err != nullptr;
  if (wrong)
    return world_.journal.broken(world_.now, "start %d (%s) of %s completes %s", s.id, s.what, s.p->name(), wrong);
  if (err) check_cancellers(*err, s.what, s.id);
  check_wanted(s, err);
}

/// What its task failed with was read here before it completed: then it has to say so.
void Ledger::check_wanted(Start& s, const Error* told) {
  if (s.abandoned) return;
  for (const std::string& failure : s.wanted) {
    if (says(told, failure)) continue;
    for (const Heard& heard : heard_[failure]) {
      if (heard.process != s.p->index) continue;
      auto asked = asked_to_stop_.find(s.cid);
      if (asked != asked_to_stop_.end() && (heard.at >= asked->second + kLastWord || writes_may_wait()))
        continue;  // it had given up
      world_.journal.broken(world_.now, "an error is lost: start %d (%s) of %s was told of %s and completes with %s",
                            s.id, s.what, s.p->name(), failure.c_str(), told ? told->message().c_str() : "success");
      return;
    }
  }
}

void Ledger::scope_ended(Scope& s, const tractor_error* c_err) {
  const Error* err = from_c(c_err);
  world_.journal.event("scope ended", static_cast<uint64_t>(s.id),
                       err ? static_cast<uint64_t>(-static_cast<int>(err->code())) : 0);
  world_.journal.line(world_.now, "%s: %s%d ends: %s", s.p->name(), s.what.c_str(), s.id,
                      err ? (std::string(err->name()) + " " + err->message()).c_str() : "ok");
  if (s.ended) return world_.journal.broken(world_.now, "%s%d of %s ends twice", s.what.c_str(), s.id, s.p->name());
  s.ended = true;
  if (err) check_cancellers(*err, s.what.c_str(), s.id);
  for (const std::string& failure : s.owed)
    if (!says(err, failure))
      world_.journal.broken(world_.now, "an error is lost: %s%d of %s ends with %s, and %s failed in it",
                            s.what.c_str(), s.id, s.p->name(), err ? err->message().c_str() : "success",
                            failure.c_str());
  for (auto& start : starts_) {
    if (start->in != &s) continue;
    if (!start->has_fn) check_wanted(*start, err);
    if (start->exit_owed && !start->exit_told)
      world_.journal.broken(world_.now, "an error is lost: nobody was told that the child of start %d of %s died",
                            start->id, s.p->name());
    if (start->token > 0 && start->has_fn && !start->abandoned && start->completions == 0)
      world_.journal.broken(world_.now, "%s%d of %s ends before its start %d (%s)", s.what.c_str(), s.id, s.p->name(),
                            start->id, start->what);
  }
  for (auto& nested : scopes_)
    if (nested->parent == &s && nested->nursery && !nested->ended)
      world_.journal.broken(world_.now, "%s%d of %s ends before %s%d, which is nested in it", s.what.c_str(), s.id,
                            s.p->name(), nested->what.c_str(), nested->id);
  if (s.canceller && err && err->canceled() && err->fields().canceller.uuid != s.canceller->boot.uuid)
    world_.journal.broken(world_.now, "%s%d of %s was cancelled by %s, and its outcome names '%s'", s.what.c_str(),
                          s.id, s.p->name(), s.canceller->name(), err->fields().canceller.name.c_str());
  if (s.caller) {
    auto* ctx = static_cast<Context*>(from_c(s.nursery));
    bool told = ctx->link() && ctx->link()->is_open() && s.caller->p != s.p;
    for (const std::string& failure : s.owed) {
      s.caller->wanted.push_back(failure);
      if (told && failure.starts_with("boom#")) debts_.push_back({failure, s.p, s.caller->p});
    }
  } else if (!s.has_end && s.parent && !s.parent->ended && err && !err->canceled()) {
    for (const std::string& failure : s.owed) s.parent->owed.push_back(failure);
  }
  if (s.on_end) s.on_end(c_err);
}

void Ledger::exit_told(Start& s, const tractor_error* err) {
  world_.journal.event("exit told", static_cast<uint64_t>(s.id));
  if (s.exit_told || !err)
    world_.journal.broken(world_.now, "the death of the child of start %d of %s is told %s", s.id, s.p->name(),
                          s.exit_told ? "twice" : "without an error");
  s.exit_told = true;
}

std::string Ledger::new_failure() { return "boom#" + std::to_string(failures_++) + ";"; }

void Ledger::task(Scope& s, tractor_ctx* ctx, size_t caller) {
  s.caller = start_by_id(caller);
  tasks_[tractor_ctx_cid(ctx)] = &s;
}

bool Ledger::is_known_actor(std::string_view uuid) const {
  for (auto& p : world_.processes())
    if (p->boot.uuid == uuid) return true;
  return false;
}

void Ledger::check_cancellers(const Error& err, const char* where, int id) {
  bool cancellation = err.code() == Status::canceled || err.code() == Status::ctx_canceled;
  if (cancellation && !is_known_actor(err.fields().canceller.uuid))
    world_.journal.broken(world_.now, "a cancellation without a name reaches %s%d: %s", where, id,
                          err.message().c_str());
  if (err.fields().cause) check_cancellers(*err.fields().cause, where, id);
  for (const ErrorRef& member : err.fields().members) check_cancellers(*member, where, id);
}

// --- the machine ---------------------------------------------------------------------------------------------------

void Ledger::on_frame_written(Socket& from, std::string_view body) {
  for (size_t at = body.find("boom#"); at != body.npos; at = body.find("boom#", at + 1)) {
    size_t end = body.find(';', at);
    if (end == body.npos) break;
    written_[std::string(body.substr(at, end + 1 - at))].push_back(from.owner->index);
  }
  if (size_t at = body.find(kArgs); at != body.npos) {
    auto decoded = wire::decode(body);
    if (auto* message = std::get_if<wire::Message>(&decoded))
      if (auto* start = std::get_if<wire::Start>(message))
        if (Start* s = start_by_id(number_after(body, at + kArgs.size()) & 0xffffff)) s->cid = start->cid;
  } else if (body.find("_cancel_task") != body.npos) {
    auto decoded = wire::decode(body);
    if (auto* message = std::get_if<wire::Message>(&decoded))
      if (auto* start = std::get_if<wire::Start>(message))
        if (auto cid = Args(start->kwargs).text("cid")) asked_to_stop_.emplace(std::string(*cid), world_.now);
  }
}

void Ledger::on_frame_read(Socket& to, std::string_view body) {
  for (size_t at = body.find("boom#"); at != body.npos; at = body.find("boom#", at + 1)) {
    size_t end = body.find(';', at);
    if (end == body.npos) break;
    heard_[std::string(body.substr(at, end + 1 - at))].push_back({to.owner->index, world_.now});
  }
  if (body.find("_cancel_task") == body.npos) return;
  auto decoded = wire::decode(body);
  auto* message = std::get_if<wire::Message>(&decoded);
  auto* start = message ? std::get_if<wire::Start>(message) : nullptr;
  if (!start) return;
  auto cid = Args(start->kwargs).text("cid");
  if (!cid) return;
  auto found = tasks_.find(std::string(*cid));
  if (found == tasks_.end()) return;
  Scope& s = *found->second;
  if (s.p != to.owner || s.ended || from_c(s.nursery)->cancel_called()) return;
  s.canceller = to.peer->owner;
}

/// A child that serves and dies without being asked to has failed its nursery, or whoever asked to be told.
void Ledger::before_exit_is_told(SimProcess& child) {
  if (child.status.success() || child.boot.name[0] != 'c') return;
  Start* s = start_by_id(static_cast<size_t>(std::atoi(child.boot.name.c_str() + 1)));
  if (!s || s->in->ended || s->completions == 0 || s->failed || s->child_cancelled) return;
  if (from_c(s->in->nursery)->cancel_called() || (s->in->closed && s->in->dismisses)) return;
  if (s->has_exit)
    s->exit_owed = true;
  else
    owe(*s->in, "(pid " + std::to_string(child.pid) + ")");
}

void Ledger::on_ended(SimProcess& process) {
  gone_[process.index] = true;
  for (auto& s : starts_)
    if (s->p == &process && s->token > 0 && s->has_fn && !s->abandoned && s->completions != 1)
      world_.journal.broken(world_.now, "%s has ended, and its start %d (%s) has completed %d times", process.name(),
                            s->id, s->what, s->completions);
  for (auto& s : scopes_)
    if (s->p == &process && s->nursery && !s->ended)
      world_.journal.broken(world_.now, "%s has ended, and its %s%d has not", process.name(), s->what.c_str(), s->id);
}

void Ledger::say_what_waits() {
  std::string waits;
  for (auto& s : starts_)
    if (s->token > 0 && !is_gone(*s->p) && !s->in->ended && !s->abandoned && s->completions == 0)
      waits += " start " + std::to_string(s->id) + " (" + s->what + ") of " + s->p->name() + ",";
  for (auto& s : scopes_)
    if (s->nursery && !s->ended && !is_gone(*s->p))
      waits += " " + s->what + std::to_string(s->id) + " of " + s->p->name() + ",";
  world_.journal.broken(world_.now, "it hangs; waiting:%s", waits.c_str());
}

void Ledger::close_books() {
  // A connection that was cut takes with it what was on its way; who ends has half a second to send what waits.
  for (const Debt& debt : debts_) {
    if (writes_may_wait() || world_.cuts > 0 || killed_.count(debt.from->index) || killed_.count(debt.to->index))
      continue;
    const std::vector<int>& by = written_[debt.failure];
    if (std::find(by.begin(), by.end(), debt.from->index) == by.end())
      world_.journal.broken(world_.now, "an error is lost: %s has failed in %s, which did not tell %s",
                            debt.failure.c_str(), debt.from->name(), debt.to->name());
  }
  for (auto& p : world_.processes())
    if (p->state != SimProcess::State::reaped && p->index != 0)
      world_.journal.broken(world_.now, "%s (pid %lld) is left behind", p->name(), static_cast<long long>(p->pid));
}

}  // namespace sim
