// Two processors for two processes: the child burns one, and the root another one meanwhile.
#include <algorithm>
#include <cstdio>
#include <tractor.hpp>
#include <unistd.h>
using namespace tractor;

static unsigned collatz(std::uint64_t below) {  // the most steps that any number takes
  unsigned most = 0;
  for (std::uint64_t i = 1; i < below; i++) {
    unsigned steps = 0;
    for (std::uint64_t n = i; n != 1; steps++) n = n % 2 ? 3 * n + 1 : n / 2;
    most = std::max(most, steps);
  }
  return most;
}

task<pid_t> burn() {
  collatz(300'000);  // it blocks the child's loop, but nobody else wants anything of it
  co_return getpid();
}
TRACTOR_MODULE(furnace, TRACTOR_FN(burn));

task<> root(nursery& an) {
  an.start_soon([&]() -> task<> { std::printf("collected from process %d\n", co_await an.run_in_actor(burn)); });
  unsigned steps = co_await run_in_thread([] { return collatz(300'000); });  // the root's loop goes on meanwhile
  std::printf("%u steps, found in process %d\n", steps, getpid());
}

int main(int argc, char** argv) { return tractor::run(argc, argv, root); }
