#include "runtime/platform.hpp"

#include <optional>
#include <unistd.h>

#include "base/log.hpp"
#include "base/owner.hpp"
#include "base/pool.hpp"
#include "devx/title.hpp"
#include "loop/port_libevent.hpp"
#include "runtime/actor.hpp"
#include "runtime/modules.hpp"

namespace tractor::core {

namespace {

class RealPlatform final : public Platform {
 public:
  Result<Done> enter(Actor& actor) override {
    if (Actor* other = Actor::current())
      return Failure::of(Status::runtime, "this process has an actor already: '" + other->self().name + "'",
                         "RuntimeFailure");
    Actor::set_current(&actor);
    usr1_guard_.emplace();
    Owner::claim();
    Modules::freeze(true);
    log::set_actor(actor.self().name, actor.self().uuid);
    return Done{};
  }

  void leave(Actor& actor) override {
    if (Actor::current() != &actor) return;
    Actor::set_current(nullptr);
    usr1_guard_.reset();
    drain_pools();
    Owner::release();
    Modules::freeze(false);
    log::set_actor({}, {});
  }

  int64_t pid() override { return getpid(); }
  void set_title(const std::string& title) override { set_process_title(title); }
  std::unique_ptr<SignalWatch> watch_signals(Loop& loop, SignalWatch::Handler& handler,
                                             std::initializer_list<int> caught,
                                             std::initializer_list<int> ignored) override {
    return std::make_unique<SignalWatch>(loop, handler, caught, ignored);
  }

  Result<std::unique_ptr<Port>> make_port(event_base* base) override { return make_libevent_port(base); }
  std::unique_ptr<Dialer> dial(Loop& loop, const Address& to, int64_t timeout, Dialer::Handler& handler) override {
    return core::dial(loop, to, timeout, handler);
  }
  Result<std::unique_ptr<Listener>> listen(Loop& loop, const Address& at, Listener::Handler& handler) override {
    return core::listen(loop, at, handler);
  }
  Result<std::unique_ptr<Process>> launch(Loop& loop, const LaunchSpec& spec, Process::Handler& handler) override {
    return Process::launch(loop, spec, handler);
  }

 private:
  std::optional<Usr1Guard> usr1_guard_;
};

}  // namespace

Platform& Platform::real() {
  static RealPlatform platform;
  return platform;
}

}  // namespace tractor::core
