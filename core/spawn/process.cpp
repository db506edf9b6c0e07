#include "spawn/process.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <csignal>
#include <fcntl.h>
#include <new>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/boot.hpp"
#include "spawn/exec.hpp"
#include "spawn/fd.hpp"
#include "spawn/stderr_pipe.hpp"

namespace tractor::core {
namespace {

constexpr int64_t kStderrPatience = 50 * kMillisecond;

/// The status of a process that has ended; nothing if it has not, and `wait` is false.
std::optional<ExitStatus> reap(int pidfd, bool wait) {
  siginfo_t info{};
  int result;
  do {
    result = waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | (wait ? 0 : WNOHANG));
  } while (result < 0 && errno == EINTR);
  // ECHILD: the host program reaped it, or ignores SIGCHLD.
  if (result < 0) return ExitStatus{};
  if (info.si_pid == 0) return std::nullopt;
  return ExitStatus{info.si_code == CLD_EXITED ? ExitStatus::exited : ExitStatus::signaled, info.si_status,
                    info.si_code == CLD_DUMPED};
}

class ChildProcess final : public Process, private FdHandler, private StderrPipe::Owner, private Ready, private Timer {
 public:
  ChildProcess(Loop& loop, Handler& handler) : loop_(loop), handler_(handler) {}
  ~ChildProcess() override;

  /// From here on the child is ours to end, whatever is thrown.
  void adopt(pid_t pid, Fd pidfd) {
    pid_ = pid;
    pidfd_ = std::move(pidfd);
    pidfd_.move_up();
  }
  void start(Fd stderr_fd, bool relay) {
    watch_ = loop_.watch(pidfd_.get(), kRead, *this);
    if (stderr_fd.get() < 0) return;
    StderrPipe::Owner& owner = *this;
    stderr_ = std::make_unique<StderrPipe>(loop_, stderr_fd.get(), relay, owner);
    stderr_fd.release();
  }

  int64_t pid() const override { return pid_; }
  bool running() const override { return !status_; }
  void signal(int signo) override {
    if (!status_) syscall(SYS_pidfd_send_signal, pidfd_.get(), signo, nullptr, 0);
  }
  std::string last_stderr() const override { return stderr_ ? stderr_->tail() : std::string(); }

 private:
  void on_fd(unsigned) override;
  void on_stderr_done() override { report(); }
  void on_timer() override;
  void fire() override { handler_.on_exit(*this, *status_); }
  void report();

  Loop& loop_;
  Handler& handler_;
  pid_t pid_ = -1;
  Fd pidfd_;
  std::unique_ptr<Watch> watch_;  // before its descriptor goes
  std::unique_ptr<StderrPipe> stderr_;
  std::optional<ExitStatus> status_;
  bool reported_ = false;
};

ChildProcess::~ChildProcess() {
  watch_.reset();
  if (status_ || pidfd_.get() < 0) return;
  signal(SIGKILL);
  reap(pidfd_.get(), true);
}

void ChildProcess::on_fd(unsigned) {
  if (!(status_ = reap(pidfd_.get(), false))) return;
  watch_.reset();
  pidfd_.reset();
  if (!stderr_) {
    report();
    return;
  }
  try {
    loop_.arm_after(*this, kStderrPatience);
    stderr_->drain();
  } catch (const std::bad_alloc&) {
    on_timer();
  }
}

void ChildProcess::on_timer() {
  stderr_->finish();
  report();
}

void ChildProcess::report() {
  if (!status_ || reported_) return;
  reported_ = true;
  disarm();
  // From the queue, so that the handler may destroy this object.
  loop_.post(*this);
}

Failure cannot_start(const std::string& program, int error) {
  const char* type = error == ENOENT                     ? "FileNotFoundError"
                     : error == EACCES || error == EPERM ? "PermissionError"
                                                         : nullptr;
  return Failure::system(Status::spawn, "cannot start '" + program + "'", error, type);
}

Failure failed_step(const ExecPlan& plan, const LaunchSpec& spec) {
  int error = plan.failed_errno;
  std::string what = "cannot start '" + spec.program + "': ";
  switch (plan.failed_step) {
    case ExecPlan::Step::chdir:
      return Failure::system(Status::spawn, what + "cannot enter folder '" + spec.cwd + "'", error,
                             error == ENOENT ? "FileNotFoundError" : nullptr);
    case ExecPlan::Step::redirect:
      return Failure::system(Status::spawn, what + "cannot redirect its standard streams", error);
    case ExecPlan::Step::keep: return Failure::system(Status::spawn, what + "cannot pass a descriptor", error);
    case ExecPlan::Step::parent_gone: return Failure::of(Status::spawn, what + "its parent is gone");
    case ExecPlan::Step::exec:
    case ExecPlan::Step::none: break;
  }
  return cannot_start(spec.program, error);
}

/// The boot record in memory that the child inherits; it lies there whole before the child exists.
Result<Fd> record_file(const std::string& program, const std::string& record) {
  Fd fd(memfd_create("tractor-boot", MFD_CLOEXEC));
  if (fd.get() < 0 || !fd.move_up()) return cannot_start(program, errno);
  ssize_t written = pwrite(fd.get(), record.data(), record.size(), 0);
  if (written == static_cast<ssize_t>(record.size())) return fd;
  return cannot_start(program, written < 0 ? errno : ENOSPC);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

bool same_variable(const char* a, const char* b) {
  size_t n = std::strcspn(a, "=");
  return std::strncmp(a, b, n + 1) == 0;
}

/// Borrowed from `spec` and from our own environment.
std::vector<char*> environment(const LaunchSpec& spec) {
  std::vector<char*> out = spec.env ? pointers(*spec.env) : std::vector<char*>();
  if (spec.env) out.pop_back();
  for (char** entry = environ; !spec.env && *entry; ++entry) out.push_back(*entry);
  for (const std::string& more : spec.more_env) {
    std::erase_if(out, [&](const char* entry) { return same_variable(more.c_str(), entry); });
    out.push_back(const_cast<char*>(more.c_str()));
  }
  out.push_back(nullptr);
  return out;
}

Result<Done> check_texts(const std::vector<std::string>& texts, const char* what) {
  for (size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].find('\0') == std::string::npos) continue;
    return Failure::of(Status::invalid, std::string(what) + "[" + std::to_string(i) + "] has a NUL byte in it");
  }
  return Done{};
}

