// Streams of one direction: from a generator endpoint to whoever opened it.
#pragma once

#include <tractor/ctx.h>
#include <tractor/stream.h>

#include <variant>

#include "hazard.hpp"
#include "operation.hpp"
#include "stream.hpp"

namespace tractor {

/// What a generator of another actor yields; the end that is given to the body of portal::open_stream_from(). It lives as
/// long as that body; copies are the same stream.
template <class T>
class receive_stream {
 public:
  using receiving = typename stream<T, std::monostate>::receiving;

  explicit receive_stream(tractor_stream* c) noexcept : c_(c) {}

  /// The next value; nullopt when the generator has ended, and after close().
  /// @throws what the generator failed with, cancelled, msg_type_error for a value that is no T, misuse_error if another
  ///         receive is waiting
  [[nodiscard]] receiving receive() const noexcept { return receiving(c_); }

  /// Leaves early: the generator is cancelled, which is no error. It is done at once; there is nothing to wait for.
  detail::ready<void> close() const noexcept {
    tractor_stream_close(c_);
    return {};
  }

  tractor_stream* c_stream() const noexcept { return c_; }

 private:
  tractor_stream* c_;
};

/// The end of an endpoint that only sends: its first parameter, where a generator<T> is too narrow, because several tasks
/// send, or a nursery has to be open meanwhile. It lives as long as the endpoint's task; copies are the same stream.
template <class T>
class send_stream {
 public:
  using sending = typename stream<std::monostate, T>::sending;

  explicit send_stream(tractor_stream* c) noexcept : c_(c) {}

  /// Sends a value; waits while the receiver is behind. @throws cancelled, also when the receiver has left
  [[nodiscard]] sending send(const T& item) const noexcept { return sending(c_, item); }
  [[nodiscard]] sending send(T&& item) const noexcept {
    detail::refuse_hazards<T&&>();
    return sending(c_, item);
  }

  /// Who receives.
  const tractor_id& peer() const noexcept { return *tractor_ctx_peer(tractor_stream_ctx(c_)); }
  tractor_stream* c_stream() const noexcept { return c_; }

 private:
  tractor_stream* c_;
};

}  // namespace tractor
