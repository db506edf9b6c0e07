// A child for one call: it is started, asked, and gone before its answer is read.
#include <cstdio>
#include <stdexcept>
#include <tractor.hpp>
using namespace tractor;

task<std::string> report() {  // runs in the child
  if (is_root_process()) throw std::logic_error("nobody was started");
  co_return "somebody else did this";
}
TRACTOR_MODULE(errands, TRACTOR_FN(report));

task<> root() {
  std::string line;
  co_await with_nursery([&](nursery& an) -> task<> { line = co_await an.run_in_actor(report); });
  std::puts(line.c_str());
}

int main(int argc, char** argv) { return tractor::run(argc, argv, root); }
