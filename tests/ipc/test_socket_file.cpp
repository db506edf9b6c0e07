// The files of Unix listeners.
#include "transport_env.hpp"

#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>

#include "ipc/socket_file.hpp"

extern "C" {
#include <cmocka.h>
}

using namespace tractor::core;

namespace {

void test_a_socket_file_is_private_and_goes_with_its_listener(void** state) {
  Env& e = env(state);
  mode_t old = umask(0);
  bool listening = e.listen_at(0, Address::uds(e.dir / "a/b", "x.sock"));
  umask(old);
  assert_true(listening);
  struct stat st;
  CHECK(stat((e.dir / "a/b/x.sock").c_str(), &st) == 0);
  assert_int_equal(st.st_mode & 07777, 0600);
  CHECK(stat((e.dir / "a/b").c_str(), &st) == 0);
  assert_int_equal(st.st_mode & 07777, 0700);
  e.listener[0].reset();
  CHECK(!exists(e.dir / "a/b/x.sock"));

  CHECK(mkdir((e.dir / "shared").c_str(), 0755) == 0);
  CHECK(e.listen_at(0, Address::uds(e.dir / "shared", "x.sock")));
  CHECK(stat((e.dir / "shared").c_str(), &st) == 0);
  assert_int_equal(st.st_mode & 07777, 0755);  // not made by us
}

void test_a_stale_socket_file_is_replaced(void** state) {
  Env& e = env(state);
  for (const char* file : {"registry@1616.sock", "x.sock", "w@1.sock"}) {
    e.leave_stale(e.uds(file));
    CHECK(exists(e.dir / file));
    CHECK(e.connects(e.uds(file)));
    e.dialed = Dialed();
    e.accepted.transports.clear();
  }
}

void test_other_files_are_not_replaced(void** state) {
  Env& e = env(state);
  std::ofstream(e.dir / "x.sock") << "precious";
  CHECK(!e.listen_at(0, e.uds("x.sock")));
  CHECK(contains(e.failure, "Address already in use"));
  CHECK(exists(e.dir / "x.sock"));
  CHECK(e.raw_listener(e.uds("foreign.sock"), 0) >= 0);
  CHECK(!e.listen_at(0, e.uds("foreign.sock")));
  CHECK(exists(e.dir / "foreign.sock"));
}

void test_only_the_own_file_is_unlinked(void** state) {
  Env& e = env(state);
  CHECK(e.listen_at(0, e.uds("x.sock")));
  CHECK(unlink((e.dir / "x.sock").c_str()) == 0);
  CHECK(e.listen_at(1, e.uds("x.sock")));
  e.listener[0].reset();
  CHECK(exists(e.dir / "x.sock"));
  pid_t child = fork();
  if (child == 0) {
    SocketFile copy(e.dir / "x.sock");
    if (fork() == 0) {
      copy.unlink_if_ours();
      _exit(0);
    }
    int status;
    wait(&status);
    _exit(exists(e.dir / "x.sock") ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  assert_int_equal(status, 0);
}

pid_t dead_pid() {
  pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  return child;
}

// TPT-04
void test_sweeping(void** state) {
  Env& e = env(state);
  std::string dead = "@" + std::to_string(dead_pid()) + ".sock", ours = "@" + std::to_string(getpid()) + ".sock";
  for (const std::string& file :
       {"a" + dead, "b@c" + dead, "registry" + dead, "a" + ours, std::string("registry@1616.sock")})
    e.leave_stale(e.uds(file));
  std::ofstream(e.dir / ("plain" + dead)) << "x";
  CHECK(e.listen_at(0, e.uds("inherited" + dead)));
  assert_int_equal(sweep_dead_sockets(e.dir.path()), 2);
  CHECK(!exists(e.dir / ("a" + dead)));
  CHECK(!exists(e.dir / ("b@c" + dead)));
  for (const std::string& file :
       {"registry" + dead, "a" + ours, std::string("registry@1616.sock"), "plain" + dead, "inherited" + dead})
    CHECK(exists(e.dir / file));
  assert_int_equal(sweep_dead_sockets(e.dir.path()), 0);
  assert_int_equal(sweep_dead_sockets(e.dir / "missing"), 0);
}

void test_strangers_are_refused(void** state) {
  Env& e = env(state);
  if (geteuid() != 0) skip();
  CHECK(e.listen_at(0, e.uds("x.sock")));
  chmod(e.dir.path().c_str(), 0777);
  chmod((e.dir / "x.sock").c_str(), 0777);
  pid_t child = fork();
  if (child == 0) {
    // By a relative path: the folders above need not be open to others.
    sockaddr_un where = {AF_UNIX, "x.sock"};
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    char c;
    bool connected = chdir(e.dir.path().c_str()) == 0 && setuid(12345) == 0 &&
                     connect(s, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0;
    _exit(connected && read(s, &c, 1) == 0 ? 0 : 1);
  }
  int status = -1;
  CHECK(e.eventually([&] { return waitpid(child, &status, WNOHANG) == child; }));
  assert_int_equal(status, 0);
  assert_int_equal(e.accepted.transports.size(), 0);
}

}  // namespace

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main() {
  const CMUnitTest tests[] = {
      TEST(test_a_socket_file_is_private_and_goes_with_its_listener),
      TEST(test_a_stale_socket_file_is_replaced),
      TEST(test_other_files_are_not_replaced),
      TEST(test_only_the_own_file_is_unlinked),
      TEST(test_sweeping),
      TEST(test_strangers_are_refused),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
