// Concurrency inside one actor: deadlines, event, lock, channel, threads.
#include "play.hpp"

#include <future>
#include <sys/wait.h>
#include <unistd.h>

using namespace tractor;
using std::chrono::milliseconds;

namespace {

void an_event_wakes_all_in_order(void**) {
  play_well([](nursery&) -> task<> {
    event e;
    std::string order;
    co_await with_nursery([&](nursery& n) -> task<> {
      for (char name : {'a', 'b', 'c'})
        n.start_soon([&, name]() -> task<> {
          co_await e.wait();
          order += name;
        });
      co_await sleep(duration(0));
      e.set();
      order += '.';
      holds(e.is_set());
    });
    same(order, ".abc");
    co_await e.wait();  // it stays set
  });
}

void a_wait_is_cancelled(void**) {
  play_well([](nursery&) -> task<> {
    event e;
    lock l;
    channel<int> c(0);
    int cut = 0;
    auto counted = [&cut](auto wait) -> task<> {  // outlives the nursery whose tasks use it
      try {
        (void)co_await wait();
      } catch (const cancelled&) {
        cut++;
        throw;
      }
    };
    auto held = co_await l.acquire();
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start_soon([&]() -> task<> {
        auto wait = [&] { return e.wait(); };
        co_await counted(wait);
      });
      n.start_soon([&]() -> task<> {
        auto wait = [&] { return l.acquire(); };
        co_await counted(wait);
      });
      n.start_soon([&]() -> task<> {
        auto wait = [&] { return c.receive(); };
        co_await counted(wait);
      });
      co_await settle();
      n.cancel();
    });
    equal(cut, 3);
    held.release();
    holds(!l.is_held());
    bool gone = false;
    co_await with_nursery([&](nursery& n) -> task<> {  // in a cancelled scope nothing succeeds
      n.cancel();
      e.set();
      co_await e.wait();
      gone = true;
    });
    holds(!gone);
  });
}

void a_lock_goes_round_in_order(void**) {
  play_well([](nursery&) -> task<> {
    lock l;
    std::string order;
    int inside = 0;
    co_await with_nursery([&](nursery& n) {
      for (char name : {'a', 'b', 'c'})
        n.start_soon([&, name]() -> task<> {
          for (int i = 0; i < 2; i++) {
            auto held = co_await l.acquire();
            equal(++inside, 1);
            order += name;
            co_await sleep(duration(0));
            inside--;
          }
        });
    });
    same(order, "abcabc");
    holds(!l.is_held());
  });
}

void a_channel_keeps_order_and_bound(void**) {
  play_well([](nursery&) -> task<> {
    for (std::size_t capacity : {0u, 1u, 3u}) {
      channel<int> c(capacity);
      std::int64_t sum = 0;
      int last = 0;
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start_soon([&]() -> task<> {
          for (int i = 1; i <= 500; i++) co_await c.send(i);
          c.close();
        });
        while (auto v = co_await c.receive()) {
          equal(*v, last + 1);
          last = *v;
          sum += *v;
          holds(c.size() <= capacity);
        }
      });
      equal(sum, 125250);
    }
  });
}

/// Also where a receiver has gone on so often without waiting that it has to wait though there are values.
void a_full_channel_keeps_order(void**) {
  run_local([]() -> task<> {
    channel<int> c(2);
    int next = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.start_soon([&]() -> task<> {
        for (int i = 0; i < 1000; i++) co_await c.send(i);
        c.close();
      });
      for (;;) {
        co_await sleep(duration(0));
        auto n = co_await c.receive();
        if (!n) break;
        equal(*n, next++);
      }
    });
    equal(next, 1000);
  });
}

void every_value_goes_to_one_receiver(void**) {
  play_well([](nursery&) -> task<> {
    channel<int> c(2);
    std::int64_t sum = 0;
    int senders = 3;
    co_await with_nursery([&](nursery& n) {
      for (int s = 0; s < 3; s++)
        n.start_soon([&]() -> task<> {
          for (int i = 1; i <= 100; i++) co_await c.send(i);
          if (--senders == 0) c.close();
        });
      for (int r = 0; r < 4; r++)
        n.start_soon([&]() -> task<> {
          while (auto v = co_await c.receive()) sum += *v;
        });
    });
    equal(sum, 3 * 5050);
  });
}

