// run_local(): tasks without a runtime, which comes when it is wanted.
#include "play.hpp"

#include <algorithm>

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

void a_whole_program_may_be_local(void**) {
  const char* registries[] = {kit_registry(), nullptr};
  auto body = []() -> task<int> {
    holds(!current_actor().has_runtime());
    std::string name;
    co_await with_nursery([&name](nursery& an) -> task<> { name = co_await an.run_in_actor(who); });
    same(name, "who");
    same(current_actor().registry_address(), kit_registry());
    co_return 42;
  };
  equal(run(0, nullptr, body, {.registry_addrs = registries, .local = true}), 42);
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

// ROOT-02
void the_first_nursery_makes_it_a_root(void**) {
  auto answered = run_local([]() -> task<std::string> {
    const char* registries[] = {kit_registry(), nullptr};
    root_options root{.registry_addrs = registries};
    holds(!current_actor().has_runtime());
    std::string answer;
    co_await with_nursery({.root = &root}, [&answer](nursery& an) -> task<> {
      holds(current_actor().has_runtime());
      holds(is_root_process() && current_actor().is_registrar());
      same(std::string(current_actor().name()), "root");
      portal child = co_await an.start_actor("child", {.modules = {local_root}});
      answer = co_await child.run(who);
      co_await child.cancel_actor();
    });
    co_await with_nursery([](nursery&) {});  // it is one already
    co_return answer;
  });
  same(answered, "child");
}

// BND-10
void a_nursery_forwards_addresses_to_the_root(void**) {
  run_local([]() -> task<> {
    const char* registries[] = {kit_registry(), nullptr};
    const char* binds[] = {kit_fresh_address(), nullptr};
    root_options root{.registry_addrs = registries, .tpt_bind_addrs = binds};
    co_await with_nursery({.root = &root}, [&binds](nursery&) {
      auto all = current_actor().addresses();
      holds(std::find(all.begin(), all.end(), binds[0]) != all.end());
    });
  });
}

void a_task_group_does_not(void**) {
  run_local([]() -> task<> {
    co_await with_task_group([](task_group& g) { g.start_soon([]() -> task<> { co_await sleep(duration(0)); }); });
    co_await move_on_after(std::chrono::milliseconds(1), []() -> task<> { co_await sleep_forever(); });
    holds(!current_actor().has_runtime());
  });
}

// A boot that fails comes out of the nursery that wanted it.
void no_nursery_without_a_root(void**) {
  int code = 0;
  run_local([&code]() -> task<> {
    const char* registries[] = {kit_registry(), nullptr};
    const char* binds[] = {"/ip4/203.0.113.1/tcp/1", nullptr};
    root_options root{.registry_addrs = registries, .tpt_bind_addrs = binds};
    try {
      co_await with_nursery({.root = &root}, [](nursery&) {});
    } catch (const error& e) {
      code = e.code();
    }
  });
  equal(code, TRACTOR_ETRANSPORT);
}

// What waits for a start is the scope that awaits it, not the nursery that will have the child.
void a_start_is_given_up_with_its_scope(void**) {
  play_well([](nursery&) -> task<> {
    bool in_time = true;
    co_await with_nursery([&in_time](nursery& an) -> task<> {
      auto start = [&an]() -> task<> {
        const char* argv[] = {"sh", "-c", "exec sleep 100", nullptr};
        spawn_options options{.program = "sh", .argv = argv};
        (void)co_await an.start_actor("never_boots", options);
      };
      in_time = co_await move_on_after(std::chrono::milliseconds(20), start);
    });
    holds(!in_time);
  });
}

}  // namespace

int main(int argc, char** argv) {
  module::register_all();
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST_ONCE(it_gives_what_its_body_gives),   KIT_TEST(a_whole_program_may_be_local),
      KIT_TEST_ONCE(it_throws_what_its_body_throws), KIT_TEST_ONCE(there_is_one_at_a_time),
      KIT_TEST(the_first_nursery_makes_it_a_root),   KIT_TEST(a_nursery_forwards_addresses_to_the_root),
      KIT_TEST_ONCE(a_task_group_does_not),          KIT_TEST(no_nursery_without_a_root),
      KIT_TEST(a_start_is_given_up_with_its_scope),
  };
  return kit_run_tests(tests);
}
