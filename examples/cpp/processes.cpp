// A child for each core, started at the same time. They would stay for ever, but the root fails, and nothing is left.
#include <cstdio>
#include <stdexcept>
#include <thread>
#include <tractor.hpp>
#include <unistd.h>
using namespace tractor;
using namespace std::chrono_literals;

struct worker {
  std::string name;
  int pid = 0;
  TRACTOR_FIELDS(name, pid)
};

task<> stay(context& ctx, std::string name) {
  worker self{name, getpid()};
  ctx.started(self);
  co_await sleep_forever();
}
TRACTOR_MODULE(crew, TRACTOR_CONTEXT(stay, "name"));

task<> root() {
  std::printf("starting one child per core\n");
  try {
    co_await with_nursery([](nursery& an) -> task<> {
      for (unsigned i = 0; i < std::thread::hardware_concurrency(); i++)
        an.start_soon([&an, i]() -> task<> {
          std::string name = "worker-" + std::to_string(i);
          portal child = co_await an.start_actor(name, {.modules = {crew}});
          co_await child.with_context(stay, name, [](auto&, worker w) -> task<> {
            std::printf("%s is process %d\n", w.name.c_str(), w.pid);
            co_await sleep_forever();
          });
        });
      co_await sleep(2s);
      throw std::runtime_error("the root has a bad day");
    });
  } catch (const std::runtime_error& e) {
    std::printf("contained: %s\n", e.what());
  }
}

int main(int argc, char** argv) { return tractor::run(argc, argv, root); }
