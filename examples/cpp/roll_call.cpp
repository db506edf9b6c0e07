// Who comes and who goes: a watch on all actors of one name.
#include <cstdio>
#include <tractor.hpp>
using namespace tractor;

task<> watch() {
  auto events = watch_actors("smith");  // a generator without an end; leaving it ends the watch
  while (auto event = co_await events.receive()) {
    switch (event->type) {
      case watch_event::synced: std::puts("nobody else was there before"); break;
      case watch_event::join: std::printf("%s has come\n", event->name.c_str()); break;
      case watch_event::leave: std::printf("%s has gone\n", event->name.c_str()); co_return;
    }
  }
}

task<> root(nursery& an) {
  an.start_soon(watch);
  portal smith = co_await an.start_actor("smith");
  co_await smith.cancel_actor();
}

int main(int argc, char** argv) { return tractor::run(argc, argv, root); }
