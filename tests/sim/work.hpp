// The program that the actors run: what its endpoints and nurseries do is thrown by the dice. All of it ends by itself, so
// that a schedule in which nothing moves any more shows something that hangs.
#pragma once

#include "ledger.hpp"

namespace sim {

/// How much of everything one schedule has.
struct Plan {
  int acts = 20;     ///< things that its crews do
  int launches = 5;  ///< children in all
  int depth = 3;
  bool failures = true, cancels = true;
};

struct Traffic;
struct Crew;

class Work {
 public:
  Work(World& world, Ledger& ledger, const Plan& plan) : world_(world), ledger_(ledger), plan_(plan) {}
  /// Before the first actor.
  static void register_endpoints();
  /// The work of the schedule that runs now.
  static inline Work* current = nullptr;

  static void root_body(tractor_nursery* root, void* self);
  static void root_ended(const tractor_error* err, void* self);
  bool root_over() const { return root_over_; }
  /// From outside: the whole tree is to stop.
  void cancel_root();
  World& world() { return world_; }
  Ledger& ledger() { return ledger_; }
  /// What goes through the contexts, by their starts.
  std::map<int, std::shared_ptr<Traffic>> traffic;

 private:
  friend struct Crew;
  static void endpoint(tractor_ctx* ctx, const tractor_value* args, void* kind);

  World& world_;
  Ledger& ledger_;
  Plan plan_;
  Scope* main_ = nullptr;
  bool root_over_ = false;
  std::vector<std::unique_ptr<Crew>> crews_;
};

}  // namespace sim
