// Cancel scopes, deadlines, shields, and cleanup that waits.
#include <stdexcept>

#include "everywhere.hpp"
#include "frame.hpp"

using namespace tractor;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

task<> forever() { co_await sleep_forever(); }

task<> a_scope_takes_its_own_cancel() {
  cancel_scope scope;
  bool went_on = false;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.start_soon([&]() -> task<> {
      co_await settle();
      scope.cancel("enough");
    });
    co_await scope.run(forever);
    went_on = true;
    holds(!g.cancel_called());
  });
  holds(went_on && scope.cancel_called() && scope.cancelled_caught());
}

task<> a_scope_that_is_left_alone_takes_nothing() {
  cancel_scope scope;
  auto seven = []() -> task<int> { co_return 7; };
  auto value = co_await scope.run(seven);
  equal(value.value(), 7);
  scope.cancel();  // there is nothing to cancel any more
  holds(!scope.cancel_called() && !scope.cancelled_caught());
}

// It runs up to its first wait.
task<> a_scope_may_be_cancelled_before_it_runs() {
  cancel_scope scope;
  scope.cancel();
  bool began = false, went_on = false;
  co_await scope.run([&]() -> task<> {
    began = true;
    co_await sleep(duration(0));
    went_on = true;
  });
  holds(began && !went_on && scope.cancelled_caught());
}

// What ends by itself was not cut short, whatever was called.
task<> a_body_that_does_not_mind_is_not_caught() {
  cancel_scope scope;
  auto stubborn = [&]() -> task<int> {
    scope.cancel();
    try {
      co_await sleep_forever();
    } catch (const cancelled&) {
    }
    co_return 1;
  };
  auto value = co_await scope.run(stubborn);
  holds(value && scope.cancel_called() && !scope.cancelled_caught());
}

task<> an_inner_scope_leaves_the_outer_ones_cancel_alone() {
  cancel_scope outer, inner;
  bool between = false;
  co_await outer.run([&]() -> task<> {
    co_await inner.run([&]() -> task<> {
      outer.cancel();
      co_await sleep_forever();
    });
    between = true;
  });
  holds(!between && outer.cancelled_caught());
  holds(!inner.cancel_called() && !inner.cancelled_caught());
}

task<> an_outer_scope_does_not_see_the_inner_ones_cancel() {
  cancel_scope outer, inner;
  bool between = false;
  co_await outer.run([&]() -> task<> {
    co_await inner.run([&]() -> task<> {
      inner.cancel();
      co_await sleep_forever();
    });
    between = true;
    co_await sleep(duration(0));
  });
  holds(between && inner.cancelled_caught() && !outer.cancel_called());
}

// Both at once: the outer one's goes on.
task<> both_scopes_are_cancelled() {
  cancel_scope outer, inner;
  bool between = false;
  co_await outer.run([&]() -> task<> {
    co_await inner.run([&]() -> task<> {
      inner.cancel();
      outer.cancel();
      co_await sleep_forever();
    });
    between = true;
  });
  holds(!between && outer.cancelled_caught() && !inner.cancelled_caught());
}

task<> an_error_is_stronger_than_a_cancel() {
  auto own = std::make_exception_ptr(std::domain_error("own"));
  cancel_scope scope;
  auto fails = [&]() -> task<> {
    scope.cancel();
    try {
      co_await sleep_forever();
    } catch (const cancelled&) {
    }
    std::rethrow_exception(own);
  };
  auto run = scope.run(fails);
  bool same_object = false;
  try {
    co_await std::move(run);
  } catch (const std::domain_error&) {
    same_object = std::current_exception() == own;
  }
  holds(same_object && !scope.cancelled_caught());
}

