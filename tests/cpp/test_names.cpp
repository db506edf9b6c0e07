// Endpoints called by name, and how they are called: from other programs, with options, in this very actor.
#include "play.hpp"

#include <chrono>

using namespace tractor;
using namespace std::chrono_literals;

namespace {

struct order {
  std::string what;
  int count = 0;
  TRACTOR_FIELDS(what, count)
};

task<int> add(int x, int y) { co_return x + y; }
task<order> twice(order o) {
  o.count *= 2;
  co_return o;
}
task<std::string> where() { co_return current_actor().id().name; }
task<> forever() { co_await sleep_forever(); }
task<int> tally(context& ctx, std::string greeting) {
  auto numbers = co_await ctx.started(greeting + ", root").open_stream<int, int>();
  int sum = 0;
  while (auto n = co_await numbers.receive()) {
    sum += *n;
    co_await numbers.send(sum);
  }
  co_return sum;
}

}  // namespace

TRACTOR_MODULE(desk, TRACTOR_FN(add, "x", "y"), TRACTOR_FN(twice, "o"), TRACTOR_FN(where), TRACTOR_FN(forever),
               TRACTOR_CONTEXT(tally, "greeting"));

namespace {

template <class Body>
void with_worker(Body body) {
  play_well([&](nursery& root) -> task<> {
    portal worker = co_await root.start_actor("worker", {.modules = {desk, "kit"}});
    co_await body(worker);
    co_await worker.cancel_actor();
  });
}

void functions_are_called_by_name(void**) {
  with_worker([](portal worker) -> task<> {
    equal(co_await worker.run<int>("desk.add", named("x", 2), named("y", 3)), 5);
    value any = co_await worker.run("desk.add", named("y", 40), named("x", 2));
    equal(any.as<int>(), 42);
    order o{"tea", 2};
    equal((co_await worker.run<order>("desk.twice", named("o", o))).count, 4);
    co_await worker.run<void>("desk.twice", named("o", o));
    // Of another program, with whatever it takes.
    std::vector<int> numbers{1, 2};
    value said = co_await worker.run("kit.echo", named("numbers", numbers), named("text", "hello"));
    same(said.json(), R"({"numbers":[1,2],"text":"hello"})");
  });
}

void what_does_not_fit_is_told(void**) {
  with_worker([](portal worker) -> task<> {
    same(co_await thrown_in(
             [&]() -> task<> { co_await worker.run<std::string>("desk.add", named("x", 2), named("y", 3)); }),
         "MsgTypeError: at the top: expected str, found int 5");
    same(co_await thrown_in([&]() -> task<> { co_await worker.run("desk.add", named("x", 2), named("y", "three")); }),
         "TypeError: TypeError: add(): at .y: expected int, found str 'three'");
    std::string unknown = co_await thrown_in([&]() -> task<> { co_await worker.run("desk.subtract"); });
    kit_assert_contains(unknown.c_str(), "AttributeError");
    std::string closed = co_await thrown_in([&]() -> task<> { co_await worker.run("office.add"); });
    kit_assert_contains(closed.c_str(), "office");
    for (const char* name : {"add", ".add", "desk."}) {
      std::string bad = co_await thrown_in([&]() -> task<> { co_await worker.run(name); });
      kit_assert_contains(bad.c_str(), "\"module.name\" is expected");
    }
  });
}

void contexts_are_opened_by_name(void**) {
  with_worker([](portal worker) -> task<> {
    int result = 0;
    auto body = [&](auto& ctx, std::string first) -> task<> {
      same(first, "hello, root");
      auto numbers = co_await ctx.template open_stream<int, int>();
      for (int i : {1, 2, 3}) {
        co_await numbers.send(i);
        co_await numbers.receive();
      }
      numbers.send_eof();
      result = co_await ctx.wait_for_result();
    };
    co_await worker.with_context<int>("desk.tally", named("greeting", "hello"), body);
    equal(result, 6);
  });
}

void one_shots_are_started_by_name(void**) {
  play_well([](nursery& root) -> task<> {
    equal(co_await root.run_in_actor<int>("desk.add", named("x", 20), named("y", 22)), 42);
    same(co_await root.run_in_actor(where), "where");
    same(co_await root.run_in_actor({.log_level = "error"}, where), "where");
    same(co_await root.run_in_actor<std::string>({.cwd = "/"}, "desk.where"), "where");
  });
}

void an_actor_calls_itself(void**) {
  with_worker([](portal worker) -> task<> {
    portal self = current_actor().self();
    same(self.name(), "root");
    holds(self.address().empty());
    std::string closed = co_await thrown_in([&]() -> task<> { co_await self.run(add, 1, 2); });
    kit_assert_contains(closed.c_str(), "desk");  // the root serves no module
    same(co_await worker.run(where), "worker");
  });
}

void calls_have_options(void**) {
  with_worker([](portal worker) -> task<> {
    std::string late = co_await thrown_in([&]() -> task<> { co_await worker.with({.timeout = 5ms}).run(forever); });
    same(late, "TimeoutError: no answer from worker in time");
    bool cut = false;
    for (auto timeout = 20ms; !cut; timeout *= 2) {  // as much as it takes to get there
      bool caught = false;
      try {
        co_await worker.with({.timeout = timeout}).with_context(tally, "hello", [&](auto&) -> task<> {
          try {
            co_await sleep_forever();
          } catch (const cancelled&) {
            cut = true;
            throw;
          }
        });
      } catch (const timed_out&) {
        caught = true;
      }
      holds(caught);
    }
    equal(co_await worker.with({.buffer = 7}).run(add, 1, 2), 3);
  });
}

void the_runtime_is_called_by_its_namespace(void**) {
  play_well([](nursery&) -> task<> {
    portal self = current_actor().self();
    auto names = co_await self.run_from_ns<std::map<std::string, value>>("self.get_registry");
    equal(static_cast<std::int64_t>(names.size()), 1);
    std::string unknown = co_await thrown_in([&]() -> task<> { co_await self.run_from_ns("self.no_such_thing"); });
    kit_assert_contains(unknown.c_str(), "AttributeError");
  });
}

void a_portal_says_whom_it_leads_to(void**) {
  with_worker([](portal worker) -> task<> {
    same(worker.name(), "worker");
    holds(worker.connected());
    holds(worker.id().pid > 0);
    kit_assert_contains(worker.address().c_str(), kit_transport()[0] == 't' ? "/tcp/" : "/unix/");
    holds(!worker.local_address().empty());
    co_return;
  });
}

}  // namespace

int main(int argc, char** argv) {
  module::register_all();
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST(functions_are_called_by_name),
      KIT_TEST_ONCE(what_does_not_fit_is_told),
      KIT_TEST(contexts_are_opened_by_name),
      KIT_TEST(one_shots_are_started_by_name),
      KIT_TEST_ONCE(an_actor_calls_itself),
      KIT_TEST(calls_have_options),
      KIT_TEST_ONCE(the_runtime_is_called_by_its_namespace),
      KIT_TEST(a_portal_says_whom_it_leads_to),
  };
  return kit_run_tests(tests);
}
