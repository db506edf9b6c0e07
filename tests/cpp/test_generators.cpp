// Generators: coroutines that yield, here and from other actors.
#include "frame.hpp"
#include "play.hpp"

#include <chrono>
#include <fstream>
#include <stdexcept>

using namespace tractor;
using namespace std::chrono_literals;

namespace {

struct sample {
  std::string sensor;
  double reading = 0;
  TRACTOR_FIELDS(sensor, reading)
};

/// Makes a file when it is unwound: the sign that a child's coroutine is gone.
struct leaves_a_file {
  std::string path;
  ~leaves_a_file() { std::ofstream(path) << "gone\n"; }
};

generator<int> count(int from, int to) {
  for (; from < to; from++) co_yield from;
}
generator<int> count_slowly(int from, std::string touch) {
  leaves_a_file when_unwound{touch};
  for (;; from++) {
    co_yield from;
    co_await sleep(1ms);
  }
}
generator<sample> samples(std::vector<double> readings) {
  for (double reading : readings) {
    sample s{"t1", reading};
    co_yield s;
  }
}
generator<int> breaks(int after, std::string received) {
  for (int i = 0; i < after; i++) co_yield i;
  // What has not been received when the error comes is lost.
  while (!std::ifstream(received)) co_await sleep(1ms);
  throw std::domain_error("enough");
}
generator<int> silent(std::string touch) {
  leaves_a_file when_unwound{touch};
  co_await sleep_forever();
  co_yield 0;
}

task<> aggregate(send_stream<int>& out, int to);

}  // namespace

TRACTOR_MODULE(sources, TRACTOR_GENERATOR(count, "from", "to"), TRACTOR_GENERATOR(count_slowly, "from", "touch"),
               TRACTOR_GENERATOR(samples, "readings"), TRACTOR_GENERATOR(breaks, "after", "received"),
               TRACTOR_GENERATOR(silent, "touch"), TRACTOR_GENERATOR(aggregate, "to"));

namespace {

/// Sends what two actors of its own count, each number once.
task<> aggregate(send_stream<int>& out, int to) {
  int seen = 0;
  co_await with_nursery([&](nursery& an) -> task<> {
    auto pass_on = [&](portal source) -> task<> {
      co_await source.open_stream_from(count, 0, to, [&](auto& numbers) -> task<> {
        while (auto n = co_await numbers.receive()) {
          if (*n < seen) continue;
          equal(*n, seen++);
          co_await out.send(*n);
        }
      });
      co_await source.cancel_actor();
    };
    for (const char* name : {"streamer_1", "streamer_2"}) {
      portal source = co_await an.start_actor(name, {.modules = {sources}});
      an.start_soon(pass_on, source);
    }
  });
}

}  // namespace

namespace {

template <class Body>
void with_worker(Body body) {
  play_well([&](nursery& root) -> task<> {
    portal worker = co_await root.start_actor("worker", {.modules = {sources}});
    co_await body(worker);
    co_await worker.cancel_actor();
  });
}

void a_generator_is_a_loop_here(void**) {
  play_well([](nursery&) -> task<> {
    auto numbers = count(0, 100000);
    int next = 0;
    while (auto n = co_await numbers.receive()) equal(*n, next++);
    equal(next, 100000);
    holds(!(co_await numbers.receive()).has_value());
  });
}

generator<int> doubled(generator<int> numbers) {
  while (auto n = co_await numbers.receive()) co_yield 2 * *n;
}
generator<int> paced(int to, int& unwound) {
  struct witness {
    int& unwound;
    ~witness() { unwound++; }
  } w{unwound};
  for (int i = 0; i < to; i++) {
    co_await sleep(1ms);
    co_yield i;
  }
  throw std::domain_error("no more");
}

void generators_wait_stand_in_each_other_and_fail(void**) {
  play_well([](nursery&) -> task<> {
    int unwound = 0, sum = 0;
    auto numbers = doubled(paced(5, unwound));
    bool threw = false;
    try {
      while (auto n = co_await numbers.receive()) sum += *n;
    } catch (const std::domain_error& e) {
      threw = true;
      same(e.what(), "no more");
    }
    holds(threw);
    equal(sum, 20);
    equal(unwound, 1);
  });
}

void a_generator_that_is_dropped_is_unwound(void**) {
  play_well([](nursery&) -> task<> {
    int unwound = 0;
    {
      auto never_asked = paced(5, unwound);
      auto numbers = paced(5, unwound);
      co_await numbers.receive();
    }
    equal(unwound, 1);
    // Also while it waits.
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start_soon([&]() -> task<> {
        auto numbers = paced(1000000, unwound);
        while (co_await numbers.receive()) continue;
      });
      co_await sleep(5ms);
      n.cancel();
    });
    equal(unwound, 2);
  });
}

