#include "spawn/output_pipe.hpp"

#include <cerrno>
#include <new>
#include <unistd.h>

#include "spawn/last_lines.hpp"

namespace tractor::core {

namespace {
constexpr size_t kPerTurn = 64 * 1024;  // a program that shouts must not starve the others
constexpr size_t kWholePipe = 1 << 20;  // the largest that an unprivileged process can make a pipe
constexpr size_t kLongestLine = 64 * 1024;

/// Where to cut a text that goes on: not inside a character.
size_t whole_characters(std::string_view text) {
  size_t n = text.size();
  if ((static_cast<unsigned char>(text[n - 1]) & 0x80) == 0) return n;
  do --n;
  while (n > text.size() - 4 && (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80);
  return n;
}
}  // namespace

OutputPipe::OutputPipe(Loop& loop, Fd fd, Mode mode, size_t limit, Owner& owner)
    : owner_(owner), fd_(std::move(fd)), mode_(mode), limit_(limit), watch_(loop.watch(fd_.get(), kRead, *this)) {}

void OutputPipe::on_fd(unsigned) { read_some(kPerTurn); }

void OutputPipe::drain() {
  if (!ended()) read_some(kWholePipe);
}

void OutputPipe::finish() {
  if (ended()) return;
  watch_.reset();
  fd_.reset();
  if (!line_.empty()) say(line_.size());
  owner_.on_output(*this);
}

void OutputPipe::read_some(size_t limit) {
  char buffer[16 * 1024];
  for (size_t total = 0; total < limit;) {
    ssize_t n = ::read(fd_.get(), buffer, sizeof buffer);
    if (n > 0) {
      take({buffer, static_cast<size_t>(n)});
      total += static_cast<size_t>(n);
    } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
      return finish();
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

/// What is lost is read all the same: a program that is to end must not wait for us.
void OutputPipe::take(std::string_view piece) try {
  if (mode_ == Mode::lines) {
    kept_.append(piece);
    // Cut seldom: a move of the whole tail for every line would cost more than the line.
    if (kept_.size() > 4 * kTail) {
      kept_.erase(0, kept_.size() - kTail);
      cut_ = true;
    }
    split(piece);
  } else if (!lost_) {
    size_t room = limit_ - kept_.size();
    kept_.append(piece.substr(0, room));
    if (piece.size() > room) lose();
  }
} catch (const std::bad_alloc&) {
  lose();
}

void OutputPipe::lose() {
  lost_ = true;
  owner_.on_output(*this);
}

void OutputPipe::split(std::string_view piece) {
  while (!piece.empty()) {
    std::string_view fits = piece.substr(0, kLongestLine - line_.size());
    size_t newline = fits.find('\n');
    line_.append(fits.substr(0, newline));
    piece.remove_prefix(newline == fits.npos ? fits.size() : newline + 1);
    if (newline != fits.npos) {
      if (!line_.empty() || !continued_) say(line_.size());
      continued_ = false;
    } else if (line_.size() == kLongestLine) {
      say(whole_characters(line_));
      continued_ = true;
    }
  }
}

void OutputPipe::say(size_t length) {
  std::string_view line(line_.data(), length);
  if (length == line_.size() && !line.empty() && line.back() == '\r') line.remove_suffix(1);
  owner_.on_line(*this, line);
  line_.erase(0, length);
}

std::string OutputPipe::tail() const { return last_lines(kept_, cut_, kTail); }

}  // namespace tractor::core
