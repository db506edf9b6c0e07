// A tree over Unix sockets: no port is opened, and only this user's processes can come near.
#include <cstdio>
#include <tractor.hpp>
#include <unistd.h>
using namespace tractor;

struct whereabouts {
  std::string address;
  int pid = 0;
  TRACTOR_FIELDS(address, pid)
};
task<whereabouts> where() { co_return whereabouts{current_actor().address(), getpid()}; }
TRACTOR_MODULE(tree, TRACTOR_FN(where));

task<> root(nursery& an) {
  std::printf("root listens at %s\n", current_actor().address().c_str());
  portal leaf = co_await an.start_actor("leaf", {.modules = {tree}});
  std::printf("process %d has connected by %s\n", leaf.pid(), leaf.address().c_str());
  whereabouts its = co_await leaf.run(where);
  std::printf("process %d listens at %s\n", its.pid, its.address.c_str());
  co_await leaf.cancel_actor();
}

int main(int argc, char** argv) {
  return tractor::run(argc, argv, root, {.enable_transports = "uds"});  // which its children inherit
}
