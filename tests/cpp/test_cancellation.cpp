// Cancellation: who is cut short, where it stops, and what is left of it.
#include "play.hpp"

using namespace tractor;
using std::chrono::milliseconds;

namespace {

task<> forever() { co_await sleep_forever(); }
task<> fails() {
  throw std::runtime_error("on purpose");
  co_return;
}
task<int> endless(context& ctx) {
  auto numbers = co_await ctx.started().open_stream<int, int>();
  for (int i = 0;; i++) co_await numbers.send(i);
}
task<> cancels_itself(context& ctx) {
  ctx.started();
  ctx.cancel();
  co_await sleep_forever();
}

}  // namespace

TRACTOR_MODULE(slow, TRACTOR_FN(forever), TRACTOR_FN(fails), TRACTOR_CONTEXT(endless), TRACTOR_CONTEXT(cancels_itself));

namespace {

/// Counts the tasks that were unwound by a cancel.
struct witness {
  int& unwound;
  ~witness() { unwound++; }
};

task<> wait_and_tell(int& unwound) {
  witness w{unwound};
  co_await sleep_forever();
}

void a_nursery_takes_its_own_cancel(void**) {
  play_well([](nursery&) -> task<> {
    int unwound = 0;
    bool went_on = false;
    co_await with_nursery([&](nursery& n) -> task<> {
      for (int i = 0; i < 10; i++) n.start_soon(wait_and_tell, std::ref(unwound));
      co_await settle();
      n.cancel("enough");
      holds(n.cancel_called());
      equal(unwound, 0);  // later, never inside the call
      co_await settle();
      went_on = true;
    });
    equal(unwound, 10);
    holds(!went_on);
  });
}

// The siblings of a one-shot of C that nobody asks run to their end first: until then everything goes on as it did.
void an_error_that_is_only_collected_stops_nothing(void**) {
  std::string all;
  kit_run run = play([&](nursery& root) -> task<> {
    for (const char* function : {"fails", "forever"})
      tractor_nursery_run_in_actor(root.c_nursery(), "slow", function, {}, nullptr, nullptr, nullptr);
    while (!root.cancel_called()) co_await sleep(milliseconds(1));

    event rung;
    root.start_soon([&]() -> task<> {
      co_await rung.wait();
      all += "woken ";
    });
    co_await settle();
    rung.set();
    co_await settle();
    all += co_await root.start([](task_status<std::string>& status) -> task<> {
      status.started("started");
      co_await sleep_forever();
    });
    root.cancel();
  });
  same(all, "woken started");
  assert_string_equal(tractor_error_message(run.err), "runtime_error: on purpose");
}

void a_cancel_goes_down_through_all_levels(void**) {
  play_well([](nursery&) -> task<> {
    int unwound = 0;
    bool outer_went_on = false;
    co_await with_nursery([&](nursery& outer) -> task<> {
      outer.start_soon([&]() -> task<> {
        co_await with_nursery([&](nursery& inner) -> task<> {
          inner.start_soon(wait_and_tell, std::ref(unwound));
          co_await wait_and_tell(unwound);
        });
        outer_went_on = true;  // the cancel was not the inner nursery's
      });
      co_await settle();
      outer.cancel();
    });
    equal(unwound, 2);
    holds(!outer_went_on);
  });
}

void a_deadline_is_timed_out(void**) {
  play_well([](nursery&) -> task<> {
    auto late = with_nursery({.timeout = milliseconds(5)}, [](nursery&) -> task<> { co_await sleep_forever(); });
    std::int64_t before = tractor_now();
    bool caught = false;
    try {
      co_await std::move(late);
    } catch (const timed_out&) {
      caught = true;
    }
    holds(caught);
    holds(tractor_now() - before >= 5 * TRACTOR_MS);
  });
}

void a_shield_keeps_a_cancel_away_for_its_time(void**) {
  play_well([](nursery&) -> task<> {
    bool tidied = false;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start_soon([&]() -> task<> {
        bool cut = false;
        try {
          co_await sleep_forever();
        } catch (const cancelled&) {
          cut = true;
        }
        holds(cut);
        co_await with_nursery({.timeout = std::chrono::seconds(5), .shield = true}, [&](nursery&) -> task<> {
          co_await sleep(milliseconds(2));
          tidied = true;
        });
        co_await settle();
        holds(false);  // the cancel is still on
      });
      co_await settle();
      n.cancel();
    });
    holds(tidied);
  });
}

void handlers_of_exceptions_let_a_cancel_pass(void**) {
  play_well([](nursery&) -> task<> {
    bool swallowed = false;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.cancel();
      try {
        co_await sleep_forever();
      } catch (const std::exception&) {
        swallowed = true;
      }
    });
    holds(!swallowed);
  });
}

