// The same worker as an ordinary dynamically linked C++ program: libstdc++ with
// iostreams, a thread and a method table, as a runtime's worker would have.
//   worker_cxx SOCKET_PATH | worker_cxx fd:N
#include <atomic>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <thread>

#include "common/net.hpp"

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::map<std::string, std::function<int64_t(int64_t)>> methods;
  methods["add"] = [](int64_t x) { return x + 1; };
  std::string where = argv[1];
  int fd = where.rfind("fd:", 0) == 0 ? std::atoi(where.c_str() + 3) : net::connect_to("unix:" + where);
  std::atomic<bool> started{false};
  std::thread side([&] { started = true; });
  side.join();
  int64_t x = getpid();  // hello
  net::write_all(fd, &x, sizeof x);
  while (read(fd, &x, sizeof x) == sizeof x) {
    x = methods.at("add")(x);
    net::write_all(fd, &x, sizeof x);
  }
  if (!started) std::cerr << "never\n";
}
