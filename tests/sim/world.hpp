// The machine that the simulated actors run on: one clock, processes with their memory, sockets between them. Nothing in
// it happens by itself: the schedule picks each step.
#pragma once

#include <csignal>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/pool.hpp"
#include "heap.hpp"
#include "journal.hpp"
#include "runtime/actor.hpp"
#include "runtime/platform.hpp"
#include "spawn/boot.hpp"

namespace sim {

using namespace tractor::core;

class World;
struct SimProcess;
class SimPort;
class SimTransport;
class SimDialer;
class SimListener;
class SimChild;

/// The kernel's end of a connection. What the other end wrote is first on its way, then here.
struct Socket {
  int id = 0;
  SimProcess* owner = nullptr;
  Socket* peer = nullptr;  ///< lives as long as this one
  Address local, remote;
  std::string flight, in;
  size_t in_read = 0;
  bool fin_sent = false, fin = false;  ///< by the peer: on its way, here
  bool reset = false;
  bool open = true;
  size_t capacity = 0;
  SimTransport* handle = nullptr;
  // What the wire taps have seen of an unfinished frame: as it was written by the peer, as it was read.
  std::string written, read;

  size_t unread() const { return in.size() - in_read; }
  size_t room() const {
    return peer->flight.size() + peer->unread() < peer->capacity ? peer->capacity - peer->flight.size() - peer->unread()
                                                                 : 0;
  }
  bool in_flight() const { return open && !reset && (!flight.empty() || (fin_sent && !fin)); }
  bool readable() const { return unread() > 0 || fin || reset; }
  bool writable() const { return reset || !peer->open || room() > 0; }
};

struct PendingDial {
  SimProcess* owner = nullptr;
  SimDialer* handle = nullptr;
  Address to;
  int64_t lost_until = 0;  ///< nobody answers; then the system gives up
  bool refused = false;
  bool arrived = false;  ///< `socket`, or refused
  Socket* socket = nullptr;
};

struct KernelListener {
  SimProcess* owner = nullptr;
  SimListener* handle = nullptr;
  Address at;
  std::deque<Socket*> backlog;
};

struct SimProcess {
  enum class State : uint8_t { launched, running, leaving, zombie, reaped };
  explicit SimProcess(World& w) : world(w) {}
  World& world;
  int index = 0;
  int64_t pid = 0;
  int depth = 0;
  SimProcess* parent = nullptr;
  State state = State::launched;
  bool stopped = false;
  bool kill_pending = false, term_pending = false, exit_pending = false;
  int exit_wanted = 0;
  int64_t asked_at = kForever;  ///< since when its supervisor wants it to be gone
  int64_t resumed_at = 0;
  int64_t resume_at = kForever;
  ExitStatus status;
  BootInfo boot;
  Heap heap;
  Actor* actor = nullptr;
  SimPort* port = nullptr;
  SimChild* handle = nullptr;  ///< the parent's, until it has heard of the end or let go
  std::vector<Socket*> sockets;

  bool alive() const { return state < State::zombie; }
  const char* name() const { return boot.name.c_str(); }
};

/// Hears what the machine does; the invariants live there.
class Witness {
 public:
  virtual ~Witness() = default;
  /// The whole of one frame has left `from`, or come to `to`.
  virtual void on_frame_written(Socket& from, std::string_view body) = 0;
  virtual void on_frame_read(Socket& to, std::string_view body) = 0;
  /// Before its parent hears of it.
  virtual void before_exit_is_told(SimProcess& child) = 0;
  /// It is gone, without a word.
  virtual void on_killed(SimProcess& process) = 0;
  /// Its actor has ended in order; its memory is still there.
  virtual void on_ended(SimProcess& process) = 0;
};

class World final : public Platform {
 public:
  World(Dice& dice, Journal& journal);
  ~World();
  void set_witness(Witness& witness) { witness_ = &witness; }

  Dice& dice;
  Journal& journal;
  int64_t now = kSecond;
  uint64_t steps = 0;