task<> deadlines_are_set_and_moved() {
  std::int64_t before = tractor_now();
  cancel_scope scope({.timeout = milliseconds(10)});
  holds(scope.deadline() == cancel_scope::never);  // it counts from run() on
  co_await scope.run([](cancel_scope& self) -> task<> {
    holds(self.deadline() != cancel_scope::never);
    self.set_deadline(self.deadline() + milliseconds(20));
    co_await sleep_forever();
  });
  holds(scope.cancel_called() && scope.cancelled_caught());
  holds(tractor_now() - before >= 30 * TRACTOR_MS);

  cancel_scope spared({.timeout = milliseconds(5)});
  co_await spared.run([](cancel_scope& self) -> task<> {
    self.set_deadline(cancel_scope::never);
    co_await sleep(milliseconds(15));
  });
  holds(!spared.cancel_called());

  cancel_scope late;
  late.set_deadline(cancel_scope::clock::now());
  co_await late.run(forever);
  holds(late.cancelled_caught());
}

task<> a_timeout_may_be_forever_or_over() {
  cancel_scope forever({.timeout = duration(TRACTOR_FOREVER)}), over({.timeout = milliseconds(-1)});
  co_await forever.run([]() -> task<> { co_await sleep(milliseconds(1)); });
  holds(!forever.cancel_called() && forever.deadline() == cancel_scope::never);
  co_await over.run([]() -> task<> { co_await sleep(std::chrono::seconds(5)); });
  holds(over.cancelled_caught());
}

task<> a_deadline_may_be_the_beginning_of_time() {
  cancel_scope scope;
  co_await scope.run([&]() -> task<> {
    scope.set_deadline(cancel_scope::clock::time_point::min());
    co_await sleep(std::chrono::seconds(5));
  });
  holds(scope.cancelled_caught());
}

task<> bodies_give_values_in_time() {
  auto quick = []() -> task<std::string> { co_return "quick"; };
  auto slow = []() -> task<std::string> {
    co_await sleep_forever();
    co_return "never";
  };
  auto in_time = co_await move_on_after(seconds(5), quick);
  same(in_time.value(), "quick");
  auto late = co_await move_on_after(milliseconds(1), slow);
  holds(!late);
  same(co_await fail_after(seconds(5), quick), "quick");
  auto failing = fail_after(milliseconds(1), slow);
  same(co_await thrown_by(failing), "TimeoutError: the deadline has passed");
  auto gone = fail_at(cancel_scope::clock::now() - seconds(1), slow);
  same(co_await thrown_by(gone), "TimeoutError: the deadline has passed");
  auto at = co_await move_on_at(cancel_scope::clock::now() + seconds(5), quick);
  same(at.value(), "quick");
  bool nothing_is_no_time = co_await move_on_after(duration(0), forever);
  holds(!nothing_is_no_time);
  bool endless = co_await move_on_after(duration(TRACTOR_FOREVER), []() -> task<> { co_return; });
  holds(endless);
}

task<> a_shield_keeps_a_cancel_away() {
  bool tidied = false, behind = false;
  cancel_scope outer, shielded({.timeout = seconds(5), .shield = true});
  co_await outer.run([&]() -> task<> {
    outer.cancel();
    co_await shielded.run([&]() -> task<> {
      co_await sleep(milliseconds(2));
      tidied = true;
    });
    behind = true;
    co_await sleep(duration(0));  // the cancel is still on
    holds(false);
  });
  holds(tidied && behind && outer.cancelled_caught());
  holds(!shielded.cancel_called());
}

task<> a_shield_ends_with_its_time_and_by_its_own_cancel() {
  cancel_scope outer, late({.timeout = milliseconds(2), .shield = true}), told({.timeout = seconds(5), .shield = true});
  co_await outer.run([&]() -> task<> {
    outer.cancel();
    co_await late.run(forever);
    co_await told.run([&]() -> task<> {
      told.cancel();
      co_await sleep_forever();
    });
    co_await sleep(duration(0));
  });
  holds(late.cancelled_caught() && told.cancelled_caught() && outer.cancelled_caught());
}

