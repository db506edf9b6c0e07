// One stream, several consumers in this process: each subscriber gets every value.
#include <cstdio>
#include <tractor.hpp>
using namespace tractor;

task<> quotes(context& ctx) {  // in the child
  auto stream = co_await ctx.started().open_stream<std::string, int>();
  co_await stream.receive();  // the root says when to begin: a subscriber gets what comes after its subscription
  for (int i = 0; i < 5; i++) co_await stream.send(i);
}
TRACTOR_MODULE(market, TRACTOR_CONTEXT(quotes));

task<> consume(const char* name, stream<int, std::string> values) {
  int count = 0, sum = 0;
  while (auto n = co_await values.receive()) {
    std::printf("%s: %d\n", name, *n);
    count++;
    sum += *n;
  }
  std::printf("%s has got %d quotes, their sum is %d\n", name, count, sum);
}

task<> root(nursery& an) {
  portal ticker = co_await an.start_actor("ticker", {.modules = {market}});
  co_await ticker.with_context(quotes, [](linked_context<void>& ctx) -> task<> {
    auto stream = co_await ctx.open_stream<int, std::string>();
    co_await with_task_group([&](task_group& consumers) -> task<> {
      for (const char* name : {"ann", "bob", "cat"}) consumers.start_soon(consume, name, stream.subscribe());
      co_await stream.send("go");
    });
  });
  co_await ticker.cancel_actor();
}

int main(int argc, char** argv) { return tractor::run(argc, argv, root); }