  // How the machine treats this schedule.
  size_t socket_capacity = 256 * 1024;
  size_t pieces = 4;    ///< one delivery in so many is partial; 0: none
  size_t slowness = 0;  ///< one step in so many the clock jumps, though there is work; 0: never
  int refuse_dials = 0, lose_dials = 0, fail_launches = 0;  ///< so many of the next ones

  SimProcess* start_root(RootConfig config, bool program, tractor_root_fn body, tractor_done_fn on_end, void* user);
  /// One step of something that can go on, or the clock moves. False: nothing can ever happen again.
  bool step();

  std::vector<std::unique_ptr<SimProcess>>& processes() { return processes_; }
  SimProcess* current() const { return current_; }
  SimProcess* root() { return processes_.front().get(); }
  size_t alive() const;
  std::vector<Socket*> open_sockets();

  // Faults.
  void kill(SimProcess& p) { p.kill_pending = true; }
  void terminate(SimProcess& p) { p.term_pending = true; }
  void exit(SimProcess& p, int status);
  void stop(SimProcess& p, int64_t how_long);
  int cuts = 0;  ///< that took something with them
  int stops = 0;
  enum class Cut : uint8_t { fin, reset, half, prefix };
  void cut(Socket& s, Cut how);

  /// Runs `f` as a piece of the process's own doing, between two turns of its loop.
  template <class F>
  void dispatch(SimProcess& p, F&& f);

  // Platform: what the current process asks for.
  Result<Done> enter(Actor& actor) override;
  void leave(Actor& actor) override;
  int64_t pid() override { return current_->pid; }
  void set_title(const std::string&) override {}
  std::unique_ptr<SignalWatch> watch_signals(Loop&, SignalWatch::Handler&, std::initializer_list<int>,
                                             std::initializer_list<int>) override {
    return nullptr;
  }
  Result<std::unique_ptr<Port>> make_port(event_base*) override;
  std::unique_ptr<Dialer> dial(Loop& loop, const Address& to, int64_t timeout, Dialer::Handler& handler) override;
  Result<std::unique_ptr<Listener>> listen(Loop& loop, const Address& at, Listener::Handler& handler) override;
  Result<std::unique_ptr<Process>> launch(Loop& loop, const LaunchSpec& spec, Process::Handler& handler) override;

 private:
  friend class SimTransport;
  friend class SimDialer;
  friend class SimListener;
  friend class SimChild;
  friend class SimPort;

  struct Choice {
    enum Kind : uint8_t {
      deliver,
      connect,
      boot,
      turn,
      woken,
      alarm,
      socket,
      dialed,
      accept,
      child_gone,
      term,
      die,
      leave,
      resume
    } kind;
    SimProcess* process;
    void* what;
  };
  void collect();
  void watch_ladders();
  void perform(const Choice& choice);
  bool advance_clock();
  int64_t next_time() const;
  void deliver(Socket& s);
  void connect(PendingDial& dial);
  void boot(SimProcess& p);
  void after_run(SimProcess& p);
  void die(SimProcess& p, ExitStatus status);
  void close_socket(Socket& s);
  void reap(SimProcess& p);
  template <class F>
  void tap(std::string& seen, std::string_view bytes, F&& tell);
  void tap_read(Socket& s, std::string_view bytes);
  void tap_write(Socket& to, std::string_view bytes);

  Witness* witness_ = nullptr;
  SimProcess* current_ = nullptr;
  std::vector<std::unique_ptr<SimProcess>> processes_;
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::vector<std::unique_ptr<PendingDial>> dials_;
  std::vector<std::unique_ptr<KernelListener>> listeners_;
  std::vector<Choice> choices_;
  SimProcess* slow_ = nullptr;  ///< has to wait for a while if others can go on
  int slow_for_ = 0;
  uint16_t next_port_ = 20000;
};

/// Whatever the process does, with its memory and in its name.
template <class F>
void World::dispatch(SimProcess& p, F&& f) {
  current_ = &p;
  Actor::set_current(p.actor);
  {
    InHeap heap(&p.heap);
    f();
    drain_pools();  // each process has pools of its own
  }
  Actor::set_current(nullptr);
  current_ = nullptr;
  after_run(p);
}

}  // namespace sim
