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

void test_a_file_of_another_user_is_left_alone(void** state) {
  Env& e = env(state);
  if (geteuid() != 0) {
    print_message("             (skipped: only root can give a file to another user)\n");
    return;
  }
  std::string dead = "w@" + std::to_string(dead_pid()) + ".sock";
  e.leave_stale(e.uds(dead));
  CHECK(lchown((e.dir / dead).c_str(), 12345, 12345) == 0);
  CHECK(!e.listen_at(0, e.uds(dead)));
  CHECK(same(e.failure, "ConnectionError: listen on " + e.uds(dead).to_string() +
                            ", a file of user 12345: Address already in use"));
  assert_int_equal(sweep_dead_sockets(e.dir.path()), 0);
  PresumedSocketFile(e.uds(dead)).unlink_after(getpid());
  CHECK(exists(e.dir / dead));
}

void test_a_dangling_link_is_not_replaced(void** state) {
  Env& e = env(state);
  CHECK(symlink("nowhere", (e.dir / "x.sock").c_str()) == 0);
  CHECK(!e.listen_at(0, e.uds("x.sock")));
  CHECK(contains(e.failure, "Address already in use"));
  struct stat st;
  CHECK(lstat((e.dir / "x.sock").c_str(), &st) == 0);
}

// A child may have been told to bind a path at which there was something else, and have died of that.
void test_what_a_killed_process_left_is_removed_and_nothing_else(void** state) {
  Env& e = env(state);
  e.leave_stale(e.uds("left.sock"));
  PresumedSocketFile(e.uds("left.sock")).unlink_after(1);
  CHECK(!exists(e.dir / "left.sock"));

  // It was killed, and is not gone yet.
  CHECK(e.listen_at(0, e.uds("dying.sock")));
  PresumedSocketFile(e.uds("dying.sock")).unlink_after(getpid());
  CHECK(!exists(e.dir / "dying.sock"));

  CHECK(e.listen_at(1, e.uds("others.sock")));
  std::ofstream(e.dir / "plain") << "precious";
  PresumedSocketFile(e.uds("others.sock")).unlink_after(1);
  PresumedSocketFile(e.uds("plain")).unlink_after(1);
  PresumedSocketFile(e.uds("missing")).unlink_after(1);
  CHECK(exists(e.dir / "others.sock"));
  CHECK(exists(e.dir / "plain"));
}

// TPT-10
void test_a_path_that_no_socket_can_have_is_left_alone(void** state) {
  Env& e = env(state);
  std::string deep = e.dir / std::string(120, 'd');
  CHECK(mkdir(deep.c_str(), 0700) == 0);
  // By way of a short one, a socket file is made there all the same.
  CHECK(chdir(deep.c_str()) == 0);
  e.leave_stale(Address::uds(".", "w@1.sock"));
  CHECK(chdir("/") == 0);
  CHECK(exists(deep + "/w@1.sock"));
  PresumedSocketFile(Address::uds(deep, "w@1.sock")).unlink_after(1);
  CHECK(exists(deep + "/w@1.sock"));
  std::string far(5000, 'd');
  PresumedSocketFile(Address::uds("/" + far, "w@1.sock")).unlink_after(1);
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
      TEST(test_a_file_of_another_user_is_left_alone),
      TEST(test_a_dangling_link_is_not_replaced),
      TEST(test_what_a_killed_process_left_is_removed_and_nothing_else),
      TEST(test_a_path_that_no_socket_can_have_is_left_alone),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
