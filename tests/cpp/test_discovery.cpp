// Finding actors, and what an actor knows of itself.
#include "play.hpp"

#include <chrono>
#include <fstream>
#include <stdexcept>

using namespace tractor;
using namespace std::chrono_literals;

namespace {

task<std::string> whoami() { co_return current_actor().id().uuid; }
task<std::vector<std::string>> where() { co_return current_actor().addresses(); }
task<std::string> name_of_root() {
  portal root = co_await get_root();
  co_return root.name();
}
task<std::string> finds_by_itself(std::string name) {
  auto found = co_await find_actor(name.c_str());
  if (!found) co_return "nobody";
  co_return co_await found->run(whoami);
}
task<value> var(std::string name) { co_return get_runtime_vars()[name]; }

/// What the exit stack does is seen in a file, because nobody can be told any more.
task<> leaves_lines(std::string path) {
  auto here = current_actor();
  auto line = [path](const char* text) { std::ofstream(path, std::ios::app) << text << "\n"; };
  here.on_exit([line] { line("first pushed"); });
  here.on_exit([line]() -> task<> {
    line("begins");
    co_await with_nursery({.timeout = 5s, .shield = true}, [](nursery&) -> task<> { co_await sleep(5ms); });
    line("ends");
  });
  co_return;
}

}  // namespace

TRACTOR_MODULE(people, TRACTOR_FN(whoami), TRACTOR_FN(where), TRACTOR_FN(name_of_root),
               TRACTOR_FN(finds_by_itself, "name"), TRACTOR_FN(var, "name"), TRACTOR_FN(leaves_lines, "path"));

namespace {

void an_actor_is_found_by_name(void**) {
  play_well([](nursery& root) -> task<> {
    holds(!co_await find_actor("donny"));
    portal donny = co_await root.start_actor("donny", {.modules = {people}});
    portal asker = co_await root.start_actor("asker", {.modules = {people}});
    std::optional<portal> found = co_await find_actor("donny");
    holds(found.has_value());
    same(found->id().uuid, donny.id().uuid);
    same(co_await found->run(whoami), donny.id().uuid);
    // From another actor too, which has to connect.
    same(co_await asker.run(finds_by_itself, "donny"), donny.id().uuid);
    same(co_await asker.run(finds_by_itself, donny.id().uuid), donny.id().uuid);
    same(co_await asker.run(finds_by_itself, "nobody"), "nobody");
    std::string raised = co_await thrown_in([]() -> task<> { co_await find_actor("nobody", {.raise_on_none = true}); });
    kit_assert_contains(raised.c_str(), "nobody");

    auto addresses = co_await query_actor("donny");
    holds(addresses == co_await donny.run(where));
    holds(!co_await query_actor("nobody"));
    root.cancel();
  });
}

void who_comes_later_is_waited_for(void**) {
  play_well([](nursery& root) -> task<> {
    std::string met, started;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start_soon([&]() -> task<> {
        portal late = co_await wait_for_actor("late");
        met = late.id().uuid;
      });
      co_await sleep(5ms);
      holds(met.empty());
      portal late = co_await root.start_actor("late", {.modules = {people}});
      started = late.id().uuid;
    });
    same(met, started);
    bool caught = false;
    try {
      co_await wait_for_actor("never", {.timeout = 20ms});
    } catch (const timed_out&) {
      caught = true;
    }
    holds(caught);
    root.cancel();
  });
}

void registrar_and_root_are_reached(void**) {
  play_well([](nursery& root) -> task<> {
    portal worker = co_await root.start_actor("worker", {.modules = {people}});
    portal registrar = co_await get_registry();
    auto entries = co_await registrar.run_from_ns<std::map<std::string, value>>("self.get_registry");
    equal(static_cast<std::int64_t>(entries.size()), 2);
    same(co_await worker.run(name_of_root), "root");
    portal self = co_await get_root();
    same(self.id().uuid, current_actor().id().uuid);
    std::string nobody = kit_fresh_address();
    std::string refused = co_await thrown_in([&]() -> task<> { co_await get_registry(nobody.c_str()); });
    holds(refused != "nothing");
    root.cancel();
  });
}

void a_watch_tells_who_comes_and_goes(void**) {
  play_well([](nursery& root) -> task<> {
    auto events = watch_actors();
    auto first = co_await events.receive();
    equal(first->type, watch_event::join);
    same(first->name, "root");
    holds(!first->addresses.empty());
    equal((co_await events.receive())->type, watch_event::synced);

    portal worker = co_await root.start_actor("worker", {.modules = {people}});
    auto joined = co_await events.receive();
    equal(joined->type, watch_event::join);
    same(joined->uuid, worker.id().uuid);
    holds(joined->addresses == co_await worker.run(where));
    co_await worker.cancel_actor();
    auto left = co_await events.receive();
    equal(left->type, watch_event::leave);
    same(left->uuid, joined->uuid);
  });
}

