#include "command/sockets.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "command/processes.hpp"

namespace tractor::command {

namespace {

namespace fs = std::filesystem;

bool is_writable_directory(const std::string& path) {
  struct stat st;
  return stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode) && access(path.c_str(), W_OK | X_OK) == 0;
}

/// NAME@NUMBER.sock
bool take_apart(const std::string& file, std::string& name, int& number) {
  constexpr std::string_view kTail = ".sock";
  size_t at = file.rfind('@');
  if (at == file.npos || !file.ends_with(kTail)) return false;
  name = file.substr(0, at);
  const char* end = file.data() + file.size() - kTail.size();
  auto [rest, error] = std::from_chars(file.data() + at + 1, end, number);
  return error == std::errc() && rest == end && number > 0;
}

bool refuses(const std::string& path) {
  sockaddr_un where = {};
  where.sun_family = AF_UNIX;
  if (path.size() >= sizeof where.sun_path) return false;
  std::memcpy(where.sun_path, path.c_str(), path.size());
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  bool refused = connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0 && errno == ECONNREFUSED;
  close(fd);
  return refused;
}

bool is_stale(const fs::path& path, bool registries) {
  struct stat st;
  if (lstat(path.c_str(), &st) != 0 || !S_ISSOCK(st.st_mode) || st.st_uid != geteuid()) return false;
  std::string name;
  int number = 0;
  if (!take_apart(path.filename(), name, number)) return false;
  // The number of a registry is its port.
  bool dead = name == "registry" ? registries : !is_alive(number);
  return dead && refuses(path);
}

}  // namespace

std::string runtime_directory() {
  const char* given = std::getenv("XDG_RUNTIME_DIR");
  if (given && *given) return std::string(given) + "/tractor";
  std::string user = std::to_string(getuid());
  if (is_writable_directory("/run/user/" + user)) return "/run/user/" + user + "/tractor";
  const char* temp = std::getenv("TMPDIR");
  return std::string(temp && *temp == '/' ? temp : "/tmp") + "/runtime-" + user + "/tractor";
}

std::vector<std::string> stale_sockets(const std::string& directory, bool registries) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored))
    if (is_stale(entry.path(), registries)) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

std::string actor_of_socket(const std::string& path) {
  std::string name;
  int number = 0;
  return take_apart(fs::path(path).filename(), name, number) ? name : "";
}

bool remove_stale(const std::string& path, bool registries) {
  // Whoever binds a socket there holds this lock meanwhile.
  int lock = open(fs::path(path).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock < 0) return false;
  bool removed = flock(lock, LOCK_EX) == 0 && is_stale(path, registries) && unlink(path.c_str()) == 0;
  close(lock);
  return removed;
}

}  // namespace tractor::command
