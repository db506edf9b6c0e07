#include "command/processes.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tractor::command {

namespace {

struct Stat {
  char state = '?';
  int64_t parent = 0, session = 0;
  uint64_t started = 0;
  bool ended() const { return state == 'Z' || state == 'X'; }
};

/// Of one that ends meanwhile it may be nothing, or a part.
std::string read(int64_t pid, const char* file) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/" + file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();  // the buffer itself would throw what this makes a state
  return text.str();
}

std::optional<Stat> stat_of(int64_t pid) {
  std::string line = read(pid, "stat");
  size_t after_name = line.rfind(')');  // the name itself may hold anything
  if (after_name == std::string::npos) return std::nullopt;
  std::istringstream in(line.substr(after_name + 1));
  Stat s;
  std::string skipped;
  in >> s.state >> s.parent >> skipped >> s.session;
  for (int i = 0; i < 15; ++i) in >> skipped;
  if (!(in >> s.started)) return std::nullopt;
  return s;
}

bool is_mine(int64_t pid) {
  struct stat st;
  return stat(("/proc/" + std::to_string(pid)).c_str(), &st) == 0 && st.st_uid == geteuid();
}

/// Nothing if it is no child of an actor; an empty name if it hides its own.
std::optional<std::string> actor_name(int64_t pid) {
  constexpr std::string_view kTitle = "_subactor[";
  std::string command = read(pid, "cmdline");
  if (command.starts_with(kTitle)) {
    std::string title = command.substr(0, command.find('\0'));
    size_t at = title.rfind('@');
    return at == std::string::npos ? "" : title.substr(kTitle.size(), at - kTitle.size());
  }
  // Python's children have a title only where a package for that is installed. Ours tell their name in `--uid`.
  std::string words = '\0' + command;
  bool python = words.find(std::string("\0-m\0tractor._child\0", 19)) != std::string::npos;
  size_t uid = words.find(std::string("\0--uid\0", 7));
  if (!python && (uid == std::string::npos || words.find(std::string("\0--parent_addr\0", 15)) == std::string::npos))
    return std::nullopt;
  // --uid "('NAME', 'UUID')"
  size_t begin = uid == std::string::npos ? uid : words.find('\'', uid);
  size_t end = begin == std::string::npos ? begin : words.find('\'', begin + 1);
  return end == std::string::npos ? "" : words.substr(begin + 1, end - begin - 1);
}

}  // namespace

std::vector<ActorProcess> orphans() {
  std::vector<ActorProcess> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    int64_t pid = std::atoll(entry.path().filename().c_str());
    if (pid <= 0 || !is_mine(pid)) continue;
    auto name = actor_name(pid);
    auto self = name ? stat_of(pid) : std::nullopt;
    if (!self || self->ended()) continue;
    auto parent = stat_of(self->parent);
    if (self->parent == 1 || !parent || parent->session != self->session)
      found.push_back({pid, self->started, std::move(*name)});
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.pid < b.pid; });
  return found;
}

bool lives(const ActorProcess& process) {
  auto now = stat_of(process.pid);
  return now && now->started == process.started && !now->ended();
}

bool is_alive(int64_t pid) {
  auto now = stat_of(pid);
  return now && !now->ended();
}

bool send_signal(const ActorProcess& process, int signo) {
  int fd = static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0));
  if (fd < 0) return false;
  bool sent = lives(process) && syscall(SYS_pidfd_send_signal, fd, signo, nullptr, 0) == 0;
  close(fd);
  return sent;
}

}  // namespace tractor::command
