#include "spawn/exec.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// ThreadSanitizer takes clone() for a fork and does in the child what a fork needs, to memory that is still ours; libc's
// other name for it is not intercepted.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TRACTOR_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define TRACTOR_TSAN 1
#endif
#ifdef TRACTOR_TSAN
extern "C" int __clone(int (*)(void*), void*, int, void*, ...);
#define clone __clone
#endif

namespace tractor::core {
namespace {

// What runs in the child must not be instrumented: it works on the parent's memory, on a stack of its own.
#define TRACTOR_IN_CHILD __attribute__((noinline, no_sanitize("address", "undefined", "thread")))

constexpr long kSigsetBytes = _NSIG / 8;  // what the kernel calls a sigset_t, libc's own signals included

struct KernelSigset {
  unsigned long words[kSigsetBytes / sizeof(unsigned long)];
};

TRACTOR_IN_CHILD void fail(ExecPlan& plan, ExecPlan::Step step) {
  plan.failed_errno = errno;
  plan.failed_step = step;
  syscall(SYS_exit_group, 127);
}

TRACTOR_IN_CHILD void close_gap(ExecPlan& plan, unsigned first, unsigned last) {
  if (first > last || syscall(SYS_close_range, first, last, 0) == 0) return;
  if (last > plan.fd_limit) last = plan.fd_limit;
  for (unsigned fd = first; fd <= last; ++fd) syscall(SYS_close, fd);
}

TRACTOR_IN_CHILD int in_child(void* argument) {
  ExecPlan& plan = *static_cast<ExecPlan*>(argument);
  // Setting a handler costs as much as asking whether it is set; handlers must go before the mask opens, because they
  // would run in the parent's memory, and an ignored signal would stay ignored in the new program.
  const unsigned long default_action[8] = {};
  for (int signo = 1; signo < _NSIG; ++signo) {
    if (signo != SIGKILL && signo != SIGSTOP) syscall(SYS_rt_sigaction, signo, default_action, nullptr, kSigsetBytes);
  }
  // Both reach a whole tree, also a child that is not yet ready to take them: whoever dumps it sends the one, a terminal
  // the other, and what that means is for the root to decide.
  const unsigned long ignore[8] = {1};
  for (int signo : {SIGUSR1, SIGINT}) syscall(SYS_rt_sigaction, signo, ignore, nullptr, kSigsetBytes);

  // The parent may have died before it could take us along.
  syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (syscall(SYS_getppid) != plan.parent) fail(plan, ExecPlan::Step::parent_gone);

  for (int i = 0; i < 3; ++i) {
    if (plan.standard[i] >= 0 && syscall(SYS_dup3, plan.standard[i], i, 0) < 0) fail(plan, ExecPlan::Step::redirect);
  }
  unsigned next = 3;
  const int* kept = plan.kept_fds.data();
  for (size_t i = 0, n = plan.kept_fds.size(); i < n; ++i) {
    auto fd = static_cast<unsigned>(kept[i]);
    if (syscall(SYS_fcntl, fd, F_SETFD, 0) < 0) fail(plan, ExecPlan::Step::keep);
    close_gap(plan, next, fd - 1);
    next = fd + 1;
  }
  close_gap(plan, next, ~0u);

  if (plan.cwd && syscall(SYS_chdir, plan.cwd) < 0) fail(plan, ExecPlan::Step::chdir);

  const KernelSigset none = {};
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kSigsetBytes);
  syscall(SYS_execve, plan.path, plan.argv, plan.envp);
  fail(plan, ExecPlan::Step::exec);
  return 127;
}

bool executable_file(const std::string& path) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) && access(path.c_str(), X_OK) == 0;
}

}  // namespace

// The child runs on a piece of this frame, which the kernel keeps still until the child has let go of our memory.
TRACTOR_IN_CHILD int run_plan(ExecPlan& plan) {
  alignas(64) char stack[32 * 1024];
  KernelSigset all, before;
  for (unsigned long& word : all.words) word = ~0ul;
  plan.parent = getpid();
  // No handler of ours may run in the child, not even one of libc's.
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, kSigsetBytes);
  int pid = clone(in_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan, &plan.pidfd);
  int error = pid < 0 ? errno : 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, kSigsetBytes);
  plan.pid = pid;
  return error;
}

Result<std::string> find_program(const std::string& program) {
  if (program.find('/') != std::string::npos) return program;
  const char* from_env = getenv("PATH");
  std::string path = from_env ? from_env : "/bin:/usr/bin";
  int error = ENOENT;
  for (size_t start = 0; start <= path.size() && !program.empty();) {
    size_t end = path.find(':', start);
    if (end == path.npos) end = path.size();
    std::string folder = path.substr(start, end - start);
    std::string candidate = (folder.empty() ? "." : folder) + "/" + program;
    if (executable_file(candidate)) return candidate;
    if (access(candidate.c_str(), F_OK) == 0) error = EACCES;
    start = end + 1;
  }
  if (error == EACCES)
    return Failure::system(Status::spawn, "cannot start '" + program + "'", EACCES, "PermissionError");
  return Failure::of(Status::spawn, "cannot start '" + program + "': no such program in PATH", "FileNotFoundError");
}

}  // namespace tractor::core