generator<int> gated(event& gate) {
  co_yield 0;
  co_await gate.wait();
  co_yield 1;
  co_yield 2;
}

/// A cancel that has ended it is not thrown again where nobody has cancelled anything.
void a_generator_that_was_cut_short_has_ended(void**) {
  play_well([](nursery&) -> task<> {
    int unwound = 0;
    auto numbers = [](int& n) -> generator<int> {
      witness here(n);
      co_await sleep_forever();
      co_yield 0;
    }(unwound);
    holds(!co_await move_on_after(1ms, [&]() -> task<> { co_await numbers.receive(); }));
    bool goes_on = false;
    co_await with_nursery([&](nursery&) -> task<> {
      holds(!(co_await numbers.receive()).has_value());
      goes_on = true;
    });
    holds(goes_on);
  });
}

void one_waits_at_a_time(void**) {
  play_well([](nursery& root) -> task<> {
    event gate, told;
    auto numbers = gated(gate);
    equal(*co_await numbers.receive(), 0);
    auto ask = [&]() -> task<> {
      equal(*co_await numbers.receive(), 1);
      told.set();
    };
    root.start_soon(ask);
    for (int i = 0; i < 3; i++) co_await sleep(0ms);
    std::string busy = co_await thrown_in(ask);
    kit_assert_contains(busy.c_str(), "another task waits");
    gate.set();
    co_await told.wait();
    equal(*co_await numbers.receive(), 2);
  });
}

void who_waits_may_be_dropped(void**) {
  play_well([](nursery& root) -> task<> {
    event gate;
    auto numbers = gated(gate);
    equal(*co_await numbers.receive(), 0);
    co_await abandon(root, [&]() -> task<> { co_await numbers.receive(); });
    gate.set();
    for (int i = 0; i < 3; i++) co_await sleep(0ms);
    equal(*co_await numbers.receive(), 1);
    equal(*co_await numbers.receive(), 2);
  });
}

void another_actor_yields(void**) {
  with_worker([](portal worker) -> task<> {
    int next = 0;
    co_await worker.open_stream_from(count, 0, 3000, [&](receive_stream<int>& numbers) -> task<> {
      while (auto n = co_await numbers.receive()) equal(*n, next++);
      holds(!(co_await numbers.receive()).has_value());
    });
    equal(next, 3000);

    std::vector<double> readings{1.5, -2};
    double sum = 0;
    co_await worker.open_stream_from(samples, readings, [&](receive_stream<sample> all) -> task<> {
      while (auto s = co_await all.receive()) {
        same(s->sensor, "t1");
        sum += s->reading;
      }
    });
    holds(sum == -0.5);
  });
}

/// OWS-02: from a single child
void who_has_had_enough_returns(void**) {
  with_worker([](portal worker) -> task<> {
    std::string touched = kit_path("counting");
    int next = 0;
    co_await worker.open_stream_from(count_slowly, 0, touched, [&](auto& numbers) -> task<> {
      while (auto n = co_await numbers.receive()) {
        equal(*n, next++);
        if (next == 10) co_return;
      }
    });
    equal(next, 10);
    holds(kit_read_file(touched.c_str()) != nullptr);
  });
}

void a_closed_stream_has_ended(void**) {
  with_worker([](portal worker) -> task<> {
    std::string touched = kit_path("counting");
    co_await worker.open_stream_from(count_slowly, 5, touched, [&](auto& numbers) -> task<> {
      equal(*co_await numbers.receive(), 5);
      co_await numbers.close();
      auto next = co_await as_result(numbers.receive());
      holds(!next.ok());
      equal(next.error().code(), TRACTOR_ECLOSED);
    });
    holds(kit_read_file(touched.c_str()) != nullptr);
  });
}

void what_either_side_throws_comes_out(void**) {
  with_worker([](portal worker) -> task<> {
    int got = 0;
    std::string received = kit_path("received");
    auto drain = [&](auto& numbers) -> task<> {
      while (co_await numbers.receive())
        if (++got == 3) std::ofstream(received) << "all\n";
    };
    auto theirs = worker.open_stream_from(breaks, 3, received, drain);
    same(co_await thrown_by(theirs), "domain_error: domain_error: enough");
    equal(got, 3);

    std::string touched = kit_path("silent");
    auto ours = worker.open_stream_from(silent, touched, [](auto&) -> task<> {
      co_await sleep(1ms);
      throw std::domain_error("ours");
    });
    same(co_await thrown_by(ours), "ours");
    holds(kit_read_file(touched.c_str()) != nullptr);
  });
}

