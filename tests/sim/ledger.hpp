// The books of a schedule: what was started and has to complete, what failed and has to be known to somebody, who cancelled
// whom. What does not add up breaks the schedule.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <tractor/actor.h>
#include <tractor/ctx.h>
#include <tractor/error.h>
#include <tractor/nursery.h>
#include <tractor/portal.h>
#include <tractor/stream.h>

#include "world.hpp"

namespace sim {

class Ledger;
struct Start;

/// A nursery of the program, or of the runtime.
struct Scope {
  Scope(Ledger& l, int i, SimProcess& process, Scope* around) : ledger(l), id(i), p(&process), parent(around) {}
  Ledger& ledger;
  int id;
  SimProcess* p;
  Scope* parent;
  tractor_nursery* nursery = nullptr;
  std::string what;
  bool has_end = false;  ///< somebody else hears of its end
  bool ended = false;
  bool dismisses = false;  ///< once closed it cancels the children that only serve
  bool closed = false;
  Start* caller = nullptr;                ///< of an endpoint
  std::vector<std::string> owed;          ///< its outcome has to tell of these
  const SimProcess* canceller = nullptr;  ///< who has to be named if it ends cancelled
  std::function<void(const tractor_error*)> on_end;
};

/// What promised a completion.
struct Start {
  Start(Ledger& l, int i, SimProcess& process, Scope& scope, const char* kind, bool told)
      : ledger(l), id(i), p(&process), in(&scope), what(kind), has_fn(told) {}
  Ledger& ledger;
  int id;
  SimProcess* p;
  Scope* in;
  const char* what;
  bool has_fn;
  tractor_op token = 0;
  bool in_call = true, abandoned = false, child_cancelled = false;
  int completions = 0;
  bool failed = false;
  std::string cid;                  ///< of its dialog, once it was sent
  std::vector<std::string> wanted;  ///< failures of its task that were sent to it
  bool exit_owed = false, exit_told = false, has_exit = false;
  std::function<void(const tractor_error*)> then;
  std::function<void(const tractor_error*, const tractor_value*)> with_value;
  std::function<void(tractor_portal*)> with_portal;
  std::function<void(tractor_ctx*)> with_ctx;
  std::function<void(tractor_stream*)> with_stream;
};

class Ledger final : public Witness {
 public:
  explicit Ledger(World& world) : world_(world) {}

  Scope& scope(SimProcess& p, Scope* parent, std::string what);
  Start& start(SimProcess& p, Scope& in, const char* what, bool has_fn);
  Start* start_by_id(size_t id) { return id < starts_.size() ? starts_[id].get() : nullptr; }
  /// The call that starts it has returned.
  void returned(Start& s, tractor_op token);
  /// Its completion runs.
  void completed(Start& s, const tractor_error* err);
  void scope_ended(Scope& s, const tractor_error* err);
  void exit_told(Start& s, const tractor_error* err);
  /// A text that no other failure has.
  std::string new_failure();
  void owe(Scope& s, const std::string& failure) { s.owed.push_back(failure); }
  /// An endpoint runs: how it is cancelled is told by its dialog's id.
  void task(Scope& s, tractor_ctx* ctx, size_t caller);
  /// Nothing moves any more, and the root has not ended.
  void say_what_waits();
  /// Nothing may be left.
  void close_books();
  size_t failures() const { return failures_; }

  void on_frame_written(Socket& from, std::string_view body) override;
  void on_frame_read(Socket& to, std::string_view body) override;
  void before_exit_is_told(SimProcess& child) override;
  void on_killed(SimProcess& process) override {
    if (!gone_.count(process.index)) killed_[process.index] = true;
    gone_[process.index] = true;
  }
  void on_ended(SimProcess& process) override;

  World& world() { return world_; }

 private:
  bool is_gone(const SimProcess& p) const {
    auto it = gone_.find(p.index);
    return it != gone_.end();
  }
  void check_cancellers(const Error& err, const char* where, int id);
  void check_wanted(Start& s, const Error* told);
  /// What somebody has sent may not be on its way for as long as anybody waits.
  bool writes_may_wait() const { return world_.socket_capacity < 10'000 && (world_.slowness > 0 || world_.stops > 0); }
  bool is_known_actor(std::string_view uuid) const;

  struct Heard {
    int process;
    int64_t at;
  };
  World& world_;
  std::vector<std::unique_ptr<Scope>> scopes_;
  std::vector<std::unique_ptr<Start>> starts_;
  std::unordered_map<std::string, std::vector<Heard>> heard_;  ///< failures, by those who have read of them
  std::unordered_map<std::string, int64_t> asked_to_stop_;     ///< dialogs
  std::unordered_map<std::string, Scope*> tasks_;
  struct Debt {
    std::string failure;
    SimProcess *from, *to;
  };
  std::vector<Debt> debts_;                                    ///< failures that have to leave for their callers
  std::unordered_map<std::string, std::vector<int>> written_;  ///< failures, by those who have sent them
  std::map<int, bool> gone_, killed_;
  size_t failures_ = 0;
};

/// Does the error, or anything in it, say this?
bool says(const Error* err, std::string_view text);

}  // namespace sim
