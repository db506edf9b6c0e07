// A child that serves: it is called twice, then cancelled.
#include <cstdio>
#include <tractor.hpp>
using namespace tractor;

static int visits;  // the state of a daemon is ordinary state of its process

task<std::string> greet(std::string who) { co_return "hello " + who + ", you are visitor " + std::to_string(++visits); }
TRACTOR_MODULE(desk, TRACTOR_FN(greet, "who"));

int main(int argc, char** argv) {
  return tractor::run(argc, argv, [](actor&) -> task<> {
    co_await with_nursery([](nursery& an) -> task<> {
      portal doorman = co_await an.start_actor("doorman", {.modules = {desk}});  // serves these modules and no others
      for (const char* who : {"alice", "bob"}) {
        std::string greeting = co_await doorman.run(greet, who);
        std::puts(greeting.c_str());
      }
      co_await doorman.cancel_actor();  // else it would serve, and the nursery wait, for ever
      std::puts("the doorman has gone home");
    });
  });
}
