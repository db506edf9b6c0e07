// A loop, one process in it, and what became of it.
#pragma once

#include <climits>
#include <dirent.h>
#include <functional>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

#include "loop/loop.hpp"
#include "loop/port_libevent.hpp"
#include "spawn/process.hpp"

namespace tractor::test {

using namespace tractor::core;

/// The program prog_child, which is built next to the tests.
inline std::string child_program() {
  char path[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  std::string self(path, n > 0 ? static_cast<size_t>(n) : 0);
  return self.substr(0, self.rfind('/')) + "/prog_child";
}

inline int open_fds() {
  DIR* dir = opendir("/proc/self/fd");
  int n = 0;
  while (readdir(dir)) ++n;
  closedir(dir);
  return n;
}

class Runner final : public Process::Handler {
 public:
  Runner() : loop(std::move(*make_libevent_port(nullptr))) {}

  /// prog_child with these words.
  static LaunchSpec spec(std::vector<std::string> words, StderrMode mode = StderrMode::capture) {
    LaunchSpec s;
    s.program = child_program();
    s.argv = std::move(words);
    s.argv.insert(s.argv.begin(), "prog_child");
    s.stderr_mode = mode;
    return s;
  }

  /// True if it could be started; else `failure` says why not.
  bool start(const LaunchSpec& spec) {
    exits = 0;
    auto launched = Process::launch(loop, spec, *this);
    if (!launched) {
      failure = launched.failure();
      return false;
    }
    process = std::move(*launched);
    return true;
  }

  /// Runs the loop until `done`, for at most ten seconds.
  bool until(const std::function<bool()>& done, int64_t limit = 10 * kSecond) {
    struct Limit final : Timer {
      bool passed = false;
      void on_timer() override { passed = true; }
    } timer;
    loop.arm_after(timer, limit);
    while (!done() && !timer.passed) loop.port().run_once();
    return done();
  }
  bool until_exit() {
    return until([this] { return exits > 0; });
  }
  bool until_said(const std::string& text) {
    return until([&] { return process->last_stderr().find(text) != std::string::npos; });
  }

  /// Its stderr, after it has ended well; else what went wrong.
  std::string output(const LaunchSpec& spec) {
    if (!start(spec)) return failure.message;
    if (!until_exit()) return "it does not end";
    return status.success() ? last : status.to_string();
  }

  void on_exit(Process& p, const ExitStatus& s) override {
    ++exits;
    status = s;
    last = p.last_stderr();
    if (destroy_in_handler) process.reset();
  }

  Loop loop;
  std::unique_ptr<Process> process;
  ExitStatus status;
  std::string last;
  Failure failure;
  int exits = 0;
  bool destroy_in_handler = false;
};

}  // namespace tractor::test
