// start() and started(): who gets a task's outcome before it has started, and after.
#include <stdexcept>

#include "everywhere.hpp"
#include "frame.hpp"

using namespace tractor;
using std::chrono::milliseconds;

namespace {

/// Is never started, and does not mind being cancelled.
task<> swallow_the_cancel(task_status<>&) {
  try {
    co_await sleep_forever();
  } catch (const cancelled&) {
  }
}

// STC-01: the error of a sibling is not masked by a start that it cut short.
task<> a_start_that_is_cut_short_is_cancelled() {
  bool saw_cancelled = false;
  auto group = with_task_group([&](task_group& g) -> task<> {
    g.start_soon([]() -> task<> {
      co_await settle();
      throw error("ValueError", "sibling");
    });
    try {
      co_await g.start(swallow_the_cancel);
    } catch (const cancelled&) {
      saw_cancelled = true;
      throw;
    }
  });
  same(co_await thrown_by(group), "ValueError: sibling");  // alone: no group
  holds(saw_cancelled);
}

// STC-02
task<> a_cancel_from_elsewhere_stays_a_cancel() {
  bool saw_cancelled = false;
  cancel_scope scope;
  co_await scope.run([&]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      g.start_soon([&]() -> task<> {
        co_await settle();
        scope.cancel();
      });
      try {
        co_await g.start(swallow_the_cancel);
      } catch (const cancelled&) {
        saw_cancelled = true;
        throw;
      }
    });
  });
  holds(saw_cancelled && scope.cancelled_caught());
}

// STC-03
task<> who_exits_without_starting_is_an_error() {
  auto never_starts = [](task_status<int>&) -> task<> { co_await sleep(duration(0)); };
  auto group = with_task_group([&](task_group& g) -> task<> { co_await g.start(never_starts); });
  same(co_await thrown_by(group), "RuntimeError: child exited without calling started()");
}

// STC-04: whatever it says, and though the scope is cancelled.
task<> the_childs_own_error_is_never_demoted() {
  for (const char* message : {"", "the child's own", "child exited without calling started()"}) {
    auto own = std::make_exception_ptr(std::runtime_error(message));
    bool same_object = false;
    cancel_scope scope;
    auto fails = [&](task_status<>&) -> task<> {
      try {
        co_await sleep_forever();
      } catch (const cancelled&) {
      }
      std::rethrow_exception(own);
    };
    auto body = [&]() -> task<> {
      co_await with_task_group([&](task_group& g) -> task<> {
        g.start_soon([&]() -> task<> {
          co_await settle();
          scope.cancel();
        });
        co_await g.start(fails);
      });
    };
    auto run = scope.run(body);
    try {
      co_await std::move(run);
    } catch (const std::runtime_error&) {
      same_object = std::current_exception() == own;
    }
    holds(same_object);
    holds(!scope.cancelled_caught());
  }
}

task<> serve(task_status<std::string>& status, int port, std::string host) {
  status.started(host + ":" + std::to_string(port));
  co_await sleep_forever();
}

/// What runs in this process, by name.
task<std::string> tree() {
  tractor_actor* self = tractor_nursery_actor(co_await detail::this_scope());
  auto ask = [self](tractor_nursery* in, tractor_value_fn done, void* user) {
    return tractor_actor_tree(self, in, nullptr, done, user);
  };
  value map = co_await detail::make_operation<value>(ask);
  co_return text_ptr(tractor_tree_format(tractor_value_bytes(map.c_value()))).get();
}

// STC-05: arguments and value pass through, and so does the name.
task<> value_arguments_and_name_pass_through() {
  co_await with_task_group([&](task_group& g) -> task<> {
    std::string address = co_await g.start("web server", serve, 80, "localhost");
    same(address, "localhost:80");
    g.start_soon(
        "feeder", [](int n) -> task<> { co_await sleep(std::chrono::seconds(n)); }, 60);
    std::string all = co_await tree();
    kit_assert_contains(all.c_str(), "web server");
    kit_assert_contains(all.c_str(), "feeder");
    g.cancel();
  });
}

// After started() the task is the group's.
task<> after_its_start_its_error_is_the_groups() {
  auto starts_and_fails = [](task_status<>& status) -> task<> {
    status.started();
    co_await sleep(milliseconds(1));
    throw error("ValueError", "later");
  };
  bool started = false;
  auto group = with_task_group([&](task_group& g) -> task<> {
    co_await g.start(starts_and_fails);
    started = true;
    co_await sleep_forever();
  });
  same(co_await thrown_by(group), "ValueError: later");
  holds(started);
}

task<> a_cancel_of_the_starter_takes_along_what_has_not_started() {
  int unwound = 0;
  auto never_starts = [&](task_status<>&) -> task<> {
    try {
      co_await sleep_forever();
    } catch (const cancelled&) {
      unwound++;
      throw;
    }
  };
  auto starts = [&](task_status<>& status) -> task<> {
    status.started();
    co_await never_starts(status);
  };
  co_await with_task_group([&](task_group& g) -> task<> {
    cancel_scope starter;
    co_await starter.run([&]() -> task<> {
      co_await g.start(starts);
      g.start_soon([&]() -> task<> {
        co_await settle();
        starter.cancel();
      });
      co_await g.start(never_starts);
    });
    holds(starter.cancelled_caught());
    equal(unwound, 1);  // it has ended before start() did, and what had started goes on
    holds(!g.cancel_called());
    g.cancel();
  });
  equal(unwound, 2);
}

