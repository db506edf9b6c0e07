#include "command/reader.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace tractor::command {

Reader::Reader(int fd, std::function<void()> gone) : gone_(std::move(gone)), stop_(eventfd(0, EFD_CLOEXEC)) {
  if (stop_ < 0) return;  // then the next write finds out
  // Signals are for the loop, whose wait they have to interrupt.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  thread_ = std::thread([this, fd] { watch(fd); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Reader::~Reader() {
  if (stop_ < 0) return;
  const uint64_t one = 1;
  while (write(stop_, &one, sizeof one) < 0 && errno == EINTR) continue;
  thread_.join();
  close(stop_);
}

void Reader::watch(int fd) const {
  // Nothing is asked for: errors and hang-ups are told anyway.
  pollfd fds[] = {{fd, 0, 0}, {stop_, POLLIN, 0}};
  while (poll(fds, 2, -1) < 0 && errno == EINTR) continue;
  if (fds[1].revents == 0 && (fds[0].revents & (POLLERR | POLLHUP))) gone_();
}

}  // namespace tractor::command
