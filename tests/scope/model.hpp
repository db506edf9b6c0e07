// The rules of scopes, written down a second time: no counter, no queue, no lists that are kept in step. Whether a
// nursery is busy, quiet or empty is worked out anew from plain sets after every step.
//
// The model does not predict in which order independent things run. It is told what the core did (`expect_*`), says
// whether that was allowed at this moment, and with `overdue()` what ought to have happened by now.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace model {

/// Nothing in it: success. Failures are numbers; one failure has one number, however many errors speak of it.
struct Outcome {
  bool canceled = false;
  std::set<int> failures;
  bool operator==(const Outcome&) const = default;
};
std::string text(const Outcome& o);

/// The failure "the deadline of this nursery passed".
constexpr int deadline_of(int nursery) { return -1 - nursery; }

enum class Kind { sleep, call, slow_call, hold };

struct Op {
  int in = 0;
  Kind kind = Kind::sleep;
  bool armed = false;  ///< a hold: it has an on_cancel
  int child = -1;      ///< a call keeps this child in use
  std::optional<Outcome> decided;
  long queued = 0;  ///< the step at which it was decided, or its cancel became due to be told
  bool cancel_asked = false, tell_cancel = false;
  bool delivering = false, gone = false;
};

struct Child {
  int in = 0;
  bool daemon = false;  ///< cancelled when its nursery has nothing else
  bool one_shot = false;
  bool asked = false, gone = false;
};

struct Nursery {
  int parent = -1;
  bool shield = false, cancel_daemons = false;
  bool has_fn = false;
  bool body = false, closed = false, stopped = false, outside = false, timed_out = false;
  bool ended = false, gone = false, taken = false;
  std::set<int> errors;
  int one_shots = 0;
  bool one_shot_failed = false;
  bool has_token = false;
  std::optional<Outcome> cut;   ///< what its end will be if no failure comes; fixed when it became empty
  std::optional<long> quieted;  ///< the step since which nothing has to be waited for
};

class Model {
 public:
  std::vector<Nursery> nurseries;
  std::vector<Op> ops;
  std::vector<Child> children;

  // What is so.
  bool busy(int n) const;   ///< is work of its parent
  bool quiet(int n) const;  ///< closed, with nothing to wait for but dismissable children and idle nested nurseries
  bool empty(int n) const;
  bool in_use(int child) const;
  bool has_nested(int n) const;
  size_t live_tokens() const;

  /// Begins a step: what happens within one may be queued in any order.
  void tick() { ++step_; }

  // What the program and the world do.
  int open(int parent, bool shield, bool cancel_daemons, bool has_fn, int64_t timeout, int64_t now);
  int start(int in, Kind kind, bool armed, int child, int64_t wakes_at);  ///< `wakes_at` 0: at once; INT64_MAX: never
  void decide(int op, Outcome outcome);
  void complete(int hold, Outcome outcome);
  void cancel_op(int op);
  void abandon_op(int op);
  void body_over(int n);
  void close(int n);
  void cancel(int n);
  void fail(int n, const Outcome& outcome);
  void set_timeout(int n, int64_t timeout, int64_t now);
  void cancel_end(int n);
  void abandon_end(int n);
  int add_child(int in, bool daemon, bool one_shot);
  void collect(int n, const std::set<int>& failures);
  void one_shot_ended(int n);
  void remove_child(int child);
  int64_t next_timer() const;
  void pass_time(int64_t now);

  // What the core did. Each answers why that was wrong, or nothing.
  std::string expect_completion(int op, const Outcome& outcome);
  std::string expect_told(int hold);
  std::string expect_orphan(int op);
  std::string expect_gone(int op);
  std::string expect_closed(const std::set<int>& which);
  std::string expect_dismissed(int child);
  std::string expect_end(int n, const Outcome& outcome, bool to_fn);
  void told_parent(int n);

  /// Something that must have happened once the queue is empty.
  std::string overdue() const;

 private:
  struct Timer {
    int64_t at = 0;
    bool of_nursery = false;
    int id = 0;
  };
  bool present(const Nursery& n) const { return !n.gone; }
  void stop(int n);
  void cancel_from_outside(int n);
  std::string out_of_turn(long queued) const;
  void drop_timer(bool of_nursery, int id);
  void look_again();

  std::vector<Timer> timers_;  ///< in the order they were armed
  long step_ = 0;
};

}  // namespace model
