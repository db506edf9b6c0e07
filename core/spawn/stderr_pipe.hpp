// The reading end of a child's stderr: remembers its last lines and, if wanted, passes whole lines on to our own.
#pragma once

#include <memory>
#include <string>

#include "loop/loop.hpp"

namespace tractor::core {

class StderrPipe final : private FdHandler, private Timer {
 public:
  class Owner {
   public:
    /// Read to its end, and everything passed on. Comes from within the calls below too, and more than once.
    virtual void on_stderr_done() = 0;

   protected:
    ~Owner() = default;
  };

  /// Takes over `fd`, which must be non-blocking.
  StderrPipe(Loop& loop, int fd, bool relay, Owner& owner);
  ~StderrPipe();

  /// Takes what lies in the pipe now: for a child that has just ended.
  void drain();
  /// No more patience: what can be passed on at once is, the rest is dropped.
  void finish();
  bool done() const { return fd_ < 0 && pending_.empty(); }
  /// The last lines, at most 4 KiB, valid UTF-8, without a line break at the end.
  std::string tail() const;

 private:
  static constexpr size_t kTail = 4096;
  static constexpr size_t kBacklog = 256 * 1024;  // unwritten relay text at which we stop reading

  void on_fd(unsigned ready) override;
  void on_timer() override;
  void read_some(size_t limit);
  void keep(const char* p, size_t n);
  void pass_on(bool partial_lines);
  bool wait_for_room();
  size_t next_piece(bool partial_lines) const;
  void close();

  Loop& loop_;
  Owner& owner_;
  int fd_;
  bool relay_;
  bool cut_ = false;  // the tail lost its beginning
  std::string tail_;
  std::string pending_;  // relay text not yet written
  std::unique_ptr<Watch> watch_;
};

}  // namespace tractor::core
