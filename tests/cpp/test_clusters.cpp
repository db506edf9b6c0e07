// Clusters: equal workers side by side.
#include "play.hpp"

#include <chrono>
#include <stdexcept>

using namespace tractor;
using namespace std::chrono_literals;

namespace {

task<std::string> whoami() { co_return current_actor().name(); }
task<int> echo_stream(context& ctx) {
  auto items = co_await ctx.started().open_stream<int, int>();
  int count = 0;
  while (auto n = co_await items.receive()) {
    co_await items.send(*n);
    count++;
  }
  co_return count;
}
task<> die() { std::_Exit(7); }

}  // namespace

TRACTOR_MODULE(crew, TRACTOR_FN(whoami), TRACTOR_CONTEXT(echo_stream), TRACTOR_FN(die));

namespace {

void a_cluster_works_and_ends(void**) {
  play_well([](nursery&) -> task<> {
    std::string all;
    co_await open_actor_cluster({.modules = {crew}, .count = 3},
                                [&](nursery& an, const std::vector<portal>& workers) -> task<> {
                                  for (portal worker : workers) all += co_await worker.run(whoami) + " ";
                                  an.start_soon([&, worker = workers[0]]() -> task<> {
                                    co_await sleep(2ms);
                                    all += co_await worker.run(whoami);
                                  });
                                });
    same(all, "root.worker_0 root.worker_1 root.worker_2 root.worker_0");
  });
}

void workers_have_names(void**) {
  play_well([](nursery&) -> task<> {
    const char* const names[] = {"anna", "ben", nullptr};
    std::string all;
    auto greet = [&](const std::vector<portal>& workers) -> task<> {
      for (portal worker : workers) all += co_await worker.run(whoami) + " ";
    };
    co_await open_actor_cluster({.modules = {crew}, .names = names, .hard_kill = true}, greet);
    same(all, "anna ben ");
  });
}

void bad_input_is_a_value_error(void**) {
  play_well([](nursery&) -> task<> {
    const char* const names[] = {"anna", "ben", nullptr};
    bool ran = false;
    auto body = [&](const std::vector<portal>&) -> task<> {
      ran = true;
      co_return;
    };
    auto too_few = open_actor_cluster({.count = 3, .names = names}, body);
    same(co_await thrown_by(too_few), "ValueError: there are 2 names for 3 actors");
    auto none = open_actor_cluster({.names = names + 2}, body);
    same(co_await thrown_by(none), "ValueError: the list of names is empty");
    auto too_many = open_actor_cluster({.count = 70000}, body);
    std::string why = co_await thrown_by(too_many);
    kit_assert_contains(why.c_str(), "ValueError");
    kit_assert_contains(why.c_str(), "count is too large");
    holds(!ran);
  });
}

void all_or_nothing(void**) {
  play_well([](nursery&) -> task<> {
    bool ran = false, cut = false;
    auto missing = open_actor_cluster({.count = 1, .spawn = {.program = "/does/not/exist"}},
                                      [&](const std::vector<portal>&) -> task<> {
                                        ran = true;
                                        co_return;
                                      });
    std::string why = co_await thrown_by(missing);
    kit_assert_contains(why.c_str(), "/does/not/exist");
    holds(!ran);

    auto mortal = open_actor_cluster({.modules = {crew}, .count = 3},
                                     [&](nursery& an, const std::vector<portal>& workers) -> task<> {
                                       an.start_soon([worker = workers[1]]() -> task<> { co_await worker.run(die); });
                                       try {
                                         co_await sleep_forever();
                                       } catch (const cancelled&) {
                                         cut = true;
                                         throw;
                                       }
                                     });
    why = co_await thrown_by(mortal);
    kit_assert_contains(why.c_str(), "7");
    holds(cut);
  });
}

void what_the_body_throws_comes_out(void**) {
  play_well([](nursery&) -> task<> {
    auto failing = open_actor_cluster({.count = 2}, [](const std::vector<portal>&) -> task<> {
      throw std::domain_error("ours");
      co_return;
    });
    same(co_await thrown_by(failing), "ours");
    // A cancel comes before they are up, and later.
    for (auto time : {1ms, 100ms}) {
      holds(!co_await move_on_after(time, []() -> task<> {
        co_await open_actor_cluster({.count = 2},
                                    [](const std::vector<portal>&) -> task<> { co_await sleep_forever(); });
      }));
    }
  });
}

/// CLU-01: a cluster, and nothing to enter in it
void contexts_of_nobody(void**) {
  play_well([](nursery&) -> task<> {
    auto nobody = open_actor_cluster({.count = 2}, [](const std::vector<portal>&) -> task<> {
      auto nothing = gather_contexts(std::vector<resource<int>>(), [](std::vector<int>&) -> task<> { co_return; });
      co_await std::move(nothing);
    });
    same(co_await thrown_by(nobody), "ValueError: gather_contexts() of nothing");
  });
}

using echo = stream<int, int>;

task<> open_echo(portal worker, int& answered, block<echo> use) {
  co_await worker.with({.allow_overruns = true}).with_context(echo_stream, [&](linked_context<int>& ctx) -> task<> {
    auto items = co_await ctx.open_stream<int, int>();
    co_await use(items);
    items.send_eof();
    answered += co_await ctx.wait_for_result();
  });
}

/// CLU-02: one worker per processor, a context and a stream to each, sent to in turn
void streams_to_a_cluster(void**) {
  play_well([](nursery&) -> task<> {
    int sent = 0, answered = 0;
    auto in_turn = [&](std::vector<echo>& all) -> task<> {
      for (auto end = tractor_now() + 300 * TRACTOR_MS; tractor_now() < end; sent++) {
        echo items = all[static_cast<std::size_t>(sent) % all.size()];
        co_await items.send(sent);
        equal(*co_await items.receive(), sent);
      }
    };
    co_await open_actor_cluster({.modules = {crew}}, [&](const std::vector<portal>& workers) -> task<> {
      std::vector<resource<echo>> streams;
      for (portal worker : workers) streams.emplace_back(open_echo, worker, std::ref(answered));
      auto all = gather_contexts(std::move(streams), in_turn);
      co_await std::move(all);
    });
    holds(sent > 0);
    equal(answered, sent);
  });
}

}  // namespace

int main(int argc, char** argv) {
  module::register_all();
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST(a_cluster_works_and_ends),
      KIT_TEST_ONCE(workers_have_names),
      KIT_TEST_ONCE(bad_input_is_a_value_error),
      KIT_TEST_ONCE(all_or_nothing),
      KIT_TEST_ONCE(what_the_body_throws_comes_out),
      KIT_TEST(contexts_of_nobody),
      KIT_TEST(streams_to_a_cluster),
  };
  return kit_run_tests(tests);
}
