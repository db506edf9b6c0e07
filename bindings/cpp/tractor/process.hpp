// Programs that are no actors, run by a task.
#pragma once

#include <tractor/log.h>
#include <tractor/process.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec.hpp"
#include "operation.hpp"
#include "options.hpp"

namespace tractor {

/// See tractor_process_options.
struct process_options {
  text_ref label{};                                 ///< in the log and in errors; none: the program's name
  bool check = true;                                ///< any end but status 0 is thrown as process_failed
  bool relay_stdout = false, relay_stderr = false;  ///< line by line into the log; then only the last 16 KiB are kept
  int relay_level = TRACTOR_LOG_IO;
  const char* const* env = nullptr;
  text_ref cwd{};
  int stdout_fd = 0;  ///< what it writes its stdout to instead; 0: a pipe
  std::uint64_t capture_limit = 0;
  duration kill_timeout{};
};

/// A program and its arguments: `{"git", "fetch"}`. At most 64 words.
struct command {
  text_ref words[64] = {};
};

/// What came of a program.
struct process_result {
  int returncode = 0;    ///< the exit status, or minus the number of the signal that killed it
  std::string out, err;  ///< what it wrote to its stdout and its stderr, byte for byte
};

template <>
struct codec<process_result> {
  static process_result read(reader& r) {
    process_result v;
    for (std::uint32_t i = 0, count = r.map(); i < count; ++i) {
      std::string_view key = r.text();
      if (key == "returncode")
        v.returncode = r.read<int>();
      else if (key == "stdout")
        v.out = text(r);
      else if (key == "stderr")
        v.err = text(r);
      else
        r.skip();
    }
    return v;
  }

 private:
  static std::string text(reader& r) {
    auto bytes = r.bytes();
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
};

/// Empty for an error that came from another actor.
inline process_result process_failed::result() const {
  const tractor_value* value = tractor_error_process_result(c_error());
  return value ? decode<process_result>(value) : process_result{.returncode = returncode(), .out = {}, .err = {}};
}

namespace detail {

inline tractor_process_options c_process_options(const process_options& o) {
  tractor_process_options c{};
  c.struct_size = sizeof c;
  c.env = o.env;
  c.cwd = o.cwd;
  c.label = o.label;
  c.kill_timeout_ns = o.kill_timeout.count();
  c.capture_limit = o.capture_limit;
  c.stdout_fd = o.stdout_fd;
  c.relay_level = o.relay_level;
  c.flags = (o.relay_stdout ? std::uint32_t{TRACTOR_PROCESS_RELAY_STDOUT} : 0) |
            (o.relay_stderr ? std::uint32_t{TRACTOR_PROCESS_RELAY_STDERR} : 0) |
            (o.check ? 0 : std::uint32_t{TRACTOR_PROCESS_NO_CHECK});
  return c;
}

/// `words` makes the NULL-terminated list of them, when the await begins.
template <class Words>
auto run_process(Words words, const process_options& options) {
  auto start = [words, &options](tractor_nursery* in, tractor_value_fn done, void* user) {
    auto argv = words();
    tractor_process_options c = c_process_options(options);
    c.argv = std::data(argv);
    return tractor_nursery_run_process(in, &c, done, user);
  };
  return make_operation<process_result>(start);
}

}  // namespace detail

/// Runs a program to its end: a path, or a name in PATH, and its arguments. It reads nothing, and belongs to the task that
/// awaits it: a cancel terminates it, and nothing of it is left when the await is over. The words and options have to live
/// until then.
///
///     process_result r = co_await run_process({"git", "rev-parse", "HEAD"});
///     co_await run_process({"make", "-j2"}, {.label = "build", .relay_stdout = true, .relay_stderr = true});
///
/// @throws process_failed; spawn_failed if it could not be started; misuse_error for bad options; cancelled
[[nodiscard]] inline auto run_process(const command& c, const process_options& options = {}) {
  auto words = [&c] {
    std::array<const char*, std::size(command().words) + 1> argv{};
    std::copy(std::begin(c.words), std::end(c.words), argv.begin());
    return argv;
  };
  return detail::run_process(words, options);
}
/// The same for a command that is put together at run time.
[[nodiscard]] inline auto run_process(std::span<const std::string> command, const process_options& options = {}) {
  auto words = [command] {
    std::vector<const char*> argv;
    for (const std::string& word : command) argv.push_back(word.c_str());
    argv.push_back(nullptr);
    return argv;
  };
  return detail::run_process(words, options);
}

}  // namespace tractor
