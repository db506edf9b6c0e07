#include "runtime/actor.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/prctl.h>

#include "base/log.hpp"
#include "base/owner.hpp"
#include "ipc/peer_process.hpp"
#include "rpc/args.hpp"
#include "runtime/child.hpp"
#include "runtime/process_op.hpp"
#include "runtime/tree.hpp"
#include "runtime/vars_check.hpp"

namespace tractor::core {

namespace {

Failure attribute_error(const std::string& message) { return Failure::of(Status::remote, message, "AttributeError"); }

}  // namespace

// --- scopes --------------------------------------------------------------------------------------------------------

void ActorScope::on_idle() {
  if (role_ == Role::main) actor_.on_main_idle();
}

bool ActorScope::deliver_end(const ErrorRef& outcome) {
  outcome_ = outcome;
  return true;
}

void ActorScope::on_gone() { actor_.on_scope_ended(role_, outcome_); }

// --- opening -------------------------------------------------------------------------------------------------------

Actor::Actor(Platform& platform) : platform_(platform) {}
Actor::~Actor() = default;

Result<Done> Actor::prepare(event_base* base, std::string name, std::string uuid) {
  id_ = {std::move(name), std::move(uuid), platform_.pid()};
  c_id_ = {id_.name.c_str(), id_.uuid.c_str(), id_.pid};
  if (auto entered = platform_.enter(*this); !entered) return entered.failure();
  auto port = platform_.make_port(base);
  if (!port) return port.failure();
  loop_ = std::make_unique<Loop>(std::move(*port));
  own_loop_ = !loop_->port().foreign();
  since_ = loop_->about_now();
  tree_ = {"_tree", TreeOp::endpoint, this};
  engine_.emplace(*loop_, id_);
  posts_.attach(*loop_);
  // Each scope holds one reference on itself until its end; these are ours.
  auto scope = [&](ActorScope::Role role, std::string scope_name) {
    return Ref<ActorScope>(new ActorScope(*this, *engine_, role, std::move(scope_name)));
  };
  backstage_ = scope(ActorScope::Role::backstage, "backstage");
  service_ = scope(ActorScope::Role::service, "service");
  main_ = scope(ActorScope::Role::main, id_.name);
  main_->set_body_running(true);  // until the boot is over, whatever a task does to it meanwhile
  close_box_.emplace(*loop_);

  // To oneself: the same messages over a stream in memory. One end is dialled, the other one serves.
  auto [near, far] = memory_pair(*loop_);
  self_peer_ = PeerLink::accept(*this, std::move(far));
  self_link_ = PeerLink::dial(*this, std::move(near), Greeting::at_once);
  self_portal_ = Ref<Portal>(Portal::open_self(*backstage_, *self_link_, id_));
  self_portal_->set_default_in(*main_);
  shut_down_ = shut_down();
  return Done{};
}

void Actor::undo_open() {
  if (shut_down_.handle) shut_down_.handle.destroy();
  ErrorRef gone = Error::of(Status::closed, "it was never open");
  for (auto* link : {&self_link_, &self_peer_})
    if (Ref<PeerLink> closing = std::move(*link)) closing->close(gone);
  self_portal_.reset();
  for (auto* scope : {&main_, &service_, &backstage_}) {
    if (!*scope) continue;
    (*scope)->abandon();
    scope->reset();
  }
  platform_.leave(*this);
}

Status Actor::run() {
  if (running_.exchange(true)) return Owner::check() == Status::ok ? Status::deadlock : Status::wrong_thread;
  Ref<Actor> self(this);
  Status status = ended() ? Status::closed : !own_loop_ ? Status::not_supported : Status::ok;
  if (status == Status::ok) {
    Owner::claim();
    while (!finished_ && loop_->port().run_once()) {
    }
    if (!finished_) fall();
  }
  running_ = false;
  if (status == Status::ok) last_act(this);
  return status;
}

/// The loop can't go on: somebody has closed its descriptors. Then nothing can end in order.
void Actor::fall() {
  TRACTOR_LOG(kCritical, "tractor", "the event loop has failed: %s", std::strerror(errno));
  kill_children();
  if (is_root()) std::abort();
  _exit(1);
}

void Actor::close() {
  if (state_ == State::ended || state_ == State::closing) return;
  if (state_ == State::booting) close_wanted_ = true;
  if (state_ == State::up) main_->close();
}

const Address& Actor::home_address() const {
  for (TransportKind kind : vars_.transports())
    for (const Address& a : bound_)
      if (a.kind == kind) return a;
  return bound_.front();
}

Result<Done> Actor::set_vars(Bytes map) {
  if (booting()) return Failure::of(Status::busy, "the boot is not over, which sets runtime variables itself");
  if (auto ok = check_vars(map, vars_); !ok) return ok;
  RuntimeVars next = vars_;
  next.update(map);
  know_registrars(next.addresses("_registry_addrs"));
  vars_ = std::move(next);
  return Done{};
}

ThreadPool& Actor::threads() {
  if (!threads_) threads_ = std::make_unique<ThreadPool>(posts_);
  return *threads_;
}

// --- what others may call ------------------------------------------------------------------------------------------

Result<const Endpoint*> Actor::find_endpoint(std::string_view ns, std::string_view func) {
  if (ns == "self") {
    if (registrar_)
      if (const Endpoint* e = registrar_->find_endpoint(func)) return e;
    if (boot_ && func == ready_.name) return &ready_;
    if (func == tree_.name) return &tree_;
    return attribute_error("'" + std::string(func) + "' is not served in namespace 'self'");
  }
  auto it = exposed_.find(ns);
  if (it == exposed_.end())
    return Failure::of(Status::no_endpoint,
                       "module '" + std::string(ns) + "' is not exposed by actor '" + id_.name + "'",
                       "ModuleNotExposed");
  const Endpoint* endpoint = it->second->find(func);
  if (!endpoint) return attribute_error("module '" + std::string(ns) + "' has no endpoint '" + std::string(func) + "'");
  return endpoint;
}

// --- connections ---------------------------------------------------------------------------------------------------

void Actor::on_accepted(std::unique_ptr<Transport> transport) {
  links_.push_back(PeerLink::accept(*this, std::move(transport)));
  PeerLink& link = *links_.back();
  // Whose connection it is may have to be known before it says so: if a child loses it, that child's boot has failed. To
  // find out costs too much over TCP for children that run this library's own boot, which does not let go of it.
  uint64_t socket = 0;
  for (Child* child : children_)
    if (child->awaits_connection() && child->runs_foreign_program() && socket == 0)
      socket = peer_socket(link.transport());
  for (Child* child : children_) child->on_accepted(link, socket);
}

void Actor::on_link_open(PeerLink& link) {
  TRACTOR_LOG(kTransport, "tractor.ipc", "connected with %s[%.6s] pid %lld", link.peer().name.c_str(),
              link.peer().uuid.c_str(), static_cast<long long>(link.peer().pid));
  if (&link == self_peer_.get() || &link == self_link_.get()) return link.leads_to_oneself();
  if (!link.accepted()) {
    links_.push_back(Ref<PeerLink>(&link));
    return;
  }
  if (Child* child = find_child(link.peer().uuid)) child->on_connected(link);
}

void Actor::drop_link(PeerLink& link) {
  std::erase_if(links_, [&](const Ref<PeerLink>& l) { return l.get() == &link; });
}

void Actor::on_link_lost(PeerLink& link, const ErrorRef& why) {
  Ref<PeerLink> keep(&link);
  drop_link(link);
  if (registration_) registration_->on_link_lost(link);
  if (registrar_) registrar_->on_link_lost(link);
  for (Child* child : children_)
    if (child->owns(link) || (link.peer().empty() && child->has_opened(link))) return child->on_link_lost(why);
  link.fail_calls(why);
  if (&link == parent_link_.get()) {
    if (booting()) stop_boot(why);
    if (state_ == State::up) {
      TRACTOR_LOG(kError, "tractor", "lost the connection to the parent: %s", why->message().c_str());
      exit_status_ = kExitConnectionLost;
      begin_closing();
      main_->cancel_from_outside(engine_->cancel_error("the parent is gone"));
      service_->cancel_from_outside(main_->cancel_reason());
    }
  }
}

void Actor::on_peer_failed(PeerLink& link, ErrorRef err) {
  for (Child* child : children_)
    if (child->owns(link)) return child->on_failed(err);
  TRACTOR_LOG(kError, "tractor.rpc", "%s reports that it failed: %s", link.peer().name.c_str(),
              err->log_text().c_str());
  link.close(err);
}

PeerLink* Actor::find_connected(std::string_view name) const {
  // Of several, the last one.
  for (auto it = children_.rbegin(); it != children_.rend(); ++it)
    if ((*it)->serving() && ((*it)->id().name == name || (*it)->id().uuid == name)) return (*it)->link();
  if (parent_link_ && parent_link_->is_open())
    if (const ActorId& parent = parent_link_->peer(); parent.name == name || parent.uuid == name)
      return parent_link_.get();
  return registrar_ ? registrar_->find_link(name) : nullptr;
}

// --- children ------------------------------------------------------------------------------------------------------

void Actor::add_child(Child& child) { children_.push_back(&child); }
void Actor::remove_child(Child& child) {
  std::erase(children_, &child);
  forget_child(child);
  if (reaper_) reaper_->sweep_soon();
}

void Actor::forget_child(const Child& child) {
  if (registrar_) registrar_->remove(child.id());
}

void Actor::remove_process(ProcessOp& process) {
  if (std::erase(processes_, &process) > 0) bury_inherited();
}

void Actor::kill_children() {
  for (Child* child : children_) child->kill();
  for (ProcessOp* process : processes_) process->kill();
}

void Actor::become_subreaper() {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  Reaper::Family& family = *this;
  reaper_ = std::make_unique<Reaper>(*loop_, family, environment_mark());
}

bool Actor::bury_inherited() noexcept {
  try {
    return reaper_ && reaper_->sweep();
  } catch (const std::bad_alloc&) {
    return false;  // the next one that dies is another occasion
  }
}

bool Actor::is_child(int64_t pid) const {
  return std::any_of(children_.begin(), children_.end(), [pid](const Child* c) { return c->id().pid == pid; }) ||
         std::any_of(processes_.begin(), processes_.end(), [pid](const ProcessOp* p) { return p->pid() == pid; });
}

bool Actor::is_living_child(std::string_view uuid) const {
  return std::any_of(children_.begin(), children_.end(), [uuid](const Child* c) { return c->id().uuid == uuid; }) ||
         std::any_of(processes_.begin(), processes_.end(), [uuid](const ProcessOp* p) { return p->mark() == uuid; });
}

/// Whoever was killed has left its socket behind: where all have theirs, though we may have none, or where ours is.
void Actor::sweep_sockets() const {
  std::vector<std::string> folders = {runtime_directory_path()};
  for (const Address& a : bound_)
    if (a.kind == TransportKind::uds && std::find(folders.begin(), folders.end(), a.host) == folders.end())
      folders.push_back(a.host);
  for (const std::string& folder : folders) sweep_dead_sockets(folder);
}

Child* Actor::find_child(std::string_view uuid) {
  for (Child* child : children_)
    if (child->id().uuid == uuid) return child;
  return nullptr;
}

// --- introspection -------------------------------------------------------------------------------------------------

/// One pair of a map: the connections that others have made to us.
void Actor::pack_peers(wire::Packer& pack) const {
  std::vector<const PeerLink*> peers;
  for (const Ref<PeerLink>& link : links_)
    if (link->is_open() && link->accepted()) peers.push_back(link.get());
  pack.str("peers");
  pack.array(peers.size());
  for (const PeerLink* link : peers) pack_uid(pack, link->peer());
}

void Actor::pack_stats(OutBuffer& out) const {
  wire::Packer pack(out);
  size_t tasks = self_peer_ ? self_peer_->task_count() : 0, calls = self_link_ ? self_link_->call_count() : 0;
  for (const Ref<PeerLink>& link : links_) {
    tasks += link->task_count();
    calls += link->call_count();
  }
  pack.map(5);
  pack.str("children");
  pack.array(children_.size());
  for (const Child* child : children_) {
    pack.map(4);
    pack_identity(pack, child->id());
    pack.str("state");
    pack.str(child->state_name());
  }
  pack_peers(pack);
  pack.str("tasks");
  pack.integer(static_cast<uint64_t>(tasks));
  pack.str("calls");
  pack.integer(static_cast<uint64_t>(calls));
  pack.str("log_level");
  pack.str(log::level_name(log::threshold));
}

void Actor::describe(wire::Packer& pack, bool open) const {
  pack.map(open ? 10 : 9);
  pack_identity(pack, id_);
  pack.str("state");
  pack.str(state_ == State::booting ? "booting" : state_ == State::up ? "up" : "closing");
  pack.str("age");
  pack.integer(std::max<int64_t>(loop_->about_now() - since_, 0));
  pack.str("addresses");
  pack.array(bound_texts_.size());
  for (const std::string& address : bound_texts_) pack.text(address);
  pack_peers(pack);
  for (auto [key, scope] : {std::pair{"main", main_.get()}, {"tasks", service_.get()}}) {
    pack.str(key);
    scope && !scope->ended() ? scope->describe(pack) : pack.nil();
  }
}

}  // namespace tractor::core
