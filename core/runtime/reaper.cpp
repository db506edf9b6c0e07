#include "runtime/reaper.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "base/log.hpp"

namespace tractor::core {

namespace {

/// Of the calling thread, which is the one that starts children; orphans come to the main thread.
std::vector<int64_t> children_of(long tid) {
  std::vector<int64_t> pids;
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%ld/children", tid);
  std::unique_ptr<FILE, int (*)(FILE*)> f(std::fopen(path, "re"), std::fclose);
  long long pid;
  while (f && std::fscanf(f.get(), "%lld", &pid) == 1) pids.push_back(pid);
  return pids;
}

/// The state letter of an actor, or 0 for any other process: a dead one has kept nothing but its name.
char actor_state(int64_t pid) {
  char path[64], line[256];
  std::snprintf(path, sizeof path, "/proc/%lld/stat", static_cast<long long>(pid));
  FILE* f = std::fopen(path, "re");
  if (!f) return 0;
  size_t n = std::fread(line, 1, sizeof line - 1, f);
  std::fclose(f);
  line[n] = 0;
  const char* name = std::strchr(line, '(');
  const char* end = std::strrchr(line, ')');
  if (!name || !end || std::strncmp(name + 1, "_subactor[", 10) != 0) return 0;
  return end[1] == ' ' ? end[2] : 0;
}

}  // namespace

void bury_orphans(const std::function<bool(int64_t pid)>& is_ours) {
  for (int64_t pid : children_of(getpid())) {
    char state = is_ours(pid) ? 0 : actor_state(pid);
    if (state == 0) continue;
    if (state != 'Z') kill(static_cast<pid_t>(pid), SIGKILL);
    int status;
    if (waitpid(static_cast<pid_t>(pid), &status, WNOHANG) == pid)
      TRACTOR_LOG(kRuntime, "tractor.spawn", "buried the orphaned actor with pid %lld", static_cast<long long>(pid));
  }
}

}  // namespace tractor::core