void a_closed_channel_takes_nothing(void**) {
  play_well([](nursery&) -> task<> {
    channel<int> c(1);
    co_await c.send(1);
    int refused = 0;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start_soon([&]() -> task<> {
        try {
          co_await c.send(2);
        } catch (const misuse_error&) {
          refused++;
        }
      });
      co_await sleep(duration(0));
      co_await sleep(duration(0));
      c.close();
    });
    equal(refused, 1);
    equal((co_await c.receive()).value(), 1);
    auto none = co_await c.receive();
    holds(!none);
  });
}

void deadlines_say_whether_it_was_in_time(void**) {
  play_well([](nursery&) -> task<> {
    auto quick = []() -> task<> { co_await sleep(duration(0)); };
    auto slow = []() -> task<> { co_await sleep_forever(); };
    bool in_time = co_await move_on_after(std::chrono::seconds(5), quick);
    holds(in_time);
    in_time = co_await move_on_after(milliseconds(2), slow);
    holds(!in_time);
    auto late = fail_after(milliseconds(2), slow);
    same(co_await thrown_by(late), "TimeoutError: the deadline has passed");
    // The inner deadline is not the outer one's.
    auto inner = [&]() -> task<> { co_await fail_after(milliseconds(2), slow); };
    auto outer = move_on_after(std::chrono::seconds(5), inner);
    bool told = false;
    try {
      co_await std::move(outer);
    } catch (const timed_out&) {
      told = true;
    }
    holds(told);
    // And the outer one's not the inner one's.
    bool inner_moved_on = false;
    auto patient = [&]() -> task<> {
      co_await move_on_after(std::chrono::seconds(5), slow);
      inner_moved_on = true;
    };
    in_time = co_await move_on_after(milliseconds(2), patient);
    holds(!in_time && !inner_moved_on);
  });
}

void threads_give_and_throw(void**) {
  play_well([](nursery&) -> task<> {
    auto here = std::this_thread::get_id();
    auto there = co_await run_in_thread([] { return std::this_thread::get_id(); });
    holds(here != there);
    int n = 0;
    co_await run_in_thread([&n] { n = 7; });
    equal(n, 7);
    bool caught = false;
    try {
      co_await run_in_thread([] { throw std::length_error("there"); });
    } catch (const std::length_error&) {
      caught = true;
    }
    holds(caught);
    // Dropped while it runs: its nursery waits for it.
    bool ended = false;
    event begun;
    std::promise<void> cancel_called;
    actor_token token = current_actor().token();
    co_await with_nursery([&](nursery& inner) -> task<> {
      inner.start_soon([&]() -> task<> {
        co_await run_in_thread([&] {
          token.run_sync_soon([&] { begun.set(); });
          cancel_called.get_future().wait();
          ended = true;
        });
      });
      co_await begun.wait();
      inner.cancel();
      cancel_called.set_value();
    });
    holds(ended);
  });
}

// What is there at once is no way around the rule that a forked process has no actor.
void a_forked_process_is_told(void**) {
  play_well([](nursery&) -> task<> {
    event e;
    e.set();
    pid_t pid = fork();
    if (pid == 0) {
      int status = 1;
      try {
        co_await e.wait();
      } catch (const misuse_error& err) {
        status = err.code() == TRACTOR_EFORKED ? 0 : 2;
      }
      _exit(status);
    }
    int status = -1;
    equal(waitpid(pid, &status, 0), pid);
    equal(status, 0);
  });
}

}  // namespace

int main(int argc, char** argv) {
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST_ONCE(an_event_wakes_all_in_order),    KIT_TEST_ONCE(a_wait_is_cancelled),
      KIT_TEST_ONCE(a_lock_goes_round_in_order),     KIT_TEST_ONCE(a_channel_keeps_order_and_bound),
      KIT_TEST_ONCE(a_full_channel_keeps_order),     KIT_TEST_ONCE(every_value_goes_to_one_receiver),
      KIT_TEST_ONCE(a_closed_channel_takes_nothing), KIT_TEST_ONCE(deadlines_say_whether_it_was_in_time),
      KIT_TEST_ONCE(threads_give_and_throw),         KIT_TEST_ONCE(a_forked_process_is_told),
  };
  return kit_run_tests(tests);
}
