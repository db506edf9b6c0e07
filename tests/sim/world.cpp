#include "world.hpp"

#include <algorithm>
#include <cerrno>

#include "handles.hpp"
#include "wire/limits.hpp"
#include "wire/message.hpp"

namespace sim {

World::World(Dice& d, Journal& j) : dice(d), journal(j) {}

World::~World() {
  // What a broken schedule leaves is thrown away as a whole.
  Actor::set_current(nullptr);
  drain_pools();
  for (auto& p : processes_) p->heap.drop();
}

size_t World::alive() const {
  size_t n = 0;
  for (const auto& p : processes_) n += p->alive();
  return n;
}

std::vector<Socket*> World::open_sockets() {
  std::vector<Socket*> found;
  for (const auto& s : sockets_)
    if (s->open && s->peer->open && !s->reset) found.push_back(s.get());
  return found;
}

// --- platform ------------------------------------------------------------------------------------------------------

Result<Done> World::enter(Actor& actor) {
  current_->actor = &actor;
  Actor::set_current(&actor);
  return Done{};
}

void World::leave(Actor&) { Actor::set_current(nullptr); }

Result<std::unique_ptr<Port>> World::make_port(event_base*) { return std::unique_ptr<Port>(new SimPort(*current_)); }

std::unique_ptr<Dialer> World::dial(Loop& loop, const Address& to, int64_t timeout, Dialer::Handler& handler) {
  auto dialer = std::make_unique<SimDialer>(*this, loop, to, timeout, handler);
  Kernel kernel;
  auto pending = std::make_unique<PendingDial>();
  pending->owner = current_;
  pending->handle = dialer.get();
  pending->to = to;
  if (lose_dials > 0 && current_->depth > 0) {
    --lose_dials;
    pending->refused = true;
    pending->lost_until = now + 127 * kSecond;
  } else if (refuse_dials > 0 && current_->depth > 0) {
    --refuse_dials;
    pending->refused = true;
  }
  dials_.push_back(std::move(pending));
  return dialer;
}

Result<std::unique_ptr<Listener>> World::listen(Loop&, const Address& at, Listener::Handler& handler) {
  Address where = at;
  if (where.port == 0) where.port = next_port_++;
  auto listener = std::make_unique<SimListener>(*this, where, handler);
  Kernel kernel;
  auto entry = std::make_unique<KernelListener>();
  entry->owner = current_;
  entry->handle = listener.get();
  entry->at = where;
  listeners_.push_back(std::move(entry));
  return std::unique_ptr<Listener>(std::move(listener));
}

Result<std::unique_ptr<Process>> World::launch(Loop&, const LaunchSpec& spec, Process::Handler& handler) {
  if (fail_launches > 0) {
    --fail_launches;
    journal.event("launch fails", static_cast<uint64_t>(current_->index));
    journal.line(now, "%s: a launch fails", current_->name());
    return Failure::system(Status::spawn, "cannot start '" + spec.program + "'", EAGAIN);
  }
  SimProcess* child = nullptr;
  {
    Kernel kernel;
    auto made = std::make_unique<SimProcess>(*this);
    child = made.get();
    child->index = static_cast<int>(processes_.size());
    child->pid = 1000 + child->index;
    child->parent = current_;
    child->depth = current_->depth + 1;
    auto info = decode_boot_record(spec.boot_record);
    if (info) child->boot = *info;
    processes_.push_back(std::move(made));
  }
  journal.event("launch", static_cast<uint64_t>(current_->index), static_cast<uint64_t>(child->index));
  journal.line(now, "%s launches %s as pid %lld", current_->name(), child->name(), static_cast<long long>(child->pid));
  return std::unique_ptr<Process>(new SimChild(*child, handler));
}

SimProcess* World::start_root(RootConfig config, bool program, tractor_root_fn body, tractor_done_fn on_end,
                              void* user) {
  auto made = std::make_unique<SimProcess>(*this);
  SimProcess* p = made.get();
  p->pid = 1000;
  p->boot.name = config.name;
  p->state = SimProcess::State::running;
  processes_.push_back(std::move(made));
  config.platform = this;
  dispatch(*p, [&] {
    RootConfig copy = config;  // in its memory
    auto opened = Actor::open_root(std::move(copy), program, body, on_end, user);
    if (opened) (*opened)->ref();
  });
  return p;
}

// --- steps ---------------------------------------------------------------------------------------------------------

void World::collect() {
  choices_.clear();
  for (auto& s : sockets_)
    if (s->in_flight()) choices_.push_back({Choice::deliver, nullptr, s.get()});
  for (auto& d : dials_)
    if (!d->arrived && d->lost_until <= now) choices_.push_back({Choice::connect, nullptr, d.get()});
  for (auto& owned : processes_) {
    SimProcess* p = owned.get();
    if (!p->alive()) {
      // A zombie nobody waits for is buried by the system.
      if (p->state == SimProcess::State::zombie && !p->handle) reap(*p);
      continue;
    }
    if (p->kill_pending || p->exit_pending) choices_.push_back({Choice::die, p, nullptr});
    if (p->stopped) {
      if (p->resume_at <= now) choices_.push_back({Choice::resume, p, nullptr});
      continue;
    }
    if (p->term_pending) choices_.push_back({Choice::term, p, nullptr});
    if (p->state == SimProcess::State::launched) choices_.push_back({Choice::boot, p, nullptr});
    if (p->state == SimProcess::State::leaving) choices_.push_back({Choice::leave, p, nullptr});
    SimPort* port = p->port;
    if (!port) continue;
    // A turn that is due comes before anything is polled.
    if (port->turn_wanted()) {
      choices_.push_back({Choice::turn, p, nullptr});
      continue;
    }
    if (port->is_woken()) choices_.push_back({Choice::woken, p, nullptr});
    if (port->alarm() <= now) choices_.push_back({Choice::alarm, p, nullptr});
    for (Socket* s : p->sockets)
      if (s->handle && s->handle->ready() != 0) choices_.push_back({Choice::socket, p, s});
    for (auto& d : dials_)
      if (d->owner == p && d->arrived) choices_.push_back({Choice::dialed, p, d.get()});
    for (auto& l : listeners_)
      if (l->owner == p && !l->backlog.empty()) choices_.push_back({Choice::accept, p, l.get()});
    for (auto& c : processes_)
      if (c->parent == p && c->state == SimProcess::State::zombie && c->handle)
        choices_.push_back({Choice::child_gone, p, c.get()});
  }
}

int64_t World::next_time() const {
  int64_t next = kForever;
  for (const auto& d : dials_)
    if (!d->arrived) next = std::min(next, d->lost_until);
  for (const auto& p : processes_) {
    if (!p->alive()) continue;
    if (p->stopped)
      next = std::min(next, p->resume_at);
    else if (p->port)
      next = std::min(next, p->port->alarm());
  }
  return next;
}

/// Who was told to end by a signal and does not is killed, whatever state it is in.
void World::watch_ladders() {
  constexpr int64_t kLongest = 5 * kSecond;
  for (auto& p : processes_) {
    if (!p->alive() || p->asked_at == kForever || p->kill_pending || !p->handle || p->parent->stopped) continue;
    if (now - std::max(p->asked_at, p->parent->resumed_at) > kLongest)
      journal.broken(now, "%s was told to end %.1f s ago, and nobody has killed it", p->name(),
                     static_cast<double>(now - p->asked_at) / 1e9);
  }
}

bool World::advance_clock() {
  int64_t next = next_time();
  if (next == kForever) return false;
  watch_ladders();
  if (journal.keeps() && next > now + 100 * kMillisecond)
    for (auto& k : sockets_)
      if (k->open && k->unread() + k->flight.size() > 0)
        journal.line(now, "connection %d of %s with %s: %zu bytes unread, %zu on their way", k->id, k->owner->name(),
                     k->peer->owner->name(), k->unread(), k->flight.size());
  now = std::max(now, next);
  journal.event("clock", static_cast<uint64_t>(now));
  return true;
}

bool World::step() {
  ++steps;
  now += 1000;
  collect();
  if (choices_.empty()) return advance_clock();
  if (slowness > 0 && dice.one_in(slowness)) return advance_clock() || !choices_.empty();
  if (slow_for_ > 0) {
    --slow_for_;
    if (std::any_of(choices_.begin(), choices_.end(), [&](const Choice& c) { return c.process != slow_; }))
      std::erase_if(choices_, [&](const Choice& c) { return c.process == slow_; });
  } else if (dice.one_in(64)) {
    slow_ = processes_[dice.below(processes_.size())].get();
    slow_for_ = static_cast<int>(dice.below(60));
  }
  Choice choice = choices_[dice.below(choices_.size())];
  journal.hash(static_cast<uint64_t>(choice.kind) << 8 |
               static_cast<uint64_t>(choice.process ? choice.process->index : 255));
  perform(choice);
  return true;
}

void World::perform(const Choice& c) {
  switch (c.kind) {
    case Choice::deliver: return deliver(*static_cast<Socket*>(c.what));
    case Choice::connect: return connect(*static_cast<PendingDial*>(c.what));
    case Choice::boot: return boot(*c.process);
    case Choice::turn: return dispatch(*c.process, [&] { c.process->port->turn(); });
    case Choice::woken: return dispatch(*c.process, [&] { c.process->port->woken(); });
    case Choice::alarm: return dispatch(*c.process, [&] { c.process->port->expire(); });
    case Choice::socket: {
      auto& s = *static_cast<Socket*>(c.what);
      journal.event("ready", static_cast<uint64_t>(s.id), s.handle->ready());
      return dispatch(*c.process,
                      [&] { c.process->port->call([&] { s.handle->handler()->on_fd(s.handle->ready()); }); });
    }
    case Choice::dialed:
      return dispatch(*c.process,
                      [&] { c.process->port->call([&] { static_cast<PendingDial*>(c.what)->handle->arrived(); }); });
    case Choice::accept: {
      auto& l = *static_cast<KernelListener*>(c.what);
      Socket* s = l.backlog.front();
      l.backlog.pop_front();
      return dispatch(*c.process, [&] {
        c.process->port->call(
            [&] { l.handle->handler().on_accepted(std::unique_ptr<Transport>(new SimTransport(*this, *s))); });
      });
    }
    case Choice::child_gone: {
      auto& child = *static_cast<SimProcess*>(c.what);
      journal.event("reaped", static_cast<uint64_t>(child.index));
      journal.line(now, "%s reaps %s: %s", c.process->name(), child.name(), child.status.to_string().c_str());
      if (witness_) witness_->before_exit_is_told(child);
      SimChild* handle = std::exchange(child.handle, nullptr);
      reap(child);
      return dispatch(*c.process, [&] { c.process->port->call([&] { handle->tell(child.status); }); });
    }
    case Choice::term: {
      SimProcess& p = *c.process;
      p.term_pending = false;
      // Before its actor watches for the signal it does what it does to any process.
      if (p.state == SimProcess::State::leaving) return;
      if (!p.port) return die(p, {ExitStatus::signaled, SIGTERM, false});
      return dispatch(p,
                      [&] { p.port->call([&] { static_cast<SignalWatch::Handler&>(*p.actor).on_signal(SIGTERM); }); });
    }
    case Choice::die: {
      SimProcess& p = *c.process;
      if (p.kill_pending) return die(p, {ExitStatus::signaled, SIGKILL, false});
      return die(p, {ExitStatus::exited, p.exit_wanted, false});
    }
    case Choice::leave: return die(*c.process, c.process->status);
    case Choice::resume:
      c.process->stopped = false;
      c.process->resume_at = kForever;
      c.process->resumed_at = now;
      journal.line(now, "%s goes on", c.process->name());
      return;
  }
}

void World::deliver(Socket& s) {
  size_t n = s.flight.size();
  if (n > 1 && pieces > 0 && dice.one_in(pieces)) n = 1 + dice.below(n);
  s.in.append(s.flight, 0, n);
  s.flight.erase(0, n);
  if (s.flight.empty() && s.fin_sent) s.fin = true;
  journal.event("deliver", static_cast<uint64_t>(s.id), n);
}

void World::connect(PendingDial& d) {
  d.arrived = true;
  auto listener = std::find_if(listeners_.begin(), listeners_.end(), [&](auto& l) { return l->at == d.to; });
  journal.event("connect", static_cast<uint64_t>(d.owner->index), d.refused || listener == listeners_.end());
  if (d.refused || listener == listeners_.end()) {
    journal.line(now, "%s: connection to %s refused", d.owner->name(), d.to.to_string().c_str());
    return;
  }
  auto make = [&](SimProcess* owner) {
    sockets_.push_back(std::make_unique<Socket>());
    Socket& s = *sockets_.back();
    s.id = static_cast<int>(sockets_.size());
    s.owner = owner;
    s.capacity = socket_capacity;
    owner->sockets.push_back(&s);
    return &s;
  };
  Socket* near = make(d.owner);
  Socket* far = make((*listener)->owner);
  near->peer = far;
  far->peer = near;
  near->remote = far->local = d.to;
  near->local = far->remote = Address::tcp("127.0.0.1", next_port_++);
  d.socket = near;
  (*listener)->backlog.push_back(far);
}

void World::boot(SimProcess& p) {
  p.state = SimProcess::State::running;
  journal.line(now, "%s begins", p.name());
  dispatch(p, [&] {
    BootInfo info = p.boot;
    auto opened = Actor::open_child(std::move(info), *this);
    if (opened)
      (*opened)->ref();
    else
      p.exit_pending = true;
  });
}

/// Has its actor ended?
void World::after_run(SimProcess& p) {
  if (p.state != SimProcess::State::running || !p.actor || p.port) return;
  p.status = {ExitStatus::exited, p.actor->exit_status(), false};
  p.state = SimProcess::State::leaving;
  journal.event("ended", static_cast<uint64_t>(p.index), static_cast<uint64_t>(p.status.code));
  journal.line(now, "%s has ended, status %d", p.name(), p.status.code);
  if (witness_) witness_->on_ended(p);
  {
    InHeap heap(&p.heap);
    std::exchange(p.actor, nullptr)->unref();
    drain_pools();
  }
  for (Socket* s : p.sockets)
    if (s->open) journal.broken(now, "%s has ended and left connection %d open", p.name(), s->id);
  for (auto& c : processes_)
    if (c->parent == &p && c->state != SimProcess::State::reaped)
      journal.broken(now, "%s has ended and left its child %s behind", p.name(), c->name());
  if (p.heap.blocks() > 0) {
    size_t sizes[8] = {};
    p.heap.sizes(sizes, 8);
    journal.broken(now, "%s has ended and left %zu blocks of memory, of %zu, %zu, %zu, %zu bytes", p.name(),
                   p.heap.blocks(), sizes[0], sizes[1], sizes[2], sizes[3]);
  }
}

void World::die(SimProcess& p, ExitStatus status) {
  bool in_order = p.state == SimProcess::State::leaving && !p.kill_pending;
  if (p.state == SimProcess::State::leaving) status = p.kill_pending ? status : p.status;
  journal.event("dies", static_cast<uint64_t>(p.index),
                static_cast<uint64_t>(status.kind) << 8 | static_cast<uint64_t>(status.code));
  journal.line(now, "%s is gone: %s", p.name(), status.to_string().c_str());
  if (!in_order && witness_) witness_->on_killed(p);
  p.status = status;
  p.state = SimProcess::State::zombie;
  p.actor = nullptr;
  p.port = nullptr;
  for (Socket* s : p.sockets) {
    s->handle = nullptr;
    if (s->open) close_socket(*s);
  }
  std::erase_if(dials_, [&](auto& d) {
    if (d->owner != &p) return false;
    if (d->socket) close_socket(*d->socket);
    return true;
  });
  std::erase_if(listeners_, [&](auto& l) {
    if (l->owner != &p) return false;
    for (Socket* s : l->backlog) close_socket(*s);
    return true;
  });
  for (auto& c : processes_) {
    if (c->parent != &p) continue;
    c->handle = nullptr;  // the system waits for it now
    if (c->alive()) c->kill_pending = true;
  }
  p.heap.drop();
}

void World::reap(SimProcess& p) { p.state = SimProcess::State::reaped; }

void World::close_socket(Socket& s) {
  if (!s.open) return;
  s.open = false;
  s.flight.clear();
  // Unread input is answered by a reset, which takes back what is on its way; as often as not it came first.
  if (s.unread() > 0 && dice.one_in(4)) {
    s.peer->flight.clear();
    s.peer->reset = true;
  }
  s.in.clear();
  s.in_read = 0;
  s.peer->fin_sent = true;
  journal.event("close", static_cast<uint64_t>(s.id));
}

// --- faults --------------------------------------------------------------------------------------------------------

void World::exit(SimProcess& p, int status) {
  p.exit_pending = true;
  p.exit_wanted = status;
}

void World::stop(SimProcess& p, int64_t how_long) {
  if (p.stopped) return;
  ++stops;
  p.stopped = true;
  p.resume_at = now + how_long;
}

void World::cut(Socket& s, Cut how) {
  ++cuts;
  switch (how) {
    case Cut::prefix:
      if (!s.flight.empty()) s.flight.resize(dice.below(s.flight.size()));
      [[fallthrough]];
    case Cut::half: s.fin_sent = true; return;
    case Cut::fin: s.fin_sent = s.peer->fin_sent = true; return;
    case Cut::reset:
      for (Socket* end : {&s, s.peer}) {
        end->flight.clear();
        end->reset = true;
      }
      return;
  }
}

// --- wire taps -----------------------------------------------------------------------------------------------------

template <class F>
void World::tap(std::string& seen, std::string_view bytes, F&& tell) {
  if (!seen.empty()) {
    seen.append(bytes);
    bytes = seen;
  }
  size_t at = 0;
  while (bytes.size() - at >= wire::kPrefix) {
    size_t length = wire::read_prefix(bytes.data() + at);
    if (bytes.size() - at - wire::kPrefix < length) break;
    tell(bytes.substr(at + wire::kPrefix, length));
    at += wire::kPrefix + length;
  }
  std::string rest(bytes.substr(at));
  seen.swap(rest);
}

void World::tap_read(Socket& s, std::string_view bytes) {
  tap(s.read, bytes, [&](std::string_view body) { witness_->on_frame_read(s, body); });
}

void World::tap_write(Socket& to, std::string_view bytes) {
  tap(to.written, bytes, [&](std::string_view body) { witness_->on_frame_written(*to.peer, body); });
}

}  // namespace sim
