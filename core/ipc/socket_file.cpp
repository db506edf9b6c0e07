#include "ipc/socket_file.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/file.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <vector>

#include "ipc/credentials.hpp"
#include "ipc/socket.hpp"
#include "ipc/transport.hpp"

namespace tractor::core {

namespace {

constexpr int kLockAttempts = 100;  // a millisecond each

/// The PID in `*@PID.sock`; 0 if the name has another form. A registry file carries its port number there.
pid_t pid_in_name(std::string_view file) {
  constexpr std::string_view kTail = ".sock";
  size_t at = file.rfind('@');
  if (at == file.npos || !file.ends_with(kTail) || file.substr(0, at) == "registry") return 0;
  std::string_view digits = file.substr(at + 1, file.size() - at - 1 - kTail.size());
  pid_t pid = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), pid);
  return error == std::errc() && end == digits.data() + digits.size() && pid > 0 ? pid : 0;
}

bool is_dead(pid_t pid) { return pid > 0 && kill(pid, 0) != 0 && errno == ESRCH; }

enum class Probe { answered, refused, unclear };

struct Answer {
  Probe probe;
  int64_t pid = 0;  ///< who listens
};

Answer probe(const std::string& path) {
  sockaddr_un where = {};
  where.sun_family = AF_UNIX;
  if (path.size() >= sizeof where.sun_path) return {Probe::unclear};
  std::memcpy(where.sun_path, path.data(), path.size());
  int fd = open_socket(AF_UNIX);
  if (fd < 0) return {Probe::unclear};
  Answer answer{Probe::unclear};
  if (connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0) {
    answer = {Probe::answered, peer_credentials(fd).pid};
  } else if (errno == EAGAIN) {  // its backlog is full
    answer = {Probe::answered};
  } else if (errno == ECONNREFUSED || errno == ENOENT) {
    answer = {Probe::refused};
  }
  close(fd);
  return answer;
}

/// What others have made is theirs to remove, even where we could. If there is nothing, errno says so.
bool is_own_socket(const std::string& path) {
  struct stat st;
  errno = 0;
  return lstat(path.c_str(), &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == geteuid();
}

/// Nobody listens, or only a process that inherited the socket from the dead one in the file's name.
bool is_stale(const Address& at) {
  std::string path = at.path();
  if (!is_own_socket(path)) return errno == ENOENT;
  Answer answer = probe(path);
  pid_t named = pid_in_name(at.file);
  return answer.probe == Probe::refused || (answer.probe == Probe::answered && answer.pid == named && is_dead(named));
}

Failure cannot_listen(const Address& at, int error) {
  std::string what = "listen on " + at.to_string();
  struct stat st;
  if (error == EADDRINUSE && lstat(at.path().c_str(), &st) == 0 && st.st_uid != geteuid())
    what += ", a file of user " + std::to_string(st.st_uid);
  return Failure::system(Status::transport, what, error, error == EADDRINUSE ? "ConnectionError" : "OSError");
}

Result<Done> usable_directory(const std::string& path) {
  struct stat st;
  if (stat(path.c_str(), &st) != 0) return secure_directory(path);
  if (S_ISDIR(st.st_mode)) return Done{};
  return Failure::of(Status::invalid, "socket directory " + path + " is not a directory", "NotADirectoryError");
}

}  // namespace

DirectoryLock::DirectoryLock(const std::string& directory)
    : fd_(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  constexpr timespec kPause = {0, 1'000'000};
  for (int i = 0; fd_ >= 0 && i < kLockAttempts && flock(fd_, LOCK_EX | LOCK_NB) != 0; ++i) nanosleep(&kPause, nullptr);
}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) close(fd_);
}

Result<Done> bind_socket_file(int fd, const Address& at, int backlog) {
  sockaddr_storage where;
  auto length = at.to_sockaddr(where);
  if (!length) return length.failure();
  auto usable = usable_directory(at.host);
  if (!usable) return usable;

  DirectoryLock lock(at.host);
  // The file gets the socket's own mode, less the umask: no moment at which others could connect.
  if (fchmod(fd, 0600) != 0) return cannot_listen(at, errno);
  auto* name = reinterpret_cast<sockaddr*>(&where);
  if (bind(fd, name, *length) != 0) {
    int error = errno;
    if (error != EADDRINUSE || !is_stale(at)) return cannot_listen(at, error);
    if (unlink(at.path().c_str()) != 0 && errno != ENOENT) return cannot_listen(at, errno);
    if (bind(fd, name, *length) != 0) return cannot_listen(at, errno);
  }
  if (::listen(fd, backlog) != 0) {
    int error = errno;
    unlink(at.path().c_str());
    return cannot_listen(at, error);
  }
  return Done{};
}

SocketFile::SocketFile(std::string path) : path_(std::move(path)) {
  struct stat st;
  if (lstat(path_.c_str(), &st) != 0) return;
  device_ = st.st_dev;
  inode_ = st.st_ino;
  owner_ = getpid();
}

void SocketFile::unlink_if_ours() {
  struct stat st;
  if (owner_ == 0 || owner_ != getpid() || lstat(path_.c_str(), &st) != 0) return;
  if (st.st_dev == device_ && st.st_ino == inode_) unlink(path_.c_str());
  owner_ = 0;
}

PresumedSocketFile::PresumedSocketFile(const Address& at) : directory_(at.host), path_(at.path()) {}

void PresumedSocketFile::unlink_after(int64_t killed_pid) const {
  if (!is_own_socket(path_)) return;  // most often: then no lock is needed
  DirectoryLock lock(directory_);
  if (!is_own_socket(path_)) return;
  Answer answer = probe(path_);
  // What was killed may listen for a moment yet.
  bool its_own = answer.probe == Probe::answered && answer.pid == killed_pid;
  if (its_own || answer.probe == Probe::refused) unlink(path_.c_str());
}

int sweep_dead_sockets(const std::string& directory) {
  std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(directory.c_str()), closedir);
  if (!dir) return 0;
  // First the names alone: most often there is nothing to do, and then no lock is needed.
  std::vector<std::string> dead;
  while (dirent* entry = readdir(dir.get())) {
    if (is_dead(pid_in_name(entry->d_name))) dead.push_back(entry->d_name);
  }
  dir.reset();
  if (dead.empty()) return 0;

  DirectoryLock lock(directory);
  int removed = 0;
  for (const std::string& file : dead) {
    std::string path = Address::uds(directory, file).path();
    if (is_own_socket(path) && probe(path).probe == Probe::refused && unlink(path.c_str()) == 0) ++removed;
  }
  return removed;
}

}  // namespace tractor::core
