// Coroutines for the runtime's own sequential work: boot, supervision, teardown, discovery.
//
// A Flow starts at once and frees itself at its end. It waits only on mailboxes, each time with a deadline or for an
// event that always comes, and is never destroyed from outside: what should stop it is put into its mailbox. To wait and
// to be told need no memory, but to begin a part of it does: std::bad_alloc is for the flow to handle.
#pragma once

#include <coroutine>
#include <exception>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "loop/loop.hpp"

namespace tractor::core {

struct Flow {
  struct promise_type {
    Flow get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    [[noreturn]] void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<> handle;  ///< dangles once it has ended
};

/// A part of a flow that yields a T. Lazy: it runs when it is awaited, once. What it throws, its awaiter gets.
template <class T>
class [[nodiscard]] Task {
 public:
  struct promise_type {
    std::optional<T> value;
    std::exception_ptr thrown;
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
    void unhandled_exception() { thrown = std::current_exception(); }
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
  T await_resume() {
    if (h_.promise().thrown) std::rethrow_exception(h_.promise().thrown);
    return std::move(*h_.promise().value);
  }

 private:
  explicit Task(std::coroutine_handle<promise_type> h) : h_(h) {}
  std::coroutine_handle<promise_type> h_;
};

/// Events for one waiting flow, in order. put() never runs the flow inside the call.
template <class T>
class Mailbox final : private Ready, private Timer {
 public:
  explicit Mailbox(Loop& loop) : loop_(loop) {}

  /// Needs no memory as long as few are unread.
  void put(T item) {
    if (size_ < kRoom && more_.empty())
      items_[(first_ + size_++) % kRoom].emplace(std::move(item));
    else
      more_.push_back(std::move(item));
    if (waiter_) loop_.post(*this);
  }
  bool empty() const { return size_ == 0; }

  /// The next event, or nothing once `deadline` (absolute) has passed. Without memory for a timer it has.
  auto next(int64_t deadline = kForever) {
    struct Awaiter {
      Mailbox& box;
      int64_t deadline;
      bool await_ready() const { return !box.empty(); }
      void await_suspend(std::coroutine_handle<> h) {
        box.waiter_ = h;
        if (deadline == kForever) return;
        try {
          box.loop_.arm(box, deadline);
        } catch (const std::bad_alloc&) {
          box.loop_.post(box);
        }
      }
      std::optional<T> await_resume() {
        static_cast<Timer&>(box).disarm();
        return box.take();
      }
    };
    return Awaiter{*this, deadline};
  }

 private:
  static constexpr size_t kRoom = 8;

  std::optional<T> take() {
    if (empty()) return std::nullopt;
    std::optional<T> item(std::move(*items_[first_]));
    items_[first_].reset();
    first_ = (first_ + 1) % kRoom;
    --size_;
    if (!more_.empty()) {
      items_[(first_ + size_++) % kRoom].emplace(std::move(more_.front()));
      more_.erase(more_.begin());
    }
    return item;
  }
  void fire() override { std::exchange(waiter_, nullptr).resume(); }
  void on_timer() override {
    if (empty() && waiter_) loop_.post(*this);
  }
  Loop& loop_;
  std::optional<T> items_[kRoom];  // a ring
  size_t first_ = 0, size_ = 0;
  std::vector<T> more_;
  std::coroutine_handle<> waiter_;
};

/// Lets so much time pass; 0: what is ready now has its turn first.
Task<Done> pause(Loop& loop, int64_t ns);

}  // namespace tractor::core