void a_watch_is_cut_by_a_cancel_and_ends_with_its_consumer(void**) {
  play_well([](nursery& root) -> task<> {
    bool in_time = co_await move_on_after(20ms, []() -> task<> {
      auto events = watch_actors("nobody");
      while (co_await events.receive()) continue;
    });
    holds(!in_time);
    auto dropped = watch_actors("nobody");
    equal((co_await dropped.receive())->type, watch_event::synced);
    bool caught = false;
    try {
      auto bounded = watch_actors("nobody", {.timeout = 20ms});
      while (co_await bounded.receive()) continue;
    } catch (const timed_out&) {
      caught = true;
    }
    holds(caught);
    root.cancel();  // `dropped` does not hold it up
  });
}

void tables_of_addresses_are_checked(void**) {
  using table = std::map<std::string, std::vector<std::pair<std::string, int>>>;
  auto parsed = parse_endpoints(table{{"worker", {{"127.0.0.1", 0}}}, {"nobody", {}}});
  same(parsed["worker"].front(), "/ip4/127.0.0.1/tcp/0");
  holds(parsed["nobody"].empty());
  bool caught = false;
  try {
    parse_endpoints(table{{"worker", {{"127.0.0.1", 70000}}}});
  } catch (const error& e) {
    caught = true;
    same(e.type(), "ValueError");
    kit_assert_contains(e.what(), "endpoints.worker[0]: port 70000");
  }
  holds(caught);
}

void an_actor_knows_itself(void**) {
  bool caught = false;
  try {
    current_actor();
  } catch (const error& e) {
    caught = true;
    equal(e.code(), TRACTOR_ERUNTIME);
  }
  holds(caught && !is_root_process());

  play_well([](nursery& root) -> task<> {
    actor here = current_actor();
    holds(here.is_root() && here.is_registrar() && is_root_process() && !here.parent());
    same(here.name(), "root");
    same(here.registry_addresses().front(), kit_registry());
    same(here.addresses().front(), kit_registry());
    holds(!here.cancel_called() && !here.cancel_caller());

    portal worker = co_await root.start_actor("worker", {.modules = {people}});
    std::string text = format_tree(here.snapshot());
    kit_assert_contains(text.c_str(), "root");
    value tree = co_await here.tree();
    kit_assert_contains(format_tree(tree).c_str(), "worker");
    actor_stats stats = here.stats();
    same(stats.children.at(0).name, "worker");
    same(stats.children[0].state, "serving");
    equal(stats.children[0].pid, worker.pid());
    co_await worker.cancel_actor();
  });
}

void the_exit_stack_runs_last(void**) {
  std::string path = kit_path("lines");
  play_well([&](nursery& root) -> task<> {
    portal worker = co_await root.start_actor("worker", {.modules = {people}});
    co_await worker.run(leaves_lines, path);
    co_await worker.cancel_actor();
  });
  const char* lines = kit_read_file(path.c_str());
  holds(lines != nullptr);
  same(lines, "begins\nends\nfirst pushed\n");
}

void what_the_exit_stack_throws_is_the_actors_error(void**) {
  kit_run run = play([](nursery&) -> task<> {
    actor here = current_actor();
    here.on_exit([] { throw std::domain_error("too late"); });
    co_return;
  });
  kit_assert_code(run.err, TRACTOR_EUSER);
  assert_string_equal(tractor_error_message(run.err), "too late");
}

void an_actor_cancels_itself(void**) {
  play_well([](nursery&) -> task<> {
    current_actor().cancel_soon();
    co_await sleep_forever();
  });
}

void runtime_variables_are_inherited(void**) {
  play_well([](nursery& root) -> task<> {
    set_runtime_vars(named("colour", "green"), named("level", 3));
    same(get_runtime_vars()["colour"].as<std::string>(), "green");
    portal worker = co_await root.start_actor("worker", {.modules = {people}});
    value level = co_await worker.run(var, "level");
    equal(level.as<int>(), 3);
    bool caught = false;
    try {
      set_runtime_vars(named("_enable_tpts", "pigeon"), named("colour", "red"));
    } catch (const misuse_error& e) {
      caught = true;
      kit_assert_contains(e.what(), "_enable_tpts");
    }
    holds(caught);
    same(get_runtime_vars()["colour"].as<std::string>(), "green");
    co_await worker.cancel_actor();
  });
}

}  // namespace

int main(int argc, char** argv) {
  module::register_all();
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST(an_actor_is_found_by_name),
      KIT_TEST(who_comes_later_is_waited_for),
      KIT_TEST(registrar_and_root_are_reached),
      KIT_TEST(a_watch_tells_who_comes_and_goes),
      KIT_TEST(a_watch_is_cut_by_a_cancel_and_ends_with_its_consumer),
      KIT_TEST_ONCE(tables_of_addresses_are_checked),
      KIT_TEST_ONCE(an_actor_knows_itself),
      KIT_TEST_ONCE(the_exit_stack_runs_last),
      KIT_TEST_ONCE(what_the_exit_stack_throws_is_the_actors_error),
      KIT_TEST_ONCE(an_actor_cancels_itself),
      KIT_TEST_ONCE(runtime_variables_are_inherited),
  };
  return kit_run_tests(tests);
}
