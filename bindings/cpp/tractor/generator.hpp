// generator<T>: a coroutine that yields one value after the other.
#pragma once

#include <coroutine>
#include <optional>
#include <type_traits>
#include <utility>

#include "arguments.hpp"
#include "error.hpp"
#include "hazard.hpp"
#include "task.hpp"

namespace tractor {

/// A coroutine that yields Ts, and awaits in between what it likes. Nothing of it runs before the first value is asked for,
/// and then only up to the next `co_yield`. As an endpoint it is declared with TRACTOR_GENERATOR; another actor opens it
/// with portal::open_stream_from().
///
///     generator<int> count(int from) {
///       for (;; from++) {
///         co_yield from;
///         co_await sleep(10ms);
///       }
///     }
///
/// Whoever has had enough destroys it: where it is suspended it is unwound, and what it waits for is abandoned.
template <class T>
class [[nodiscard]] generator {
 public:
  class promise_type : public detail::promise_base {
   public:
    generator get_return_object() noexcept {
      return generator(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    /// Control goes to whoever asked for the value.
    template <class U>
    resume_waiter yield_value(U&& value) {
      detail::refuse_hazards<U&&>();
      value_.emplace(std::forward<U>(value));
      busy_ = false;
      return {};
    }
    void return_void() const noexcept {}

   private:
    friend generator;
    std::optional<T> take() {
      if (failed() && !std::exchange(told_, true)) rethrow();
      return std::exchange(value_, std::nullopt);
    }
    std::optional<T> value_;
    bool busy_ = false;   // on its way to the next value
    bool asked_ = false;  // somebody waits for that
    bool told_ = false;   // somebody was thrown what it failed with
  };

  generator(generator&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  generator& operator=(generator&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~generator() {
    if (frame_) frame_.destroy();
  }

  class receiving {
   public:
    receiving(const receiving&) = delete;
    /// Who is gone is not told; the value that comes is then the next one's.
    ~receiving() {
      if (asks_) forget();
    }
    bool await_ready() const noexcept { return frame_.done() || frame_.promise().value_; }
    /// Runs it up to its next value or its first wait, as task<T> does.
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) {
      promise_type& self = frame_.promise();
      if (self.asked_) throw misuse_error(TRACTOR_EBUSY, nullptr, "another task waits for the generator's next value");
      if (!self.busy_) {
        self.busy_ = true;
        self.set_scope(waiter.promise().scope());
        frame_.resume();
        if (await_ready()) return false;
      }
      self.set_waiter(waiter);
      self.asked_ = asks_ = true;
      return true;
    }
    std::optional<T> await_resume() {
      if (asks_) forget();
      return frame_.promise().take();
    }

   private:
    friend generator;
    explicit receiving(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
    void forget() noexcept {
      frame_.promise().set_waiter(std::noop_coroutine());
      frame_.promise().asked_ = asks_ = false;
    }
    std::coroutine_handle<promise_type> frame_;
    bool asks_ = false;
  };

  /// The next value; nullopt when it has ended. What it awaits meanwhile is started in the scope of who asks: a cancel of that
  /// scope is thrown in the generator too. It has to outlive its waits.
  /// @throws what it throws, once, which is also its end; misuse_error if another task waits
  [[nodiscard]] receiving receive() const noexcept { return receiving(frame_); }

 private:
  explicit generator(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  std::coroutine_handle<promise_type> frame_;
};

}  // namespace tractor
