// What dead children leave behind: their own actors, and the processes that their code forked. A subreaper inherits all
// of them; they die with what started them, and somebody has to bury them.
//
// Inherited is who carries a mark that is neither this actor's nor that of a child of ours that lives. A parent puts the
// mark, an actor's uuid or one of a program's own, into the child's environment; whatever the child forks carries it on. The dead
// have lost theirs: unless it was started by one that was killed here, such a stranger is buried if nobody else has done it a
// while later.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "loop/loop.hpp"

namespace tractor::core {

/// The variable that holds the mark. No process takes itself for a child because of it.
constexpr const char* kMarkVariable = "TRACTOR_ACTOR";

class Reaper final : private Timer {
 public:
  class Family {
   public:
    /// It has a supervisor that reaps it.
    virtual bool is_child(int64_t pid) const = 0;
    virtual bool is_living_child(std::string_view uuid) const = 0;
    /// A socket file may have been left by an actor that is gone.
    virtual void on_buried_actor() = 0;

   protected:
    ~Family() = default;
  };

  Reaper(Loop& loop, Family& family, std::string own_mark);
  /// A child has died; others that die at about the same time are looked at together.
  void sweep_soon() noexcept;
  /// True: there was somebody to bury or to kill, so there may be more of them soon.
  bool sweep();

 private:
  struct Stranger {
    int64_t pid, since;
    bool killed;
  };
  /// Started by a stranger that was killed; a pid alone may be somebody else's later.
  struct Heir {
    int64_t pid, birth, since;
  };
  enum class Origin : uint8_t { program, inherited, unclear };
  void on_timer() override;
  Origin origin(int64_t pid, bool actor) const;
  bool kill_stranger(int64_t pid);
  bool is_heir(int64_t pid, int64_t birth) const;

  Loop& loop_;
  Family& family_;
  std::string own_mark_;
  std::vector<Stranger> strangers_;  ///< killed and not yet dead, dead of themselves, or unclear
  std::vector<Heir> heirs_;
};

/// What this process carries, and what it forks with it; empty: nothing.
std::string environment_mark();
/// The last act of a process that is nothing but an actor: all its children are killed and reaped, those too that they leave.
void end_all_children();

}  // namespace tractor::core
