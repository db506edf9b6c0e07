// One resource for many users.
#include <stdexcept>
#include <tuple>

#include "everywhere.hpp"
#include "frame.hpp"

using namespace tractor;
using std::chrono::milliseconds;

namespace {

/// Counts how often it is entered and left; what it yields says so too.
struct counted {
  int entered = 0, left = 0;
  duration exit_time{};

  auto opener() {
    return [this](block<int> use) -> task<> {
      int value = ++entered;
      co_await sleep(duration(0));
      auto body = [&]() -> task<> { co_await use(value); };
      auto cleanup = [this]() -> task<> {
        cancel_scope patient({.timeout = std::chrono::seconds(5), .shield = true});
        co_await patient.run([this]() -> task<> { co_await sleep(exit_time); });
        left++;
      };
      co_await with_cleanup(body, cleanup);
    };
  }
};

// RES-01, with a key, and with the arguments as the key.
template <class Key>
task<> ten_users_of_one_resource(Key key) {
  counted r;
  resource_cache<Key, int> cache;
  int hits = 0;
  co_await with_task_group([&](task_group& g) {
    for (int i = 0; i < 10; i++)
      g.start_soon([&]() -> task<> {
        auto open = r.opener();
        co_await cache.use(key, open, [&](int& value, bool cache_hit) -> task<> {
          equal(value, 1);
          hits += cache_hit;
          co_await sleep(milliseconds(1));
        });
      });
  });
  equal(hits, 9);
  equal(r.entered, 1);
  equal(r.left, 1);
  equal(static_cast<std::int64_t>(cache.size()), 0);
}
task<> it_is_entered_once_for_a_key() { co_await ten_users_of_one_resource(std::string("key")); }
task<> it_is_entered_once_for_arguments() {
  co_await ten_users_of_one_resource(std::tuple(std::string("argument"), 7));
}

// RES-02
task<> the_last_user_waits_for_the_exit() {
  counted r{.exit_time = milliseconds(5)};
  resource_cache<int, int> cache;
  int left_after_first = -1;
  co_await with_task_group([&](task_group& g) -> task<> {
    event both;
    g.start_soon([&]() -> task<> {
      auto open = r.opener();
      co_await cache.use(1, open, [&](int&) -> task<> { co_await both.wait(); });
      left_after_first = r.left;
    });
    co_await settle();
    auto open = r.opener();
    co_await cache.use(1, open, [&](int&) -> task<> {
      both.set();
      co_await sleep(milliseconds(2));
    });
    equal(r.left, 1);
  });
  equal(left_after_first, 0);  // it was not the last one
}

/// Throws on the way out, the same object each time.
struct bad_exit {
  std::exception_ptr own = std::make_exception_ptr(std::runtime_error("on the way out"));
  auto opener() {
    return [this](block<int> use) -> task<> {
      auto body = [&]() -> task<> { co_await use(1); };
      auto cleanup = [this]() -> task<> {
        std::rethrow_exception(own);
        co_return;
      };
      co_await with_cleanup(body, cleanup);
    };
  }
};

/// Is that very object thrown?
task<bool> throws_it(task<> t, std::exception_ptr own) {
  try {
    co_await std::move(t);
  } catch (const std::exception&) {
    co_return std::current_exception() == own;
  }
  co_return false;
}

// RES-03
task<> the_error_of_the_exit_is_the_last_users() {
  bad_exit r;
  resource_cache<int, int> cache;
  auto open = r.opener();
  auto use = cache.use(1, open, [](int&) -> task<> { co_return; });
  holds(co_await throws_it(std::move(use), r.own));
}

// RES-04
task<> a_cancelled_last_user_waits_for_the_exit() {
  counted r{.exit_time = milliseconds(20)};
  resource_cache<int, int> cache;
  auto open = r.opener();
  cancel_scope scope;
  co_await scope.run([&]() -> task<> {
    co_await cache.use(1, open, [&](int&) -> task<> {
      scope.cancel();
      co_await sleep_forever();
    });
  });
  equal(r.left, 1);
  holds(scope.cancelled_caught());
}

// RES-05
task<> the_error_of_the_exit_is_stronger_than_a_cancel() {
  bad_exit r;
  resource_cache<int, int> cache;
  auto open = r.opener();
  cancel_scope scope;
  auto body = [&]() -> task<> {
    co_await cache.use(1, open, [&](int&) -> task<> {
      scope.cancel();
      co_await sleep_forever();
    });
  };
  auto run = scope.run(body);
  holds(co_await throws_it(std::move(run), r.own));
  holds(!scope.cancelled_caught());
}

// RES-06: the nursery that owns the resource is cancelled, with its users in it or elsewhere.
task<> a_cancel_of_the_owner_completes_the_exit() {
  for (bool user_inside : {true, false}) {
    counted r{.exit_time = milliseconds(5)};
    std::string told;
    bool in_time = co_await move_on_after(std::chrono::seconds(5), [&]() -> task<> {
      co_await with_task_group([&](task_group& users) -> task<> {
        co_await with_task_group([&](task_group& owner) -> task<> {
          resource_cache<int, int> cache(owner);
          event open_now, user_gone;
          (user_inside ? owner : users).start_soon([&]() -> task<> {
            auto open = r.opener();
            auto use = cache.use(1, open, [&](int&) -> task<> {
              open_now.set();
              co_await sleep_forever();
            });
            told = co_await thrown_by(use);
            user_gone.set();
          });
          co_await open_now.wait();
          owner.cancel();
          auto until_it_has_left = [&]() -> task<> {
            cancel_scope patient({.timeout = std::chrono::seconds(5), .shield = true});
            co_await patient.run([&]() -> task<> { co_await user_gone.wait(); });
          };
          co_await until_it_has_left();
        });
      });
    });
    holds(in_time);
    equal(r.entered, 1);
    equal(r.left, 1);
    same(told, user_inside ? "cancelled" : "RuntimeError: the resource was cancelled while it was used");
  }
}

// RES-08: the first user is cut short while it enters, by its scope or by a failure beside it.
task<> who_comes_second_never_hangs(duration delay, bool by_scope) {
  std::int64_t before = tractor_now();
  resource_cache<int, int> cache;
  int entered = 0;
  auto open = [&](block<int> use) -> task<> {
    entered++;
    if (entered == 1) co_await sleep_forever();
    co_await use(entered);
  };
  int second = 0;
  auto both = with_task_group([&](task_group& g) -> task<> {
    g.start_soon([&]() -> task<> {
      cancel_scope scope;
      auto first = [&]() -> task<> {
        co_await with_task_group([&](task_group& inner) -> task<> {
          inner.start_soon([&]() -> task<> {
            co_await sleep(delay);
            if (!by_scope) throw error("KeyboardInterrupt", "first");
            scope.cancel();
          });
          co_await cache.use(1, open, [](int&) -> task<> { co_await sleep_forever(); });
        });
      };
      auto run = scope.run(first);
      same(co_await thrown_by(run), by_scope ? "nothing" : "KeyboardInterrupt: first");
    });
    co_await settle();
    co_await cache.use(1, open, [&](int& value) -> task<> {
      second = value;
      co_return;
    });
  });
  co_await std::move(both);
  equal(second, 2);
  kit_assert_within_ms(tractor_now() - before, delay.count() / TRACTOR_MS + 2000);
}
task<> a_fast_cancel_leaves_no_lock_behind() {
  for (duration delay : {duration(milliseconds(50)), duration(milliseconds(500)), duration(std::chrono::seconds(1))})
    for (bool by_scope : {true, false}) co_await who_comes_second_never_hangs(delay, by_scope);
}

// RES-09
task<> each_key_has_a_life_of_its_own() {
  std::string order;
  resource_cache<std::string, std::string> cache;
  auto opener = [&](std::string key, block<std::string> use) -> task<> {
    order += "+" + key;
    co_await use(key);
    order += "-" + key;
  };
  co_await cache.use("a", resource(opener, std::string("a")), [&](std::string& a) -> task<> {
    same(a, "a");
    for (int i = 0; i < 2; i++)
      co_await cache.use("b", resource(opener, std::string("b")), [&](std::string& b, bool cache_hit) -> task<> {
        same(b, "b");
        holds(!cache_hit);
        co_return;
      });
    equal(static_cast<std::int64_t>(cache.size()), 1);
    co_await cache.use("a", resource(opener, std::string("never")), [&](std::string&, bool cache_hit) -> task<> {
      holds(cache_hit);
      co_return;
    });
  });
  same(order, "+a+b-b+b-b-a");
}

// RES-10
task<> who_comes_during_the_exit_enters_again() {
  std::int64_t before = tractor_now();
  std::string order;
  resource_cache<int, int> cache;
  event leaving, go_on;
  int times = 0;
  auto open = [&](block<int> use) -> task<> {
    int n = ++times;
    co_await use(n);
    if (n > 1) co_return;
    leaving.set();
    co_await go_on.wait();
    order += "closed ";
  };
  co_await with_task_group([&](task_group& g) -> task<> {
    g.start_soon([&]() -> task<> {
      co_await cache.use(1, open, [](int&) -> task<> { co_return; });
      order += "first ";
    });
    co_await leaving.wait();
    g.start_soon([&]() -> task<> {
      co_await cache.use(1, open, [&](int& n, bool cache_hit) -> task<> {
        holds(!cache_hit && n == 2);
        order += "second ";
        co_await sleep(milliseconds(1));
      });
    });
    co_await settle();
    same(order, "");  // the second one waits
    go_on.set();
  });
  equal(times, 2);
  same(order.substr(0, 7), "closed ");
  equal(static_cast<std::int64_t>(order.size()), 20);
  kit_assert_within_ms(tractor_now() - before, 5000);
}

// A resource that fails while it is used takes its users along, and tells them why.
task<> a_failing_resource_takes_its_users_along() {
  resource_cache<int, int> cache;
  auto open = [](block<int> use) -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      g.start_soon([]() -> task<> {
        co_await sleep(milliseconds(5));
        throw error("OSError", "gone");
      });
      co_await use(1);
    });
  };
  int told = 0;
  co_await with_task_group([&](task_group& g) {
    for (int i = 0; i < 3; i++)
      g.start_soon([&]() -> task<> {
        auto use = cache.use(1, open, [](int&) -> task<> { co_await sleep_forever(); });
        same(co_await thrown_by(use), "OSError: gone");
        told++;
      });
  });
  equal(told, 3);
  equal(static_cast<std::int64_t>(cache.size()), 0);
}

