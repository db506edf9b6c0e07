// The same values for several receivers of this process.
#include <memory>
#include <vector>

#include "everywhere.hpp"
#include "frame.hpp"

using namespace tractor;
using std::chrono::milliseconds;

namespace {

task<> count_to(context& ctx, int end) {
  auto numbers = co_await ctx.started().open_stream<int, int>();
  for (int i = 0; i < end; i++) co_await numbers.send(i);
}

}  // namespace

TRACTOR_MODULE(counting, TRACTOR_CONTEXT(count_to, "end"));

namespace {

task<> send_all(channel<int>& c, int count) {
  for (int i = 0; i < count; i++) co_await c.send(i);
  c.close();
}

task<> all_receivers_get_all_in_order() {
  channel<int> c(4);
  broadcast<int> first(c, 64);
  int ended = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    auto receive_all = [&](broadcast<int> mine) -> task<> {
      int expected = 0;
      while (auto n = co_await mine.receive()) equal(*n, expected++);
      equal(expected, 1000);
      ended++;
    };
    for (int i = 0; i < 10; i++) g.start_soon(receive_all, first.subscribe());
    g.start_soon(receive_all, std::move(first));
    co_await send_all(c, 1000);
  });
  equal(ended, 11);
}

task<> nothing_can_not_be_kept() {
  channel<int> c(4);
  bool refused = false;
  try {
    broadcast<int> first(c, 0);
  } catch (const misuse_error& e) {
    refused = e.code() == TRACTOR_EINVAL;
  }
  holds(refused);
  co_return;
}

// BRC-03: the fast receiver is cancelled by the slow one, who then gets on without it.
task<> a_fast_receiver_is_cancelled_by_a_slow_one() {
  std::int64_t before = tractor_now();
  channel<int> c(1);
  broadcast<int> fast(c, 100);
  int last = -1, fast_got = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    cancel_scope fast_scope;
    broadcast<int> slow = fast.subscribe();
    g.start_soon(send_all, std::ref(c), 1000);
    g.start_soon([&]() -> task<> {
      co_await fast_scope.run([&]() -> task<> {
        while (co_await fast.receive()) fast_got++;
      });
      fast.close();
    });
    while (auto n = co_await slow.receive()) {
      equal(*n, last + 1);
      last = *n;
      if (last == 20) fast_scope.cancel();
      if (last <= 20) co_await sleep(duration(0));
    }
    holds(fast_scope.cancelled_caught());
    holds(!slow.statistics().receiving);
    equal(static_cast<std::int64_t>(slow.statistics().receivers), 1);
  });
  equal(last, 999);
  holds(fast_got >= 20 && fast_got < 999);
  kit_assert_within_ms(tractor_now() - before, 500);
}

// BRC-04
task<> who_is_closed_can_not_be_subscribed_to() {
  channel<int> c(1);
  broadcast<int> first(c, 1);
  broadcast<int> second = first.subscribe();
  first.close();
  bool told = false;
  try {
    broadcast<int> never = first.subscribe();
  } catch (const misuse_error& e) {
    told = true;
    same(e.type(), "ClosedResourceError");
  }
  holds(told);
  equal(static_cast<std::int64_t>(second.statistics().receivers), 1);  // nobody was added
  co_return;
}

// BRC-05: three receivers that take 1, 2 and 3 turns of the loop for a value, a ring of 100, and one that never receives.
task<> slow_receivers_lag_and_leave() {
  constexpr int ring = 100;
  channel<int> c(ring);
  broadcast<int> first(c, ring);
  std::vector<int> lags(3);
  co_await with_task_group([&](task_group& g) -> task<> {
    for (int i = 0; i < 3; i++)
      g.start_soon(
          [&lags, i](broadcast<int> mine) -> task<> {
            for (;;) {
              try {
                std::optional<int> n = co_await mine.receive();
                if (!n) co_return;
                for (int turn = 0; turn <= i; turn++) co_await sleep(duration(0));
              } catch (const stream_overrun& e) {
                same(e.type(), "Lagged");
                if (++lags[static_cast<std::size_t>(i)] == 4) co_return;
              }
            }
          },
          first.subscribe());
    co_await send_all(c, 5 * ring);
  });
  equal(lags[0], 0);
  equal(lags[1], 4);
  equal(lags[2], 4);
  equal(static_cast<std::int64_t>(first.statistics().receivers), 1);

  bool told = false;
  try {
    co_await first.receive();
  } catch (const stream_overrun&) {
    told = true;
  }
  holds(told);
  equal(static_cast<std::int64_t>(first.lagged()), 4 * ring);
  // It goes on with the oldest that is left, and the rest is in the ring, to the last value.
  for (int expected = 4 * ring; expected < 5 * ring; expected++) equal(first.try_receive().value(), expected);
  holds(!first.try_receive());
  auto none = co_await first.receive();
  holds(!none);

  broadcast<int> last = first.subscribe();
  first.close();
  first.close();
  equal(static_cast<std::int64_t>(last.statistics().receivers), 1);
  last.close();
  equal(static_cast<std::int64_t>(last.statistics().receivers), 0);
  auto closed = last.receive();
  std::string why = co_await thrown_by(closed);
  kit_assert_contains(why.c_str(), "ClosedResourceError");
}

