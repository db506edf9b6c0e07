#include "loop/port_libevent.hpp"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <new>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/list.hpp"
#include "base/log.hpp"

namespace tractor::core {

namespace {

constexpr timeval kRetry = {0, 10 * 1000};
struct UnwatchedTag;

class LibeventPort final : public Port {
 public:
  static Result<std::unique_ptr<Port>> make(event_base* base);
  ~LibeventPort() override;

  int64_t now() override { return read_clock(CLOCK_MONOTONIC); }
  int64_t about_now() override { return read_clock(CLOCK_MONOTONIC_COARSE); }
  std::unique_ptr<Watch> watch(int fd, unsigned interest, FdHandler& handler) override;
  void set_alarm(int64_t deadline) override;
  void request_turn() override;
  void wake() override;
  bool run_once() override;
  bool foreign() const override { return !own_; }

 private:
  static int64_t read_clock(clockid_t clock) {
    timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * kSecond + t.tv_nsec;
  }
  class FdWatch;

  LibeventPort(event_base* base, bool own, int wake_fd, int alarm_fd);
  bool usable() const { return usable_; }
  void start_alarm();
  void watch_later(FdWatch& watch);
  // The wall: libevent calls these, and nothing may be thrown through its C code. No std::bad_alloc gets as far: where memory
  // may end it costs an operation, a connection or a child. If one does after all, what was half done can't be trusted.
  static void on_turn(evutil_socket_t, short, void* self) noexcept;
  static void on_alarm(evutil_socket_t, short, void* self) noexcept;
  static void on_wake(evutil_socket_t, short, void* self) noexcept;
  static void on_retry(evutil_socket_t, short, void* self) noexcept;

  event_base* base_;
  bool own_, usable_;
  int wake_fd_, alarm_fd_;
  std::atomic<bool> woken_ = false;
  int64_t wanted_ = kForever;   // when the loop wants to be called
  int64_t started_ = kForever;  // when the alarm event will come: never later than that
  event turn_, alarm_, wake_, retry_;
  List<FdWatch, UnwatchedTag> unwatched_;
};

/// Two events, because switching one on or off is then one system call, and does nothing to the other.
class LibeventPort::FdWatch final : public Watch, public Link<UnwatchedTag> {
 public:
  FdWatch(LibeventPort& port, int fd, FdHandler& handler) : port_(port), handler_(handler) {
    event_assign(&read_, port.base_, fd, EV_READ | EV_PERSIST, on_ready<kRead>, this);
    event_assign(&write_, port.base_, fd, EV_WRITE | EV_PERSIST, on_ready<kWrite>, this);
  }
  ~FdWatch() override {
    want(0);
    event_debug_unassign(&read_);
    event_debug_unassign(&write_);
  }
  void want(unsigned interest) override {
    unsigned change = interest ^ interest_;
    bool done = true;
    if (change & kRead) done = set(read_, interest & kRead);
    if (change & kWrite) done = set(write_, interest & kWrite) && done;
    interest_ = interest;
    if (done) return;
    TRACTOR_LOG(kError, "loop", "can't watch descriptor %d yet: %s", static_cast<int>(event_get_fd(&read_)),
                strerrordesc_np(errno));
    port_.watch_later(*this);
  }
  /// True if all is watched that is wanted.
  bool try_again() {
    bool done = !(interest_ & kRead) || set(read_, true);
    return (!(interest_ & kWrite) || set(write_, true)) && done;
  }

 private:
  static bool set(event& e, bool on) { return (on ? event_add(&e, nullptr) : event_del(&e)) == 0; }
  template <unsigned Ready>
  static void on_ready(evutil_socket_t, short, void* self) noexcept {
    auto* watch = static_cast<FdWatch*>(self);
    Dispatch dispatch(watch->port_);
    watch->handler_.on_fd(Ready);  // which may destroy the watch
  }

