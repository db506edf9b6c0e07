// The lowest step of a launch: one system call that makes the child, and what the child does before it becomes
// another program.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.hpp"

namespace tractor::core {

/// Everything the child will need, prepared by the parent: between its birth and its exec the child shares the
/// parent's memory and may neither allocate nor take a lock.
struct ExecPlan {
  const char* path = nullptr;
  char* const* argv = nullptr;
  char* const* envp = nullptr;
  const char* cwd = nullptr;       // null: ours
  int standard[3] = {-1, -1, -1};  // each above 2; become 0, 1 and 2; -1: ours stays
  std::vector<int> kept_fds;       // from 3 up, sorted, each once
  unsigned fd_limit = 0;           // for kernels without close_range

  // Written by the child if it fails.
  enum class Step : int { none, parent_gone, redirect, keep, chdir, exec };
  volatile Step failed_step = Step::none;
  volatile int failed_errno = 0;

  // Set once the child exists.
  pid_t parent = 0;
  pid_t pid = -1;
  int pidfd = -1;  // close-on-exec
};

/// Makes the child and waits until it runs its program or has failed. The child has default signal handlers, an empty
/// mask and dies with this thread. 0, or the errno of making it; if the child failed, `failed_step` says where, and
/// its process is still to be reaped.
int run_plan(ExecPlan& plan);

/// The file that execvp() would run; ENOENT or EACCES if there is none.
Result<std::string> find_program(const std::string& program);

}  // namespace tractor::core