task<> what_can_not_be_opened_is_told_to_the_first_user() {
  resource_cache<int, int> cache;
  int times = 0;
  auto open = [&](block<int> use) -> task<> {
    co_await sleep(milliseconds(1));
    if (++times == 1) throw std::runtime_error("not yet");
    co_await use(times);
  };
  std::string first, second;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.start_soon([&]() -> task<> {
      auto use = cache.use(1, open, [](int&) -> task<> { co_return; });
      first = co_await thrown_by(use);
    });
    co_await sleep(duration(0));
    co_await cache.use(1, open, [&](int& n) -> task<> {
      second = std::to_string(n);
      co_return;
    });
  });
  same(first, "not yet");
  same(second, "2");
  auto nothing = [](block<int>) -> task<> { co_return; };
  auto use = cache.use(2, nothing, [](int&) -> task<> { co_return; });
  same(co_await thrown_by(use), "RuntimeError: a resource has ended without calling its block");
}

task<> errors_of_body_and_exit_are_both_told() {
  bad_exit r;
  resource_cache<int, int> cache;
  auto open = r.opener();
  auto use = cache.use(1, open, [](int&) -> task<> {
    throw std::range_error("body");
    co_return;
  });
  std::string both;
  try {
    co_await std::move(use);
  } catch (const error_group& group) {
    for (std::size_t i = 0; i < group.size(); i++) both += std::string(group[i].what()) + ".";
  }
  same(both, "body.on the way out.");
}