// BRC-06: who waits at the source for all is cancelled.
task<> the_first_receiver_is_cancelled() {
  std::int64_t before = tractor_now();
  channel<int> c(1);
  broadcast<int> first(c, 1);
  broadcast<int> second = first.subscribe();
  int got = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    cancel_scope scope;
    g.start_soon([&]() -> task<> { co_await scope.run([&]() -> task<> { co_await first.receive(); }); });
    co_await sleep(duration(0));
    co_await sleep(duration(0));
    holds(second.statistics().receiving);
    g.start_soon([&]() -> task<> { got = (co_await second.receive()).value(); });
    co_await settle();
    scope.cancel();
    co_await settle();
    holds(second.statistics().receiving);  // the second one does
    co_await c.send(7);
  });
  equal(got, 7);
  holds(!second.statistics().receiving);
  equal((co_await first.receive()).value(), 7);  // the first one has lost nothing
  kit_assert_within_ms(tractor_now() - before, 500);
}

task<> an_error_of_the_source_is_for_who_asks() {
  int asked = 0;
  broadcast<int> first(
      [&]() -> task<std::optional<int>> {
        co_await sleep(milliseconds(1));
        if (++asked == 1) throw error("OSError", "once");
        co_return 7;
      },
      4);
  broadcast<int> second = first.subscribe();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.start_soon([&]() -> task<> {
      auto receive = first.receive();
      same(co_await thrown_by(receive), "OSError: once");
    });
    co_await sleep(duration(0));
    equal((co_await second.receive()).value(), 7);
  });
}

task<> in_a_cancelled_scope_nothing_is_received() {
  channel<int> c(1);
  broadcast<int> first(c, 4);
  broadcast<int> second = first.subscribe();
  co_await c.send(7);
  equal((co_await first.receive()).value(), 7);
  cancel_scope scope;
  co_await scope.run([&]() -> task<> {
    scope.cancel();
    co_await second.receive();
    holds(false);
  });
  equal(second.try_receive().value(), 7);
}

//
task<> a_receive_may_be_dropped() {
  channel<int> c(1);
  broadcast<int> first(c, 4);
  broadcast<int> second = first.subscribe();
  co_await with_task_group([&](task_group& g) -> task<> {
    int living = 0;
    auto at_the_source = [&]() -> task<> { co_await first.receive(); };
    auto behind_it = [&]() -> task<> { co_await second.receive(); };
    frame one = framed(g.c_nursery(), in_a_frame(living, at_the_source));
    one.handle.resume();
    frame two = framed(g.c_nursery(), in_a_frame(living, behind_it));
    two.handle.resume();
    one.handle.destroy();
    co_await settle();
    holds(second.statistics().receiving);
    two.handle.destroy();
    holds(!second.statistics().receiving);
    equal(living, 0);
  });
  co_await c.send(7);
  equal((co_await first.receive()).value(), 7);
}

// The same with a stream between actors.
void a_subscriber_of_a_stream_is_told_that_it_lags(void**) {
  play_well([](nursery& root) -> task<> {
    portal worker = co_await root.start_actor("worker", {.modules = {counting}});
    co_await worker.with_context(count_to, 1000, [](linked_context<void>& ctx) -> task<> {
      auto numbers = co_await ctx.open_stream<int, int>();
      auto slow = numbers.subscribe();
      int next = 0;
      while (auto n = co_await numbers.receive()) equal(*n, next++);
      equal(next, 1000);
      auto lagging = [&]() -> task<> { co_await slow.receive(); };
      std::string why = co_await thrown_in(lagging);
      auto missed = static_cast<std::int64_t>(slow.lagged());
      kit_assert_contains(why.c_str(), ("missed values, " + std::to_string(missed) + " in all").c_str());
      for (std::int64_t n = missed; n < 1000; n++) equal(*co_await slow.receive(), n);  // once, and then what is left
    });
    co_await worker.cancel_actor();
  });
}

// BRC-07, in one process: who is not told that it lags goes on.
void who_lags_may_be_told_by_the_log_only(void**) {
  kit_expect_log("the receiver missed");
  play_well([](nursery&) -> task<> {
    channel<int> c(1);
    broadcast<int> fast(c, 10);
    broadcast<int> slow = fast.subscribe(false);
    int got = 0, last = -1;
    auto interrupted = with_task_group([&](task_group& g) -> task<> {
      g.start_soon(send_all, std::ref(c), 1000);
      g.start_soon([&]() -> task<> {
        while (co_await fast.receive()) {
        }
      });
      while (auto n = co_await slow.receive()) {
        holds(*n > last);
        last = *n;
        if (++got < 10) co_await sleep(milliseconds(2));
      }
      throw error("KeyboardInterrupt", "at the end");
    });
    same(co_await thrown_by(interrupted), "KeyboardInterrupt: at the end");
    equal(last, 999);
    equal(got + static_cast<std::int64_t>(slow.lagged()), 1000);
  });
  assert_true(kit_log_count("the receiver missed") > 0);
}

}  // namespace

int main(int argc, char** argv) {
  const everywhere tests[] = {
      EVERYWHERE(all_receivers_get_all_in_order),
      EVERYWHERE(nothing_can_not_be_kept),
      EVERYWHERE(a_fast_receiver_is_cancelled_by_a_slow_one),
      EVERYWHERE(who_is_closed_can_not_be_subscribed_to),
      EVERYWHERE(slow_receivers_lag_and_leave),
      EVERYWHERE(the_first_receiver_is_cancelled),
      EVERYWHERE(an_error_of_the_source_is_for_who_asks),
      EVERYWHERE(in_a_cancelled_scope_nothing_is_received),
      EVERYWHERE(a_receive_may_be_dropped),
  };
  return play_everywhere(
      argc, argv, tests,
      {KIT_TEST(a_subscriber_of_a_stream_is_told_that_it_lags), KIT_TEST_ONCE(who_lags_may_be_told_by_the_log_only)});
}
