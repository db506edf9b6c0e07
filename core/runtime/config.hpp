// What an actor and its children are opened with, after the public options were checked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/handles.hpp"
#include "ipc/address.hpp"
#include "loop/loop.hpp"
#include "rpc/link.hpp"
#include "spawn/process.hpp"

struct event_base;

namespace tractor::core {

class Platform;

struct ModuleSpec {
  std::string name, file;  ///< file: what a Python child imports, or a shared object; may be empty
};

struct RootConfig {
  std::string name = "root";
  std::vector<ModuleSpec> modules;
  std::vector<Address> registry_addrs;  ///< empty: of each transport its default
  std::vector<Address> bind_addrs;
  std::vector<TransportKind> transports{TransportKind::tcp};
  int log_level = 0;  ///< 0: error
  event_base* base = nullptr;
  Platform* platform = nullptr;  ///< null: the real one
  bool ensure_registry = false;
  bool client = false;  ///< asks others and serves nobody: neither listener nor entry
  bool local = false;   ///< without a runtime until somebody wants one
  bool subreaper = false;
  bool signals = false;
  int64_t handshake_timeout = 10 * kSecond;
  size_t max_frame = wire::kMaxFrameDefault;
  size_t stream_window = kDefaultStreamWindow;  ///< 0: none
};

struct SpawnConfig {
  std::string name;  ///< of a one-shot; empty: as its endpoint
  std::vector<ModuleSpec> modules;
  std::string program;  ///< empty: this executable
  std::vector<std::string> argv;
  std::optional<std::vector<std::string>> env;
  std::string cwd;
  std::string log_level;
  std::vector<TransportKind> transports;  ///< empty: ours
  std::vector<Address> bind_addrs;
  std::vector<int> pass_fds;
  StderrMode stderr_mode = StderrMode::relay;
  int64_t boot_timeout = 30 * kSecond;
  int64_t cancel_timeout = 0, kill_timeout = 0;  ///< 0: as its nursery says
  bool ignore_death = false;
  tractor_done_fn on_exit = nullptr;
  void* on_exit_user = nullptr;
};

}  // namespace tractor::core
