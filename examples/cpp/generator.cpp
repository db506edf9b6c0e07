// A generator: a child yields for as long as somebody listens.
#include <cinttypes>
#include <cstdio>
#include <tractor.hpp>
using namespace tractor;

struct farewell {
  ~farewell() { std::puts("the generator is cancelled"); }
};

generator<std::uint64_t> fibonacci() {  // in the child; it has no end of its own
  farewell at_the_end;
  std::uint64_t a = 0, b = 1;
  for (;;) {
    co_yield a;  // a slow consumer stops it here
    b += std::exchange(a, b);
  }
}
TRACTOR_MODULE(sequences, TRACTOR_GENERATOR(fibonacci));

task<> root(nursery& an) {
  portal leonardo = co_await an.start_actor("leonardo", {.modules = {sequences}});
  co_await leonardo.open_stream_from(fibonacci, [](auto& numbers) -> task<> {
    while (auto n = co_await numbers.receive()) {
      std::printf("%" PRIu64 "\n", *n);
      if (*n > 100) break;
    }
  });
  std::puts("that will do");
  co_await leonardo.cancel_actor();
}

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // two processes share it
  return tractor::run(argc, argv, root);
}
