// Three workers share the numbers; what is slow or fails is dealt with in one place.
#include <cstdio>
#include <stdexcept>
#include <tractor.hpp>
using namespace tractor;

struct range {
  int first = 0, last = 0;
  TRACTOR_FIELDS(first, last)
};

struct bad_range : std::runtime_error {
  using std::runtime_error::runtime_error;
};

task<int> sum(range r) {
  if (r.last < r.first) throw bad_range("it ends before it begins");
  int total = 0;
  for (int i = r.first; i <= r.last; i++) total += i;
  co_return total;
}

TRACTOR_MODULE(sums, TRACTOR_FN(sum, "range"));

task<> root() {
  int total = 0;
  co_await with_nursery({.cancel_daemons = true}, [&](nursery& an) {
    for (int i = 0; i < 3; i++)
      an.start_soon([&, i]() -> task<> {
        portal worker = co_await an.start_actor("worker", {.modules = {sums}});
        total += co_await worker.run(sum, range{i * 100 + 1, (i + 1) * 100});
      });
  });
  std::printf("the sum is %d\n", total);

  try {
    co_await with_nursery([](nursery& an) -> task<> { co_await an.run_in_actor(sum, range{2, 1}); });
  } catch (const remote_error& e) {
    std::printf("%s\n", e.what());
  }

  try {
    co_await with_nursery({.timeout = std::chrono::milliseconds(10)}, [](nursery& an) -> task<> {
      an.start_soon([]() -> task<> { co_await sleep_forever(); });
      co_await sleep(std::chrono::seconds(1));
    });
  } catch (const timed_out&) {
    std::printf("too late\n");
  }
}

int main(int argc, char** argv) { return tractor::run(argc, argv, root); }
