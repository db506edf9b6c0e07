// run_local(): tasks without a runtime, which comes when it is wanted.
#include "play.hpp"

using namespace tractor;

namespace {

task<std::string> who() { co_return std::string(current_actor().name()); }

TRACTOR_MODULE(local_root, TRACTOR_FN(who));

void it_gives_what_its_body_gives(void**) {
  equal(run_local([]() -> task<int> {
          co_await sleep(duration(0));
          co_return 42;
        }),
        42);
  bool ran = false;
  run_local([&ran](nursery& its) -> task<> {
    holds(!current_actor().has_runtime());
    holds(current_actor().addresses().empty());
    its.start_soon([&ran]() -> task<> {
      co_await sleep(duration(0));
      ran = true;
    });
    co_return;
  });
  holds(ran);  // what was started is waited for
  auto sum = run_local([](actor& here) -> task<std::unique_ptr<int>> {
    channel<int> c(2);
    auto total = std::make_unique<int>(0);
    same(std::string(here.name()), "root");
    nursery n(tractor_actor_nursery(here.c_actor()));
    n.start_soon([&c]() -> task<> {
      for (int i = 1; i <= 10; i++) co_await c.send(i);
      c.close();
    });
    while (auto v = co_await c.receive()) *total += *v;
    co_return std::move(total);
  });
  equal(*sum, 55);
}

void it_throws_what_its_body_throws(void**) {
  std::string thrown;
  try {
    run_local([]() -> task<int> {
      co_await sleep(duration(0));
      throw std::out_of_range("far");
    });
  } catch (const std::out_of_range& e) {
    thrown = e.what();
  }
  same(thrown, "far");
  thrown.clear();
  try {
    run_local([](nursery& its) -> task<> {
      its.start_soon([]() -> task<> {
        throw std::range_error("in a task");
        co_return;
      });
      co_await sleep_forever();
    });
  } catch (const std::range_error& e) {
    thrown = e.what();
  }
  same(thrown, "in a task");
  bool was_cancelled = false;
  try {
    run_local([](nursery& its) -> task<int> {
      its.cancel();
      co_await sleep_forever();
      co_return 1;
    });
  } catch (const cancelled&) {
    was_cancelled = true;
  }
  holds(was_cancelled);
}

void there_is_one_at_a_time(void**) {
  kit_expect_log("no root was opened");
  int codes = 0;
  run_local([&codes]() -> task<> {
    try {
      run_local([]() -> task<> { co_return; });
    } catch (const error& e) {
      codes = e.code();
    }
    co_return;
  });
  equal(codes, TRACTOR_ERUNTIME);
}

}  // namespace

int main(int argc, char** argv) {
  module::register_all();
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST_ONCE(it_gives_what_its_body_gives),
      KIT_TEST_ONCE(it_throws_what_its_body_throws),
      KIT_TEST_ONCE(there_is_one_at_a_time),
  };
  return kit_run_tests(tests);
}
