// Frames that are destroyed while they wait, in every kind of wait; destructors while exceptions fly.
#include <memory>

#include "frame.hpp"

using namespace tractor;
using std::chrono::milliseconds;

namespace {

task<int> forever(int) {
  co_await sleep_forever();
  co_return 0;
}
task<int> linked(context& ctx) {
  auto numbers = co_await ctx.started(1).open_stream<int, int>();
  while (co_await numbers.receive()) {
  }
  co_return 1;
}

}  // namespace

TRACTOR_MODULE(ends, TRACTOR_FN(forever, "n"), TRACTOR_CONTEXT(linked));

namespace {

void frames_may_go_while_they_wait(void**) {
  play_well([](nursery& root) -> task<> {
    co_await with_nursery({.cancel_daemons = true}, [&](nursery& n) -> task<> {
      portal worker = co_await n.start_actor("worker", {.modules = {ends}});
      auto a_sleep = []() -> task<> { co_await sleep_forever(); };
      co_await abandon(n, a_sleep);
      auto a_call = [worker]() -> task<> { co_await worker.run(forever, 1); };
      co_await abandon(n, a_call);
      auto a_nursery = []() -> task<> {
        co_await with_nursery([](nursery& inner) -> task<> {
          inner.start_soon([]() -> task<> { co_await sleep(milliseconds(1)); });
          co_await sleep_forever();
        });
      };
      co_await abandon(n, a_nursery);
      auto a_context = [worker]() -> task<> {
        co_await worker.with_context(linked, [](linked_context<int>& ctx) -> task<> {
          auto numbers = co_await ctx.open_stream<int, int>();
          co_await numbers.receive();
        });
      };
      co_await abandon(n, a_context);
      auto a_result = [worker]() -> task<> {
        co_await worker.with_context(linked,
                                     [](linked_context<int>& ctx) -> task<> { co_await ctx.wait_for_result(); });
      };
      co_await abandon(n, a_result);
      auto a_start = [&root]() -> task<> { co_await root.start_actor("never seen"); };
      int living = 0;
      frame f = framed(n.c_nursery(), in_a_frame(living, a_start));
      f.handle.resume();
      f.handle.destroy();
      equal(living, 0);
    });
  });
}

void a_join_may_be_dropped(void**) {
  play_well([](nursery& n) -> task<> {
    int living = 0;
    auto joining = [&living]() -> task<> {
      co_await with_nursery([&living](nursery& inner) -> task<> {
        inner.start_soon([&living]() -> task<> {
          witness here(living);
          co_await sleep(milliseconds(50));
        });
        co_return;
      });
    };
    frame f = framed(n.c_nursery(), joining());
    f.handle.resume();
    co_await sleep(milliseconds(5));
    equal(living, 1);
    f.handle.destroy();  // the nursery's task is cut short and ends by itself
    co_await sleep(milliseconds(5));
    equal(living, 0);
  });
}

void destructors_run_once_on_every_way_out(void**) {
  play_well([](nursery&) -> task<> {
    int living = 0;
    for (int way = 0; way < 3; way++) {
      bool cut = false;
      auto tree = with_nursery([&](nursery& n) -> task<> {
        n.start_soon([&]() -> task<> {
          witness one(living);
          auto many = std::make_unique<witness>(living);
          co_await sleep(milliseconds(way == 0 ? 1 : 1000));
        });
        witness body(living);
        co_await sleep(milliseconds(2));
        cut = true;
        if (way == 1) throw std::runtime_error("out");
        if (way == 2) n.cancel();
      });
      same(co_await thrown_by(tree), way == 1 ? "out" : "nothing");
      holds(cut);
      equal(living, 0);
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  module::register_all();
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST(frames_may_go_while_they_wait),
      KIT_TEST_ONCE(a_join_may_be_dropped),
      KIT_TEST_ONCE(destructors_run_once_on_every_way_out),
  };
  return kit_run_tests(tests);
}
