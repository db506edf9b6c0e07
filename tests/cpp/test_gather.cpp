// Resources, alone and several at once.
#include <stdexcept>

#include "everywhere.hpp"
#include "frame.hpp"

using namespace tractor;
using std::chrono::milliseconds;

namespace {

/// What happened, in order.
struct diary {
  std::string text;
  void operator()(const std::string& what) { text += (text.empty() ? "" : " ") + what; }
};

task<> open_number(diary& tell, int n, block<int> use) {
  co_await sleep(milliseconds(1));
  tell("enter" + std::to_string(n));
  auto body = [&]() -> task<> { co_await use(n); };
  auto cleanup = [&]() -> task<> {
    tell("exit" + std::to_string(n));
    co_return;
  };
  co_await with_cleanup(body, cleanup);
}

task<> a_resource_is_a_function_around_a_block() {
  diary tell;
  co_await open_number(tell, 7, [&](int n) -> task<> {
    tell("use" + std::to_string(n));
    co_return;
  });
  same(tell.text, "enter7 use7 exit7");
  auto failing = [](int) -> task<> {
    throw std::range_error("block");
    co_return;
  };
  auto run = open_number(tell, 8, failing);
  same(co_await thrown_by(run), "block");
  same(tell.text, "enter7 use7 exit7 enter8 exit8");
}

// CLU-01, the half of gather_contexts(): nothing to enter.
void gathering_nothing_is_an_error(void**) {
  std::int64_t before = tractor_now();
  play_well([](nursery&) -> task<> {
    auto nothing = gather_contexts(std::vector<resource<int>>(), [](std::vector<int>&) -> task<> { co_return; });
    same(co_await thrown_by(nothing), "ValueError: gather_contexts() of nothing");
  });
  kit_assert_within_ms(tractor_now() - before, 3000);
}

task<> values_come_in_the_order_of_the_resources() {
  diary tell;
  std::vector<resource<int>> three;
  for (int n : {3, 1, 2}) three.emplace_back(open_number, std::ref(tell), n);
  std::vector<int> got;
  co_await gather_contexts(std::move(three), [&](std::vector<int>& values) -> task<> {
    got = values;
    tell("body");
    co_return;
  });
  holds(got == std::vector<int>{3, 1, 2});
  same(tell.text, "enter3 enter1 enter2 body exit3 exit1 exit2");
}

// All wait for each other, so that they can only be entered side by side.
task<> resources_are_entered_side_by_side() {
  int inside = 0;
  event all;
  auto opener = [&](block<int> use) -> task<> {
    if (++inside == 3) all.set();
    co_await all.wait();
    co_await use(inside);
  };
  std::vector<resource<int>> three;
  for (int i = 0; i < 3; i++) three.emplace_back(opener);
  bool in_time = co_await move_on_after(std::chrono::seconds(5), [&]() -> task<> {
    co_await gather_contexts(std::move(three), [](std::vector<int>&) -> task<> { co_return; });
  });
  holds(in_time);
}

task<> resources_of_several_types() {
  auto text = [](std::string s, block<std::string> use) -> task<> { co_await use(s); };
  auto number = [](block<std::unique_ptr<int>> use) -> task<> { co_await use(std::make_unique<int>(7)); };
  std::string got;
  auto both = std::tuple(resource(text, std::string("seven")), resource(number));
  co_await gather_contexts(std::move(both), [&](std::string& s, std::unique_ptr<int>& n) -> task<> {
    got = s + std::to_string(*n);
    co_return;
  });
  same(got, "seven7");
}

task<> one_that_can_not_be_entered_takes_the_others_along() {
  diary tell;
  std::vector<resource<int>> two;
  two.emplace_back(open_number, std::ref(tell), 1);
  two.emplace_back([](block<int>) -> task<> {
    co_await sleep(milliseconds(5));
    throw std::range_error("no entry");
  });
  bool began = false;
  auto run = gather_contexts(std::move(two), [&](std::vector<int>&) -> task<> {
    began = true;
    co_return;
  });
  same(co_await thrown_by(run), "no entry");
  holds(!began);
  same(tell.text, "enter1 exit1");
}

// TRI-03: two channels that are closed on the way out, and an interrupt in between.
task<> open_channel(block<channel<int>*> use) {
  channel<int> c(1);
  auto body = [&]() -> task<> { co_await use(&c); };
  auto aclose = [&]() -> task<> {
    c.close();
    co_await sleep(duration(0));
  };
  co_await with_cleanup(body, aclose);
}
task<> an_interrupt_in_gathered_resources_comes_out_alone() {
  std::vector<resource<channel<int>*>> two;
  for (int i = 0; i < 2; i++) two.emplace_back(open_channel);
  auto run = gather_contexts(std::move(two), [](std::vector<channel<int>*>& channels) -> task<> {
    co_await channels[0]->send(1);
    co_await channels[1]->send(1);
    throw error("KeyboardInterrupt", "enough");
  });
  same(co_await thrown_by(run), "KeyboardInterrupt: enough");
}

task<> an_error_on_the_way_out_is_told() {
  auto bad_exit = [](int n, block<int> use) -> task<> {
    co_await use(n);
    throw error("ValueError", n == 1 ? "exit 1" : "exit 2");
  };
  std::vector<resource<int>> two;
  for (int n : {1, 2}) two.emplace_back(bad_exit, n);
  auto run = gather_contexts(std::move(two), [](std::vector<int>&) -> task<> { co_return; });
  std::string both;
  try {
    co_await std::move(run);
  } catch (const error_group& group) {
    for (std::size_t i = 0; i < group.size(); i++) both += std::string(group[i].what()) + ".";
  }
  same(both, "exit 1.exit 2.");
}

// A resource that cuts its block short does so to the body of all, as it would to a block of its own.
task<> a_resource_with_a_deadline_cuts_the_body() {
  auto for_a_while = [](block<int> use) -> task<> {
    co_await move_on_after(milliseconds(5), [&]() -> task<> { co_await use(1); });
  };
  diary tell;
  auto both = std::tuple(resource(for_a_while), resource(open_number, std::ref(tell), 2));
  bool went_on = false;
  co_await gather_contexts(std::move(both), [&](int&, int&) -> task<> {
    co_await sleep_forever();
    went_on = true;
  });
  holds(!went_on);
  same(tell.text, "enter2 exit2");
}

task<> what_is_no_resource_is_told() {
  std::vector<resource<int>> never, twice;
  auto nothing = [](std::vector<int>&) -> task<> { co_return; };
  never.emplace_back([](block<int>) -> task<> { co_return; });
  auto run = gather_contexts(std::move(never), nothing);
  same(co_await thrown_by(run), "RuntimeError: a resource has ended without calling its block");
  twice.emplace_back([](block<int> use) -> task<> {
    co_await use(1);
    co_await use(2);
  });
  run = gather_contexts(std::move(twice), nothing);
  same(co_await thrown_by(run), "RuntimeError: a resource has called its block twice");
}

//
task<> a_gathering_may_be_dropped() {
  diary tell;
  co_await with_task_group([&](task_group& g) -> task<> {
    auto run = [&]() -> task<> {
      std::vector<resource<int>> two;
      for (int n : {1, 2}) two.emplace_back(open_number, std::ref(tell), n);
      co_await gather_contexts(std::move(two), [](std::vector<int>&) -> task<> { co_await sleep_forever(); });
    };
    co_await abandon(g, run);
  });
  same(tell.text, "enter1 enter2 exit1 exit2");  // both were told, and the outer group has waited for them
}

}  // namespace

int main(int argc, char** argv) {
  const everywhere tests[] = {
      EVERYWHERE(a_resource_is_a_function_around_a_block),
      EVERYWHERE(values_come_in_the_order_of_the_resources),
      EVERYWHERE(resources_are_entered_side_by_side),
      EVERYWHERE(resources_of_several_types),
      EVERYWHERE(one_that_can_not_be_entered_takes_the_others_along),
      EVERYWHERE(an_interrupt_in_gathered_resources_comes_out_alone),
      EVERYWHERE(an_error_on_the_way_out_is_told),
      EVERYWHERE(a_resource_with_a_deadline_cuts_the_body),
      EVERYWHERE(what_is_no_resource_is_told),
      EVERYWHERE(a_gathering_may_be_dropped),
  };
  return play_everywhere(argc, argv, tests, {KIT_TEST(gathering_nothing_is_an_error)});
}
