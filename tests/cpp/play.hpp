// The kit for tests of the wrapper: a test's body is a coroutine in the nursery of a root.
#pragma once

#include <tractor.hpp>

#include <cstdlib>
#include <functional>
#include <string>

extern "C" {
#include "kit/kit.h"
}

/// Runs `body(nursery&)` in a root of its own. What it throws is the error of the run.
template <class Body>
kit_run play(Body body, const tractor_root_options* more = nullptr) {
  using namespace tractor;
  return kit_run_root(
      more,
      [](tractor_nursery* root, void* user) {
        nursery(root).start_soon([root, user]() -> task<> {
          nursery n(root);
          co_await (*static_cast<Body*>(user))(n);
        });
      },
      &body);
}

/// The same, and nothing may be wrong in the end.
template <class Body>
void play_well(Body body) {
  kit_assert_code(play(body).err, TRACTOR_OK);
}

/// Lets all tasks of this process go on until they wait for something: in each turn of the loop everything that is ready
/// goes on, and what that makes ready has the next one.
inline tractor::task<> settle() {
  for (int turn = 0; turn < 10; turn++) co_await tractor::sleep(tractor::duration(0));
}

/// cmocka's assertions as functions, which evaluate their arguments once.
inline void same(const std::string& got, const std::string& expected, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE()) {
  _assert_string_equal(got.c_str(), expected.c_str(), file, line);
}
inline void equal(std::int64_t got, std::int64_t expected, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
  _assert_int_equal(static_cast<LargestIntegralType>(got), static_cast<LargestIntegralType>(expected), file, line);
}
inline void holds(bool fact, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  _assert_true(fact, "it does not hold", file, line);
}
/// What awaiting throws: "type: message", or "nothing".
template <class Awaitable>
tractor::task<std::string> thrown_by(Awaitable& awaitable) {
  try {
    co_await std::move(awaitable);
  } catch (const tractor::cancelled&) {
    co_return "cancelled";
  } catch (const tractor::error& e) {
    co_return std::string(e.type()) + ": " + e.what();
  } catch (const std::exception& e) {
    co_return e.what();
  }
  co_return "nothing";
}
/// The same of what `body()` awaits, where that is no task.
template <class Body>
tractor::task<std::string> thrown_in(Body body) {
  auto running = body();
  co_return co_await thrown_by(running);
}
