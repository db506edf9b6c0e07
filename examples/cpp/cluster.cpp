// A worker for each core, all there at once. Ctrl-C ends them in order; here the program presses it itself.
#include <csignal>
#include <cstdio>
#include <tractor.hpp>
using namespace tractor;

task<> root() {
  try {
    co_await open_actor_cluster({}, [](const std::vector<portal>& workers) -> task<> {
      for (const portal& worker : workers) std::printf("%s is process %d\n", worker.name().c_str(), worker.pid());
      std::raise(SIGINT);
      co_await sleep_forever();
    });
  } catch (const cancelled&) {
    std::puts("interrupted: all workers are gone");
    throw;
  }
}

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // the signal kills the program in the end, with what is not yet written
  return tractor::run(argc, argv, root);
}