  LibeventPort& port_;
  FdHandler& handler_;
  unsigned interest_ = 0;
  event read_, write_;
};

/// libevent ends the process if it gets no descriptor for its signals, so it is not asked when they are short.
bool room_for_base() {
  constexpr int kNeeded = 3;  // its epoll, and a pair for signals
  int fds[kNeeded], count = 0;
  while (count < kNeeded && (fds[count] = eventfd(0, EFD_CLOEXEC)) >= 0) ++count;
  int error = errno;
  for (int i = 0; i < count; ++i) close(fds[i]);
  errno = error;
  return count == kNeeded;
}

Result<std::unique_ptr<Port>> LibeventPort::make(event_base* base) {
  bool own = base == nullptr;
  int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  int alarm_fd = wake_fd < 0 ? -1 : timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  event_config* config = own && alarm_fd >= 0 && room_for_base() ? event_config_new() : nullptr;
  if (config) {
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    base = event_base_new_with_config(config);
    event_config_free(config);
  }
  if (base && alarm_fd >= 0) {
    errno = ENOMEM;
    if (auto* port = new (std::nothrow) LibeventPort(base, own, wake_fd, alarm_fd)) {
      std::unique_ptr<LibeventPort> made(port);
      if (made->usable()) return std::unique_ptr<Port>(std::move(made));
      return Failure::system(Status::runtime, "can't make an event loop", errno, "OSError");
    }
    if (own) event_base_free(base);
  }
  int error = errno ? errno : ENOMEM;
  if (wake_fd >= 0) close(wake_fd);
  if (alarm_fd >= 0) close(alarm_fd);
  if (error == ENOMEM) return Failure::out_of_memory();
  return Failure::system(Status::runtime, "can't make an event loop", error, "OSError");
}

LibeventPort::LibeventPort(event_base* base, bool own, int wake_fd, int alarm_fd)
    : base_(base), own_(own), wake_fd_(wake_fd), alarm_fd_(alarm_fd) {
  event_assign(&turn_, base_, -1, 0, on_turn, this);
  event_assign(&alarm_, base_, alarm_fd_, EV_READ | EV_PERSIST, on_alarm, this);
  event_assign(&wake_, base_, wake_fd_, EV_READ | EV_PERSIST, on_wake, this);
  event_assign(&retry_, base_, -1, 0, on_retry, this);
  usable_ = event_add(&alarm_, nullptr) == 0 && event_add(&wake_, nullptr) == 0;
}

LibeventPort::~LibeventPort() {
  for (event* e : {&turn_, &alarm_, &wake_, &retry_}) {
    event_del(e);
    event_debug_unassign(e);
  }
  close(wake_fd_);
  close(alarm_fd_);
  if (own_) event_base_free(base_);
}

/// The kernel had no memory for it, or the user has used up what may be watched. That passes; until then nobody hears of the
/// descriptor.
void LibeventPort::watch_later(FdWatch& watch) {
  unwatched_.push_back(watch);
  if (!event_pending(&retry_, EV_TIMEOUT, nullptr)) event_add(&retry_, &kRetry);
}

void LibeventPort::on_retry(evutil_socket_t, short, void* self) noexcept {
  auto* port = static_cast<LibeventPort*>(self);
  List<FdWatch, UnwatchedTag> again;
  again.take(port->unwatched_);
  while (FdWatch* watch = again.pop_front())
    if (!watch->try_again()) port->watch_later(*watch);
}

std::unique_ptr<Watch> LibeventPort::watch(int fd, unsigned interest, FdHandler& handler) {
  auto w = std::make_unique<FdWatch>(*this, fd, handler);
  w->want(interest);
  return w;
}

/// Lazy: an alarm that moves later or away stays where it is and finds out when it comes. So a deadline armed and
/// disarmed for each call takes no system call.
void LibeventPort::set_alarm(int64_t deadline) {
  wanted_ = deadline;
  if (deadline < started_) start_alarm();
}

/// A descriptor and not a libevent timeout: those go by a clock that ticks every few milliseconds.
void LibeventPort::start_alarm() {
  started_ = wanted_;
  int64_t at = std::max<int64_t>(wanted_, 1);  // 0 would mean never
  itimerspec when = {{0, 0}, {at / kSecond, at % kSecond}};
  timerfd_settime(alarm_fd_, TFD_TIMER_ABSTIME, &when, nullptr);
}

void LibeventPort::on_alarm(evutil_socket_t fd, short, void* self) noexcept {
  auto* port = static_cast<LibeventPort*>(self);
  uint64_t count;
  if (read(fd, &count, sizeof count) < 0) return;
  port->started_ = kForever;
  if (port->wanted_ == kForever) return;
  if (port->now() < port->wanted_) return port->start_alarm();
  port->wanted_ = kForever;
  Dispatch dispatch(*port);
  port->loop_->expire();
}

void LibeventPort::request_turn() {
  if (loop_->dispatching()) {
    // An active event would run before the next poll; an expired timer runs after the sockets had their go.
    timeval now = {0, 0};
    if (event_add(&turn_, &now) == 0) return;  // it needs memory
  }
  event_active(&turn_, EV_TIMEOUT, 1);
}

void LibeventPort::on_turn(evutil_socket_t, short, void* self) noexcept {
  static_cast<LibeventPort*>(self)->loop_->turn();
}

void LibeventPort::wake() {
  if (woken_.exchange(true, std::memory_order_acq_rel)) return;
  uint64_t one = 1;
  [[maybe_unused]] ssize_t n = write(wake_fd_, &one, sizeof one);
}

void LibeventPort::on_wake(evutil_socket_t fd, short, void* self) noexcept {
  auto* port = static_cast<LibeventPort*>(self);
  uint64_t count;
  [[maybe_unused]] ssize_t n = read(fd, &count, sizeof count);
  // Before the handler looks at its queue: what comes in from now on writes again.
  port->woken_.exchange(false, std::memory_order_acq_rel);
  Dispatch dispatch(*port);
  port->loop_->woken();
}

bool LibeventPort::run_once() {
  if (!own_ || loop_->dispatching()) return false;
  return event_base_loop(base_, EVLOOP_ONCE) >= 0;
}

}  // namespace

Result<std::unique_ptr<Port>> make_libevent_port(event_base* base) { return LibeventPort::make(base); }

}  // namespace tractor::core
