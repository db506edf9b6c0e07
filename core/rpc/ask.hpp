// Connections and calls as steps of the runtime's own flows.
#pragma once

#include <string_view>

#include "rpc/link.hpp"
#include "scope/flow.hpp"
#include "wire/value.hpp"

namespace tractor::core {

/// Stops a flow: the step that it waits in ends at once, and each later one as it begins. It outlives the flow's steps.
class Halt {
 public:
  class Step {
   public:
    virtual void on_halt(const ErrorRef& why) = 0;

   protected:
    Step(Halt* halt) : halt_(halt) {}
    ~Step() {
      if (halt_) halt_->step_ = nullptr;
    }
    /// The last act of a constructor.
    void begin() {
      if (!halt_) return;
      halt_->step_ = this;
      if (halt_->why_) on_halt(halt_->why_);
    }

   private:
    Halt* halt_;
  };
  void halt(ErrorRef why) {
    if (why_) return;
    why_ = std::move(why);
    if (step_) step_->on_halt(why_);
  }
  /// Null: it goes on.
  const ErrorRef& why() const { return why_; }

 private:
  Step* step_ = nullptr;  ///< a flow waits in one at a time
  ErrorRef why_;
};

/// Connects and shakes hands. `timeout` bounds both together. `reached`, if given, is set once somebody accepted the connection.
Task<Result<Ref<PeerLink>>> connect(LinkHost& host, Address to, Greeting greeting, int64_t timeout, Halt* halt,
                                    bool* reached = nullptr);

/// The outcome of one call: a value, or the error.
struct Answer {
  ErrorRef err;
  Ref<Value> value;
};

class Asker {
 public:
  virtual void on_answer(Answer answer) = 0;

 protected:
  ~Asker() = default;
};

/// Calls `ns:func` on a link, as work of `in`, deaf to its cancels: bounded by `timeout` instead (0: by the peer). `asker` hears of
/// it once and must live until then. The token cancels it all the same.
OpToken ask(Asker& asker, PeerLink& link, Nursery& in, std::string_view ns, std::string_view func, Bytes args,
            int64_t timeout);

/// What becomes of a question when its flow is halted.
enum class OnHalt : uint8_t {
  cancel,   ///< the peer is asked to drop it, which takes a moment
  hang_up,  ///< its connection, which is for nothing else, is closed
};
Task<Answer> ask(Ref<PeerLink> link, Nursery& in, std::string_view ns, std::string_view func, std::string args,
                 int64_t timeout, Halt* halt, OnHalt on_halt);

}  // namespace tractor::core
