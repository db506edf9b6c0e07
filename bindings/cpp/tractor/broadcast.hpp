// The same values for several receivers.
#pragma once

#include <tractor/log.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "channel.hpp"
#include "error.hpp"
#include "sleep.hpp"
#include "task.hpp"
#include "text.hpp"
#include "wait_list.hpp"

namespace tractor {

struct broadcast_statistics {
  std::size_t buffered;   ///< values that are kept
  std::size_t maxlen;     ///< how many are kept at most
  std::size_t receivers;  ///< how many have not been closed
  bool receiving;         ///< one of them waits at the source, for all
  bool ended;             ///< the source has no more
};

/// One of several receivers that each get every value of one source, from their subscription on. There is no task behind it:
/// who is first waits at the source, for all; if it is cut short, the next one does. The fastest loses nothing. Who falls
/// behind by more than `maxlen` values is told so once, by a stream_overrun, and goes on with the oldest that is left. It has
/// to outlive its waits.
///
///     broadcast<int> first(numbers, 100);
///     broadcast<int> second = first.subscribe();
///     while (auto n = co_await second.receive()) ...
///
/// A stream has subscribe() of its own.
template <class T>
class broadcast {
 public:
  /// The first receiver of what `receive()` gives: a task of a std::optional<T>, which is empty at the end.
  /// @throws misuse_error for a `maxlen` of 0
  broadcast(std::function<task<std::optional<T>>()> receive, std::size_t maxlen, bool raise_on_lag = true)
      : shared_(std::make_shared<shared>(std::move(receive), maxlen)), raise_on_lag_(raise_on_lag) {}
  /// The first receiver of what comes by a channel, which has to outlive it.
  broadcast(channel<T>& source, std::size_t maxlen, bool raise_on_lag = true)
      : broadcast([&source]() -> task<std::optional<T>> { co_return co_await source.receive(); }, maxlen,
                  raise_on_lag) {}
  broadcast(broadcast&& other) noexcept
      : shared_(std::move(other.shared_)),
        cursor_(other.cursor_),
        lagged_(other.lagged_),
        raise_on_lag_(other.raise_on_lag_),
        closed_(std::exchange(other.closed_, true)) {}
  broadcast& operator=(broadcast&&) = delete;
  ~broadcast() { close(); }

  /// Another receiver, of every value from now on. @param raise_on_lag  false: when it misses values, the log is told
  /// @throws misuse_error, a "ClosedResourceError", if this one is closed
  [[nodiscard]] broadcast subscribe(bool raise_on_lag = true) const {
    check_open();
    return broadcast(shared_, raise_on_lag);
  }

  /// The next value; nullopt at the end of the source. A receive that is cancelled takes none.
  /// @throws stream_overrun, a "Lagged"; misuse_error, a "ClosedResourceError"; cancelled; what the source throws
  [[nodiscard]] task<std::optional<T>> receive() { return receive(*this, shared_); }

  /// The next value, if somebody has received it already. @throws as receive()
  std::optional<T> try_receive() {
    check_open();
    tell_lag();
    if (cursor_ == shared_->next) return std::nullopt;
    return shared_->kept[cursor_++ - shared_->oldest()];
  }

  /// Ends this receiver; the others go on. A second time it does nothing.
  void close() noexcept {
    if (!std::exchange(closed_, true)) --shared_->receivers;
  }

  /// How many values it has missed in all.
  std::uint64_t lagged() const noexcept { return lagged_; }
  broadcast_statistics statistics() const noexcept {
    return {shared_->kept.size(), shared_->maxlen, shared_->receivers, shared_->receiving, shared_->ended};
  }

 private:
  struct shared {
    shared(std::function<task<std::optional<T>>()> receive, std::size_t most)
        : source(std::move(receive)), maxlen(most) {
      if (maxlen == 0) throw misuse_error(TRACTOR_EINVAL, nullptr, "a broadcast keeps one value at least");
    }
    std::uint64_t oldest() const noexcept { return next - kept.size(); }
    void keep(T value) {
      if (kept.size() == maxlen) kept.pop_front();
      kept.push_back(std::move(value));
      ++next;
    }

    std::function<task<std::optional<T>>()> source;
    std::size_t maxlen;
    std::deque<T> kept;
    std::uint64_t next = 0;  ///< the number of the value that comes next
    std::size_t receivers = 1;
    bool receiving = false, ended = false;
    detail::wait_list others;
  };

  /// The turn of one receiver at the source; however it ends, the others are woken.
  struct reception {
    explicit reception(shared& s) : of(s) { of.receiving = true; }
    reception(const reception&) = delete;
    ~reception() {
      of.receiving = false;
      of.others.wake_all();
    }
    shared& of;
  };
  class until_received : public detail::waiter {
   public:
    explicit until_received(shared& s) noexcept : shared_(s) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) {
      wait_in(shared_.others, self.promise().scope(), self, "broadcast to receive from");
    }
    void await_resume() const { check_cancelled(); }

   private:
    shared& shared_;
  };

  broadcast(std::shared_ptr<shared> with, bool raise_on_lag)
      : shared_(std::move(with)), cursor_(shared_->next), raise_on_lag_(raise_on_lag) {
    ++shared_->receivers;
  }

  static task<std::optional<T>> receive(broadcast& self, std::shared_ptr<shared> with) {
    tractor_nursery* scope = co_await detail::this_scope();
    // What is there need not be waited for; but nothing succeeds in a cancelled scope, and others have to have their turn.
    if (++self.hurried_ % 64 == 0 || detail::is_stopped(scope)) co_await sleep(duration(0));
    for (;;) {
      std::optional<T> value = self.try_receive();
      if (value || with->ended) co_return value;
      if (with->receiving) {
        co_await until_received(*with);
      } else {
        reception turn(*with);
        std::optional<T> fresh = co_await with->source();
        if (fresh)
          with->keep(*std::move(fresh));
        else
          with->ended = true;
      }
    }
  }

  void check_open() const {
    if (closed_) throw misuse_error(TRACTOR_ECLOSED, nullptr, "the broadcast receiver is closed");
  }
  void tell_lag() {
    std::uint64_t oldest = shared_->oldest();
    if (cursor_ >= oldest) return;
    std::uint64_t missed = oldest - std::exchange(cursor_, oldest);
    lagged_ += missed;
    std::string what = detail::text_of("the receiver missed ", missed, " values; the oldest that is left comes next");
    if (raise_on_lag_) throw stream_overrun(TRACTOR_ELAGGED, nullptr, what);
    tractor_log_text(TRACTOR_LOG_WARNING, "tractor.broadcast", nullptr, 0, what.c_str());
  }

  std::shared_ptr<shared> shared_;
  std::uint64_t cursor_ = 0;  ///< the number of the value that it gets next
  std::uint64_t lagged_ = 0;
  unsigned hurried_ = 0;
  bool raise_on_lag_ = true;
  bool closed_ = false;
};

}  // namespace tractor
