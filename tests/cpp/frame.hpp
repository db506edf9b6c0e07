// Coroutines that are driven and destroyed by hand.
#pragma once

#include <coroutine>

#include "play.hpp"

struct frame {
  struct promise_type : tractor::detail::promise_base {
    promise_type(tractor_nursery* scope, tractor::task<>&) { set_scope(scope); }
    frame get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    void return_void() const noexcept {}
  };
  std::coroutine_handle<promise_type> handle;
};
inline frame framed(tractor_nursery*, tractor::task<> t) { co_await std::move(t); }

/// Lives in the frame: it has to be destroyed once.
struct witness {
  explicit witness(int& n) : living(n) { living++; }
  witness(const witness&) = delete;
  ~witness() { living--; }
  int& living;
};

template <class Wait>
tractor::task<> in_a_frame(int& living, Wait wait) {
  witness here(living);
  co_await wait();
  holds(false);
}

/// Starts a task that waits, lets the loop turn, and destroys the frame.
template <class Wait>
tractor::task<> abandon(tractor::task_group& n, Wait wait) {
  int living = 0;
  frame f = framed(n.c_nursery(), in_a_frame(living, wait));
  f.handle.resume();
  equal(living, 1);
  co_await tractor::sleep(std::chrono::milliseconds(5));
  equal(living, 1);
  f.handle.destroy();
  equal(living, 0);
}