void a_task_runs_up_to_its_first_wait_in_a_cancelled_nursery(void**) {
  play_well([](nursery&) -> task<> {
    bool began = false, went_on = false;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start_soon([&]() -> task<> {
        began = true;
        co_await sleep(duration(0));
        went_on = true;
      });
      n.cancel();
      co_return;
    });
    holds(began && !went_on);
  });
}

void calls_and_children_end_with_their_nursery(void**) {
  play_well([](nursery&) -> task<> {
    co_await with_nursery([](nursery& an) -> task<> {
      portal worker = co_await an.start_actor("worker", {.modules = {slow}});
      an.start_soon([worker]() -> task<> { co_await worker.run(forever); });
      co_await sleep(milliseconds(5));
      an.cancel();
    });
  });
}

template <class Body>
void with_worker(Body body) {
  play_well([&](nursery& root) -> task<> {
    portal worker = co_await root.start_actor("worker", {.modules = {slow}});
    co_await body(worker);
    co_await worker.cancel_actor();
  });
}

void a_context_is_cancelled_by_its_caller(void**) {
  with_worker([](portal worker) -> task<> {
    int got = 0;
    bool went_on = false;
    co_await worker.with_context(endless, [&](linked_context<int>& ctx) -> task<> {
      auto numbers = co_await ctx.open_stream<int, int>();
      while (got < 51) {
        equal(*co_await numbers.receive(), got);
        got++;
      }
      co_await ctx.cancel();
      co_await sleep_forever();
      went_on = true;
    });
    equal(got, 51);
    holds(!went_on);
  });
}

void who_waits_for_the_result_is_cancelled_with_it(void**) {
  with_worker([](portal worker) -> task<> {
    std::string told;
    co_await worker.with_context(endless, [&](linked_context<int>& ctx) -> task<> {
      co_await with_task_group([&](task_group& both) -> task<> {
        both.start_soon([&]() -> task<> {
          auto waiting = [&]() -> task<> { co_await ctx.wait_for_result(); };
          told = co_await thrown_in(waiting);
        });
        co_await settle();
        co_await ctx.cancel();
      });
    });
    same(told, "cancelled");
  });
}

void a_context_that_cancels_itself_is_an_error_here(void**) {
  with_worker([](portal worker) -> task<> {
    bool caught = false;
    try {
      co_await worker.with_context(cancels_itself, [](auto&) -> task<> { co_await sleep_forever(); });
    } catch (const context_cancelled& e) {
      caught = true;
      same(e.canceller()->name, "worker");
    }
    holds(caught);
  });
}

void a_deadline_cuts_a_call(void**) {
  with_worker([](portal worker) -> task<> {
    bool caught = false;
    try {
      co_await with_nursery({.timeout = milliseconds(20)}, [&](nursery&) -> task<> { co_await worker.run(forever); });
    } catch (const timed_out&) {
      caught = true;
    }
    holds(caught);
  });
}

void a_send_without_a_wait_sees_the_cancel_too(void**) {
  with_worker([](portal worker) -> task<> {
    bool caught = false;
    co_await worker.with_context(endless, [&](linked_context<int>& ctx) -> task<> {
      auto numbers = co_await ctx.open_stream<int, int>();
      try {
        co_await with_nursery({.timeout = milliseconds(20)}, [&](nursery&) -> task<> {
          for (;;) co_await numbers.receive();
        });
      } catch (const timed_out&) {
        caught = true;
      }
      co_await ctx.cancel();
    });
    holds(caught);
  });
}

}  // namespace

int main(int argc, char** argv) {
  module::register_all();
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST_ONCE(a_nursery_takes_its_own_cancel),
      KIT_TEST(an_error_that_is_only_collected_stops_nothing),
      KIT_TEST_ONCE(a_cancel_goes_down_through_all_levels),
      KIT_TEST_ONCE(a_deadline_is_timed_out),
      KIT_TEST_ONCE(a_shield_keeps_a_cancel_away_for_its_time),
      KIT_TEST_ONCE(handlers_of_exceptions_let_a_cancel_pass),
      KIT_TEST_ONCE(a_task_runs_up_to_its_first_wait_in_a_cancelled_nursery),
      KIT_TEST_ONCE(calls_and_children_end_with_their_nursery),
      KIT_TEST(a_context_is_cancelled_by_its_caller),
      KIT_TEST(who_waits_for_the_result_is_cancelled_with_it),
      KIT_TEST(a_context_that_cancels_itself_is_an_error_here),
      KIT_TEST_ONCE(a_deadline_cuts_a_call),
      KIT_TEST(a_send_without_a_wait_sees_the_cancel_too),
  };
  return kit_run_tests(tests);
}
