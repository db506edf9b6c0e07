// Coroutines for the runtime's own sequential work: boot, supervision, teardown, discovery.
//
// A Flow starts at once and frees itself at its end. It waits only on mailboxes, each time with a deadline or for an
// event that always comes, and is never destroyed from outside: what should stop it is put into its mailbox.
#pragma once

#include <coroutine>
#include <deque>
#include <exception>
#include <optional>
#include <utility>

#include "loop/loop.hpp"

namespace tractor::core {

struct Flow {
  struct promise_type {
    Flow get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    [[noreturn]] void unhandled_exception() { std::terminate(); }
  };
};

/// A part of a flow that yields a T. Lazy: it runs when it is awaited, once.
template <class T>
class [[nodiscard]] Task {
 public:
  struct promise_type {
    std::optional<T> value;
    std::coroutine_handle<> awaiter;
    Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct Back {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> h) noexcept {
          return h.promise().awaiter;
        }
        void await_resume() noexcept {}
      };
      return Back{};
    }
    void return_value(T v) { value.emplace(std::move(v)); }
    [[noreturn]] void unhandled_exception() { std::terminate(); }
  };

  Task(Task&& o) noexcept : h_(std::exchange(o.h_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (h_) h_.destroy();
  }
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) {
    h_.promise().awaiter = awaiter;
    return h_;
  }
  T await_resume() { return std::move(*h_.promise().value); }

 private:
  explicit Task(std::coroutine_handle<promise_type> h) : h_(h) {}
  std::coroutine_handle<promise_type> h_;
};

/// Events for one waiting flow, in order. put() never runs the flow inside the call.
template <class T>
class Mailbox final : private Ready, private Timer {
 public:
  explicit Mailbox(Loop& loop) : loop_(loop) {}

  void put(T item) {
    items_.push_back(std::move(item));
    if (waiter_) loop_.post(*this);
  }
  bool empty() const { return items_.empty(); }

  /// The next event, or nothing once `deadline` (absolute) has passed.
  auto next(int64_t deadline = kForever) {
    struct Awaiter {
      Mailbox& box;
      int64_t deadline;
      bool await_ready() const { return !box.items_.empty(); }
      void await_suspend(std::coroutine_handle<> h) {
        box.waiter_ = h;
        if (deadline != kForever) box.loop_.arm(box, deadline);
      }
      std::optional<T> await_resume() {
        static_cast<Timer&>(box).disarm();
        std::optional<T> item;
        if (!box.items_.empty()) {
          item.emplace(std::move(box.items_.front()));
          box.items_.pop_front();
        }
        return item;
      }
    };
    return Awaiter{*this, deadline};
  }

 private:
  void fire() override { std::exchange(waiter_, nullptr).resume(); }
  void on_timer() override {
    if (items_.empty() && waiter_) loop_.post(*this);
  }
  Loop& loop_;
  std::deque<T> items_;
  std::coroutine_handle<> waiter_;
};

}  // namespace tractor::core
