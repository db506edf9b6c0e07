// What an actor stands on: its loop, its connections, its child processes, and the process that it is itself. The real
// one is this machine. A simulation brings its own, and with it several actors into one process.
#pragma once

#include <initializer_list>
#include <memory>

#include "ipc/transport.hpp"
#include "loop/loop.hpp"
#include "runtime/signals.hpp"
#include "spawn/process.hpp"

struct event_base;

namespace tractor::core {

class Actor;

/// Outlives every actor that stands on it.
class Platform {
 public:
  static Platform& real();

  /// Makes `actor` the one of this process; fails if there is another one.
  virtual Result<Done> enter(Actor& actor) = 0;
  /// Takes that back; for one that has not entered nothing happens.
  virtual void leave(Actor& actor) = 0;
  virtual int64_t pid() = 0;
  /// Who this process is, for people who list processes.
  virtual void set_title(const std::string& title) = 0;
  /// Null: the signals come to `handler` in another way.
  virtual std::unique_ptr<SignalWatch> watch_signals(Loop& loop, SignalWatch::Handler& handler,
                                                     std::initializer_list<int> caught,
                                                     std::initializer_list<int> ignored) = 0;

  /// Over the host's `base`, if it has one.
  virtual Result<std::unique_ptr<Port>> make_port(event_base* base) = 0;
  virtual std::unique_ptr<Dialer> dial(Loop& loop, const Address& to, int64_t timeout, Dialer::Handler& handler) = 0;
  virtual Result<std::unique_ptr<Listener>> listen(Loop& loop, const Address& at, Listener::Handler& handler) = 0;
  virtual Result<std::unique_ptr<Process>> launch(Loop& loop, const LaunchSpec& spec, Process::Handler& handler) = 0;

 protected:
  ~Platform() = default;
};

}  // namespace tractor::core
