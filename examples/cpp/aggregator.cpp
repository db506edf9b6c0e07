// Four processes: two stream numbers, a third merges them and drops what it has had already, the root reads the result.
#include <chrono>
#include <cstdio>
#include <set>
#include <tractor.hpp>
using namespace tractor;
using seconds = std::chrono::duration<double>;

generator<int> count(int to) {
  for (int i = 0; i < to; i++) co_yield i;
}
task<> aggregate(send_stream<int>& out, int to);

TRACTOR_MODULE(numbers, TRACTOR_GENERATOR(count, "to"), TRACTOR_GENERATOR(aggregate, "to"));

// A generator that starts children cannot co_yield out of their nursery, so it sends.
task<> aggregate(send_stream<int>& out, int to) {
  std::set<int> seen;
  co_await with_nursery({.cancel_daemons = true}, [&](nursery& an) {
    for (const char* name : {"left", "right"})
      an.start_soon([&, name]() -> task<> {
        portal streamer = co_await an.start_actor(name, {.modules = {numbers}});
        co_await streamer.open_stream_from(count, to, [&](auto& values) -> task<> {
          while (auto v = co_await values.receive())
            if (seen.insert(*v).second) co_await out.send(*v);
        });
        std::printf("%s has finished\n", name);
      });
  });
  std::printf("both have ended, %zu numbers have gone out\n", seen.size());
}

task<> root(nursery& an) {
  auto began = std::chrono::steady_clock::now();
  portal aggregator = co_await an.start_actor("aggregator", {.modules = {numbers}});
  std::set<int> result;
  co_await aggregator.open_stream_from(aggregate, 1000, [&](auto& values) -> task<> {
    while (auto v = co_await values.receive()) result.insert(*v);
  });
  seconds took = std::chrono::steady_clock::now() - began;
  std::printf("%zu numbers from %d to %d in %.2f s\n", result.size(), *result.begin(), *result.rbegin(), took.count());
  co_await aggregator.cancel_actor();
}

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // two processes share it
  return tractor::run(argc, argv, root);
}
