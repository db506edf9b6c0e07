// Where socket files live. Of the cases that are about macOS, TPT-01, TPT-02 and TPT-08, this is what Linux has of them.
#include "check.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>

#include "ipc/address.hpp"
#include "pair.hpp"

extern "C" {
#include <cmocka.h>
}

using namespace tractor::core;

namespace {

struct Env {
  TempDir dir;
};

int set_up(void** state) {
  *state = new Env;
  return 0;
}

int tear_down(void** state) {
  delete static_cast<Env*>(*state);
  unsetenv("XDG_RUNTIME_DIR");
  return 0;
}

std::string in(void** state, const std::string& name) { return static_cast<Env*>(*state)->dir / name; }

int mode_of(const std::string& path) {
  struct stat st;
  return lstat(path.c_str(), &st) == 0 ? static_cast<int>(st.st_mode & 07777) : -1;
}

// TPT-05
void test_rejects_what_is_no_directory(void** state) {
  int fd = open(in(state, "file").c_str(), O_CREAT | O_WRONLY, 0644);
  assert_true(fd >= 0);
  close(fd);
  CHECK(same(failure_text(secure_directory(in(state, "file"))),
             "PermissionError: runtime directory " + in(state, "file") + " is not a directory"));
  CHECK(mode_of(in(state, "file")) == 0644);
  CHECK(secure_directory(in(state, "a/b/c")).ok());
  CHECK(mode_of(in(state, "a/b/c")) == 0700);
  CHECK(mode_of(in(state, "a")) == 0700);
  CHECK(contains(failure_text(secure_directory(in(state, "file/below"))), "Not a directory"));
}

// TPT-02
void test_rejects_a_link_in_place_of_the_runtime_directory(void** state) {
  setenv("XDG_RUNTIME_DIR", static_cast<Env*>(*state)->dir.path().c_str(), 1);
  CHECK(mkdir(in(state, "real").c_str(), 0755) == 0);
  CHECK(symlink(in(state, "real").c_str(), in(state, "tractor").c_str()) == 0);
  CHECK(same(failure_text(runtime_directory()),
             "PermissionError: runtime directory " + in(state, "tractor") + " is a symbolic link"));
  CHECK(mode_of(in(state, "real")) == 0755);
}

// TPT-08. Our own links are followed, and root's: /var/run is one.
void test_follows_no_link_of_a_stranger(void** state) {
  CHECK(mkdir(in(state, "real").c_str(), 0755) == 0);
  CHECK(symlink(in(state, "real").c_str(), in(state, "link").c_str()) == 0);
  CHECK(secure_directory(in(state, "link/ours")).ok());
  CHECK(mode_of(in(state, "real/ours")) == 0700);
  if (geteuid() != 0) {
    print_message("             (skipped: only root can give a link to another user)\n");
    return;
  }
  CHECK(lchown(in(state, "link").c_str(), 12345, 12345) == 0);
  CHECK(same(failure_text(secure_directory(in(state, "link/theirs/deep"))),
             "PermissionError: runtime directory " + in(state, "link/theirs/deep") + " leads through " +
                 in(state, "link") + ", a symbolic link of user 12345"));
  CHECK(mode_of(in(state, "real/theirs")) == -1);
}

void test_rejects_a_symbolic_link(void** state) {
  CHECK(mkdir(in(state, "real").c_str(), 0755) == 0);
  CHECK(symlink(in(state, "real").c_str(), in(state, "link").c_str()) == 0);
  CHECK(contains(failure_text(secure_directory(in(state, "link"))), "is a symbolic link"));
  CHECK(contains(failure_text(secure_directory(in(state, "link/"))), "is a symbolic link"));
  CHECK(mode_of(in(state, "real")) == 0755);
}

// TPT-06
void test_secures_an_own_directory(void** state) {
  CHECK(mkdir(in(state, "open").c_str(), 0755) == 0);
  CHECK(secure_directory(in(state, "open")).ok());
  CHECK(mode_of(in(state, "open")) == 0700);
  CHECK(secure_directory(in(state, "open")).ok());
}

// TPT-07
void test_rejects_a_foreign_directory(void** state) {
  std::string path = "/usr";
  if (geteuid() == 0) {
    path = in(state, "foreign");
    CHECK(mkdir(path.c_str(), 0755) == 0);
    CHECK(chown(path.c_str(), 12345, 12345) == 0);
  }
  int before = mode_of(path);
  CHECK(contains(failure_text(secure_directory(path)),
                 "PermissionError: runtime directory " + path + " belongs to user"));
  CHECK(mode_of(path) == before);
}

void test_follows_the_environment(void** state) {
  setenv("XDG_RUNTIME_DIR", in(state, "xdg/deep").c_str(), 1);
  CHECK(same(*runtime_directory(), in(state, "xdg/deep/tractor")));
  CHECK(mode_of(in(state, "xdg/deep/tractor")) == 0700);
  CHECK(*default_registry(TransportKind::uds) == Address::uds(in(state, "xdg/deep/tractor"), "registry@1616.sock"));
  CHECK(*random_address(TransportKind::uds, "w", 7) == Address::uds(in(state, "xdg/deep/tractor"), "w@7.sock"));
}

// TPT-01
void test_the_registrys_path_fits_into_an_address(void** state) {
  unsetenv("XDG_RUNTIME_DIR");
  sockaddr_storage where;
  for (const std::string& path : {std::string("/run/user/4294967295/tractor"), runtime_directory_path()})
    CHECK(Address::uds(path, "registry@1616.sock").to_sockaddr(where).ok());
  // Somebody else's choice may not fit, and is told so when it is used.
  setenv("XDG_RUNTIME_DIR", in(state, std::string(80, 'd')).c_str(), 1);
  CHECK(contains(failure_text(default_registry(TransportKind::uds)->to_sockaddr(where)), "; at most 107 fit"));
}

void test_falls_back_to_the_temporary_directory(void** state) {
  std::string uid = std::to_string(getuid());
  if (access(("/run/user/" + uid).c_str(), W_OK) == 0) skip();
  setenv("XDG_RUNTIME_DIR", "  ", 1);
  std::string old = std::getenv("TMPDIR") ? std::getenv("TMPDIR") : "";
  setenv("TMPDIR", static_cast<Env*>(*state)->dir.path().c_str(), 1);
  std::string found = failure_text(runtime_directory()) + *runtime_directory();
  old.empty() ? unsetenv("TMPDIR") : setenv("TMPDIR", old.c_str(), 1);
  CHECK(same(found, in(state, "runtime-" + uid + "/tractor")));
  CHECK(mode_of(in(state, "runtime-" + uid)) == 0700);
}

}  // namespace

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main() {
  const CMUnitTest tests[] = {
      TEST(test_rejects_what_is_no_directory),
      TEST(test_rejects_a_symbolic_link),
      TEST(test_rejects_a_link_in_place_of_the_runtime_directory),
      TEST(test_follows_no_link_of_a_stranger),
      TEST(test_secures_an_own_directory),
      TEST(test_rejects_a_foreign_directory),
      TEST(test_follows_the_environment),
      TEST(test_the_registrys_path_fits_into_an_address),
      TEST(test_falls_back_to_the_temporary_directory),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
