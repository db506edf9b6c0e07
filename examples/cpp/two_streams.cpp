// Two streams at a time through one portal. Each is a task of its own in the child, and neither waits for the other.
#include <cstdio>
#include <tractor.hpp>
using namespace tractor;

generator<int> countdown(int from, int pause_ms) {
  for (; from > 0; from--) {
    co_yield from;
    co_await sleep(std::chrono::milliseconds(pause_ms));
  }
}
TRACTOR_MODULE(counting, TRACTOR_GENERATOR(countdown, "from", "pause_ms"));

task<> follow(portal counter, const char* name, int from, int pause_ms) {
  co_await counter.open_stream_from(countdown, from, pause_ms, [&](auto& numbers) -> task<> {
    while (auto n = co_await numbers.receive()) std::printf("%s: %d\n", name, *n);
  });
  std::printf("%s: lift-off\n", name);
}

task<> root() {
  co_await with_nursery({.cancel_daemons = true}, [](nursery& an) -> task<> {
    portal counter = co_await an.start_actor("counter", {.modules = {counting}});
    an.start_soon(follow, counter, "slow", 3, 100);
    an.start_soon(follow, counter, "fast", 4, 10);
  });
}

int main(int argc, char** argv) { return tractor::run(argc, argv, root); }
