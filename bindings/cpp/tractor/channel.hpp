// Values between the tasks of one actor.
#pragma once

#include <coroutine>
#include <cstddef>
#include <deque>
#include <optional>
#include <type_traits>
#include <utility>

#include "error.hpp"
#include "hazard.hpp"
#include "wait_list.hpp"

namespace tractor {

/// A bounded queue: who sends waits while it is full, who receives while it is empty. Every value goes to one receiver; what
/// is cancelled or dropped neither sends nor takes one. It has to outlive its waits.
template <class T>
class channel {
 public:
  /// @param capacity  0: a sender waits until somebody receives
  explicit channel(std::size_t capacity) : capacity_(capacity) {}

  class sending : public detail::waiter {
   public:
    sending(channel& c, T value) : channel_(c), value_(std::move(value)) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) {
      channel_.check_open();
      if (self.promise().may_hurry() && channel_.senders_.empty() && channel_.offer(value_)) return false;
      wait_in(channel_.senders_, self.promise().scope(), self, "channel to send to");
      channel_.settle();
      return true;
    }
    void await_resume() const {
      check_cancelled();
      if (value_) channel_.check_open();
    }

   private:
    friend channel;
    channel& channel_;
    std::optional<T> value_;
  };

  class receiving : public detail::waiter {
   public:
    explicit receiving(channel& c) noexcept : channel_(c) {}
    ~receiving() {
      if (woken() && value_) channel_.put_back(std::move(*value_));
    }
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) {
      if (self.promise().may_hurry() && channel_.receivers_.empty()) {
        value_ = channel_.take();
        if (value_ || channel_.closed_) return false;
      }
      wait_in(channel_.receivers_, self.promise().scope(), self, "channel to receive from");
      channel_.settle();
      return true;
    }
    std::optional<T> await_resume() {
      check_cancelled();
      return std::move(value_);
    }

   private:
    friend channel;
    channel& channel_;
    std::optional<T> value_;
  };

  /// Ends when the channel has the value. @throws cancelled; misuse_error if it is closed: then nobody gets it
  [[nodiscard]] sending send(const T& value) { return sending(*this, value); }
  [[nodiscard]] sending send(T&& value) {
    if constexpr (std::is_copy_constructible_v<T>) detail::refuse_hazards<T&&>();  // else there is no other way
    return sending(*this, std::move(value));
  }
  /// The next value; nullopt when the channel is closed and empty. @throws cancelled
  [[nodiscard]] receiving receive() noexcept { return receiving(*this); }

  /// No more is sent. What is in it can still be received.
  void close() noexcept {
    closed_ = true;
    senders_.wake_all();
    settle();
  }
  std::size_t size() const noexcept { return values_.size(); }

 private:
  void check_open() const {
    if (closed_) throw misuse_error(TRACTOR_ECLOSED, nullptr, "the channel is closed");
  }
  receiving* first_receiver() noexcept { return static_cast<receiving*>(receivers_.first()); }
  sending* first_sender() noexcept { return static_cast<sending*>(senders_.first()); }

  /// Takes the value, if there is a receiver or room for it.
  bool offer(std::optional<T>& value) {
    if (receiving* r = first_receiver()) {
      r->value_ = std::exchange(value, std::nullopt);
      receivers_.wake_first();
    } else if (values_.size() < capacity_) {
      values_.push_back(*std::exchange(value, std::nullopt));
    } else {
      return false;
    }
    return true;
  }
  /// The next value, if there is one; a sender that waits then has room.
  std::optional<T> take() {
    std::optional<T> value;
    if (!values_.empty()) {
      value = std::move(values_.front());
      values_.pop_front();
      admit();
    } else if (sending* s = first_sender()) {
      value = std::exchange(s->value_, std::nullopt);
      senders_.wake_first();
    }
    return value;
  }
  /// Senders that wait go where there is room, behind what is in it; never past that to a receiver.
  void admit() {
    while (values_.size() < capacity_ && first_sender()) {
      values_.push_back(*std::exchange(first_sender()->value_, std::nullopt));
      senders_.wake_first();
    }
  }
  /// Brings together who waits on both sides.
  void settle() {
    admit();
    while (receiving* r = first_receiver()) {
      r->value_ = take();
      if (!r->value_ && !closed_) break;
      receivers_.wake_first();
    }
  }
  void put_back(T value) {
    values_.push_front(std::move(value));
    settle();
  }

  std::size_t capacity_;
  std::deque<T> values_;
  bool closed_ = false;
  detail::wait_list senders_, receivers_;
};

}  // namespace tractor
