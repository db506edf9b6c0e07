// How the command ends: what scripts can rely on. tractor(1) and docs/cli.md have the same table.
#pragma once

namespace tractor::command {

enum Status : int {
  kOk = 0,
  kFailed = 1,       ///< what was asked for failed there, or its answer could not be written here
  kUsage = 2,        ///< the command line is wrong, or names a module that can't be loaded
  kNobody = 3,       ///< nobody has that name
  kNoRegistrar = 4,  ///< no registrar answers, or something else answers in its place
  kTimeout = 5,      ///< the deadline passed
  kCancelled = 6,    ///< somebody else cancelled the task or its actor
  kLost = 7,         ///< the connection was lost
  kInterrupt = 130,  ///< SIGINT
  kTerminate = 143   ///< SIGTERM
};

}  // namespace tractor::command
