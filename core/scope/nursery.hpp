// The one scope: owns operations, children and nested nurseries, and knows when nothing of them is left.
//
// One counter decides: `work_` counts operations, children that must be waited for, and nested nurseries that are
// busy. Everything enters by enter() and leaves by leave(); settle() notices that nothing is left, and fire() draws the
// conclusion when the callback that is running has returned.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/handles.hpp"
#include "base/list.hpp"
#include "base/ref.hpp"
#include "fault/error.hpp"
#include "loop/loop.hpp"
#include "scope/engine.hpp"
#include "scope/op.hpp"

namespace tractor::core {

namespace wire {
class Packer;
}

struct NestedTag;
struct ChildTag;
struct OwnedTag;

/// A child process as its nursery sees it.
class ChildOf : public Link<ChildTag> {
 public:
  /// Begin to end it, gracefully first. Idempotent.
  virtual void cancel_child(const ErrorRef& why) = 0;
  /// After cancel_child(): don't wait for its consent.
  virtual void terminate_child() = 0;
  /// This actor has calls open to it.
  virtual bool in_use() const = 0;
  virtual const std::string& child_name() const = 0;
  /// A map that tells of it.
  virtual void describe(wire::Packer& out) const = 0;

 protected:
  ~ChildOf() = default;

 private:
  friend class Nursery;
  bool daemon_ = false;
};

/// Something that ends with a nursery without being work in it, such as a found actor's connection.
class OwnedBy : public Link<OwnedTag> {
 public:
  virtual void nursery_ended() = 0;