//
task<> a_use_may_be_dropped_with_its_cache() {
  co_await with_task_group([](task_group& g) -> task<> {
    co_await abandon(g, []() -> task<> {
      resource_cache<int, int> cache;
      auto open = [](block<int> use) -> task<> { co_await use(1); };
      auto body = [](int&) -> task<> { co_await sleep_forever(); };
      co_await cache.use(1, open, body);
    });
    co_await settle();
  });
}

task<> a_use_may_be_dropped() {
  counted r;
  resource_cache<int, int> cache;
  co_await with_task_group([&](task_group& g) -> task<> {
    auto run = [&]() -> task<> {
      auto open = r.opener();
      co_await cache.use(1, open, [](int&) -> task<> { co_await sleep_forever(); });
    };
    co_await abandon(g, run);
    co_await settle();
    equal(r.left, 1);  // nobody uses it any more
    int living = 0;
    frame entering = framed(g.c_nursery(), in_a_frame(living, run));
    entering.handle.resume();
    entering.handle.destroy();
    co_await settle();
    equal(static_cast<std::int64_t>(cache.size()), 0);
  });
}

// RES-07: one remote stream for ten tasks; who is not the first gets a subscription.
task<> count_up(context& ctx) {
  auto out = co_await ctx.started().open_stream<int, int>();
  for (int i = 0; i < 1000; i++) co_await out.send(i);
}

}  // namespace

