#include "spawn/boot.hpp"

#include <csignal>
#include <sys/prctl.h>
#include <unistd.h>

namespace tractor::core {

bool bind_to_parent(int64_t parent_pid) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return false;
  // It may have died just before; then nobody sends the signal any more.
  return parent_pid == 0 || getppid() == parent_pid;
}

}  // namespace tractor::core
