// Values in both directions while a context is open.
#pragma once

#include <tractor/stream.h>

#include <coroutine>
#include <cstdint>
#include <optional>
#include <utility>

#include "codec.hpp"
#include "hazard.hpp"
#include "operation.hpp"

namespace tractor {

/// One side of a context's stream: receives In, sends Out. It lives as long as its context; copies are the same stream.
template <class In, class Out>
class stream {
 public:
  explicit stream(tractor_stream* c) noexcept : c_(c) {}

  class receiving : public detail::operation_base {
   public:
    explicit receiving(tractor_stream* c) noexcept : c_(c) {}

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) {
      if (waiter.promise().may_hurry()) {
        int status = tractor_stream_try_receive(c_, &item_);
        if (status == TRACTOR_OK || status == TRACTOR_EEOF) return false;
        if (status == TRACTOR_ELAGGED) throw_lag();  // it has been told by that
      }
      tractor_nursery* scope = waiter.promise().scope();
      return started(tractor_stream_receive(c_, scope, completed, this), scope, waiter);
    }
    std::optional<In> await_resume() {
      if (failed() && code() != TRACTOR_EEOF) rethrow();
      if (!item_) return std::nullopt;
      return std::optional<In>(std::in_place, decode<In>(item_));
    }

   private:
    static void completed(const tractor_error* err, const tractor_value* item, void* user) {
      auto self = static_cast<receiving*>(user);
      self->item_ = item;
      self->complete(err);
    }
    [[noreturn]] void throw_lag() const {
      throw stream_overrun(TRACTOR_ELAGGED, nullptr,
                           detail::text_of("the subscriber missed values, ", tractor_stream_lagged(c_),
                                           " in all by now; the oldest that is left comes next"));
    }
    tractor_stream* c_;
    const tractor_value* item_ = nullptr;
  };

  class sending : public detail::operation_base {
   public:
    sending(tractor_stream* c, const Out& item) noexcept : c_(c), item_(item) {}

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) {
      tractor_bytes bytes = encode(item_);
      if (waiter.promise().may_hurry() && tractor_stream_send(c_, bytes) == TRACTOR_OK) return false;
      tractor_nursery* scope = waiter.promise().scope();
      return started(tractor_stream_send_wait(c_, scope, bytes, completed, this), scope, waiter);
    }
    void await_resume() const { rethrow(); }

   private:
    static void completed(const tractor_error* err, void* user) { static_cast<sending*>(user)->complete(err); }
    tractor_stream* c_;
    const Out& item_;
  };

  /// The next value; nullopt when the peer sends no more. That it sends no more does not mean that all went well there: how
  /// the context ends tells that.
  /// @throws what the context failed with, cancelled, msg_type_error for a value that is no In, misuse_error if another
  ///         receive is waiting
  [[nodiscard]] receiving receive() const noexcept { return receiving(c_); }

  /// Sends a value; waits while the peer is behind. A send that is cancelled sends nothing.
  /// @throws cancelled, transport_error, also when the peer's task is over
  [[nodiscard]] sending send(const Out& item) const noexcept { return sending(c_, item); }
  [[nodiscard]] sending send(Out&& item) const noexcept {
    detail::refuse_hazards<Out&&>();
    return sending(c_, item);
  }

  /// Says that this side sends no more, and goes on receiving.
  void send_eof() const { detail::check(tractor_stream_send_eof(c_)); }

  /// Ends this side's stream: no more is sent, and what comes is dropped. It is done at once; there is nothing to wait for.
  detail::ready<void> close() const noexcept {
    tractor_stream_close(c_);
    return {};
  }

  /// A stream of its own to receive from, for another consumer in this process: it gets every value from now on. The first call
  /// makes a subscriber of this stream too. The fastest consumer loses nothing; who falls behind by more than the stream
  /// buffers is told so once, by a stream_overrun, and goes on with the oldest value that is left. What is sent through it is
  /// sent on the stream. It lives until it is closed, or as long as the context.
  /// @param raise_on_lag  false: who missed values is not told, the log is
  /// @throws misuse_error if the stream is closed
  stream subscribe(bool raise_on_lag = true) const {
    tractor_stream* subscriber = nullptr;
    std::uint32_t flags = raise_on_lag ? 0 : std::uint32_t{TRACTOR_SUBSCRIBE_NO_LAG_ERROR};
    detail::check(tractor_stream_subscribe(c_, flags, &subscriber));
    return stream(subscriber);
  }
  /// How many values a subscriber has missed in all.
  std::uint64_t lagged() const noexcept { return tractor_stream_lagged(c_); }

  tractor_stream* c_stream() const noexcept { return c_; }

 private:
  tractor_stream* c_;
};

}  // namespace tractor
