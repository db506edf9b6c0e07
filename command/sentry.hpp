// What no callback of the loop tells: the time is up, or nobody reads what we write.
#pragma once

#include <cstdint>
#include <functional>
#include <thread>
#include <tractor.h>

namespace tractor::command {

/// Stands beside an actor while it runs, from before it is up.
class Sentry {
 public:
  enum What { late, unread };
  static constexpr int kNobody = -1;

  /// `alarm` runs at most once, on the loop thread.
  /// `reader`: a file descriptor, or kNobody. Its reader has gone if the other end of the pipe or socket is closed, or if the
  /// terminal hung up; a file has none that could go. `timeout`: in nanoseconds, 0: none.
  Sentry(tractor_actor* actor, int reader, int64_t timeout, std::function<void(What)> alarm);
  /// After the actor has ended.
  ~Sentry();
  Sentry(const Sentry&) = delete;
  Sentry& operator=(const Sentry&) = delete;

 private:
  void watch(int reader, int64_t deadline);
  void report(What what);

  tractor_actor* actor_;
  std::function<void(What)> alarm_;
  What what_ = late;
  int dismissed_ = -1;  ///< an eventfd
  std::thread thread_;
};

}  // namespace tractor::command
