// A worker is called, and then talked to through a stream.
#include <cstdio>
#include <tractor.hpp>
using namespace tractor;

task<bool> is_prime(std::uint64_t n) {
  std::uint64_t d = 2;
  while (d * d <= n && n % d != 0) d++;
  co_return n > 1 && n / d < d;
}

task<int> tally(context& ctx, std::string greeting) {  // a context endpoint
  auto stream = co_await ctx.started(greeting + ", root").open_stream<int, int>();
  int sum = 0;
  while (auto n = co_await stream.receive()) {  // nullopt at the peer's Stop
    sum += *n;
    co_await stream.send(sum);
  }
  co_return sum;
}
TRACTOR_MODULE(numbers, TRACTOR_FN(is_prime, "n"), TRACTOR_CONTEXT(tally, "greeting"));

task<> root(nursery& workers) {
  portal worker = co_await workers.start_actor("worker", {.modules = {numbers}});

  bool yes = co_await worker.run(is_prime, 112272535095293u);  // typed by the function
  std::printf("112272535095293 is %s\n", yes ? "prime" : "composite");

  co_await worker.with_context(tally, "hello", [](linked_context<int>& ctx, std::string first) -> task<> {
    auto stream = co_await ctx.open_stream<int, int>();
    for (int i : {1, 2, 3}) {
      co_await stream.send(i);
      std::printf("%s: %d\n", first.c_str(), *co_await stream.receive());
    }
    co_await stream.close();
    std::printf("sum %d\n", co_await ctx.wait_for_result());
  });
  co_await worker.cancel_actor();
}
int main(int argc, char** argv) { return tractor::run(argc, argv, root); }
