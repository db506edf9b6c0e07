// A root that begins without a runtime, and gets one when somebody wants it.
#pragma once

#include <optional>
#include <vector>

#include "rpc/ask.hpp"
#include "runtime/config.hpp"
#include "scope/flow.hpp"
#include "scope/op.hpp"

namespace tractor::core {

class Actor;
class BootOp;

/// What is answered to those who need one.
inline Failure no_runtime() {
  return Failure::of(Status::runtime, "this actor has no runtime: tractor_actor_boot() starts it", "RuntimeError");
}

/// The boot is the actor's own work: it goes on when nobody waits for it any more, and is tried once.
class LateBoot {
 public:
  LateBoot(Actor& actor, RootConfig config) : actor_(actor), config_(std::move(config)) {}
  bool is_up() const { return state_ == State::up; }

 private:
  friend BootOp;
  enum class State : uint8_t { idle, under_way, up, failed };

  /// Begins it, if this is the first wish; `config` takes the place of what the actor was opened with.
  void wish(BootOp& op, std::optional<RootConfig> config);
  void forget(BootOp& op);
  Flow run();
  void over(const ErrorRef& failure);
  static void stop(void* self);

  Actor& actor_;
  RootConfig config_;
  State state_ = State::idle;
  ErrorRef failure_;
  OpToken hold_ = 0;
  std::vector<BootOp*> waiting_;
};

/// Waits until there is a runtime.
class BootOp final : public Op {
 public:
  /// `bad`: what is wrong with the options.
  static OpToken start(Actor& actor, Nursery& in, std::optional<RootConfig> config, const ErrorRef& bad,
                       tractor_done_fn fn, void* user);
  std::string what() const override { return "boot"; }

 private:
  friend LateBoot;
  BootOp(Nursery& in, tractor_done_fn fn, void* user) : Op(in, fn != nullptr), fn_(fn), user_(user) {}
  ~BootOp() override;
  void deliver(const Error* err) override { fn_(to_c(err), user_); }
  void on_cancel(const ErrorRef& why) override { decide(why); }

  LateBoot* boot_ = nullptr;  ///< that knows of it
  tractor_done_fn fn_;
  void* user_;
};

}  // namespace tractor::core