 protected:
  ~OwnedBy() = default;
};

/// How long a child has at each step of its end.
struct Ladder {
  int64_t cancel = kSecond / 2;        ///< to acknowledge that it was asked
  int64_t kill = 1600 * kMillisecond;  ///< to end after that, or after SIGTERM
  /// With those steps that are given, not 0.
  Ladder with(int64_t cancel_timeout, int64_t kill_timeout) const {
    return {cancel_timeout ? cancel_timeout : cancel, kill_timeout ? kill_timeout : kill};
  }
};

struct NurseryOptions {
  std::string name;
  int64_t timeout = 0;
  bool shield = false;
  bool cancel_daemons = false;
  bool hard_kill = false;  ///< children are not asked to end, they are told
  int64_t cancel_timeout = 0, kill_timeout = 0;
};

class Nursery : public RefCounted<Nursery>,
                public Link<NestedTag>,
                public WaitsInLog,
                public Tokened,
                private Ready,
                private Timer {
 public:
  Engine& engine() const { return *engine_; }
  Nursery* parent() const { return parent_; }
  const NurseryOptions& options() const { return options_; }
  bool ended() const { return phase_ == Phase::ended; }
  bool cancel_called() const { return cancel_reason_ || has_errors(); }
  /// Everything in it was told to stop. A place to look at.
  const bool& stopped() const { return stopped_; }
  const ErrorRef& cancel_reason() const { return cancel_reason_; }
  bool has_errors() const { return !errors_.empty() || unlisted_error_; }
  /// An error that is not this one.
  bool has_errors_besides(const Error* known) const;
  /// Its own cancel cut something short, and was all.
  bool cancelled_caught() const { return caught_; }
  const Ladder& ladder() const { return ladder_; }
  const Error* first_error() const { return errors_.empty() ? unlisted_error_.get() : errors_.front().get(); }
  bool closed() const { return phase_ != Phase::open; }
  /// Closed, and there is nothing that it waits for.
  bool idle() const { return phase_ == Phase::closed && work_ == 0 && !body_running_; }

  /// The body is over, here and in nested nurseries.
  void close();
  /// Its own wish; absorbed at the end. False if it was cancelled already.
  bool cancel(std::string_view reason);
  /// The same, and children are not waited for to agree; also after a cancel. False if it is so already.
  bool cancel_hard(std::string_view reason);
  /// Somebody else's wish: it ends with ECANCELED unless something failed. A shielded one ignores its parent's.
  void cancel_from_outside(const ErrorRef& why);
  /// Raises; an ECANCELED only cancels. One error is kept for each failure.
  void fail(ErrorRef err);
  /// Raises for a one-shot: its siblings of the same kind run to their end first.
  void collect(ErrorRef err);
  void set_deadline(int64_t from_now);

  virtual bool opened_by_program() const { return false; }
  OpToken end_token();
  void on_end(tractor_done_fn fn, void* user) { observers_.push_back({fn, user}); }
  void* alloc(size_t size);

  // Work.
  void enter() {
    ++work_;
    settle();
  }
  void leave() {
    --work_;
    settle();
  }
  void add_op(Op& op);
  void remove_op(Op& op);
  /// In a nursery that was told to stop the child is cancelled at once.
  void add_child(ChildOf& child, bool daemon);
  void remove_child(ChildOf& child);
  void one_shot_started() { ++one_shots_; }
  void one_shot_ended();
  void own(OwnedBy& owned) { owned_.push_back(owned); }
  /// Looks again whether it can end: a daemon is no longer in use.
  void settle();

  /// What keeps it from ending, for errors and logs: "hold 'socket', 2 operations, child 'w1', nursery 'pool'".
  std::string open_work();
  /// A map that tells of it and of all in it.
  void describe(wire::Packer& out);
  /// What it is called there itself.
  virtual std::string what() const { return "nursery '" + options_.name + "'"; }

  void token_cancel() override;
  bool token_abandon() override;

  static void destroy(const Nursery* self) { delete self; }

 protected:
  friend class RefCounted<Nursery>;
  /// With a parent: nested in it, born cancelled if it is (unless shielded). Born with one reference, which the
  /// nursery holds on itself until its end.
  Nursery(Engine& engine, Nursery* parent, NurseryOptions options);
  /// A tombstone: has ended before it began.
  explicit Nursery(NurseryOptions options);
  virtual ~Nursery();

  /// While true it does not end, whatever it contains.
  void set_body_running(bool running) {
    body_running_ = running;
    if (!running) settle();
  }
  /// Its end if it was never used: nothing is delivered, nobody told.
  void abandon();
  /// It is to end soon: the log says what for if it has to wait.
  void expect_end() {
    if (wait_note_ == WaitNote::none) wait_note_ = WaitNote::wanted;
  }
  /// The function that is its body has returned; nested nurseries stay open.
  void body_over();
  /// Ends now if nothing is left, not from the ready queue. Only where no callback is running.
  void end_at_once() {
    if (!Ready::linked()) return;
    Ready::unlink();
    fire();
  }
  /// Closed and without work, with only idle nested nurseries left or none. May raise; may be asked again.
  virtual void on_idle() {}
  /// Its end: run the end callback. What remains of the error goes to the parent if this returns false.
  virtual bool deliver_end(const ErrorRef& outcome) = 0;
  /// Everything is over, the parent was told. The last call.
  virtual void on_gone() {}
  virtual void disarm_end() {}
  /// Everything in it is being told to stop. Not for one that is born so.
  virtual void scope_stopped(const ErrorRef& /*why*/) {}
  /// What it waits for that is no operation, child or nursery of its own.
  virtual std::string own_work() { return {}; }
  uint32_t work() const { return work_; }
  /// For one that is more than a nursery: a map that tells of that.
  virtual void describe_more(wire::Packer& out);

 private:
  enum class Phase : uint8_t { open, closed, ended };
  enum class WaitNote : uint8_t { none, wanted, done };
  struct Observer {
    tractor_done_fn fn;
    void* user;
  };

  void fire() override;      // its end, from the ready queue
  void on_timer() override;  // its deadline
  void keep(const ErrorRef& err);
  /// What of it is not known yet; null: nothing.
  ErrorRef news_in(const ErrorRef& err) const;
  void stop_all(ErrorRef why);
  void stop_if_one_shots_failed();
  /// Makes the end of all children in it a hard one.
  void harden();
  void stop_child(ChildOf& child, const ErrorRef& why);
  void close_nested();
  void dismiss_daemons();
  void note_wait();
  ErrorRef outcome() const;
  std::vector<ErrorRef> telling_errors() const;

  Engine* engine_;
  Nursery* parent_;
  NurseryOptions options_;
  Ladder ladder_;
  List<Op, OpsTag> ops_;
  List<Nursery, NestedTag> nested_;
  List<ChildOf, ChildTag> children_;
  List<OwnedBy, OwnedTag> owned_;
  std::vector<ErrorRef> errors_;
  ErrorRef unlisted_error_;  ///< the first one that there was no memory for in the list
  std::vector<Observer> observers_;
  std::vector<std::unique_ptr<std::byte[]>> memory_;
  ErrorRef cancel_reason_;
  OpToken end_token_ = 0;
  int64_t since_ = 0;  ///< about
  uint32_t work_ = 0, daemons_ = 0, one_shots_ = 0;
  Phase phase_ = Phase::open;
  WaitNote wait_note_ = WaitNote::none;
  std::optional<Status> cut_by_;  ///< how it ends if nothing fails, fixed when nothing is left
  bool counted_ = false;          ///< is work of its parent
  bool body_running_ = false;
  bool stopped_ = false;    ///< everything in it was told to stop
  bool cut_short_ = false;  ///< by its own cancel, which found work
  bool caught_ = false;
  bool cancelled_outside_ = false;
  bool timed_out_ = false;
  bool one_shot_failed_ = false;
};

/// A nursery that a program opened, with its end callback.
class UserNursery final : public Nursery {
 public:
  static UserNursery* open(Nursery& parent, NurseryOptions options, tractor_done_fn fn, void* user);
  static Nursery* dead() { return new UserNursery(); }
  /// The same in memory that is there already.
  static Nursery* dead_at(void* place) { return new (place) UserNursery(); }
  using Nursery::body_over;

 private:
  UserNursery(Nursery& parent, NurseryOptions options, tractor_done_fn fn, void* user)
      : Nursery(parent.engine(), &parent, std::move(options)), fn_(fn), user_(user) {}
  UserNursery() : Nursery(NurseryOptions{}) {}
  bool deliver_end(const ErrorRef& outcome) override;
  bool opened_by_program() const override { return true; }
  void disarm_end() override { fn_ = nullptr; }
  tractor_done_fn fn_ = nullptr;
  void* user_ = nullptr;
};

}  // namespace tractor::core
