// The reading end of what a program writes: kept, or handed on line by line.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "loop/loop.hpp"
#include "spawn/fd.hpp"

namespace tractor::core {

class OutputPipe final : private FdHandler {
 public:
  class Owner {
   public:
    /// Without its line break. A line beyond 64 KiB comes in pieces.
    virtual void on_line(const OutputPipe& from, std::string_view line) = 0;
    /// It has ended, or has lost something. May come again, and from within the calls below.
    virtual void on_output(const OutputPipe& from) = 0;

   protected:
    ~Owner() = default;
  };
  enum class Mode : uint8_t {
    keep,   ///< all of it, as far as the limit
    lines,  ///< only its tail; its lines go to the owner
  };

  /// `fd` does not block.
  OutputPipe(Loop& loop, Fd fd, Mode mode, size_t limit, Owner& owner);

  /// Takes what lies in the pipe now: for a program that has just ended.
  void drain();
  /// No more patience: what was read is all.
  void finish();
  bool ended() const { return !watch_; }
  /// There was more than the limit, or than memory.
  bool lost() const { return lost_; }
  std::string_view kept() const { return kept_; }
  /// Its last lines, for an error.
  std::string tail() const;

  static constexpr size_t kTail = 16 * 1024;

 private:
  void on_fd(unsigned ready) override;
  void read_some(size_t limit);
  void take(std::string_view piece);
  void lose();
  void split(std::string_view piece);
  void say(size_t length);

  Owner& owner_;
  Fd fd_;
  Mode mode_;
  bool lost_ = false;
  bool cut_ = false;        // the tail lost its beginning
  bool continued_ = false;  // the open line's first pieces were said
  size_t limit_;
  std::string kept_, line_;
  std::unique_ptr<Watch> watch_;  // before its descriptor goes
};

}  // namespace tractor::core