TRACTOR_MODULE(numbers, TRACTOR_CONTEXT(count_up));

namespace {

void ten_tasks_share_a_remote_stream(void**) {
  std::int64_t before = tractor_now();
  using feed = stream<int, int>;
  auto run = [](nursery& an) -> task<> {
    portal worker = co_await an.start_actor("worker", {.modules = {numbers}});
    resource_cache<std::string, feed> feeds;
    auto open = [worker](block<feed> use) -> task<> {
      co_await worker.with_context(count_up, [&](linked_context<void>& ctx) -> task<> {
        auto all = co_await ctx.open_stream<int, int>();
        co_await use(all);
        all.close();
        co_await ctx.cancel();
      });
    };
    int firsts = 0, received = 0;
    co_await with_task_group([&](task_group& g) {
      for (int i = 0; i < 10; i++)
        g.start_soon([&]() -> task<> {
          co_await feeds.use("count", open, [&](feed& shared, bool cache_hit) -> task<> {
            feed mine = cache_hit ? shared.subscribe() : shared;
            firsts += !cache_hit;
            int last = -1;
            for (int n = 0; n < 20; n++) {
              int value = -1;
              while (value < 0) {
                try {
                  value = (co_await mine.receive()).value();
                } catch (const stream_overrun&) {  // it missed some
                }
              }
              holds(value > last && value < 1000);
              last = value;
              received++;
            }
            if (cache_hit) mine.close();
          });
        });
    });
    equal(firsts, 1);
    equal(received, 200);
    equal(static_cast<std::int64_t>(feeds.size()), 0);
  };
  play_well([&](nursery&) -> task<> { co_await with_nursery(around_children, run); });
  kit_assert_within_ms(tractor_now() - before, 4000);
}

}  // namespace

int main(int argc, char** argv) {
  const everywhere tests[] = {
      EVERYWHERE(it_is_entered_once_for_a_key),
      EVERYWHERE(it_is_entered_once_for_arguments),
      EVERYWHERE(the_last_user_waits_for_the_exit),
      EVERYWHERE(the_error_of_the_exit_is_the_last_users),
      EVERYWHERE(a_cancelled_last_user_waits_for_the_exit),
      EVERYWHERE(the_error_of_the_exit_is_stronger_than_a_cancel),
      EVERYWHERE(a_cancel_of_the_owner_completes_the_exit),
      EVERYWHERE(a_fast_cancel_leaves_no_lock_behind),
      EVERYWHERE(each_key_has_a_life_of_its_own),
      EVERYWHERE(who_comes_during_the_exit_enters_again),
      EVERYWHERE(a_failing_resource_takes_its_users_along),
      EVERYWHERE(what_can_not_be_opened_is_told_to_the_first_user),
      EVERYWHERE(errors_of_body_and_exit_are_both_told),
      EVERYWHERE(a_use_may_be_dropped),
      EVERYWHERE(a_use_may_be_dropped_with_its_cache),
  };
  return play_everywhere(argc, argv, tests, {KIT_TEST(ten_tasks_share_a_remote_stream)});
}