Result<std::vector<int>> check_pass_fds(const std::vector<int>& fds) {
  std::vector<int> kept;
  for (int fd : fds) {
    if (fcntl(fd, F_GETFD) < 0) {
      return Failure::of(Status::invalid, "pass_fds: " + std::to_string(fd) + " is not an open descriptor");
    }
    if (fd > STDERR_FILENO) kept.push_back(fd);  // the standard streams go along anyway
  }
  return kept;
}

unsigned descriptor_limit() {
  rlimit limit{};
  constexpr rlim_t kSane = 65536;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max > kSane) return kSane;
  return static_cast<unsigned>(limit.rlim_max);
}

}  // namespace

Result<std::unique_ptr<Process>> Process::launch(Loop& loop, const LaunchSpec& spec, Handler& handler) {
  if (spec.program.empty()) return Failure::of(Status::invalid, "no program to start");
  if (auto ok = check_texts(spec.argv, "argv"); !ok) return ok.failure();
  if (auto ok = check_texts(spec.env.value_or(std::vector<std::string>()), "env"); !ok) return ok.failure();
  auto path = find_program(spec.program);
  if (!path) return path.failure();
  auto kept = check_pass_fds(spec.pass_fds);
  if (!kept) return kept.failure();

  std::vector<std::string> arguments = spec.argv;
  if (arguments.empty()) arguments.push_back(spec.program);
  Fd record;
  if (!spec.boot_record.empty()) {
    auto file = record_file(spec.program, spec.boot_record);
    if (!file) return file.failure();
    record = std::move(*file);
    kept->push_back(record.get());
    arguments.insert(arguments.begin() + 1, kChildArgument + std::to_string(record.get()));
  }

  Fd stderr_read, stderr_write;
  if (spec.stderr_mode != StderrMode::inherit) {
    if (int error = open_pipe(stderr_read, stderr_write)) return cannot_start(spec.program, error);
  }

  std::vector<char*> argv = pointers(arguments), env = environment(spec);
  ExecPlan plan;
  plan.path = path->c_str();
  plan.argv = argv.data();
  plan.envp = env.data();
  plan.cwd = spec.cwd.empty() ? nullptr : spec.cwd.c_str();
  std::copy(spec.standard.begin(), spec.standard.end(), plan.standard);
  if (stderr_write.get() >= 0) plan.standard[STDERR_FILENO] = stderr_write.get();
  std::sort(kept->begin(), kept->end());
  kept->erase(std::unique(kept->begin(), kept->end()), kept->end());
  plan.kept_fds = std::move(*kept);
  plan.fd_limit = descriptor_limit();
  auto process = std::make_unique<ChildProcess>(loop, handler);
  if (int error = run_plan(plan)) return cannot_start(spec.program, error);
  process->adopt(plan.pid, Fd(plan.pidfd));
  if (plan.failed_step != ExecPlan::Step::none) return failed_step(plan, spec);  // and it is reaped
  process->start(std::move(stderr_read), spec.stderr_mode == StderrMode::relay);
  return std::unique_ptr<Process>(std::move(process));
}

}  // namespace tractor::core