void a_cancel_reaches_the_generator(void**) {
  with_worker([](portal worker) -> task<> {
    std::string touched = kit_path("silent");
    bool cut = false;
    // As much time as it takes to get as far as to wait.
    for (auto time = 20ms; !cut; time *= 2) {
      bool in_time = co_await move_on_after(time, [&]() -> task<> {
        co_await worker.open_stream_from(silent, touched, [&](auto& numbers) -> task<> {
          try {
            co_await numbers.receive();
          } catch (const cancelled&) {
            cut = true;
            throw;
          }
        });
      });
      holds(!in_time);
    }
    holds(kit_read_file(touched.c_str()) != nullptr);
  });
}

/// OWS-03: four processes, numbers that come twice
void an_endpoint_sends_what_others_yield(void**) {
  with_worker([](portal worker) -> task<> {
    int next = 0;
    co_await worker.open_stream_from(aggregate, 1000, [&](auto& numbers) -> task<> {
      while (auto n = co_await numbers.receive()) equal(*n, next++);
    });
    equal(next, 1000);
  });
}

/// OWS-04: the same, cancelled on its way
void a_cancel_reaches_what_others_yield(void**) {
  with_worker([](portal worker) -> task<> {
    for (auto time : {1ms, 5ms, 10ms, 20ms, 40ms}) {
      auto read = [&]() -> task<> {
        co_await worker.open_stream_from(aggregate, INT32_MAX, [](auto& numbers) -> task<> {
          while (co_await numbers.receive()) continue;
        });
      };
      holds(!co_await move_on_after(time, read));
    }
  });
}

/// OWS-05: the consumer is cancelled and comes again while the stream is open
void a_receive_that_is_cancelled_takes_nothing(void**) {
  with_worker([](portal worker) -> task<> {
    std::string touched = kit_path("counting");
    int next = 0, consumers = 0;
    co_await worker.open_stream_from(count_slowly, 0, touched, [&](auto& numbers) -> task<> {
      while (next < 20) {
        consumers++;
        co_await with_nursery([&](nursery& n) -> task<> {
          while (auto v = co_await numbers.receive()) {
            equal(*v, next++);
            if (*v % 2 == 0) n.cancel("again");
          }
        });
      }
    });
    equal(next, 21);
    equal(consumers, 11);
  });
}

void a_generator_is_opened_by_name(void**) {
  with_worker([](portal worker) -> task<> {
    int sum = 0;
    co_await worker.open_stream_from<int>("sources.count", named("from", 1), named("to", 5),
                                          [&](auto& numbers) -> task<> {
                                            while (auto n = co_await numbers.receive()) sum += *n;
                                          });
    equal(sum, 10);
    auto wrong = worker.open_stream_from("sources.count", named("from", "one"),
                                         [](auto& numbers) -> task<> { co_await numbers.receive(); });
    same(co_await thrown_by(wrong), "TypeError: TypeError: count(): at .from: expected int, found str 'one'");
  });
}

}  // namespace

int main(int argc, char** argv) {
  module::register_all();
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST_ONCE(a_generator_is_a_loop_here),
      KIT_TEST_ONCE(generators_wait_stand_in_each_other_and_fail),
      KIT_TEST_ONCE(a_generator_that_is_dropped_is_unwound),
      KIT_TEST_ONCE(a_generator_that_was_cut_short_has_ended),
      KIT_TEST_ONCE(one_waits_at_a_time),
      KIT_TEST_ONCE(who_waits_may_be_dropped),
      KIT_TEST(another_actor_yields),
      KIT_TEST(who_has_had_enough_returns),
      KIT_TEST(a_closed_stream_has_ended),
      KIT_TEST(what_either_side_throws_comes_out),
      KIT_TEST(a_cancel_reaches_the_generator),
      KIT_TEST(an_endpoint_sends_what_others_yield),
      KIT_TEST(a_cancel_reaches_what_others_yield),
      KIT_TEST(a_receive_that_is_cancelled_takes_nothing),
      KIT_TEST(a_generator_is_opened_by_name),
  };
  return kit_run_tests(tests);
}
