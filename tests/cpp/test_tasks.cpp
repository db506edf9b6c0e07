// Tasks: lazy, move-only, without growth of the stack.
#include "play.hpp"

#include <stdexcept>
#include <utility>

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

task<int> after_a_turn(int n) {
  co_await sleep(duration(0));
  co_return n;
}
task<int> refuses(int n) {
  if (n >= 0) throw std::out_of_range("refused");
  co_return n;
}

void a_loop_over_waits_that_are_over_needs_no_stack(void**) {
  play_well([](nursery&) -> task<> {
    event e;
    e.set();
    lock l;
    channel<int> c(1);
    std::int64_t sum = 0;
    for (int i = 0; i < 1'000'000; i++) {
      co_await e.wait();
      auto held = co_await l.acquire();
      co_await c.send(1);
      auto got = co_await c.receive();
      sum += *got;
    }
    equal(sum, 1'000'000);
  });
}

void nor_does_one_over_tasks_that_wait_or_fail(void**) {
  play_well([](nursery&) -> task<> {
    std::int64_t sum = 0;
    for (int i = 0; i < 100'000; i++) sum += co_await after_a_turn(1);
    for (int i = 0; i < 20'000; i++) {
      try {
        sum += co_await refuses(1);
      } catch (const std::out_of_range&) {
        sum++;
      }
    }
    equal(sum, 120'000);
  });
}

/// Says when it goes, and may be moved before.
struct last_words {
  std::string* order;
  char name;
  last_words(std::string& o, char n) : order(&o), name(n) {}
  last_words(last_words&& other) noexcept : order(std::exchange(other.order, nullptr)), name(other.name) {}
  ~last_words() {
    if (order) *order += name;
  }
};

void a_task_keeps_what_it_was_started_with(void**) {
  play_well([](nursery&) -> task<> {
    std::string order;
    co_await with_nursery([&](nursery& n) -> task<> {
      auto by_reference = [&order, captured = last_words(order, 'c')](const last_words& arg, int& count) -> task<> {
        last_words local(order, 'l');
        co_await sleep(duration(0));
        order += arg.name;
        order += captured.name;
        count++;
      };
      int count = 1;
      n.start_soon(std::move(by_reference), last_words(order, 'a'), std::ref(count));
      while (count == 1) co_await sleep(duration(0));
      order += '.';
    });
    same(order, "aclac.");  // what it uses goes behind it, the latest first
  });
}

void a_task_may_start_another_as_its_last_act(void**) {
  play_well([](nursery&) -> task<> {
    int left = 100;
    co_await with_nursery([&](nursery& n) {
      struct successor {
        nursery* n;
        int* left;
        successor(nursery& its, int& count) : n(&its), left(&count) {}
        successor(successor&& other) noexcept : n(std::exchange(other.n, nullptr)), left(other.left) {}
        ~successor() {
          if (n && --*left > 0) n->start_soon([](const successor&) -> task<> { co_return; }, successor(*n, *left));
        }
      };
      n.start_soon([](const successor&) -> task<> { co_return; }, successor(n, left));
    });
    equal(left, 0);
  });
}

void a_task_is_cancelled_through_all_that_it_awaits(void**) {
  play_well([](nursery&) -> task<> {
    std::string order;
    co_await with_nursery([&](nursery& n) -> task<> {
      auto inner = [&]() -> task<> {
        last_words l(order, 'i');
        co_await sleep_forever();
      };
      n.start_soon([&]() -> task<> {
        last_words l(order, 'o');
        try {
          co_await inner();
        } catch (const cancelled&) {
          order += '!';
          throw;
        }
      });
      co_await sleep(duration(0));
      n.cancel();
    });
    same(order, "i!o");
  });
}

void a_task_that_is_cancelled_early_runs_to_its_first_wait(void**) {
  play_well([](nursery&) -> task<> {
    std::string order;
    co_await with_nursery([&](nursery& n) {
      n.start_soon([&]() -> task<> {
        order += 'a';
        co_await sleep_forever();
        order += 'b';
      });
      n.cancel();
    });
    same(order, "a");
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
      KIT_TEST_ONCE(nothing_runs_before_it_is_awaited),
      KIT_TEST_ONCE(results_and_exceptions_come_up),
      KIT_TEST_ONCE(a_loop_over_tasks_needs_no_stack),
      KIT_TEST_ONCE(tasks_of_a_nursery_take_turns),
      KIT_TEST_ONCE(ten_thousand_tasks_end_together),
      KIT_TEST_ONCE(a_loop_over_waits_that_are_over_needs_no_stack),
      KIT_TEST_ONCE(nor_does_one_over_tasks_that_wait_or_fail),
      KIT_TEST_ONCE(a_task_keeps_what_it_was_started_with),
      KIT_TEST_ONCE(a_task_may_start_another_as_its_last_act),
      KIT_TEST_ONCE(a_task_is_cancelled_through_all_that_it_awaits),
      KIT_TEST_ONCE(a_task_that_is_cancelled_early_runs_to_its_first_wait),
  };
  return kit_run_tests(tests);
}
