// The two ways up: a root elects itself or joins a registrar; a child connects back and is told what to be.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iterator>
#include <numeric>
#include <utility>

#include "base/log.hpp"
#include "devx/title.hpp"
#include "ipc/nearness.hpp"
#include "rpc/args.hpp"
#include "rpc/ask.hpp"
#include "runtime/actor.hpp"
#include "runtime/election.hpp"
#include "scope/basic_ops.hpp"
#include "scope/callback.hpp"

namespace tractor::core {

namespace {

/// How long two roots that want the same registry address may get into each other's way.
constexpr int64_t kElectionLimit = 3 * kSecond;
constexpr int64_t kElectionPause = 10 * kMillisecond;
constexpr int64_t kConnectLimit = 10 * kSecond;
constexpr int64_t kBootLimit = 30 * kSecond;

void add_once(std::vector<Address>& all, const Address& addr) {
  if (std::find(all.begin(), all.end(), addr) == all.end()) all.push_back(addr);
}

/// The connection to oneself shakes hands like any other, which takes a few turns of the loop.
Task<Result<Done>> greet_oneself(Actor& actor) {
  while (!actor.self_link().is_open()) {
    if (actor.self_link().is_closed())
      co_return Failure::of(Status::runtime, "the actor can't greet itself; is its name too long?", "RuntimeError");
    co_await pause(actor.loop(), 0);
  }
  co_return Done{};
}

const char* loopback_beside(const Address& far) { return far.host.find(':') == far.host.npos ? "127.0.0.1" : "::1"; }

std::string list(const std::vector<Address>& addrs) {
  std::string text;
  for (const Address& a : addrs) text += (text.empty() ? "" : ", ") + a.to_string();
  return text;
}

Result<std::vector<Address>> candidates(const RootConfig& config) {
  std::vector<Address> all;
  for (const Address& a : config.registry_addrs) add_once(all, a);
  if (!all.empty()) return all;
  for (TransportKind kind : config.transports) {
    auto fallback = default_registry(kind);
    if (!fallback) return fallback.failure();
    all.push_back(std::move(*fallback));
  }
  return all;
}

}  // namespace

// --- root ----------------------------------------------------------------------------------------------------------

Result<Actor*> Actor::open_root(RootConfig config, bool program, tractor_root_fn body, tractor_done_fn on_end,
                                void* user) {
  auto actor = Ref<Actor>::adopt(new Actor(config.platform ? *config.platform : Platform::real()));
  Opening opening{actor.get()};
  if (auto ok = actor->prepare(config.base, config.name, make_uuid()); !ok) return ok.failure();
  actor->program_ = program;
  actor->body_ = body;
  actor->on_end_ = on_end;
  actor->user_ = user;
  actor->max_frame_ = config.max_frame;
  actor->stream_window_ = config.stream_window;
  actor->handshake_timeout_ = config.handshake_timeout;
  log::set_level(config.log_level ? config.log_level : log::kError);
  if (int level = log::level_from_env()) log::set_level(level);
  if (config.subreaper) actor->become_subreaper();
  // Orphans are buried as they die, where we may listen for that; else with the next child that ends.
  if (config.signals) actor->watch_signals({SIGINT, SIGTERM, SIGCHLD}, {});
  actor->boot_root(std::move(config));
  opening.actor = nullptr;
  return actor.release();
}

Flow Actor::boot_root(RootConfig config) {
  Result<Done> done = Failure::out_of_memory();
  try {
    done = co_await become_root(&config);
  } catch (const std::bad_alloc&) {
  }
  boot_over(done);
}

Task<Result<Done>> Actor::become_root(const RootConfig* config) {
  vars_.set_flag("_is_root", true);
  if (config->local) {
    if (auto loaded = load_modules(config->modules); !loaded) co_return loaded.failure();
    late_boot_.emplace(*this, *config);
  } else if (auto entered = co_await enter_tree(config); !entered) {
    co_return entered.failure();
  }
  co_return co_await greet_oneself(*this);
}

Task<Result<Done>> Actor::enter_tree(const RootConfig* config) {
  // What is not served is said before anybody can come.
  if (auto loaded = load_modules(config->modules); !loaded) co_return loaded.failure();
  if (auto elected = co_await elect(config); !elected) co_return elected.failure();
  if (!bound_.empty()) vars_.set_address("_root_mailbox", bound_.front());
  vars_.set_addresses("_root_addrs", bound_);
  vars_.set_addresses("_registry_addrs", registry_addrs_);
  vars_.set_transports(config->transports);
  co_return co_await register_everywhere();
}

/// Joins the registrars that answer; where nobody is, it keeps the registry itself.
Task<Result<Done>> Actor::elect(const RootConfig* config) {
  auto where = candidates(*config);
  if (!where) co_return where.failure();
  for (int64_t limit = loop_->after(kElectionLimit);;) {
    std::vector<Finding> findings = co_await probe_all(*this, *where, boot_halt_);
    if (boot_halt_.why()) co_return Failure::of(Status::canceled, "the boot was stopped");
    std::vector<Address> registrars;
    for (size_t i = 0; i < findings.size(); ++i)
      if (findings[i].verdict == Verdict::registrar) registrars.push_back((*where)[i]);
    if (!registrars.empty()) co_return join(*config, std::move(registrars));
    for (const Finding& f : findings)
      if (f.verdict == Verdict::occupied)
        co_return Failure::of(Status::registry, "a registry address is occupied, and no registrar answers: " + f.who,
                              "RuntimeError");
    if (config->client)
      co_return Failure::of(Status::registry, "no registrar answers at " + list(*where), "RuntimeError");
    auto listening = listen_at(*where);
    if (listening) co_return keep_registry(*config, *where);
    if (listening.failure().error != EADDRINUSE || loop_->now() >= limit) co_return listening;
    // Another root was quicker, and is about to answer.
    co_await pause(*loop_, kElectionPause);
  }
}

Result<Done> Actor::join(const RootConfig& config, std::vector<Address> registrars) {
  if (config.ensure_registry)
    return Failure::of(Status::registry, "a registrar answers at " + registrars.front().to_string() + " already",
                       "RuntimeError");
  know_registrars(std::move(registrars));
  if (config.client) return Done{};
  std::vector<Address> binds = config.bind_addrs;
  if (binds.empty()) {
    // As near to each registrar as can be.
    bool said = false;
    for (const Address& r : registry_addrs_) {
      const bool near = is_on_this_machine(r);
      auto random = random_address(r.kind, id_.name, id_.pid, near ? r.host : loopback_beside(r));
      if (!random) return random.failure();
      add_once(binds, *random);
      if (near || std::exchange(said, true)) continue;
      TRACTOR_LOG(
          kWarning, "tractor.ipc",
          "the registrar at %s is on another machine, from where nobody reaches actor %s: it listens on loopback, "
          "as tpt_bind_addrs does not say where else",
          r.to_string().c_str(), id_.name.c_str());
    }
    if (auto ok = complete(binds, config.transports); !ok) return ok.failure();
  }
  return listen_at(binds);
}

/// It listens at the registry addresses already.
Result<Done> Actor::keep_registry(const RootConfig& config, const std::vector<Address>& where) {
  know_registrars(bound_);  // the real ones: one with port 0 has got a number
  std::vector<Address> all = where;
  for (const Address& b : config.bind_addrs) add_once(all, b);
  if (config.bind_addrs.empty())
    if (auto ok = complete(all, config.transports); !ok) return ok.failure();
  if (auto ok = listen_at({all.begin() + static_cast<std::ptrdiff_t>(where.size()), all.end()}); !ok)
    return ok.failure();
  for (const Address& a : bound_)
    if (a.kind == TransportKind::uds) sweep_dead_sockets(a.host);
  registrar_ = std::make_unique<Registrar>(*this, *backstage_);
  return Done{};
}

/// A random address of each transport that has none among them.
Result<Done> Actor::complete(std::vector<Address>& addrs, const std::vector<TransportKind>& kinds) const {
  for (TransportKind kind : kinds) {
    if (std::any_of(addrs.begin(), addrs.end(), [&](const Address& a) { return a.kind == kind; })) continue;
    auto random = random_address(kind, id_.name, id_.pid);
    if (!random) return random.failure();
    addrs.push_back(std::move(*random));
  }
  return Done{};
}

// --- child ---------------------------------------------------------------------------------------------------------

Result<Actor*> Actor::open_child(BootInfo info, Platform& platform) {
  auto actor = Ref<Actor>::adopt(new Actor(platform));
  Opening opening{actor.get()};
  if (auto ok = actor->prepare(nullptr, info.name, info.uuid); !ok) return ok.failure();
  log::set_level(log::level_by_name(info.log_level) ? log::level_by_name(info.log_level) : log::kError);
  platform.set_title(subactor_title(info.name, platform.pid()));
  actor->boot_ = std::move(info);
  actor->ready_ = {"_ready", ready_endpoint, actor.get()};
  actor->boot_box_.emplace(*actor->loop_);
  // A parent that is one marks its children, which are then of use as such themselves.
  if (environment_mark() == actor->id_.uuid) actor->become_subreaper();
  // The parent of a terminal's process group decides what an interrupt means; its cancel will come.
  actor->watch_signals({SIGTERM, SIGCHLD}, {SIGINT});
  actor->boot_child();
  opening.actor = nullptr;
  return actor.release();
}

Flow Actor::boot_child() {
  Result<Done> done = Failure::out_of_memory();
  try {
    done = co_await become_child();
  } catch (const std::bad_alloc&) {
  }
  boot_over(done);
}

Task<Result<Done>> Actor::become_child() {
  auto link = co_await connect(*this, boot_->parent_addr, Greeting::to_parent, kConnectLimit, &boot_halt_);
  if (!link) co_return link.failure();
  parent_link_ = *link;
  parent_portal_ = Ref<Portal>(Portal::open(*backstage_, *parent_link_, Portal::Kind::parent));
  parent_portal_->set_default_in(*main_);
  auto told = co_await boot_box_->next(loop_->now() + kBootLimit);
  if (!told) co_return Failure::of(Status::timed_out, "the parent did not say in time what to be");
  if (*told) {
    stop_boot(*told);
    co_return Done{};
  }
  if (auto registered = co_await register_everywhere(); !registered) co_return registered.failure();
  co_return co_await greet_oneself(*this);
}

void Actor::on_spawn_spec(PeerLink& link, const wire::SpawnSpec& spec) {
  if (&link != parent_link_.get() || state_ != State::booting || spec_taken_)
    return link.close(Error::of(Status::transport, "protocol violation by the peer: an unexpected SpawnSpec"));
  spec_taken_ = true;
  auto applied = apply_spec(spec);
  boot_box_->put(applied ? ErrorRef() : Error::of(applied.failure()));
}

Result<Done> Actor::apply_spec(const wire::SpawnSpec& spec) {
  vars_.update(spec.runtime_vars);
  vars_.set_flag("_is_root", false);
  auto addresses = [](const std::vector<wire::WireAddr>& from, std::vector<Address>& to) -> Result<Done> {
    for (const wire::WireAddr& w : from) {
      auto addr = address_from_wire(w);
      if (!addr) return addr.failure();
      to.push_back(std::move(*addr));
    }
    return Done{};
  };
  std::vector<Address> registrars;
  if (auto ok = addresses(spec.reg_addrs, registrars); !ok) return ok.failure();
  know_registrars(std::move(registrars));
  vars_.set_addresses("_registry_addrs", registry_addrs_);
  std::vector<Address> binds;
  if (spec.bind_addrs)
    if (auto ok = addresses(*spec.bind_addrs, binds); !ok) return ok.failure();
  if (binds.empty())
    if (auto ok = complete(binds, vars_.transports()); !ok) return ok.failure();
  std::vector<ModuleSpec> modules;
  for (const auto& [name, file] : spec.enable_modules) modules.push_back({std::string(name), std::string(file)});
  if (auto ok = load_modules(modules); !ok) return ok.failure();
  return listen_at(binds);
}

/// A native parent asks this right after the SpawnSpec: the answer says that the child is up and registered, the error
/// why it is not.
void Actor::ready_endpoint(tractor_ctx* c, const tractor_value*, void* self) {
  auto& actor = *static_cast<Actor*>(self);
  TaskContext& ctx = TaskContext::of(c);
  // For anybody but the parent there is no such name.
  if (ctx.link() != actor.parent_link_.get())
    return ctx.refuse(Failure::of(Status::remote, "'_ready' is not served in namespace 'self'", "AttributeError"));
  if (actor.boot_error_) return ctx.fail(actor.boot_error_);
  if (actor.state_ == State::up) {
    ctx.answer(kNil);
    return;
  }
  if (actor.ready_ctx_) return ctx.fail(Error::of(Status::already, "asked already"));
  actor.ready_ctx_ = &ctx;
  ctx.on_end([](const tractor_error*, void* user) { static_cast<Actor*>(user)->ready_ctx_ = nullptr; }, self);
  actor.ready_hold_ = HoldOp::start(ctx, "boot", nullptr, nullptr);
}

void Actor::answer_ready() {
  if (!ready_ctx_) return;
  if (!boot_error_) ready_ctx_->answer(kNil);
  if (Tokened* hold = engine_->tokens().find(ready_hold_)) hold->token_complete(boot_error_);
}

// --- both ----------------------------------------------------------------------------------------------------------

Result<Done> Actor::load_modules(const std::vector<ModuleSpec>& modules) {
  for (const ModuleSpec& m : modules) {
    // A Python parent exposes modules of its own runtime to every child; they mean nothing here.
    if (m.name.rfind("tractor.", 0) == 0 && !Modules::find(m.name)) continue;
    auto loaded = Modules::load(m.name, m.file);
    if (!loaded) return loaded.failure();
    exposed_.emplace(m.name, *loaded);
  }
  return Done{};
}

void Actor::know_registrars(std::vector<Address> addrs) {
  registry_addrs_ = std::move(addrs);
  registry_texts_.clear();
  for (const Address& a : registry_addrs_) registry_texts_.push_back(a.to_string());
}

/// At all of these as well, or at none of them.
Result<Done> Actor::listen_at(const std::vector<Address>& addrs) {
  // All roots take addresses in the same order: of several that want the same ones, one gets the first and with it all.
  std::vector<size_t> order(addrs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return addrs[a].to_string() < addrs[b].to_string(); });
  std::vector<std::unique_ptr<Listener>> listeners(addrs.size());
  for (size_t i : order) {
    auto listener = platform_.listen(*loop_, addrs[i], *this);
    if (!listener) return listener.failure();
    listeners[i] = std::move(*listener);
  }
  for (const auto& listener : listeners) {
    bound_.push_back(listener->address());
    bound_texts_.push_back(bound_.back().to_string());
  }
  std::move(listeners.begin(), listeners.end(), std::back_inserter(listeners_));
  return Done{};
}

