// One operation: decided once at its event, delivered later from the ready queue, disarmed at any time before that.
#pragma once

#include <new>
#include <string>

#include "base/list.hpp"
#include "fault/error.hpp"
#include "loop/loop.hpp"
#include "scope/engine.hpp"

namespace tractor::core {

class Nursery;
struct OpsTag;

/// Derived classes do the work and call decide(); the base counts as work of the nursery until the completion has
/// returned, and then deletes itself. Created with `new`, never deleted from outside.
class Op : public Link<OpsTag>, public Tokened, private Ready {
 public:
  OpToken token() const { return token_; }
  Nursery& nursery() const { return nursery_; }
  bool decided() const { return decided_; }
  /// What it is called in logs and errors; empty: just an operation.
  virtual std::string what() const { return {}; }

  /// Asks it to stop, with the ECANCELED (or ETIMEDOUT) that it shall end with. After a decision, and the second time,
  /// nothing happens.
  void cancel(ErrorRef why);
  /// Begins: true if the work shall be done; false if the nursery is cancelled, and then it is decided so, or if there
  /// was no token for it, and then it is gone.
  bool begin();
  /// Runs what its start has to do, after begin(). Without memory for that it is gone as if it had never been there, and
  /// std::bad_alloc tells the caller of the start.
  template <class F>
  void go(F&& work) {
    try {
      work();
    } catch (const std::bad_alloc&) {
      finish_silently();
      throw;
    }
  }

  void token_cancel() override;
  bool token_abandon() override;

 protected:
  explicit Op(Nursery& in, bool armed);
  virtual ~Op();

  /// Fixes the outcome; what comes later changes nothing. Null: success.
  void decide(ErrorRef outcome);
  /// Runs the user's completion.
  virtual void deliver(const Error* err) = 0;
  /// Somebody asked it to stop and it is not decided: decide now, or see to it that it will be.
  virtual void on_cancel(const ErrorRef& why) = 0;
  /// Its error has no completion to go to.
  virtual void orphan_error(ErrorRef err);
  /// Something to tell before a decision, asked for by notify_later().
  virtual void on_notify() {}
  void notify_later();
  /// Leaves without a completion, now; deletes this.
  void finish_silently();

  const ErrorRef& cancel_reason() const { return cancel_reason_; }
  bool armed() const { return armed_; }
  Engine& engine() const;

 private:
  void fire() override;
  void drop_token();

  Nursery& nursery_;
  OpToken token_;
  ErrorRef outcome_, cancel_reason_;
  bool armed_, decided_ = false;
};

}  // namespace tractor::core
