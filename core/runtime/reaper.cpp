#include "runtime/reaper.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <new>
#include <optional>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include "base/log.hpp"

namespace tractor::core {

namespace {

/// How long a dead child that we know nothing of has to be waited for by the program, if it is the program's.
constexpr int64_t kMourning = 5 * kSecond;
/// How long a process may take to become another program, and then tell by its environment whose it is.
constexpr int64_t kExecution = kSecond / 10;
/// To look at all children of this process takes its time, and they may all die at once.
constexpr int64_t kGather = 2 * kMillisecond;

using File = std::unique_ptr<FILE, int (*)(FILE*)>;

File open_file(const char* path) { return {std::fopen(path, "re"), std::fclose}; }
File open_proc(int64_t pid, const char* name) {
  char path[128];
  std::snprintf(path, sizeof path, "/proc/%lld/%s", static_cast<long long>(pid), name);
  return open_file(path);
}

/// Asked first: it costs a fraction of a look into /proc.
bool childless() {
  siginfo_t nobody;
  return waitid(P_ALL, 0, &nobody, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

/// Of the calling thread, which is the one that starts children; orphans come to the main thread.
std::vector<int64_t> own_children() {
  std::vector<int64_t> pids;
  if (childless()) return pids;
  char name[32];
  std::snprintf(name, sizeof name, "task/%d/children", getpid());
  File f = open_proc(getpid(), name);
  long long pid;
  while (f && std::fscanf(f.get(), "%lld", &pid) == 1) pids.push_back(pid);
  return pids;
}

struct Look {
  char state = 0;         ///< as in /proc/PID/stat
  int64_t birth = 0;      ///< likewise
  bool actor = false;     ///< it has the name of one,
  bool namesake = false;  ///< and it is ours: we may have forked it
  bool unborn = false;    ///< died of its parent's death before it had said who it is
};

/// What a child's program is called until it has a title: it was executed as /proc/self/exe.
constexpr std::string_view kUnbornName = "exe";

/// The last number of /proc/PID/stat; 0 without the right to know it.
int wait_status(const char* stat) {
  const char* last = std::strrchr(stat, ' ');
  return last ? std::atoi(last) : 0;
}

/// The 22nd word of /proc/PID/stat, of which the third is the first one here.
int64_t birth(const char* state) {
  long long ticks = 0;
  std::sscanf(state, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld", &ticks);
  return ticks;
}

/// A dead process has kept nothing but its name.
Look look_at(int64_t pid) {
  char line[1024];
  File f = open_proc(pid, "stat");
  if (!f) return {};
  size_t n = std::fread(line, 1, sizeof line - 1, f.get());
  line[n] = 0;
  const char* name = std::strchr(line, '(');
  const char* end = std::strrchr(line, ')');
  if (!name || !end || end[1] != ' ') return {};
  std::string_view comm(name + 1, static_cast<size_t>(end - name - 1));
  char own[32] = "";
  prctl(PR_GET_NAME, own);
  bool unborn = end[2] == 'Z' && comm == kUnbornName && wait_status(line) == SIGKILL;
  return {end[2], birth(end + 2), comm.substr(0, 10) == "_subactor[", comm == own, unborn};
}

/// Of all its threads, and theirs.
void add_descendants(int64_t pid, std::vector<int64_t>& pids) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%lld/task", static_cast<long long>(pid));
  std::error_code gone;
  for (std::filesystem::directory_iterator thread(path, gone), end; !gone && thread != end; thread.increment(gone)) {
    File f = open_file((thread->path() / "children").c_str());
    long long child;
    while (f && std::fscanf(f.get(), "%lld", &child) == 1) {
      pids.push_back(child);
      add_descendants(child, pids);
    }
  }
}

/// The titles of actors have their pids in them; what one forks keeps its title, and with it loses the mark.
bool copy_of_us(int64_t pid) {
  auto title = [](int64_t of) {
    char line[512];
    File f = open_proc(of, "cmdline");
    size_t n = f ? std::fread(line, 1, sizeof line, f.get()) : 0;
    return std::string(line, n);
  };
  std::string theirs = title(pid);
  return !theirs.empty() && theirs == title(getpid());
}

/// Empty: it has none, or it is not ours to look at. Null: nothing to look at, as it is dead or becoming another program.
std::optional<std::string> mark_of(int64_t pid) {
  std::string environment(1, '\0');
  char piece[4096];
  File f = open_proc(pid, "environ");
  for (size_t n = 1; f && n > 0;) {
    n = std::fread(piece, 1, sizeof piece, f.get());
    environment.append(piece, n);
  }
  if (f && environment.size() == 1) return std::nullopt;
  const std::string key = '\0' + std::string(kMarkVariable) + '=';
  size_t at = environment.find(key);
  return at == environment.npos ? std::string() : std::string(environment.c_str() + at + key.size());
}

bool reap(int64_t pid) { return waitpid(static_cast<pid_t>(pid), nullptr, WNOHANG) == pid; }

}  // namespace

Reaper::Reaper(Loop& loop, Family& family, std::string own_mark)
    : loop_(loop), family_(family), own_mark_(std::move(own_mark)) {}

/// What our own code has forked has our mark, and our name too until it has its own: that is for the program to reap.
Reaper::Origin Reaper::origin(int64_t pid, bool actor) const {
  std::optional<std::string> mark = mark_of(pid);
  if (mark && !mark->empty())
    return *mark == own_mark_ || family_.is_living_child(*mark) ? Origin::program : Origin::inherited;
  if (actor) return Origin::inherited;
  return mark ? Origin::program : Origin::unclear;
}

void Reaper::sweep_soon() noexcept {
  try {
    if (!armed() || deadline() > loop_.after(kGather)) loop_.arm_after(*this, kGather);
  } catch (const std::bad_alloc&) {
    // The next one that dies is another occasion.
  }
}

/// What it has started is ours when it is gone, and what of that is dead by then has no mark any more. It is stopped first, so
/// that it starts nothing else meanwhile.
bool Reaper::kill_stranger(int64_t pid) {
  auto process = static_cast<pid_t>(pid);
  kill(process, SIGSTOP);
  try {
    std::vector<int64_t> heirs;
    add_descendants(pid, heirs);
    for (int64_t heir : heirs) heirs_.push_back({heir, look_at(heir).birth, loop_.now()});
  } catch (const std::bad_alloc&) {
    // They are strangers then.
  }
  return kill(process, SIGKILL) == 0;
}

bool Reaper::is_heir(int64_t pid, int64_t birth) const {
  return std::any_of(heirs_.begin(), heirs_.end(), [&](const Heir& h) { return h.pid == pid && h.birth == birth; });
}

void Reaper::on_timer() {
  try {
    sweep();
  } catch (const std::bad_alloc&) {
    sweep_soon();
  }
}

bool Reaper::sweep() {
  bool waiting = false, busy = false, look_again = false;
  std::vector<Stranger> still;
  for (int64_t pid : own_children()) {
    if (family_.is_child(pid)) continue;
    Look look = look_at(pid);
    auto known = std::find_if(strangers_.begin(), strangers_.end(), [pid](const Stranger& s) { return s.pid == pid; });
    Stranger stranger = known != strangers_.end() ? *known : Stranger{pid, loop_.now(), false};
    bool dead = look.state == 'Z';
    Origin from = dead || stranger.killed ? Origin::program : origin(pid, look.actor && !copy_of_us(pid));
    if (from == Origin::inherited) stranger.killed = kill_stranger(pid);
    bool ours = stranger.killed || look.unborn || (look.actor && !look.namesake) || (dead && is_heir(pid, look.birth));
    if (dead && (ours || loop_.now() - stranger.since >= kMourning)) {
      if (reap(pid)) {
        TRACTOR_LOG(kRuntime, "tractor.spawn", "buried %s with pid %lld",
                    look.actor ? "an orphaned actor" : "an orphan", static_cast<long long>(pid));
        if (look.actor) family_.on_buried_actor();
        busy = true;
        continue;
      }
      // Only its first thread has ended yet.
      if (ours) stranger.killed = kill(static_cast<pid_t>(pid), SIGKILL) == 0;
    }
    bool unclear = from == Origin::unclear && loop_.now() - stranger.since < kExecution;
    if (stranger.killed || unclear) busy = true;
    if (!dead && !stranger.killed && !unclear) continue;
    waiting = true;
    look_again = look_again || unclear;
    still.push_back(stranger);
  }
  strangers_ = std::move(still);
  std::erase_if(heirs_, [this](const Heir& h) { return loop_.now() - h.since >= kMourning; });
  // Their ends are reported where we may listen for them; elsewhere they are looked for.
  if (waiting) loop_.arm_after(*this, look_again ? kGather : kSecond / 10);
  return busy;
}

std::string environment_mark() {
  const char* own = std::getenv(kMarkVariable);
  return own ? own : "";
}

void end_all_children() {
  for (int patience = 500; patience > 0; --patience) {
    std::vector<int64_t> left = own_children();
    if (left.empty()) return;
    for (int64_t pid : left) {
      kill(static_cast<pid_t>(pid), SIGKILL);
      reap(pid);
    }
    usleep(1000);
  }
}

}  // namespace tractor::core