Task<Result<Done>> Actor::register_everywhere() {
  if (bound_.empty()) co_return Done{};  // nobody could come
  if (!registrar_) co_return co_await registration_.emplace(*this).begin(boot_halt_);
  for (const Address& addr : bound_)
    if (auto ok = registrar_->add_own(addr); !ok) co_return ok.failure();
  co_return Done{};
}

void Actor::watch_signals(std::initializer_list<int> caught, std::initializer_list<int> ignored) {
  signals_ = platform_.watch_signals(*loop_, *this, caught, ignored);
  if (int error = signals_ ? signals_->error() : 0)
    stop_boot(Error::of(Failure::system(Status::runtime, "can't watch for signals", error, "OSError")));
}

/// Only the boot itself ends the boot: it and the shutdown are never under way at the same time.
void Actor::stop_boot(ErrorRef why) {
  if (boot_halt_.why()) return;
  boot_halt_.halt(why);
  if (boot_box_) boot_box_->put(why);
}

void Actor::boot_over(const Result<Done>& done) {
  if (boot_halt_.why())
    boot_failed(boot_halt_.why());
  else if (!done)
    boot_failed(Error::of(done.failure()));
  else
    up();
}

void Actor::up() {
  state_ = State::up;
  TRACTOR_LOG(kRuntime, "tractor", "actor %s is up at %s", id_.name.c_str(),
              bound_texts_.empty() ? "no address" : bound_texts_.front().c_str());
  answer_ready();
  if (tractor_root_fn body = body_) {
    CallbackScope callback;
    body(to_c(main()), user_);
  }
  if (program_) {
    main_->expect_end();
    main_->body_over();
  } else {
    main_->set_body_running(false);
  }
  if (close_wanted_) close();
}

void Actor::boot_failed(ErrorRef why) {
  boot_error_ = why;
  // A child that is cancelled while it boots has not failed: it does as it is told.
  bool told = why->canceled();
  if (!told) exit_status_ = 1;
  answer_ready();
  // A native parent has its answer; an older one hears of it like this, or not at all.
  if (!told && parent_link_ && !parent_link_->peer_is_native()) report_failure(why);
  main_->fail(why);
  main_->set_body_running(false);
  begin_closing();
}

}  // namespace tractor::core
