#include "spawn/stderr_pipe.hpp"

#include <cerrno>
#include <new>
#include <poll.h>
#include <unistd.h>

#include "spawn/last_lines.hpp"

namespace tractor::core {

namespace {
constexpr size_t kPerTurn = 64 * 1024;  // a child that shouts must not starve the others
constexpr size_t kWholePipe = 1 << 20;  // the largest that an unprivileged process can make a pipe
constexpr size_t kPiece = 4096;         // a ready pipe takes as much without blocking, and in one piece
constexpr int64_t kRetry = 10 * kMillisecond;
}  // namespace

StderrPipe::StderrPipe(Loop& loop, int fd, bool relay, Owner& owner)
    : loop_(loop), owner_(owner), fd_(fd), relay_(relay), watch_(loop.watch(fd, kRead, *this)) {}

StderrPipe::~StderrPipe() { close(); }

void StderrPipe::close() {
  watch_.reset();
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void StderrPipe::on_fd(unsigned) {
  read_some(kPerTurn);
  pass_on(false);
}

void StderrPipe::on_timer() { pass_on(false); }

void StderrPipe::drain() {
  read_some(kWholePipe);
  pass_on(false);
}

void StderrPipe::finish() {
  close();
  pass_on(true);
  pending_.clear();
  disarm();
}

void StderrPipe::read_some(size_t limit) {
  char buffer[8192];
  for (size_t total = 0; fd_ >= 0 && total < limit;) {
    ssize_t n = ::read(fd_, buffer, sizeof buffer);
    if (n > 0) {
      keep(buffer, static_cast<size_t>(n));
      total += static_cast<size_t>(n);
    } else if (n == 0) {
      close();
    } else if (errno != EINTR) {
      if (errno != EAGAIN) close();
      return;
    }
  }
}

void StderrPipe::keep(const char* p, size_t n) try {
  tail_.append(p, n);
  // Cut seldom: a move of the whole tail for every line would cost more than the line.
  if (tail_.size() > 4 * kTail) {
    tail_.erase(0, tail_.size() - kTail);
    cut_ = true;
  }
  if (relay_) pending_.append(p, n);
} catch (const std::bad_alloc&) {
  // A line that is lost is better than a child that is.
}

size_t StderrPipe::next_piece(bool partial_lines) const {
  size_t limit = pending_.size() < kPiece ? pending_.size() : kPiece;
  if (limit == 0) return 0;
  size_t newline = pending_.rfind('\n', limit - 1);
  if (newline != pending_.npos) return newline + 1;
  return partial_lines || limit == kPiece ? limit : 0;
}

/// Never waits: whoever reads our stderr may have stopped, and then only this child's lines stand still.
void StderrPipe::pass_on(bool partial_lines) {
  bool last = partial_lines || fd_ < 0;
  while (size_t n = next_piece(last)) {
    pollfd out{STDERR_FILENO, POLLOUT, 0};
    ssize_t written = -1;
    errno = EAGAIN;
    if (poll(&out, 1, 0) == 1) written = ::write(STDERR_FILENO, pending_.data(), n);
    if (written > 0) {
      bool line_open = last && static_cast<size_t>(written) == pending_.size() && pending_.back() != '\n';
      pending_.erase(0, static_cast<size_t>(written));
      // Somebody else's line comes next.
      if (line_open) pending_ += '\n';
    } else if (written < 0 && (errno == EAGAIN || errno == EINTR) && wait_for_room()) {
      break;
    } else {
      relay_ = false;
      pending_.clear();
    }
  }
  if (watch_) watch_->want(pending_.size() < kBacklog ? unsigned{kRead} : 0);
  if (done()) owner_.on_stderr_done();
}

bool StderrPipe::wait_for_room() {
  try {
    loop_.arm_after(*this, kRetry);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

std::string StderrPipe::tail() const { return last_lines(tail_, cut_, kTail); }

}  // namespace tractor::core
