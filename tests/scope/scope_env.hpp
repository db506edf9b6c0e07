// A loop under the test's control, an engine over it, and a nursery around everything.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "loop/port_manual.hpp"
#include "scope/basic_ops.hpp"
#include "scope/engine.hpp"
#include "scope/nursery.hpp"

namespace scope_test {

using namespace tractor::core;

class RootNursery final : public Nursery {
 public:
  std::function<void(const ErrorRef&)> on_outcome;
  std::function<void()> idle;

  explicit RootNursery(Engine& engine, NurseryOptions options = {}, bool body = false)
      : Nursery(engine, nullptr, std::move(options)) {
    set_body_running(body);
  }
  using Nursery::body_over;

 private:
  bool deliver_end(const ErrorRef& outcome) override {
    if (on_outcome) on_outcome(outcome);
    return true;
  }
  void on_idle() override {
    if (idle) idle();
  }
};

struct ScopeEnv {
  ManualPort* port = new ManualPort;
  Loop loop{std::unique_ptr<Port>(port)};
  ActorId self{"me", "00000000-0000-4000-8000-000000000001", 1};
  Engine engine{loop, self};

  /// Runs everything that is ready; the clock stands still.
  void drain() {
    while (!port->idle()) port->run_once();
  }
  void pass(int64_t ns) {
    drain();
    port->advance(ns);
    drain();
  }
};

}  // namespace scope_test