// A value that comes after the starter's cancel is not lost, and the task is not left behind.
task<> a_start_in_spite_of_a_cancel() {
  bool ended = false;
  auto starts_late = [&](task_status<int>& status) -> task<> {
    try {
      co_await sleep_forever();
    } catch (const cancelled&) {
    }
    status.started(7);
    ended = true;
  };
  co_await with_task_group([&](task_group& g) -> task<> {
    int value = 0;
    cancel_scope scope({.timeout = milliseconds(2)});
    co_await scope.run([&]() -> task<> { value = co_await g.start(starts_late); });
    equal(value, 7);
    holds(ended && scope.cancel_called() && !scope.cancelled_caught());
  });
}

struct NameError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// TRI-01: a nursery's owner keeps it in a task of another one, and a task in it fails while a start in it is pending.
task<> a_failure_in_a_stashed_nursery_comes_out(bool by_start_soon) {
  auto keep_a_group = [](task_status<task_group*>& status) -> task<> {
    co_await with_task_group([&](task_group& stashed) -> task<> {
      status.started(&stashed);
      co_await sleep_forever();
    });
  };
  auto fails = [](task_status<>&) -> task<> {
    co_await settle();
    throw NameError("no such name");
  };
  event never;
  auto waits = [&](task_status<>& status) -> task<> {
    co_await never.wait();
    status.started();
  };
  std::int64_t before = tractor_now();
  auto outer = with_task_group([&](task_group& g) -> task<> {
    task_group* stashed = co_await g.start(keep_a_group);
    if (by_start_soon)
      stashed->start_soon([&]() -> task<> {
        task_status<> nobody;
        co_await fails(nobody);
      });
    else
      co_await stashed->start(fails);
    co_await fail_after(std::chrono::seconds(1), [&]() -> task<> { co_await stashed->start(waits); });
  });
  same(co_await thrown_by(outer), "no such name");
  kit_assert_within_ms(tractor_now() - before, 500);
}
task<> a_failure_in_a_stashed_nursery_comes_out_of_start() { co_await a_failure_in_a_stashed_nursery_comes_out(false); }
task<> a_failure_in_a_stashed_nursery_comes_out_of_start_soon() {
  co_await a_failure_in_a_stashed_nursery_comes_out(true);
}

task<> what_can_not_be_started_is_told() {
  auto twice = [](task_status<int>& status) -> task<> {
    status.started(1);
    status.started(2);
    co_return;
  };
  auto group = with_task_group([&](task_group& g) -> task<> { equal(co_await g.start(twice), 1); });
  same(co_await thrown_by(group), "RuntimeError: called 'started' twice on the same task status");

  auto waits = [](task_status<>&) -> task<> { co_await sleep_forever(); };
  std::string told;
  co_await with_task_group([&](task_group& outer) -> task<> {  // somebody else's group is cancelled
    task_group* other = nullptr;
    outer.start_soon([&]() -> task<> {
      co_await with_task_group([&](task_group& g) -> task<> {
        other = &g;
        co_await sleep_forever();
      });
    });
    co_await settle();
    outer.start_soon([&]() -> task<> {
      co_await settle();
      other->cancel();
    });
    auto start = other->start(waits);
    told = co_await thrown_by(start);
  });
  same(told, "RuntimeError: the nursery was cancelled before its task had started");
}

//
task<> a_start_may_be_dropped() {
  co_await with_task_group([](task_group& g) -> task<> {
    int living = 0;
    auto waits = [&living](task_status<>&) -> task<> {
      witness here(living);
      co_await sleep_forever();
    };
    auto start = [&]() -> task<> { co_await g.start(waits); };
    co_await abandon(g, start);
    co_await settle();
    equal(living, 0);  // the task went with whoever wanted it
  });
}

}  // namespace

int main(int argc, char** argv) {
  const everywhere tests[] = {
      EVERYWHERE(a_start_that_is_cut_short_is_cancelled),
      EVERYWHERE(a_cancel_from_elsewhere_stays_a_cancel),
      EVERYWHERE(who_exits_without_starting_is_an_error),
      EVERYWHERE(the_childs_own_error_is_never_demoted),
      EVERYWHERE(value_arguments_and_name_pass_through),
      EVERYWHERE(after_its_start_its_error_is_the_groups),
      EVERYWHERE(a_cancel_of_the_starter_takes_along_what_has_not_started),
      EVERYWHERE(a_start_in_spite_of_a_cancel),
      EVERYWHERE(a_failure_in_a_stashed_nursery_comes_out_of_start),
      EVERYWHERE(a_failure_in_a_stashed_nursery_comes_out_of_start_soon),
      EVERYWHERE(what_can_not_be_started_is_told),
      EVERYWHERE(a_start_may_be_dropped),
  };
  return play_everywhere(argc, argv, tests);
}
