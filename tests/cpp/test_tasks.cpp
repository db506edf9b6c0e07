// Tasks: lazy, move-only, without growth of the stack.
#include "play.hpp"

using namespace tractor;

namespace {

struct move_only {
  int v = 0;
  explicit move_only(int n) : v(n) {}
  move_only(move_only&&) = default;
};

task<int> plain(int n) { co_return n; }
task<int> sum_to(int n) {
  if (n == 0) co_return 0;  // not `?:`, of which g++ 12 runs both sides if there is a co_await in it
  co_return n + co_await sum_to(n - 1);
}
task<move_only> moved(int n) { co_return move_only(n); }
task<int> sets(bool& began) {
  began = true;
  co_return 1;
}

void nothing_runs_before_it_is_awaited(void**) {
  play_well([](nursery&) -> task<> {
    bool began = false;
    auto t = sets(began);
    holds(!began);
    equal(co_await std::move(t), 1);
    holds(began);
    bool never = false;
    { auto dropped = sets(never); }
    holds(!never);
  });
}

void results_and_exceptions_come_up(void**) {
  play_well([](nursery&) -> task<> {
    equal(co_await sum_to(100), 5050);
    equal((co_await moved(7)).v, 7);
    auto thrower = []() -> task<int> {
      co_await sleep(duration(0));
      throw std::out_of_range("far");
    };
    auto t = thrower();
    same(co_await thrown_by(t), "far");
  });
}

void a_loop_over_tasks_needs_no_stack(void**) {
  play_well([](nursery&) -> task<> {
    std::int64_t sum = 0;
    for (int i = 0; i < 1'000'000; i++) sum += co_await plain(1);
    equal(sum, 1'000'000);
  });
}

void tasks_of_a_nursery_take_turns(void**) {
  play_well([](nursery&) -> task<> {
    std::string order;
    co_await with_nursery([&](nursery& n) -> task<> {
      for (char name : {'a', 'b'})
        n.start_soon([&order, name]() -> task<> {
          for (int i = 0; i < 3; i++) {
            order += name;
            co_await sleep(duration(0));
          }
        });
      order += '.';  // started soon, not now
      co_return;
    });
    same(order, ".ababab");
  });
}

void ten_thousand_tasks_end_together(void**) {
  play_well([](nursery&) -> task<> {
    int ended = 0;
    co_await with_nursery([&](nursery& n) -> task<> {
      for (int i = 0; i < 10'000; i++)
        n.start_soon([&ended]() -> task<> {
          try {
            co_await sleep_forever();
          } catch (const cancelled&) {
            ended++;
            throw;
          }
        });
      co_await sleep(duration(0));
      n.cancel();
    });
    equal(ended, 10'000);
  });
}

}  // namespace

int main(int argc, char** argv) {
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST_ONCE(nothing_runs_before_it_is_awaited), KIT_TEST_ONCE(results_and_exceptions_come_up),
      KIT_TEST_ONCE(a_loop_over_tasks_needs_no_stack),  KIT_TEST_ONCE(tasks_of_a_nursery_take_turns),
      KIT_TEST_ONCE(ten_thousand_tasks_end_together),
  };
  return kit_run_tests(tests);
}
