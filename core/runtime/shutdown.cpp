// The one way down: tasks, then the program's own scope, then the registrar, the sockets, the loop.
#include <algorithm>
#include <csignal>
#include <unistd.h>

#include "base/log.hpp"
#include "rpc/args.hpp"
#include "rpc/ask.hpp"
#include "runtime/actor.hpp"
#include "runtime/child.hpp"
#include "scope/callback.hpp"

namespace tractor::core {

namespace {

/// An acknowledgement means "I am at it": it must leave before the asker loses patience, at half a second.
constexpr int64_t kAckLimit = 300 * kMillisecond;
constexpr int64_t kLastWorkLimit = kSecond / 2;
/// What our dead children left behind dies at once, unless the machine is very busy.
constexpr int64_t kBurialLimit = kSecond / 2;

}  // namespace

/// The program's scope has nothing left to do: tasks of others end before it does, and the exit stack is run after them. What
/// a step of it starts in the scope is waited for before the next one.
void Actor::on_main_idle() {
  if (service_->ended()) {
    while (!exit_stack_.empty() && main_->idle()) {
      ExitStep step = exit_stack_.back();
      exit_stack_.pop_back();
      step.fn(to_c(this), step.user);
    }
    return;
  }
  main_->set_body_running(true);
  begin_closing();
  service_->cancel_from_outside(main_->cancel_reason() ? main_->cancel_reason()
                                                       : engine_->cancel_error("the actor ends"));
}

void Actor::on_scope_ended(ActorScope::Role role, const ErrorRef& outcome) {
  if (role == ActorScope::Role::service) main_->set_body_running(false);
  if (role == ActorScope::Role::main) {
    outcome_ = outcome;
    if (outcome && !outcome->canceled() && !is_root() && !boot_error_) report_failure(outcome);
  }
  close_box_->put({});
}

/// A child whose own scope failed tells its parent why before it goes.
void Actor::report_failure(const ErrorRef& why) {
  exit_status_ = 1;
  if (parent_link_) parent_link_->send_error(*why, {});
}

void Actor::on_cancel_actor(PeerLink& link, std::string_view cid, int64_t patience) {
  if (&link == parent_link_.get()) end_by_ = std::min(end_by_, loop_->after(patience - patience / 8));
  acks_.push_back({Ref<PeerLink>(&link), Cid(cid)});
  if (acks_sent_) return send_acks();
  TRACTOR_LOG(kCancel, "tractor", "%s cancels this actor", link.peer().name.c_str());
  if (!canceller()) {
    canceller_ = link.identity();
    c_canceller_ = {link.peer().name.c_str(), link.peer().uuid.c_str(), link.peer().pid};
  }
  Error::Fields f;
  f.code = Status::canceled;
  f.message = "cancelled by " + link.peer().name;
  f.canceller = link.peer();
  ErrorRef why = Error::make(std::move(f));
  end_for(why, why->message());
}

void Actor::cancel_soon() {
  if (!main_ || ended()) return;
  TRACTOR_LOG(kCancel, "tractor", "actor %s cancels itself", id_.name.c_str());
  if (!canceller()) c_canceller_ = c_id_;
  constexpr std::string_view kReason = "the actor cancels itself";
  end_for(engine_->cancel_error(kReason), kReason);
}

/// It is told to go, and does.
void Actor::end_for(const ErrorRef& why, std::string_view reason) {
  if (booting()) return stop_boot(why);
  begin_closing();
  service_->cancel_from_outside(why);
  // Absorbed: an actor that does as it is told has not failed.
  main_->cancel(reason);
}

void Actor::on_signal(int signo) {
  if (signo == SIGCHLD) {
    if (reaper_) reaper_->sweep_soon();
    return;
  }
  if (!is_root()) return end_for(engine_->cancel_error("SIGTERM"), "SIGTERM");
  if (end_signal_ != 0) {
    kill_children();
    listeners_.clear();  // which have files
    // Not what was there before us: that may be to ignore it.
    signal(signo, SIG_DFL);
    raise(signo);
    return;
  }
  end_signal_ = signo;
  ErrorRef why = Error::from([&] {
    return Error::of(Failure::of(Status::interrupted,
                                 std::string("interrupted by ") + (signo == SIGINT ? "SIGINT" : "SIGTERM"),
                                 "KeyboardInterrupt"));
  });
  booting() ? stop_boot(why) : main_->fail(why);
}

void Actor::begin_closing() {
  if (state_ >= State::closing) return;
  state_ = State::closing;
  close_box_->put({});
}

/// Waits from the start, so that to go down needs no memory.
Flow Actor::shut_down() {
  while (state_ < State::closing) co_await close_box_->next();
  int64_t ack_at = loop_->now() + kAckLimit;
  while (!main_->ended() || !service_->ended()) {
    auto event = co_await close_box_->next(acks_sent_ ? kForever : ack_at);
    if (!event || service_->ended()) send_acks();
  }
  send_acks();
  try {
    if (registration_) co_await registration_->end();
  } catch (const std::bad_alloc&) {
    // Who looks for us finds nobody here, and tells the registrar.
  }
  listeners_.clear();
  ErrorRef gone = Error::from([&] { return Error::of(Status::closed, "actor '" + id_.name + "' has ended"); });
  while (!links_.empty()) {
    Ref<PeerLink> link = links_.back();
    links_.pop_back();
    link->close(gone, true);
  }
  for (auto* link : {&self_link_, &self_peer_, &parent_link_})
    if (Ref<PeerLink> closing = std::move(*link)) closing->close(gone, true);
  if (registrar_) registrar_->stop();
  backstage_->cancel_from_outside(gone);
  while (!backstage_->ended()) co_await close_box_->next();
  int64_t limit = loop_->now() + kBurialLimit;
  while (bury_inherited() && loop_->now() < limit) co_await close_box_->next(loop_->now() + kMillisecond);
  limit = loop_->now() + kLastWorkLimit;
  while (loop_->has_last_work() && loop_->now() < limit) co_await close_box_->next(loop_->now() + kMillisecond);
  finish();
}

void Actor::send_acks() {
  acks_sent_ = true;
  for (PendingAck& ack : acks_)
    if (ack.link->is_open()) ack.link->cancel_ack(ack.cid.view());
  acks_.clear();
}

void Actor::finish() {
  state_ = State::ended;
  finished_ = true;
  if (!own_loop_) loop_->set_last_act(last_act, this);
}

/// Nothing of the loop is on the stack any more.
void Actor::last_act(void* self) {
  auto& actor = *static_cast<Actor*>(self);
  Ref<Actor> keep = Ref<Actor>::adopt(&actor);
  actor.posts_.close();
  actor.threads_.reset();
  actor.signals_.reset();
  actor.reaper_.reset();
  actor.boot_box_.reset();
  actor.close_box_.reset();
  actor.main_.reset();
  actor.service_.reset();
  actor.backstage_.reset();
  actor.registration_.reset();
  actor.registrar_.reset();
  actor.engine_.reset();
  actor.loop_.reset();
  actor.platform_.leave(actor);
  if (tractor_done_fn on_end = std::exchange(actor.on_end_, nullptr)) {
    CallbackScope callback;
    on_end(to_c(actor.outcome_.get()), actor.user_);
  }
}

}  // namespace tractor::core
