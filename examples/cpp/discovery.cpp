// Who keeps the registry, and where an actor is of which only the name is known.
#include <cstdio>
#include <tractor.hpp>
using namespace tractor;

task<> root() {
  co_await with_nursery({.cancel_daemons = true}, [](nursery& an) -> task<> {
    portal registry = co_await get_registry();
    std::printf("%s keeps the registry at %s\n", registry.name().c_str(), current_actor().registry_address().c_str());

    an.start_soon([&]() -> task<> { co_await an.start_actor("librarian"); });
    portal librarian = co_await wait_for_actor("librarian");  // until somebody of that name has registered
    std::printf("%s is at %s\n", librarian.name().c_str(), librarian.address().c_str());
  });
}

int main(int argc, char** argv) { return tractor::run(argc, argv, root); }
