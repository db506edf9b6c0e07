// What all subcommands share: the options before them, and how they are added to the program.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tractor::command {

/// The options that every subcommand takes.
struct Common {
  std::vector<std::string> registry;  ///< multiaddrs; none: the transport's default
  std::string transport;              ///< "tcp", "uds", or empty: that of the registry
  std::string log_level;
  double timeout = 0;  ///< seconds for the whole command; 0: no limit
  bool verbose = false;

  int64_t timeout_ns() const { return static_cast<int64_t>(timeout * 1e9); }
};

/// The command line and what it chose to do.
struct Program {
  CLI::App& app;
  Common common;
  std::function<int()> chosen;  ///< runs the subcommand; its exit status
};

// One file each.
void add_run(Program& program);
void add_tree(Program& program);
void add_call(Program& program);
void add_stream(Program& program);
void add_find(Program& program);
void add_watch(Program& program);
void add_cancel(Program& program);
void add_reap(Program& program);

}  // namespace tractor::command
