// Whose thread it is: the check that every call starts with, at the cost of one read and one compare.
#pragma once

#include <pthread.h>

#include <atomic>

#include "base/status.hpp"

namespace tractor::core {

/// One actor per process, so one owner per process.
class Owner {
 public:
  /// The calling thread owns the actor from now on.
  static void claim();
  static void release() { owned_ = false; }
  static Status check() {
    if (!owned_) return Status::ok;  // nothing is open: handles are tombstones and say so themselves
    if (!alive()) return Status::forked;
    return pthread_equal(pthread_self(), thread_.load(std::memory_order_relaxed)) ? Status::ok : Status::wrong_thread;
  }
  static bool forked() { return owned_ && !alive(); }

 private:
  static bool alive() { return alive_page_->load(std::memory_order_relaxed); }

  // Read by threads that own nothing, to be told so, or to post while the owner changes. `owned_` publishes the page.
  static inline std::atomic<char>* alive_page_ = nullptr;  ///< the kernel clears it in a forked process
  static inline std::atomic<pthread_t> thread_{};
  static inline std::atomic<bool> owned_ = false;
};

}  // namespace tractor::core
