#include "command/sentry.hpp"

#include <csignal>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace tractor::command {

namespace {

/// How long poll() may wait.
int milliseconds_until(int64_t deadline) {
  if (deadline == TRACTOR_FOREVER) return -1;
  const int64_t left = deadline - tractor_now();
  return left <= 0 ? 0 : static_cast<int>((left + 999'999) / 1'000'000);
}

}  // namespace

Sentry::Sentry(tractor_actor* actor, int reader, int64_t timeout, std::function<void(What)> alarm)
    : actor_(tractor_actor_ref(actor)), alarm_(std::move(alarm)) {
  if (reader == kNobody && timeout == 0) return;
  dismissed_ = eventfd(0, EFD_CLOEXEC);
  if (dismissed_ < 0) return;
  // Signals are for the loop, whose wait they have to interrupt.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  thread_ = std::thread(
      [this, reader, deadline = timeout ? tractor_now() + timeout : TRACTOR_FOREVER] { watch(reader, deadline); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Sentry::~Sentry() {
  if (thread_.joinable()) {
    eventfd_write(dismissed_, 1);
    thread_.join();
  }
  if (dismissed_ >= 0) close(dismissed_);
  tractor_actor_unref(actor_);
}

void Sentry::watch(int reader, int64_t deadline) {
  // Of the reader nothing is asked for: errors and hang-ups are told anyway.
  pollfd fds[] = {{reader, 0, 0}, {dismissed_, POLLIN, 0}};
  for (;;) {
    const int ready = poll(fds, 2, milliseconds_until(deadline));
    if (ready > 0 && fds[1].revents) return;
    if (ready > 0 && (fds[0].revents & (POLLERR | POLLHUP))) return report(unread);
    if (ready > 0) fds[0].fd = kNobody;  // it is closed here
    if (deadline != TRACTOR_FOREVER && tractor_now() >= deadline) return report(late);
  }
}

void Sentry::report(What what) {
  what_ = what;
  tractor_actor_post(
      actor_,
      [](const tractor_error* err, void* self) {
        auto& sentry = *static_cast<Sentry*>(self);
        if (!err) sentry.alarm_(sentry.what_);
      },
      this);
}

}  // namespace tractor::command
