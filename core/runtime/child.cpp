#include "runtime/child.hpp"

#include <algorithm>
#include <csignal>
#include <new>
#include <unistd.h>

#include "base/log.hpp"
#include "ipc/peer_process.hpp"
#include "rpc/args.hpp"
#include "runtime/actor.hpp"
#include "scope/callback.hpp"
#include "spawn/last_lines.hpp"
#include "wire/packer.hpp"

namespace tractor::core {

namespace {

/// How long the end of a process may trail behind the end of its connection.
constexpr int64_t kExitTrail = kSecond / 2;

std::string own_executable() {
  char path[4096];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  return n > 0 ? std::string(path, static_cast<size_t>(n)) : "tractor";
}

}  // namespace

Child* Child::start(Actor& actor, Nursery& home, std::string name, SpawnConfig config, bool one_shot,
                    Starter* starter) {
  auto* child = new Child(actor, home, std::move(name), std::move(config), one_shot, starter);
  try {
    child->live();
  } catch (const std::bad_alloc&) {
    actor.remove_child(*child);
    home.remove_child(*child);
    delete child;
    throw;
  }
  return child;
}

Child::Child(Actor& actor, Nursery& home, std::string name, SpawnConfig config, bool one_shot, Starter* starter)
    : actor_(actor),
      home_(&home),
      config_(std::move(config)),
      ladder_(home.ladder().with(config_.cancel_timeout, config_.kill_timeout)),
      id_{std::move(name), make_uuid(), 0},
      starter_(starter),
      events_(actor.loop()),
      since_(actor.loop().about_now()),
      one_shot_(one_shot) {
  actor_.add_child(*this);
  home_->add_child(*this, !one_shot);
}

const char* Child::state_name() const {
  switch (phase_) {
    case Phase::launching: return "launching";
    case Phase::connecting: return "connecting";
    case Phase::booting: return "booting";
    case Phase::serving: return "serving";
    case Phase::ending: return "ending";
  }
  return "";
}

void Child::describe(wire::Packer& out) const {
  out.map(5);
  pack_identity(out, id_);
  out.str("phase");
  out.str(state_name());
  out.str("age");
  out.integer(std::max<int64_t>(actor_.loop().about_now() - since_, 0));
}

// --- events --------------------------------------------------------------------------------------------------------

void Child::cancel_child(const ErrorRef& why) {
  if (cancel_reason_) return;
  cancel_reason_ = why;
  events_.put({Event::cancelled, why});
}

void Child::terminate_child() {
  if (hard_) return;
  hard_ = true;
  events_.put({Event::terminated, {}});
}

void Child::on_accepted(PeerLink& link, uint64_t socket) {
  if (!awaits_connection()) return;
  if (link.transport().peer_pid() == id_.pid || (socket && runs_foreign_program() && holds_socket(id_.pid, socket)))
    unnamed_link_ = &link;
}

void Child::on_connected(PeerLink& link) {
  if (!awaits_connection()) return;
  link_ = Ref<PeerLink>(&link);
  events_.put({Event::connected, {}});
}

void Child::on_link_lost(const ErrorRef& why) { events_.put({Event::lost, why}); }

void Child::on_failed(ErrorRef err) {
  if (failure_) return;
  failure_ = err;
  events_.put({Event::failed, std::move(err)});
}

void Child::on_exit(Process&, const ExitStatus& status) {
  exited_ = true;
  status_ = status;
  events_.put({Event::exited, {}});
}

void Child::kill() {
  if (!process_ || exited_) return;
  process_->signal(SIGKILL);
  unlink_sockets();  // whoever kills it may not live to bury it
}

// --- its life ------------------------------------------------------------------------------------------------------

Flow Child::live() {
  // The starter hears of a launch that failed at once only after the start has returned.
  Mailbox<Done> never(actor_.loop());
  co_await never.next(actor_.loop().now());
  ErrorRef failed;
  try {
    failed = co_await boot();
    if (!failed) {
      phase_ = Phase::serving;
      portal_ = Portal::open(*home_, *link_, Portal::Kind::child);
      if (starter_) starter_->on_booted(*this, {});
      failed = co_await serve();
    }
  } catch (const std::bad_alloc&) {
    failed = Error::out_of_memory();
  }
  phase_ = Phase::ending;
  if (link_ && link_->peer_is_native()) actor_.forget_child(*this);
  try {
    co_await end();
  } catch (const std::bad_alloc&) {
    if (!failed) failed = Error::out_of_memory();
  }
  // What is left of that ladder if memory ended on it.
  while (process_ && !exited_) {
    kill();
    co_await events_.next();
  }
  hang_up(failed);
  while (asking_) co_await events_.next();
  bury(failed);
}

/// Null: it is up. Else why not; the process may still run.
Task<ErrorRef> Child::boot() {
  if (cancel_reason_) co_return cancel_reason_;
  auto spec = launch_spec();
  if (!spec) co_return Error::of(spec.failure());
  const int64_t limit = actor_.loop().after(config_.boot_timeout);
  int64_t deadline = limit;
  auto launched = actor_.platform().launch(actor_.loop(), *spec, *this);
  if (!launched) co_return Error::of(launched.failure());
  process_ = std::move(*launched);
  id_.pid = process_->pid();
  note_sockets();
  phase_ = Phase::connecting;
  TRACTOR_LOG(kRuntime, "tractor.spawn", "started %s as pid %lld", id_.name.c_str(), static_cast<long long>(id_.pid));
  ErrorRef lost;
  for (;;) {
    auto event = co_await events_.next(deadline);
    const char* during = phase_ != Phase::connecting ? "during its boot"
                         : lost                      ? "before it said who it is"
                                                     : "before it connected back";
    if (!event && lost)
      co_return death(Status::spawn,
                      std::string("closed its connection ") + during + ", but its process runs on: " + lost->message());
    if (!event)
      co_return death(Status::spawn, std::string("did not become ready in time (still ") + state_name() + ")");
    switch (event->kind) {
      case Event::exited:
        // Perhaps for what its connection was lost for on our side.
        if (!failure_) failure_ = lost;
        co_return death(Status::spawn, obituary() + " " + during);
      case Event::cancelled: co_return cancel_reason_;
      case Event::failed: co_return death(Status::spawn, std::string("failed ") + during);
      case Event::lost:
        // Its exit says more than its connection; wait for that a moment.
        lost = event->err;
        deadline = std::min(limit, actor_.loop().now() + kExitTrail);
        break;
      case Event::connected:
        phase_ = Phase::booting;
        // It may have tried twice.
        lost.reset();
        deadline = limit;
        send_spawn_spec();
        // An older child never says that it is ready: what is sent to it waits in its socket until it is.
        if (!link_->peer_is_native()) co_return ErrorRef();
        ask(*this, *link_, actor_.backstage(), "self", "_ready", kEmptyMap, 0);
        asking_ = true;
        break;
      case Event::answered:
        if (!event->err) co_return ErrorRef();
        if (event->err->code() == Status::transport) break;
        failure_ = event->err;
        co_return death(Status::spawn, std::string("failed ") + during);
      case Event::terminated: break;  // it is cancelled, too
    }
  }
}

/// Null: it was cancelled. Else how it died on us.
Task<ErrorRef> Child::serve() {
  int64_t deadline = kForever;
  ErrorRef lost;
  for (;;) {
    if (cancel_reason_) co_return ErrorRef();
    auto event = co_await events_.next(deadline);
    if (!event)
      co_return death(Status::transport, "closed its connection, but its process runs on: " + lost->message());
    switch (event->kind) {
      case Event::exited:
        if (status_.kind == ExitStatus::exited && status_.code == kExitConnectionLost)
          co_return death(Status::transport, "lost its connection and left" + (lost ? ": " + lost->message() : ""));
        co_return death(Status::child, obituary());
      case Event::failed: co_return death(Status::child, "failed");
      case Event::lost:
        lost = event->err;
        deadline = actor_.loop().now() + kExitTrail;
        break;
      default: break;
    }
  }
}

/// The ladder: ask, terminate, kill; and the wait for the process at each step.
Task<Done> Child::end() {
  Loop& loop = actor_.loop();
  bool booted = portal_ != nullptr;
  if (process_ && !exited_ && booted && !hard_ && link_->is_open() && !asking_) {
    // One of our make is told how much time it has, so that its own children are gone before it is.
    OutBuffer kwargs;
    wire::Packer pack(kwargs);
    bool limited = link_->peer_is_native() && ladder_.kill != kForever;
    pack.map(limited ? 1 : 0);
    if (limited) {
      pack.str("patience");
      pack.integer(std::min(ladder_.kill, actor_.end_by() - loop.now()));
    }
    ask(*this, *link_, actor_.backstage(), "self", "cancel", kwargs.view(), ladder_.cancel);
    asking_ = true;
    int64_t deadline = std::min(loop.after(ladder_.cancel), actor_.end_by());
    while (!exited_ && !acked_ && !hard_) {
      auto event = co_await events_.next(deadline);
      if (!event) break;
      if (event->kind == Event::answered) {
        acked_ = !event->err;
        if (event->err) break;
      }
    }
  }
  bool told = false;
  int64_t deadline = std::min(loop.after(ladder_.kill), std::max(actor_.end_by(), loop.now()));
  while (process_ && !exited_) {
    if (!told && (!acked_ || hard_)) {
      process_->signal(booted ? SIGTERM : SIGKILL);
      told = true;
    }
    auto event = co_await events_.next(deadline);
    if (!event) {
      TRACTOR_LOG(kWarning, "tractor.spawn", "%s (pid %lld) did not end in time: killed", id_.name.c_str(),
                  static_cast<long long>(id_.pid));
      process_->signal(SIGKILL);
      deadline = kForever;
    }
  }
  co_return Done{};
}

/// The answer to a question still open is on its way: its connection is closed now, if it is not gone.
void Child::hang_up(const ErrorRef& failed) {
  if (!link_) return;
  ErrorRef gone = portal_ && failed ? failed : Error::from([&] { return death(Status::child, obituary()); });
  link_->fail_calls(gone);
  link_->close(gone);
}

void Child::bury(ErrorRef failed) {
  unlink_sockets();
  actor_.remove_child(*this);
  // It did as it was told, and then something of its own went wrong.
  bool late = !failed && portal_ && failure_ && !failure_->canceled() && failure_->code() != Status::ctx_canceled;
  if (late) failed = Error::from([&] { return death(Status::child, "failed while it ended: " + failure_->message()); });
  // An actor leaves with status 0 when somebody cancelled it, be it a third one: that is no failure of its nursery. One that
  // has reported a failure has failed, however it leaves.
  bool starved = failed && failed->code() == Status::no_memory;
  bool died = portal_ != nullptr && failed && (!status_.success() || failure_ || starved);
  if (portal_ && !failed && !status_.success() && acked_)
    TRACTOR_LOG(kError, "tractor.spawn", "%s was cancelled and then ended with %s", id_.name.c_str(),
                status_.to_string().c_str());
  if (!portal_ && starter_) {
    bool says_so = failed->canceled() || failed->code() == Status::spawn || failed->code() == Status::no_memory;
    starter_->on_booted(*this, says_so ? failed : Error::from([&] {
      return Error::caused(Status::spawn, "child '" + id_.name + "' could not be started: " + failed->message(),
                           failed);
    }));
  }
  if (starter_) starter_->on_buried(*this, died ? failed : ErrorRef());
  if (died) {
    if (config_.on_exit) {
      CallbackScope callback;
      config_.on_exit(to_c(failed.get()), config_.on_exit_user);
    } else if (config_.ignore_death) {
      failed->mark_handled();
      TRACTOR_LOG(kInfo, "tractor.spawn", "%s", failed->message().c_str());
    } else if (!one_shot_ || late) {
      home_->fail(failed);
    }
  }
  home_->remove_child(*this);
  delete this;
}

// --- details -------------------------------------------------------------------------------------------------------

Result<LaunchSpec> Child::launch_spec() const {
  if (!actor_.has_runtime()) return no_runtime();
  if (actor_.addresses().empty())
    return Failure::of(Status::not_supported,
                       "actor '" + actor_.self().name +
                           "' is a client: it listens nowhere, so that it has no children (TRACTOR_ROOT_CLIENT)",
                       "RuntimeError");
  LaunchSpec spec;
  BootInfo info;
  info.name = id_.name;
  info.uuid = id_.uuid;
  info.parent_addr = actor_.home_address();
  info.log_level = config_.log_level.empty() ? log::level_name(log::threshold) : config_.log_level;
  info.parent_pid = actor_.self().pid;
  if (config_.program.empty()) {
    spec.program = "/proc/self/exe";
    spec.argv = config_.argv;
    if (spec.argv.empty()) spec.argv.push_back(own_executable());
    spec.boot_record = encode_boot_record(info);
  } else {
    spec.program = config_.program;
    spec.argv = config_.argv;
    if (spec.argv.empty()) spec.argv.push_back(config_.program);
    for (std::string& flag : child_flags(info)) spec.argv.push_back(std::move(flag));
  }
  spec.env = config_.env;
  if (actor_.is_subreaper()) spec.more_env.push_back(std::string(kMarkVariable) + "=" + id_.uuid);
  spec.cwd = config_.cwd;
  spec.pass_fds = config_.pass_fds;
  spec.stderr_mode = config_.stderr_mode;
  return spec;
}

void Child::send_spawn_spec() {
  RuntimeVars vars = actor_.vars();
  vars.set_flag("_is_root", false);
  if (!config_.transports.empty()) vars.set_transports(config_.transports);
  std::string encoded = vars.encode();
  wire::SpawnSpec spec;
  spec.parent_main_data = kEmptyMap;
  spec.runtime_vars = encoded;
  for (const ModuleSpec& m : config_.modules) spec.enable_modules.emplace_back(m.name, m.file);
  for (const Address& a : actor_.registry_addrs()) spec.reg_addrs.push_back(a.to_wire());
  if (!config_.bind_addrs.empty()) {
    spec.bind_addrs.emplace();
    for (const Address& a : config_.bind_addrs) spec.bind_addrs->push_back(a.to_wire());
  }
  link_->send(spec);
}

std::string Child::obituary() const {
  if (!exited_) return "is gone";
  return (status_.kind == ExitStatus::signaled ? "was " : "ended with ") + status_.to_string();
}

ErrorRef Child::death(Status code, const std::string& what) const {
  Error::Fields f;
  f.code = code;
  f.message = "child '" + id_.name + "' (pid " + std::to_string(id_.pid) + ") " + what;
  if (process_) f.traceback = process_->last_stderr();
  if (!f.traceback.empty()) f.message.append("; its last line on stderr: ").append(last_line(f.traceback));
  f.source = id_;
  f.cause = failure_;
  if (exited_ && status_.kind != ExitStatus::unknown)
    f.exit_status = status_.kind == ExitStatus::signaled ? -status_.code : status_.code;
  return Error::make(std::move(f));
}

/// A child that was killed could not tidy up. What it may leave is known before there could be no memory to say it.
void Child::unlink_sockets() const {
  if (!process_ || (status_.success() && acked_)) return;
  for (const PresumedSocketFile& file : sockets_) file.unlink_after(id_.pid);
}

void Child::note_sockets() {
  for (const Address& a : config_.bind_addrs)
    if (a.kind == TransportKind::uds) sockets_.emplace_back(a);
  std::vector<TransportKind> kinds = config_.transports.empty() ? actor_.vars().transports() : config_.transports;
  if (std::find(kinds.begin(), kinds.end(), TransportKind::uds) == kinds.end()) return;
  auto own = random_address(TransportKind::uds, id_.name, id_.pid);
  if (own) sockets_.emplace_back(*own);
}

}  // namespace tractor::core
