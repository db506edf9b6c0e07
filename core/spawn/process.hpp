// One child process: launched, watched, signalled, reaped. It knows nothing of actors.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "loop/loop.hpp"

namespace tractor::core {

enum class StderrMode : uint8_t {
  relay,    ///< captured, and passed on to our own stderr line by line
  capture,  ///< captured only
  inherit,  ///< the child writes to our stderr directly; no last lines in errors
};

struct LaunchSpec {
  std::string program;            ///< path, or a name looked up in PATH; "/proc/self/exe" for our own binary
  std::vector<std::string> argv;  ///< with argv[0]
  std::optional<std::vector<std::string>> env;  ///< whole environment; none: ours
  std::vector<std::string> more_env;            ///< "NAME=value", on top of that
  std::string cwd;                              ///< empty: ours
  std::vector<int> pass_fds;                    ///< stay open in the child under the same number; all others are closed
  StderrMode stderr_mode = StderrMode::relay;
  std::array<int, 3> standard{-1, -1, -1};  ///< descriptors above 2 that become its 0, 1 and 2; -1: ours
  std::string boot_record;  ///< not empty: inserted as first argument `--tractor-child=FD`, readable once from FD
};

struct ExitStatus {
  enum Kind : uint8_t { exited, signaled, unknown } kind = unknown;  ///< unknown: somebody else reaped it
  int code = 0;                                                      ///< exit code, or signal number
  bool core_dumped = false;
  bool success() const { return kind == exited && code == 0; }
  /// "exit status 2", "killed by signal 9 (SIGKILL)", "unknown status".
  std::string to_string() const;
};

/// Launching and the last look at a process happen on the loop thread. The child gets default signal handlers (SIGUSR1: ignored), an
/// empty mask, no descriptor but 0-2 and `pass_fds`, and dies with this process (PR_SET_PDEATHSIG SIGKILL).
/// Destroying a Process whose child still runs kills and reaps it, so that no code path leaves one behind.
class Process {
 public:
  class Handler {
   public:
    /// The process has ended and is reaped; its stderr has been read to the end, or for at most a moment if a
    /// grandchild keeps it open. Once.
    virtual void on_exit(Process& process, const ExitStatus& status) = 0;

   protected:
    ~Handler() = default;
  };

  /// A program that can't be executed fails here, with errno's text.
  static Result<std::unique_ptr<Process>> launch(Loop& loop, const LaunchSpec& spec, Handler& handler);
  virtual ~Process() = default;

  virtual int64_t pid() const = 0;
  virtual bool running() const = 0;
  virtual void signal(int signo) = 0;           ///< by pidfd: never hits a recycled pid
  virtual std::string last_stderr() const = 0;  ///< the last lines, at most 4 KiB, valid UTF-8
};

/// True if `pid` is a live process that is not a zombie.
bool process_alive(int64_t pid);

}  // namespace tractor::core
