// Which user is at the other end of a Unix socket. The folder here is one that others may enter.
#include "transport_env.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "ipc/credentials.hpp"

extern "C" {
#include <cmocka.h>
}

using namespace tractor::core;

namespace {

constexpr uid_t kUser = 12345, kOther = 12346;
constexpr char kFile[] = "x.sock";

bool skipped() {
  if (geteuid() == 0) return false;
  print_message("             (skipped: only root can be another user)\n");
  return true;
}

/// Where the files are, and everybody may do everything.
bool open_folder(Env& e) { return chmod(e.dir.path().c_str(), 0777) == 0; }
bool open_file(Env& e) { return chmod((e.dir / kFile).c_str(), 0777) == 0; }

/// Starts a process of that user. It stands in the folder, as those above need not be open to it.
pid_t start_as(Env& e, uid_t uid, const std::function<bool()>& work) {
  pid_t pid = fork();
  if (pid != 0) return pid;
  alarm(20);
  bool ready = seteuid(0) == 0 && chdir(e.dir.path().c_str()) == 0 && setgid(uid) == 0 && setuid(uid) == 0;
  _exit(ready && work() ? 0 : 1);
}

/// The loop runs on meanwhile.
bool ended_well(Env& e, pid_t pid) {
  int status = -1;
  return e.eventually([&] { return waitpid(pid, &status, WNOHANG) == pid; }) && status == 0;
}

sockaddr_un here() {
  sockaddr_un where = {};
  where.sun_family = AF_UNIX;
  std::memcpy(where.sun_path, kFile, sizeof kFile);
  return where;
}

/// The connection, or -errno.
int connect_here() {
  sockaddr_un where = here();
  int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return connect(s, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0 ? s : -errno;
}

int listen_here() {
  sockaddr_un where = here();
  int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool listening = bind(s, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0 && ::listen(s, 1) == 0;
  return listening ? s : -errno;
}

bool is_closed_without_a_word(int s) {
  char c;
  return s >= 0 && read(s, &c, 1) == 0 && close(s) == 0;
}

void test_who_is_trusted(void**) {
  assert_true(is_trusted_user(geteuid()));
  assert_true(is_trusted_user(0));
  assert_false(is_trusted_user(geteuid() + 1));
  assert_false(is_trusted_user(-1));
  int fd[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
  PeerCredentials peer = peer_credentials(fd[0]);
  assert_int_equal(peer.pid, getpid());
  assert_int_equal(peer.uid, geteuid());
  close(fd[0]);
  close(fd[1]);
  assert_int_equal(peer_credentials(-1).uid, -1);
}

void test_a_stranger_may_not_even_connect(void** state) {
  Env& e = env(state);
  if (skipped()) return;
  CHECK(e.listen_at(0, e.uds(kFile)));
  // A private folder keeps out whom the file would let in.
  CHECK(open_file(e));
  CHECK(ended_well(e, start_as(e, kUser, [] { return connect_here() == -EACCES; })));
  // And a private file, whom the folder lets in.
  CHECK(chmod((e.dir / kFile).c_str(), 0600) == 0);
  CHECK(open_folder(e));
  CHECK(ended_well(e, start_as(e, kUser, [] { return connect_here() == -EACCES; })));
  assert_int_equal(e.accepted.transports.size(), 0);
}

void test_strangers_are_refused_and_that_is_said_once(void** state) {
  Env& e = env(state);
  if (skipped()) return;
  e.log.emplace();
  CHECK(e.listen_at(0, e.uds(kFile)));
  CHECK(open_folder(e) && open_file(e));
  pid_t first = start_as(e, kUser, [] {
    for (int i = 0; i < 200; ++i)
      if (!is_closed_without_a_word(connect_here())) return false;
    return true;
  });
  CHECK(ended_well(e, first));
  CHECK(ended_well(e, start_as(e, kOther, [] { return is_closed_without_a_word(connect_here()); })));
  assert_int_equal(e.accepted.transports.size(), 0);
  CHECK(e.log->count("refused a connection of user 12345 (pid " + std::to_string(first) + ") on " +
                     e.uds(kFile).to_string() + "; more of them are not logged") == 1);
  CHECK(e.log->all().size() == 1);

  e.dial_to(e.uds(kFile));
  CHECK(e.until([&] { return e.accepted.transports.size() == 1; }));
}

// This process listens as a plain user meanwhile.
void test_root_is_let_in(void** state) {
  Env& e = env(state);
  if (skipped()) return;
  e.log.emplace();
  CHECK(e.listen_at(0, e.uds(kFile)));
  CHECK(open_folder(e) && open_file(e));
  CHECK(seteuid(kUser) == 0);
  pid_t root = start_as(e, 0, [] { return connect_here() >= 0; });
  bool connected = ended_well(e, root) && e.until([&] { return e.accepted.transports.size() == 1; });
  bool refused = ended_well(e, start_as(e, kOther, [] { return is_closed_without_a_word(connect_here()); }));
  CHECK(seteuid(0) == 0);
  CHECK(connected && refused);
  assert_int_equal(e.accepted.transports[0]->peer_pid(), root);
  CHECK(e.log->all().size() == 1);
}

/// What a process that stands in the folder gets when it dials; the loop is its own.
void dial_here(Dialed& dialed) {
  auto loop = libevent_loop();
  dialed.dialer = dial(*loop, Address::uds(".", kFile), 10 * kSecond, dialed);
  while (dialed.calls == 0) loop->port().run_once();
  dialed.transport.reset();  // before its loop
}

void test_a_user_may_dial_root(void** state) {
  Env& e = env(state);
  if (skipped()) return;
  e.log.emplace();
  CHECK(e.listen_at(0, e.uds(kFile)));
  CHECK(open_folder(e) && open_file(e));
  // The dialer lets it pass; then the listener refuses it.
  CHECK(ended_well(e, start_as(e, kUser, [] {
                     Dialed d;
                     dial_here(d);
                     return d.failure.message.empty();
                   })));
}

// In a folder that others may write to, anybody can have put the socket there.
void test_a_listener_of_another_user_is_not_spoken_to(void** state) {
  Env& e = env(state);
  if (skipped()) return;
  CHECK(open_folder(e));
  int ready[2];
  CHECK(pipe2(ready, O_CLOEXEC) == 0);
  pid_t impostor = start_as(e, kUser, [&] {
    int s = listen_here();
    return s >= 0 && write(ready[1], "!", 1) == 1 && is_closed_without_a_word(accept(s, nullptr, nullptr));
  });
  close(ready[1]);
  e.descriptors.push_back(ready[0]);
  char c;
  assert_int_equal(read(ready[0], &c, 1), 1);
  e.dial_to(e.uds(kFile));
  assert_int_equal(e.dialed.calls, 0);
  CHECK(e.until([&] { return e.dialed.calls == 1; }));
  assert_null(e.dialed.transport.get());
  assert_int_equal(static_cast<int>(e.dialed.failure.code), TRACTOR_ETRANSPORT);
  assert_string_equal(e.dialed.failure.type, "PermissionError");
  CHECK(same(e.dialed.failure.message, "connect to " + e.uds(kFile).to_string() +
                                           ": user 12345 listens there, and only this user and root are trusted"));
  CHECK(ended_well(e, impostor));
}

}  // namespace

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_who_is_trusted),
      TEST(test_a_stranger_may_not_even_connect),
      TEST(test_strangers_are_refused_and_that_is_said_once),
      TEST(test_root_is_let_in),
      TEST(test_a_user_may_dial_root),
      TEST(test_a_listener_of_another_user_is_not_spoken_to),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
