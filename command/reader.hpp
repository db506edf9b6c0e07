// Is there still somebody who reads what we write?
#pragma once

#include <functional>
#include <thread>

namespace tractor::command {

/// Notices that the reader of a file descriptor has gone, also while nothing is written to it: a pipe or socket whose
/// other end is closed, a terminal that hung up. A file has no reader that could go.
class Reader {
 public:
  /// `gone` runs at most once, on another thread, and not after the destructor.
  Reader(int fd, std::function<void()> gone);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

 private:
  void watch(int fd) const;

  std::function<void()> gone_;
  int stop_;  ///< an eventfd
  std::thread thread_;
};

}  // namespace tractor::command
