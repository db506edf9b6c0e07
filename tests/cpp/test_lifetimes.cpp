// Frames that are destroyed while they wait, in every kind of wait; destructors while exceptions fly.
#include <memory>
#include <stdexcept>
#include <vector>

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

/// Of options that are no good the end is told later, when nobody may be there any more.
void what_can_not_be_opened_may_be_dropped(void**) {
  kit_expect_log("ignored its error: EINVAL");
  play_well([](nursery& n) -> task<> {
    auto idle = [](auto&) -> task<> { co_await sleep_forever(); };
    auto idle_scope = []() -> task<> { co_await sleep_forever(); };
    cancel_scope scope({.shield = true});  // and no timeout
    const char* const names[] = {"", nullptr};
    std::vector<task<>> all;
    all.push_back(with_task_group({.shield = true}, idle));
    all.push_back(scope.run(idle_scope));
    all.push_back(open_actor_cluster({.count = 1, .names = names}, idle));
    for (task<>& t : all) {
      frame f = framed(n.c_nursery(), std::move(t));
      f.handle.resume();
      f.handle.destroy();
    }
    co_await sleep(milliseconds(5));
  });
}

void a_join_may_be_dropped(void**) {
  play_well([](nursery& n) -> task<> {
    int living = 0;
    auto joining = [&living]() -> task<> {
      co_await with_nursery([&living](nursery& inner) -> task<> {
        inner.start_soon([&living]() -> task<> {
          witness here(living);
          co_await sleep_forever();
        });
        co_return;
      });
    };
    frame f = framed(n.c_nursery(), joining());
    f.handle.resume();
    co_await settle();  // the others go on as far as they can
    equal(living, 1);
    f.handle.destroy();  // the nursery's task is cut short and ends by itself
    co_await settle();
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

/// Throws when it is called, or later, from inside the task.
struct thrower {
  int& living;
  bool later;
  task<> operator()() const {
    if (!later) throw std::runtime_error("out");
    return throw_later(living);
  }
  static task<> throw_later(int& living) {
    witness here(living);
    co_await sleep(duration(0));
    throw std::runtime_error("out");
  }
};

/// Awaits `t` beside something that has to be unwound, and says what came out.
task<std::string> what_comes_out(int& living, task<> t) {
  witness here(living);
  auto many = std::make_unique<witness>(living);
  co_return co_await thrown_by(t);
}

void exceptions_come_out_of_every_place(void**) {
  play_well([](nursery&) -> task<> {
    int living = 0;
    for (bool later : {false, true}) {
      thrower out{living, later};
      auto beside = [&](auto&) -> task<> {
        witness here(living);
        co_await out();
      };
      auto comes_out = [&](task<> t) -> task<> {
        same(co_await what_comes_out(living, std::move(t)), "out");
        equal(living, 0);
      };
      auto nothing = []() -> task<> { co_return; };
      co_await comes_out(with_nursery(beside));
      co_await comes_out(with_task_group([&](task_group&) { return out(); }));
      co_await comes_out(with_task_group([&](task_group& g) { g.start_soon(out); }));
      auto starts = [&](task_status<>&) { return out(); };
      auto start = [&](task_group& g) -> task<> { co_await g.start(starts); };
      co_await comes_out(with_task_group(start));
      auto started = [&](task_status<>& status) {
        status.started();
        return out();
      };
      auto start_well = [&](task_group& g) -> task<> { co_await g.start(started); };
      co_await comes_out(with_task_group(start_well));
      cancel_scope scope;
      co_await comes_out(scope.run(out));
      co_await comes_out(fail_after(std::chrono::seconds(5), out));
      co_await comes_out(with_cleanup(out, nothing));
      co_await comes_out(with_cleanup(nothing, out));

      auto bad = [&](block<int>) { return out(); };
      auto good = [](block<int> use) -> task<> { co_await use(1); };
      auto bad_exit = [&](block<int> use) -> task<> {
        co_await use(1);
        co_await out();
      };
      auto fine = [](auto&) -> task<> { co_return; };
      for (int which = 0; which < 3; which++) {
        std::vector<resource<int>> two;
        two.emplace_back(good);
        if (which == 0) two.emplace_back(bad);
        if (which == 1) two.emplace_back(bad_exit);
        if (which == 2)
          co_await comes_out(gather_contexts(std::move(two), beside));
        else
          co_await comes_out(gather_contexts(std::move(two), fine));
      }
      resource_cache<int, int> cache;
      co_await comes_out(cache.use(1, bad, fine));
      co_await comes_out(cache.use(1, good, beside));
      co_await comes_out(cache.use(1, bad_exit, fine));
      equal(static_cast<std::int64_t>(cache.size()), 0);

      auto source = [&]() -> task<std::optional<int>> {
        co_await out();
        co_return 1;
      };
      broadcast<int> receiver(source, 4);
      auto receive = [&]() -> task<> { co_await receiver.receive(); };
      co_await comes_out(receive());
      holds(!receiver.statistics().receiving);
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  module::register_all();
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST(frames_may_go_while_they_wait),
      KIT_TEST_ONCE(what_can_not_be_opened_may_be_dropped),
      KIT_TEST_ONCE(a_join_may_be_dropped),
      KIT_TEST_ONCE(destructors_run_once_on_every_way_out),
      KIT_TEST_ONCE(exceptions_come_out_of_every_place),
  };
  return kit_run_tests(tests);
}
