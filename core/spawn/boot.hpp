// How a process learns that it is a child, and of whom.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "ipc/address.hpp"

namespace tractor::core {

/// The private argument: `--tractor-child=FD`, always argv[1].
constexpr const char* kChildArgument = "--tractor-child=";

/// A child that lost its connection to its parent, and nothing else, exits with this (EX_IOERR). If the parent is still there,
/// it learns from it which came first.
constexpr int kExitConnectionLost = 74;

struct BootInfo {
  std::string name, uuid;
  Address parent_addr;
  std::string log_level;   ///< empty: the default
  int64_t parent_pid = 0;  ///< 0: not told (foreign parent)
  bool native = false;     ///< came by boot record, not by flags
};

/// For our own binary: what goes through the inherited descriptor.
std::string encode_boot_record(const BootInfo& info);
Result<BootInfo> decode_boot_record(std::string_view record);
/// Null if argv[1] is not the private argument. A private argument without a readable, well-formed record is a
/// failure: nobody else may use it. The descriptor is closed.
std::optional<Result<BootInfo>> boot_from_record(int argc, char** argv);

/// The protocol's child command line, which `tractor-actor` and foreign programs receive:
///   [-m tractor._child] --uid "('NAME', 'UUID')" --parent_addr "('127.0.0.1', 1616)" [--loglevel LEVEL] [--asyncio]
std::vector<std::string> child_flags(const BootInfo& info);
/// `--asyncio` and unknown flags are failures that name the flag.
Result<BootInfo> boot_from_flags(int argc, char** argv);

/// Dies with its parent from now on; false if the parent that was told of is gone already.
bool bind_to_parent(int64_t parent_pid);

}  // namespace tractor::core