task<> what_can_not_be_a_scope_is_told() {
  cancel_scope endless({.shield = true});
  auto run = endless.run(forever);
  std::string why = co_await thrown_by(run);
  kit_assert_contains(why.c_str(), "timeout");
  cancel_scope once;
  co_await once.run([]() -> task<> { co_return; });
  auto again = once.run(forever);
  same(co_await thrown_by(again), "RuntimeError: a cancel_scope is run once");
}

// A cancel that comes out of something else than the scope, such as of a context that was cancelled, goes on.
task<> a_stray_cancel_is_not_taken() {
  cancel_scope scope;
  auto stray = []() -> task<> {
    throw cancelled{};
    co_return;
  };
  auto run = scope.run(stray);
  same(co_await thrown_by(run), "cancelled");
  holds(!scope.cancelled_caught());
}

// ---- cleanup

// TRI-02: a manager with a group of its own; cancel and wait in its cleanup don't hide the error of the block.
task<> managed(task<> (*block)(), bool cancel) {
  co_await with_task_group([&](task_group& g) -> task<> {
    g.start_soon(forever);
    auto body = [&]() -> task<> { co_await block(); };
    auto cleanup = [&]() -> task<> {
      if (cancel) g.cancel();
      co_await sleep(duration(0));
    };
    co_await with_cleanup(body, cleanup);
  });
}
task<> a_wait_in_the_cleanup_does_not_hide_the_error() {
  for (bool cancel : {true, false}) {
    auto run = managed(
        []() -> task<> {
          throw error("AssertionError", "in the block");
          co_return;
        },
        cancel);
    same(co_await thrown_by(run), "AssertionError: in the block");  // itself: exactly one
  }
}

// TRI-04: the consumer of a stream fails, or its handler does, and closing the stream waits in a cancelled scope.
task<> closing_a_stream_does_not_hide_the_error() {
  for (bool in_handler : {false, true}) {
    auto consume = with_task_group([&](task_group& g) -> task<> {
      channel<int> c(1);
      g.start_soon([&]() -> task<> {
        for (int i = 0;; i++) co_await c.send(i);
      });
      auto read = [&]() -> task<> {
        try {
          while (auto n = co_await c.receive())
            if (*n == 3) throw std::out_of_range("mid stream");
        } catch (const std::out_of_range&) {
          if (in_handler) throw error("RuntimeError", "in the handler");
          throw error("RuntimeError", "mid stream");
        }
      };
      auto aclose = [&]() -> task<> {
        g.cancel();
        co_await sleep(duration(0));
      };
      co_await with_cleanup(read, aclose);
      holds(false);
    });
    same(co_await thrown_by(consume), in_handler ? "RuntimeError: in the handler" : "RuntimeError: mid stream");
  }
}

task<> a_cleanup_always_runs() {
  int cleaned = 0;
  auto cleanup = [&]() -> task<> {
    co_await with_task_group({.timeout = seconds(5), .shield = true}, [&](task_group&) -> task<> {
      co_await sleep(duration(0));
      cleaned++;
    });
  };
  auto seven = []() -> task<int> { co_return 7; };
  equal(co_await with_cleanup(seven, cleanup), 7);
  equal(cleaned, 1);
  bool in_time = co_await move_on_after(milliseconds(1), [&]() -> task<> { co_await with_cleanup(forever, cleanup); });
  holds(!in_time);
  equal(cleaned, 2);
}

task<> errors_of_body_and_cleanup_are_both_told() {
  auto one = []() -> task<> {
    throw std::range_error("one");
    co_return;
  };
  auto two = []() -> task<> {
    throw std::range_error("two");
    co_return;
  };
  auto both = with_cleanup(one, two);
  std::string told;
  try {
    co_await std::move(both);
  } catch (const error_group& group) {
    for (std::size_t i = 0; i < group.size(); i++) told += group[i].what();
  }
  same(told, "onetwo");
  bool in_time = co_await move_on_after(milliseconds(1), [&]() -> task<> {
    auto cut = with_cleanup(forever, two);
    same(co_await thrown_by(cut), "two");
  });
  holds(in_time);
}

