// From the command line to the arguments of a call.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tractor::command {

/// What is called, and with what: the part of the command line that `call` and `stream` share.
struct Call {
  std::string actor, endpoint;
  std::vector<std::string> pairs;  ///< key=value
  std::string json;                ///< in their place

  std::string module, func;  ///< from `endpoint`, by check()
  std::string packed;        ///< the arguments as MessagePack, by check()

  void add_options(CLI::App& command);
  /// What is wrong with them, for people; nothing if all is well.
  std::optional<std::string> check();
};

}  // namespace tractor::command
