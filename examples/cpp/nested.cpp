// Three generations: a supervisor has its two children square numbers. They end inside out, as their scopes do.
#include <cstdio>
#include <tractor.hpp>
using namespace tractor;
using names = std::vector<std::string>;
using numbers = std::vector<int>;

static void say(const std::string& line) { std::printf("%s: %s\n", current_actor().name().c_str(), line.c_str()); }

struct farewell {
  ~farewell() { say("good bye"); }
};

task<int> square(int n) {  // in a leaf
  say(std::to_string(n) + " times " + std::to_string(n));
  co_return (n * n);
}
task<> stay() {  // in a leaf, until it is cancelled
  farewell at_the_end;
  co_await sleep_forever();
}
task<> supervise(context& ctx);

TRACTOR_MODULE(tree, TRACTOR_FN(square, "n"), TRACTOR_FN(stay), TRACTOR_CONTEXT(supervise));

task<> supervise(context& ctx) {
  farewell at_the_end;
  co_await with_nursery([&](nursery& an) -> task<> {
    names leaf_names = {"acorn", "catkin"};
    std::vector<portal> leaves;
    for (const auto& name : leaf_names) {
      portal leaf = co_await an.start_actor(name, {.modules = {tree}});
      an.start_soon([leaf]() -> task<> { co_await leaf.run(stay); });
      leaves.push_back(leaf);
    }

    auto stream = co_await ctx.started(leaf_names).open_stream<numbers, numbers>();
    while (auto given = co_await stream.receive()) {
      numbers squares(given->size());
      co_await with_task_group([&](task_group& jobs) {
        for (std::size_t i = 0; i < squares.size(); i++)
          jobs.start_soon(
              [&, i]() -> task<> { squares[i] = co_await leaves[i % leaves.size()].run(square, given->at(i)); });
      });
      co_await stream.send(squares);
    }
  });
}

task<> root(nursery& an) {
  portal supervisor = co_await an.start_actor("supervisor", {.modules = {tree}});
  co_await supervisor.with_context(supervise, [](linked_context<void>& ctx, names leaves) -> task<> {
    say(leaves[0] + " and " + leaves[1] + " are there");
    auto stream = co_await ctx.open_stream<numbers, numbers>();
    numbers four = {1, 2, 3, 4};
    co_await stream.send(four);
    auto squares = co_await stream.receive();
    say("their squares are " + value::of(*squares).json());
    co_await ctx.cancel();
  });
  co_await supervisor.cancel_actor();
  say("all are gone");
}

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // four processes share it
  return tractor::run(argc, argv, root);
}
