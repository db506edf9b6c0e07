// A program that is no actor, run by a task: its output, its end, and what it leaves behind.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/handles.hpp"
#include "base/log.hpp"
#include "scope/op.hpp"
#include "spawn/output_pipe.hpp"
#include "spawn/process.hpp"
#include "wire/value.hpp"

namespace tractor::core {

class Actor;

struct ProcessConfig {
  LaunchSpec launch;
  std::string label;
  int stdout_fd = -1;  ///< what it writes its output to; -1: a pipe
  bool relay_stdout = false, relay_stderr = false, check = true;
  int relay_level = log::kIo;
  size_t capture_limit = size_t{64} << 20;
  int64_t kill_timeout = 0;  ///< 0: as its nursery says
};

class ProcessOp final : public Op, private Process::Handler, private OutputPipe::Owner, private Timer {
 public:
  /// `bad`: the config is none; that is the outcome.
  static OpToken start(Actor& actor, Nursery& in, ProcessConfig config, const ErrorRef& bad, tractor_value_fn fn,
                       void* user);
  /// What came of the program that this error tells of, if its payload is that.
  static const Value* result_of(const Error& err);

  int64_t pid() const { return process_ ? process_->pid() : 0; }
  /// What it hands down to the processes that it starts itself; see Reaper.
  const std::string& mark() const { return mark_; }
  void kill();
  std::string what() const override { return "process '" + config_.label + "'"; }

 private:
  ProcessOp(Actor& actor, Nursery& in, ProcessConfig config, tractor_value_fn fn, void* user);
  ~ProcessOp() override;

  void launch();
  Result<Done> set_up(LaunchSpec& spec);
  void terminate() noexcept;
  void give_up_output();
  void settle();
  ErrorRef outcome();
  Ref<Value> pack_result() const;
  ErrorRef failure(const std::string& what) const;

  void deliver(const Error* err) override { fn_(to_c(err), err ? nullptr : to_c(result_.get()), user_); }
  void on_cancel(const ErrorRef& why) override;
  void on_exit(Process& process, const ExitStatus& status) override;
  void on_line(const OutputPipe& from, std::string_view line) override;
  void on_output(const OutputPipe& from) override;
  void on_timer() override;

  Actor& actor_;
  ProcessConfig config_;
  std::string mark_;
  Fd null_, stdout_theirs_, stderr_theirs_;
  std::unique_ptr<OutputPipe> stdout_, stderr_;
  std::unique_ptr<Process> process_;
  std::optional<ExitStatus> status_;
  Ref<Value> result_;
  bool terminated_ = false;
  tractor_value_fn fn_;
  void* user_;
};

}  // namespace tractor::core
