// Where socket files live, and what they are called.
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ipc/address.hpp"
#include "ipc/blake2s.hpp"
#include "ipc/credentials.hpp"

namespace tractor::core {

namespace {

constexpr size_t kPathLimit = sizeof(sockaddr_un::sun_path);

Failure denied(std::string message) { return Failure::of(Status::invalid, std::move(message), "PermissionError"); }

std::string env(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool is_writable_directory(const std::string& path) {
  struct stat st;
  return stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode) && access(path.c_str(), W_OK | X_OK) == 0;
}

std::string temp_directory() {
  for (const char* name : {"TMPDIR", "TEMP", "TMP"}) {
    std::string path = env(name);
    if (!path.empty() && path.front() == '/' && is_writable_directory(path)) return path;
  }
  for (const char* path : {"/tmp", "/var/tmp", "/usr/tmp"}) {
    if (is_writable_directory(path)) return path;
  }
  return "/tmp";
}

/// Everything above the last component; what is missing is made. Links of root and of ourselves are followed, as
/// `/var/run` is one; another user's would have us make folders where he wants them.
Result<Done> make_parents(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != path.npos; slash = path.find('/', slash + 1)) {
    std::string parent = path.substr(0, slash);
    struct stat st;
    if (lstat(parent.c_str(), &st) == 0 && S_ISLNK(st.st_mode) && !is_trusted_user(st.st_uid)) {
      std::string why = "runtime directory ";
      why.append(path).append(" leads through ").append(parent).append(", a symbolic link of user ");
      return denied(why.append(std::to_string(st.st_uid)));
    }
    if (mkdir(parent.c_str(), 0700) != 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
      return Failure::system(Status::invalid, "can't make directory " + parent, errno, "OSError");
  }
  return Done{};
}

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

struct BaseDirectory {
  std::string path;
  bool open_parent;  ///< it lies where everybody may write, and has to be secured itself
};

BaseDirectory base_directory() {
  std::string uid = std::to_string(getuid());
  std::string path = env("XDG_RUNTIME_DIR");
  if (path.find_first_not_of(" \t\n\r\f\v") != path.npos) return {without_trailing_slashes(path), false};
  path = "/run/user/" + uid;
  if (is_writable_directory(path)) return {path, false};
  return {temp_directory() + "/runtime-" + uid, true};
}

}  // namespace

Result<Done> secure_directory(const std::string& given) {
  std::string path = without_trailing_slashes(given);
  struct stat st;
  if (lstat(path.c_str(), &st) != 0 && errno == ENOENT) {
    auto parents = make_parents(path);
    if (!parents) return parents;
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
      return Failure::system(Status::invalid, "can't make directory " + path, errno, "OSError");
  }
  if (lstat(path.c_str(), &st) != 0)
    return Failure::system(Status::invalid, "can't look at directory " + path, errno, "OSError");
  if (S_ISLNK(st.st_mode)) return denied("runtime directory " + path + " is a symbolic link");
  if (!S_ISDIR(st.st_mode)) return denied("runtime directory " + path + " is not a directory");
  if (st.st_uid != geteuid()) {
    return denied("runtime directory " + path + " belongs to user " + std::to_string(st.st_uid) + ", not to user " +
                  std::to_string(geteuid()));
  }
  if ((st.st_mode & 07777) != 0700 && fchmodat(AT_FDCWD, path.c_str(), 0700, AT_SYMLINK_NOFOLLOW) != 0)
    return Failure::system(Status::invalid, "can't make directory " + path + " private", errno, "PermissionError");
  return Done{};
}

std::string runtime_directory_path() { return base_directory().path + "/tractor"; }

Result<std::string> runtime_directory() {
  BaseDirectory base = base_directory();
  if (base.open_parent) {
    if (auto made = secure_directory(base.path); !made) return made.failure();
  }
  std::string path = base.path + "/tractor";
  auto made = secure_directory(path);
  if (!made) return made.failure();
  return path;
}

Result<std::string> socket_file_name(std::string_view directory, std::string_view actor_name, int64_t pid) {
  std::string tail = "@" + std::to_string(pid) + ".sock";
  size_t before = directory.size() + (directory.empty() || directory.back() == '/' ? 0 : 1);
  bool unsafe = actor_name.find('/') != actor_name.npos || actor_name.find('\0') != actor_name.npos;
  bool fits = before + actor_name.size() + tail.size() < kPathLimit;
  if (!unsafe && fits) return std::string(actor_name) + tail;

  std::string compact = "actor." + blake2s_hex(actor_name, 16) + tail;
  if (before + compact.size() < kPathLimit) return compact;
  return Failure::of(Status::invalid,
                     "no socket path for actor '" + std::string(actor_name) + "' in " + std::string(directory) +
                         ": even the short form has " + std::to_string(before + compact.size()) +
                         " bytes, and the path must be shorter than " + std::to_string(kPathLimit) +
                         " (unsafe name: " + (unsafe ? "yes" : "no") + ", over budget: " + (fits ? "no" : "yes") + ")",
                     "ValueError");
}

}  // namespace tractor::core
