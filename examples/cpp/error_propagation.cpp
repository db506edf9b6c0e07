// One error, and the whole tree ends in order: three daemons are there, and a fourth child fails.
#include <cstdio>
#include <stdexcept>
#include <tractor.hpp>
using namespace tractor;

task<int> divide(int a, int b) {
  if (b == 0) throw std::domain_error("division by zero");
  co_return a / b;
}
TRACTOR_MODULE(maths, TRACTOR_FN(divide, "a", "b"));

task<> root() {
  try {
    co_await with_nursery([](nursery& an) -> task<> {
      for (const char* name : {"ann", "bob", "cat"}) co_await an.start_actor(name, {.modules = {maths}});
      std::printf("%d\n", co_await an.run_in_actor(divide, 7, 0));
    });
  } catch (const remote_error& e) {  // all four are gone by now
    std::printf("the nursery failed: %s\n", e.what());
  }
}

int main(int argc, char** argv) { return tractor::run(argc, argv, root); }
