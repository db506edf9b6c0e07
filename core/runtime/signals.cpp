#include "runtime/signals.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <new>
#include <unistd.h>

namespace tractor::core {

namespace {

std::atomic<int> write_end = -1;
/// That end the process and that the loop has not read yet; only counted where a second one is to end it at once.
std::atomic<int> unread = 0;
std::atomic<bool> counted = false;

void on_caught(int signo) {
  int saved = errno;
  // Twice, and the loop has not heard of it: it is blocked, and only this can end the process.
  if (signo != SIGCHLD && counted && unread.fetch_add(1) > 0) {
    signal(signo, SIG_DFL);
    raise(signo);  // strikes when this handler has returned
  }
  auto byte = static_cast<unsigned char>(signo);
  [[maybe_unused]] ssize_t n = write(write_end.load(std::memory_order_relaxed), &byte, 1);
  errno = saved;
}

}  // namespace

SignalWatch::SignalWatch(Loop& loop, Handler& handler, std::initializer_list<int> caught,
                         std::initializer_list<int> ignored)
    : handler_(handler) {
  saved_.reserve(caught.size() + ignored.size());
  if (pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) != 0) {
    error_ = errno;
    return;
  }
  try {
    watch_ = loop.watch(pipe_[0], kRead, *this);
  } catch (const std::bad_alloc&) {
    ::close(pipe_[0]);
    ::close(pipe_[1]);
    throw;
  }
  write_end = pipe_[1];
  unread = 0;
  // Who catches SIGINT is the root.
  counted = std::find(caught.begin(), caught.end(), SIGINT) != caught.end();
  for (int signo : caught) install(signo, on_caught);
  for (int signo : ignored) install(signo, SIG_IGN);
}

SignalWatch::~SignalWatch() {
  if (error_) return;
  for (const Saved& s : saved_) sigaction(s.signo, &s.action, nullptr);
  write_end = -1;
  watch_.reset();
  ::close(pipe_[0]);
  ::close(pipe_[1]);
}

void SignalWatch::install(int signo, void (*handler)(int)) {
  Saved saved{signo, {}};
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  sigaction(signo, &action, &saved.action);
  saved_.push_back(saved);
}

void SignalWatch::on_fd(unsigned) {
  unsigned char got[64];
  ssize_t n = read(pipe_[0], got, sizeof got);
  for (ssize_t i = 0; i < n; ++i) {
    if (got[i] != SIGCHLD && counted) --unread;
    handler_.on_signal(got[i]);
  }
}

Usr1Guard::Usr1Guard() {
  struct sigaction now {};
  if (sigaction(SIGUSR1, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) return;
  changed_ = signal(SIGUSR1, SIG_IGN) != SIG_ERR;
}

Usr1Guard::~Usr1Guard() {
  struct sigaction now {};
  if (changed_ && sigaction(SIGUSR1, nullptr, &now) == 0 && now.sa_handler == SIG_IGN) signal(SIGUSR1, SIG_DFL);
}

}  // namespace tractor::core