//
task<> a_scope_may_be_dropped() {
  co_await with_task_group([](task_group& g) -> task<> {
    cancel_scope scope({.timeout = seconds(60)});
    auto run = [&]() -> task<> { co_await scope.run(forever); };
    co_await abandon(g, run);
    scope.cancel();  // it has no body any more
    auto late = []() -> task<> { co_await fail_after(seconds(60), forever); };
    co_await abandon(g, late);
    auto cleaned = []() -> task<> { co_await with_cleanup([]() -> task<> { co_return; }, forever); };
    co_await abandon(g, cleaned);
  });
}

// TRI-05: a wait for a lock, in a context, that is cut short is a cancel and nothing else.
lock one_at_a_time;
task<> takes_the_lock(context& ctx) {
  ctx.started();
  auto held = co_await one_at_a_time.acquire();
  co_await sleep_forever();
}

}  // namespace

TRACTOR_MODULE(locks, TRACTOR_CONTEXT(takes_the_lock));

namespace {

void a_cut_wait_for_a_lock_is_just_cancelled(void**) {
  std::int64_t before = tractor_now();
  auto run = [](nursery& an) -> task<> {
    portal worker = co_await an.start_actor("worker", {.modules = {locks}});
    int cut = 0;
    co_await with_task_group([&](task_group& g) {
      for (int i = 0; i < 3; i++)
        g.start_soon([&, i]() -> task<> {
          co_await worker.with_context(takes_the_lock, [&](linked_context<void>& ctx) -> task<> {
            co_await sleep(milliseconds(i == 0 ? 50 : 20));  // the first one to ask has it
            co_await ctx.cancel();
          });
          cut++;
        });
    });
    equal(cut, 3);
  };
  play_well([&](nursery&) -> task<> { co_await with_nursery(around_children, run); });
  kit_assert_within_ms(tractor_now() - before, 2000);
}

}  // namespace

int main(int argc, char** argv) {
  const everywhere tests[] = {
      EVERYWHERE(a_scope_takes_its_own_cancel),
      EVERYWHERE(a_scope_that_is_left_alone_takes_nothing),
      EVERYWHERE(a_scope_may_be_cancelled_before_it_runs),
      EVERYWHERE(a_body_that_does_not_mind_is_not_caught),
      EVERYWHERE(an_inner_scope_leaves_the_outer_ones_cancel_alone),
      EVERYWHERE(an_outer_scope_does_not_see_the_inner_ones_cancel),
      EVERYWHERE(both_scopes_are_cancelled),
      EVERYWHERE(an_error_is_stronger_than_a_cancel),
      EVERYWHERE(deadlines_are_set_and_moved),
      EVERYWHERE(a_timeout_may_be_forever_or_over),
      EVERYWHERE(a_deadline_may_be_the_beginning_of_time),
      EVERYWHERE(bodies_give_values_in_time),
      EVERYWHERE(a_shield_keeps_a_cancel_away),
      EVERYWHERE(a_shield_ends_with_its_time_and_by_its_own_cancel),
      EVERYWHERE(what_can_not_be_a_scope_is_told),
      EVERYWHERE(a_stray_cancel_is_not_taken),
      EVERYWHERE(a_wait_in_the_cleanup_does_not_hide_the_error),
      EVERYWHERE(closing_a_stream_does_not_hide_the_error),
      EVERYWHERE(a_cleanup_always_runs),
      EVERYWHERE(errors_of_body_and_cleanup_are_both_told),
      EVERYWHERE(a_scope_may_be_dropped),
  };
  return play_everywhere(argc, argv, tests, {KIT_TEST(a_cut_wait_for_a_lock_is_just_cancelled)});
}
