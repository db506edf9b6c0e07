// Two actors that know nothing of each other but the name: each finds the other one and is greeted.
#include <cstdio>
#include <tractor.hpp>
using namespace tractor;

task<std::string> hello() { co_return "Hi, my name is " + current_actor().name(); }

task<std::string> act(std::string partner) {
  portal other = co_await wait_for_actor(partner.c_str());  // it may not be there yet
  co_return co_await other.run(hello);
}
TRACTOR_MODULE(scene, TRACTOR_FN(hello), TRACTOR_FN(act, "partner"));

task<> play(nursery& an, const char* name, const char* partner) {
  portal role = co_await an.start_actor(name, {.modules = {scene}});
  std::string line = co_await role.run(act, partner);
  std::puts(line.c_str());
}

task<> root() {
  std::puts("curtain up");
  co_await with_nursery({.cancel_daemons = true}, [](nursery& an) {
    an.start_soon([&] { return play(an, "donny", "gretchen"); });
    an.start_soon([&] { return play(an, "gretchen", "donny"); });
  });
  std::puts("curtain down");
}

int main(int argc, char** argv) { return tractor::run(argc, argv, root); }
