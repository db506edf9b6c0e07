// A child that serves: it is called twice, then cancelled.
#include <cstdio>
#include <tractor.hpp>
using namespace tractor;

static int visits;  // the state of a daemon is ordinary state of its process

task<std::string> greet(std::string who) { co_return "hello " + who + ", you are visitor " + std::to_string(++visits); }
TRACTOR_MODULE(desk, TRACTOR_FN(greet, "who"));

task<> root(nursery& an) {
  portal doorman = co_await an.start_actor("doorman", {.modules = {desk}});  // it serves this module and no other
  for (const char* who : {"alice", "bob"}) {
    std::string greeting = co_await doorman.run(greet, who);
    std::puts(greeting.c_str());
  }
  co_await doorman.cancel_actor();  // else it would serve, and its nursery wait, for ever
  std::puts("the doorman has gone home");
}

int main(int argc, char** argv) { return tractor::run(argc, argv, root); }
