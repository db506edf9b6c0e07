// The actor's loop: timers, the ready queue and the turn, over a small port to whatever really polls.
//
// One turn: the port reports a descriptor or the alarm; its handler runs; then the ready queue is drained, then the
// flush list (each connection writes once); only then does the port poll again. So a completion never runs inside
// the call that caused it and costs no system call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/list.hpp"

namespace tractor::core {

class Loop;

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kForever = INT64_MAX;

/// Something to run on the loop before it polls again. Linked while queued; destroying or unlinking disarms it.
struct ReadyTag;
class Ready : public Link<ReadyTag> {
 public:
  virtual void fire() = 0;

 protected:
  ~Ready() = default;
};

/// Work whose owner is gone already, such as a connection that still flushes. Linked to the loop while it goes on, so
/// that it can't outlive the loop.
struct LastWorkTag;
class LastWork : public Link<LastWorkTag> {
 public:
  virtual void abandon() = 0;  ///< the loop ends: stop now; may destroy the object

 protected:
  ~LastWork() = default;
};

/// One deadline. Rearming moves it, destroying or disarming removes it. Lives wherever its owner does.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  void disarm();
  bool armed() const { return loop_ != nullptr; }
  int64_t deadline() const { return deadline_; }
  virtual void on_timer() = 0;

 protected:
  ~Timer() { disarm(); }

 private:
  friend class Loop;
  bool before(const Timer& other) const;

  Loop* loop_ = nullptr;
  int64_t deadline_ = 0;
  uint64_t armed_as_ = 0;  ///< a running number: equal deadlines fire in the order they were armed
  size_t heap_index_ = 0;
};

enum Interest : unsigned { kRead = 1, kWrite = 2 };

class FdHandler {
 public:
  /// `ready` is a set of Interest bits. Errors and hang-ups are reported as readable and writable.
  virtual void on_fd(unsigned ready) = 0;

 protected:
  ~FdHandler() = default;
};

/// A registered descriptor; destroying it stops the watch, also from inside its own handler. It does not own the
/// descriptor, which must stay open until the watch is gone, and must itself be gone before the loop.
class Watch {
 public:
  virtual ~Watch() = default;
  virtual void want(unsigned interest) = 0;  ///< level-triggered; 0 keeps the registration but reports nothing
};

/// The seam: libevent in production (port_libevent.hpp), a virtual clock in tests (port_manual.hpp).
class Port {
 public:
  virtual ~Port() = default;
  virtual int64_t now() = 0;                     ///< monotonic nanoseconds
  virtual int64_t about_now() { return now(); }  ///< the same to a few milliseconds, for less
  virtual std::unique_ptr<Watch> watch(int fd, unsigned interest, FdHandler& handler) = 0;
  virtual void set_alarm(int64_t deadline) = 0;  ///< replaces the one alarm; kForever: none
  /// Loop thread: call Loop::turn() before polling again; or after one poll that doesn't sleep, if the loop is
  /// dispatching, which then has more to do than fits into one turn.
  virtual void request_turn() = 0;
  virtual void wake() = 0;                        ///< any thread: the same, and end a sleeping poll
  virtual bool run_once() = 0;                    ///< poll once, dispatch; false if that can't be done (foreign loop)
  virtual bool foreign() const { return false; }  ///< somebody else polls
  void attach(Loop& loop) { loop_ = &loop; }

 protected:
  /// Brackets every call into a handler, so that the turn ends after it.
  class Dispatch;
  Loop* loop_ = nullptr;
};

class Loop {
 public:
  explicit Loop(std::unique_ptr<Port> port);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Port& port() { return *port_; }
  int64_t now() { return port_->now(); }
  int64_t about_now() { return port_->about_now(); }

  /// FIFO; an item that is queued already keeps its place. What is posted while the queue drains runs in the same
  /// turn, up to a bound of about 256 items, so that a chain of completions can't starve the sockets.
  void post(Ready& item) {
    if (item.linked()) return;
    ready_.push_back(item);
    if (depth_ == 0) request_turn();
  }
  /// Runs once at the end of this turn, after the ready queue.
  void flush_later(Ready& item) {
    if (item.linked()) return;
    flush_.push_back(item);
    if (depth_ == 0) request_turn();
  }

  void arm(Timer& timer, int64_t deadline);
  void arm_after(Timer& timer, int64_t delay) { arm(timer, after(delay)); }
  /// The time in `delay` nanoseconds; kForever if there is no such time.
  int64_t after(int64_t delay) {
    int64_t t = now();
    return delay >= kForever - t ? kForever : t + delay;
  }

  std::unique_ptr<Watch> watch(int fd, unsigned interest, FdHandler& handler) {
    return port_->watch(fd, interest, handler);
  }

  void adopt(LastWork& work) { last_work_.push_back(work); }
  /// A closing actor runs the loop until there is none, within its limit.
  bool has_last_work() const { return !last_work_.empty(); }

  /// True while a handler, a ready item or a flush of this loop is on the stack.
  bool dispatching() const { return depth_ > 0; }

  /// A hook for other threads: `fire` runs on the loop thread soon after wake() was called. One per loop.
  void set_wake_handler(Ready* handler) { wake_handler_ = handler; }
  void wake() { port_->wake(); }

  // For ports: enter() and leave() bracket each callback from outside; expire() fires due timers; turn() drains.
  void enter() { ++depth_; }
  void leave() {
    if (depth_ == 1) drain();
    if (--depth_ == 0 && last_act_) std::exchange(last_act_, nullptr)(last_act_user_);
  }
  /// Runs when nothing of this loop is on the stack any more; it may destroy the loop. For a loop that the host runs.
  void set_last_act(void (*act)(void* user), void* user) {
    last_act_ = act;
    last_act_user_ = user;
    if (depth_ == 0) request_turn();
  }
  void expire();
  void turn();
  void woken();

 private:
  friend class Timer;
  void drain();
  void request_turn();
  void remove(Timer& timer);
  void restore_order(size_t i);
  void place(size_t i, Timer* timer);
  void rearm_alarm();

  std::unique_ptr<Port> port_;
  List<Ready, ReadyTag> ready_, flush_;
  List<LastWork, LastWorkTag> last_work_;
  std::vector<Timer*> timers_;  ///< a binary heap; each timer knows its index
  Ready* wake_handler_ = nullptr;
  int64_t alarm_ = kForever;  ///< what the port was told last
  uint64_t armed_count_ = 0;
  void (*last_act_)(void* user) = nullptr;
  void* last_act_user_ = nullptr;
  unsigned depth_ = 0;
  bool turn_requested_ = false;
};

class Port::Dispatch {
 public:
  explicit Dispatch(Port& port) : loop_(*port.loop_) { loop_.enter(); }
  ~Dispatch() { loop_.leave(); }
  Dispatch(const Dispatch&) = delete;
  Dispatch& operator=(const Dispatch&) = delete;

 private:
  Loop& loop_;
};

}  // namespace tractor::core
