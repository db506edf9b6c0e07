#include <tractor/process.h>

#include <fcntl.h>

#include "capi/boot_options.hpp"
#include "capi/guard.hpp"
#include "capi/options.hpp"
#include "runtime/actor.hpp"
#include "runtime/process_op.hpp"

using namespace tractor::core;

namespace {

constexpr uint64_t kMostKept = uint64_t{1} << 30;

Failure bad(const std::string& what) {
  return Failure::of(Status::invalid, "tractor_process_options." + what, "ValueError");
}

Result<ProcessConfig> read_process_options(const tractor_process_options* options) {
  auto read = read_options(options, sizeof(tractor_process_options), "tractor_process_options");
  if (!read) return read.failure();
  const tractor_process_options& o = *read;
  constexpr uint32_t kKnown = TRACTOR_PROCESS_RELAY_STDOUT | TRACTOR_PROCESS_RELAY_STDERR | TRACTOR_PROCESS_NO_CHECK;
  if (auto ok = check_flags(o.flags, kKnown, "tractor_process_options.flags"); !ok) return ok.failure();
  if (auto ok = check_reserved(o.reserved0, "tractor_process_options.reserved0"); !ok) return ok.failure();
  auto argv = strings(o.argv, "tractor_process_options.argv");
  if (!argv) return argv.failure();
  if (argv->empty() || argv->front().empty()) return bad("argv names no program");
  if (o.kill_timeout_ns < 0) return bad("kill_timeout_ns is negative");
  if (o.relay_level < 0) return bad("relay_level is negative");
  if (o.capture_limit > kMostKept) return bad("capture_limit is more than 1 GiB");
  if (o.stdout_fd < 0 || (o.stdout_fd > 0 && fcntl(o.stdout_fd, F_GETFD) < 0))
    return bad("stdout_fd: " + std::to_string(o.stdout_fd) + " is not an open descriptor");
  if (o.stdout_fd > 0 && (o.flags & TRACTOR_PROCESS_RELAY_STDOUT))
    return bad("stdout_fd leaves nothing for TRACTOR_PROCESS_RELAY_STDOUT");

  ProcessConfig c;
  c.launch.program = argv->front();
  c.launch.argv = std::move(*argv);
  c.launch.stderr_mode = StderrMode::inherit;
  if (o.env) {
    auto env = strings(o.env, "tractor_process_options.env");
    if (!env) return env.failure();
    c.launch.env = std::move(*env);
  }
  c.launch.cwd = text_or(o.cwd, "");
  const std::string& program = c.launch.program;
  c.label = o.label ? o.label : program.substr(program.rfind('/') + 1);
  if (o.stdout_fd > 0) c.stdout_fd = o.stdout_fd;
  c.relay_stdout = (o.flags & TRACTOR_PROCESS_RELAY_STDOUT) != 0;
  c.relay_stderr = (o.flags & TRACTOR_PROCESS_RELAY_STDERR) != 0;
  c.check = (o.flags & TRACTOR_PROCESS_NO_CHECK) == 0;
  if (o.relay_level) c.relay_level = o.relay_level;
  if (o.capture_limit) c.capture_limit = o.capture_limit;
  c.kill_timeout = o.kill_timeout_ns;
  return c;
}

}  // namespace

tractor_op tractor_nursery_run_process(tractor_nursery* in, const tractor_process_options* options, tractor_value_fn fn,
                                       void* user) {
  return guarded<tractor_op>([&]() -> tractor_op {
    Nursery* n = live(in);
    if (!n) return TRACTOR_ECLOSED;
    auto config = read_process_options(options);
    return ProcessOp::start(*Actor::current(), *n, config ? std::move(*config) : ProcessConfig{},
                            config ? ErrorRef() : Error::of(config.failure()), fn, user);
  });
}

const tractor_value* tractor_error_process_result(const tractor_error* err) {
  return err ? to_c(ProcessOp::result_of(*from_c(err))) : nullptr;
}
