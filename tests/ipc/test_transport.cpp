// Transports of all kinds: streams, dialing, listening, socket files.
#include "check.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <vector>

#include "ipc/socket_file.hpp"
#include "pair.hpp"

extern "C" {
#include <cmocka.h>
}

using namespace tractor::core;

namespace {

struct Fd final : FdHandler {
  std::function<void(unsigned)> fn = [](unsigned) {};
  void on_fd(unsigned ready) override { fn(ready); }
};

struct Dialed final : Dialer::Handler {
  std::unique_ptr<Dialer> dialer;
  std::unique_ptr<Transport> transport;
  Failure failure;
  int calls = 0;
  void on_dialed(Result<std::unique_ptr<Transport>> result) override {
    ++calls;
    if (result) {
      transport = std::move(*result);
    } else {
      failure = result.failure();
    }
    dialer.reset();  // which is allowed
  }
};

struct Accepted final : Listener::Handler {
  std::vector<std::unique_ptr<Transport>> transports;
  std::function<void()> fn = [] {};
  void on_accepted(std::unique_ptr<Transport> transport) override {
    transports.push_back(std::move(transport));
    fn();
  }
};

struct Alarm final : Timer {
  bool rang = false;
  void on_timer() override { rang = true; }
};

struct Env {
  TempDir dir;
  std::unique_ptr<Loop> loop = libevent_loop();
  PairKind kind = PairKind::uds;
  TransportPair pair;
  Fd fd[2];
  Dialed dialed;
  Accepted accepted;
  std::unique_ptr<Listener> listener[2];
  std::string failure;
  std::vector<int> descriptors;
  std::vector<std::unique_ptr<Transport>> kept;
  Alarm deadline, pause;
  std::string text;

  ~Env() {
    for (int d : descriptors) close(d);
  }

  bool listen_at(int i, const Address& at) {
    auto made = listen(*loop, at, accepted);
    failure = failure_text(made);
    if (made) listener[i] = std::move(*made);
    return made.ok();
  }
  void dial_to(const Address& at, int64_t timeout = 10 * kSecond) {
    dialed.dialer = dial(*loop, at, timeout, dialed);
  }
  /// Runs the loop until `done()`, for ten seconds at most.
  bool until(const std::function<bool()>& done) {
    deadline.rang = false;
    loop->arm_after(deadline, 10 * kSecond);
    bool is_done = false;
    while (!(is_done = done()) && !deadline.rang) loop->port().run_once();
    deadline.disarm();
    return is_done;
  }
  void run_for(int64_t time) {
    pause.rang = false;
    loop->arm_after(pause, time);
    while (!pause.rang) loop->port().run_once();
  }
  Address uds(const std::string& file) { return Address::uds(dir.path(), file); }
  int raw_listener(const Address& at, int backlog) {
    sockaddr_storage where;
    auto n = at.to_sockaddr(where);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    descriptors.push_back(s);
    return bind(s, reinterpret_cast<sockaddr*>(&where), *n) == 0 && ::listen(s, backlog) == 0 ? s : -1;
  }
  /// A socket file that nobody listens at.
  void leave_stale(const Address& at) {
    raw_listener(at, 1);
    close(descriptors.back());
    descriptors.pop_back();
  }
  ssize_t write(Transport& t, std::string_view bytes) {
    iovec part = {const_cast<char*>(bytes.data()), bytes.size()};
    return t.write(&part, 1);
  }
  /// What can be read now; the result that ended it is in `last`.
  std::string drain(Transport& t, ssize_t& last) {
    std::string all;
    char some[1000];
    while ((last = t.read(some, sizeof some)) > 0) all.append(some, static_cast<size_t>(last));
    return all;
  }
};

Env& env(void** state) { return *static_cast<Env*>(*state); }
bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

int set_up(void** state) {
  auto* e = new Env;
  if (*state) e->kind = *static_cast<PairKind*>(*state);
  e->pair = connected(*e->loop, e->kind);
  *state = e;
  return e->pair.first && e->pair.second ? 0 : -1;
}

int tear_down(void** state) {
  delete static_cast<Env*>(*state);
  return 0;
}

// --- streams of each kind --------------------------------------------------------------------------------------

void test_bytes_and_end_of_stream(void** state) {
  Env& e = env(state);
  ssize_t last = 0;
  char c;
  assert_int_equal(e.pair.first->read(&c, 1), -EAGAIN);
  iovec parts[] = {{const_cast<char*>("ab"), 2}, {nullptr, 0}, {const_cast<char*>("cde"), 3}};
  assert_int_equal(e.pair.second->write(parts, 3), 5);
  e.fd[0].fn = [&](unsigned ready) {
    assert_int_equal(ready, kRead);
    e.text += e.drain(*e.pair.first, last);
  };
  e.pair.first->start(*e.loop, e.fd[0], kRead);
  CHECK(e.text.empty());
  CHECK(e.until([&] { return e.text == "abcde"; }));
  e.write(*e.pair.second, "fg");
  e.pair.second.reset();
  CHECK(e.until([&] { return last == 0; }));
  CHECK(same(e.text, "abcdefg"));
}

void test_half_close(void** state) {
  Env& e = env(state);
  ssize_t last = 0;
  e.write(*e.pair.first, "question");
  e.pair.first->shutdown_write();
  e.pair.second->start(*e.loop, e.fd[1], kRead);
  e.fd[1].fn = [&](unsigned) { e.text += e.drain(*e.pair.second, last); };
  last = 1;
  CHECK(e.until([&] { return last == 0; }));
  CHECK(same(e.text, "question"));
  e.pair.second->want(0);
  assert_int_equal(e.write(*e.pair.first, "x"), -EPIPE);
  assert_int_equal(e.write(*e.pair.second, "answer"), 6);
  e.text.clear();
  e.pair.first->start(*e.loop, e.fd[0], kRead);
  e.fd[0].fn = [&](unsigned) { e.text += e.drain(*e.pair.first, last); };
  CHECK(e.until([&] { return !e.text.empty(); }));
  CHECK(same(e.text, "answer"));
  assert_int_equal(last, -EAGAIN);
}

void test_writing_to_nobody(void** state) {
  Env& e = env(state);
  e.pair.second.reset();
  ssize_t n = 0;
  // A signal would end this process. TCP takes the first bytes and learns the truth from the answer.
  CHECK(e.until([&] {
    n = e.write(*e.pair.first, "x");
    if (n > 0) e.run_for(kMillisecond);
    return n < 0;
  }));
  CHECK(n == -EPIPE || n == -ECONNRESET);
}

void test_a_full_stream_becomes_writable_again(void** state) {
  Env& e = env(state);
  std::string block(100'000, 'x');
  size_t written = 0, read = 0;
  ssize_t n;
  while ((n = e.write(*e.pair.first, block)) > 0) written += static_cast<size_t>(n);
  assert_int_equal(n, -EAGAIN);
  assert_true(written < 64 * 1024 * 1024);
  bool writable = false;
  e.fd[0].fn = [&](unsigned ready) {
    assert_int_equal(ready, kWrite);
    writable = true;
    e.pair.first->want(0);
  };
  e.pair.first->start(*e.loop, e.fd[0], kWrite);
  e.run_for(2 * kMillisecond);
  assert_false(writable);
  e.pair.second->start(*e.loop, e.fd[1], kRead);
  e.fd[1].fn = [&](unsigned) {
    ssize_t last;
    read += e.drain(*e.pair.second, last).size();
  };
  CHECK(e.until([&] { return read == written; }));
  CHECK(e.until([&] { return writable; }));
}

void test_a_handler_may_close_or_destroy(void** state) {
  Env& e = env(state);
  int calls = 0;
  e.write(*e.pair.first, "x");
  e.write(*e.pair.second, "x");
  e.fd[0].fn = [&](unsigned) {
    ++calls;
    e.pair.first->close();
    e.pair.second.reset();
    assert_int_equal(e.write(*e.pair.first, "x"), -EBADF);
    char c;
    assert_int_equal(e.pair.first->read(&c, 1), -EBADF);
  };
  e.fd[1].fn = [&](unsigned) { e.fd[0].fn(0); };
  e.pair.first->start(*e.loop, e.fd[0], kRead | kWrite);
  e.pair.second->start(*e.loop, e.fd[1], kRead | kWrite);
  CHECK(e.until([&] { return calls > 0; }));
  e.run_for(kMillisecond);
  assert_int_equal(calls, 1);
}

void test_a_memory_stream_has_a_capacity(void** state) {
  Env& e = env(state);
  e.pair = memory_pair(*e.loop, 10);
  assert_int_equal(e.write(*e.pair.first, "0123456789ab"), 10);
  assert_int_equal(e.write(*e.pair.first, "c"), -EAGAIN);
  char four[4];
  assert_int_equal(e.pair.second->read(four, 4), 4);
  assert_memory_equal(four, "0123", 4);
  assert_int_equal(e.write(*e.pair.first, "abcdef"), 4);
  assert_int_equal(e.write(*e.pair.first, ""), 0);
  e.pair.first->close();
  ssize_t last;
  CHECK(same(e.drain(*e.pair.second, last), "456789abcd"));
  assert_int_equal(last, 0);
  assert_int_equal(e.write(*e.pair.second, "x"), -EPIPE);
}

// --- dialing and listening -------------------------------------------------------------------------------------

void connects(Env& e, const Address& at) {
  CHECK(e.listen_at(0, at));
  e.dial_to(e.listener[0]->address());
  assert_int_equal(e.dialed.calls, 0);
  CHECK(e.until([&] { return e.dialed.calls == 1 && e.accepted.transports.size() == 1; }));
  assert_non_null(e.dialed.transport.get());
  assert_int_equal(e.write(*e.dialed.transport, "hello"), 5);
  Transport& served = *e.accepted.transports[0];
  ssize_t last;
  CHECK(e.until([&] {
    e.run_for(kMillisecond);
    e.text += e.drain(served, last);
    return e.text == "hello";
  }));
  CHECK(served.local() == e.listener[0]->address());
  CHECK(e.dialed.transport->peer() == e.listener[0]->address());
  CHECK(served.peer() == e.dialed.transport->local());
}

void test_uds_connection(void** state) {
  Env& e = env(state);
  connects(e, e.uds("registry@1616.sock"));
  CHECK(e.dialed.transport->local() == e.listener[0]->address());
  assert_int_equal(e.accepted.transports[0]->peer_pid(), getpid());
  assert_int_equal(e.dialed.transport->peer_pid(), getpid());
}

void test_tcp_connection(void** state) {
  Env& e = env(state);
  connects(e, Address::tcp("127.0.0.1", 0));
  assert_true(e.listener[0]->address().port != 0);
  assert_int_equal(e.accepted.transports[0]->peer_pid(), 0);
}

void test_tcp6_connection(void** state) {
  Env& e = env(state);
  if (!e.listen_at(1, Address::tcp("::1", 0))) skip();
  connects(e, Address::tcp("::1", 0));
}

void test_a_wildcard_listener_knows_the_local_address(void** state) {
  Env& e = env(state);
  CHECK(e.listen_at(0, Address::tcp("0.0.0.0", 0)));
  Address at = Address::tcp("127.0.0.1", e.listener[0]->address().port);
  e.dial_to(at);
  CHECK(e.until([&] { return e.accepted.transports.size() == 1; }));
  CHECK(e.accepted.transports[0]->local() == at);
}

void refused(Env& e, const Address& at, const std::string& why) {
  e.dialed.calls = 0;
  e.dial_to(at);
  assert_int_equal(e.dialed.calls, 0);
  CHECK(e.until([&] { return e.dialed.calls == 1; }));
  assert_null(e.dialed.transport.get());
  assert_int_equal(static_cast<int>(e.dialed.failure.code), TRACTOR_ETRANSPORT);
  assert_string_equal(e.dialed.failure.type, "ConnectionError");
  CHECK(same(e.dialed.failure.message, "connect to " + at.to_string() + ": " + why));
}

void test_dialing_nobody(void** state) {
  Env& e = env(state);
  refused(e, e.uds("missing.sock"), "No such file or directory");
  e.leave_stale(e.uds("stale.sock"));
  refused(e, e.uds("stale.sock"), "Connection refused");
  CHECK(e.listen_at(0, Address::tcp("127.0.0.1", 0)));
  Address gone = e.listener[0]->address();
  e.listener[0].reset();
  refused(e, gone, "Connection refused");
}

void test_dialing_a_bad_address(void** state) {
  Env& e = env(state);
  e.dial_to(Address::tcp("nobody", 80));
  assert_int_equal(e.dialed.calls, 0);
  CHECK(e.until([&] { return e.dialed.calls == 1; }));
  CHECK(contains(e.dialed.failure.message, "'nobody' is not a literal"));
}

void test_giving_up(void** state) {
  Env& e = env(state);
  CHECK(e.listen_at(0, e.uds("x.sock")));
  e.dial_to(e.uds("x.sock"));
  e.dialed.dialer.reset();
  e.dial_to(e.uds("missing.sock"));
  e.dialed.dialer.reset();
  e.run_for(2 * kMillisecond);
  assert_int_equal(e.dialed.calls, 0);
}

// A Unix listener whose backlog is full says EAGAIN, and there is nothing to poll for.
void test_dialing_a_busy_listener(void** state) {
  Env& e = env(state);
  int listener = e.raw_listener(e.uds("busy.sock"), 0);
  assert_true(listener >= 0);
  sockaddr_storage where;
  CHECK(e.uds("busy.sock").to_sockaddr(where).ok());
  for (;;) {
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    e.descriptors.push_back(s);
    if (connect(s, reinterpret_cast<sockaddr*>(&where), sizeof(sockaddr_un)) != 0) break;
  }
  assert_int_equal(errno, EAGAIN);
  e.dial_to(e.uds("busy.sock"), 20 * kMillisecond);
  CHECK(e.until([&] { return e.dialed.calls == 1; }));
  assert_int_equal(static_cast<int>(e.dialed.failure.code), TRACTOR_ETIMEDOUT);
  CHECK(contains(e.dialed.failure.message, ": no connection after 0.02 s"));

  e.dial_to(e.uds("busy.sock"));
  e.run_for(5 * kMillisecond);
  assert_int_equal(e.dialed.calls, 1);
  for (int s; (s = accept(listener, nullptr, nullptr)) >= 0;) e.descriptors.push_back(s);
  CHECK(e.until([&] { return e.dialed.calls == 2; }));
  assert_non_null(e.dialed.transport.get());
}

// TPT-12
void test_listening_twice(void** state) {
  Env& e = env(state);
  for (const Address& at : {e.uds("twice.sock"), Address::tcp("127.0.0.1", 0)}) {
    CHECK(e.listen_at(0, at));
    Address bound = e.listener[0]->address();
    CHECK(!e.listen_at(1, bound));
    CHECK(same(e.failure, "ConnectionError: listen on " + bound.to_string() + ": Address already in use"));
    e.dial_to(bound);
    e.dialed.calls = 0;
    CHECK(e.until([&] { return e.dialed.calls == 1; }));
    assert_non_null(e.dialed.transport.get());
  }
}

void test_listening_at_a_bad_address(void** state) {
  Env& e = env(state);
  CHECK(!e.listen_at(0, Address::tcp("lan", 80)));
  CHECK(contains(e.failure, "'lan' is not a literal"));
  CHECK(!e.listen_at(0, e.uds(std::string(100, 'x'))));
  CHECK(contains(e.failure, "at most 107 fit"));
  std::ofstream(e.dir / "plain") << "x";
  CHECK(!e.listen_at(0, Address::uds(e.dir / "plain", "x.sock")));
  CHECK(contains(e.failure, "is not a directory"));
}

void test_a_handler_may_destroy_its_listener(void** state) {
  Env& e = env(state);
  CHECK(e.listen_at(0, e.uds("once.sock")));
  Dialed other;
  e.dial_to(e.uds("once.sock"));
  other.dialer = dial(*e.loop, e.uds("once.sock"), kSecond, other);
  e.accepted.fn = [&] { e.listener[0].reset(); };
  CHECK(e.until([&] { return e.accepted.transports.size() == 1; }));
  e.run_for(kMillisecond);
  assert_int_equal(e.accepted.transports.size(), 1);
}

void test_running_out_of_descriptors(void** state) {
  Env& e = env(state);
  CHECK(e.listen_at(0, e.uds("full.sock")));
  for (int i = 0; i < 3; ++i) {
    e.dial_to(e.uds("full.sock"));
    CHECK(e.until([&] { return e.dialed.calls == i + 1 && e.accepted.transports.size() == static_cast<size_t>(i + 1); }));
    e.kept.push_back(std::move(e.dialed.transport));
  }
  e.dial_to(e.uds("full.sock"));
  rlimit old, low;
  getrlimit(RLIMIT_NOFILE, &old);
  low = old;
  int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(next);
  low.rlim_cur = static_cast<rlim_t>(next);
  setrlimit(RLIMIT_NOFILE, &low);
  ssize_t last = 1;
  bool ended = e.until([&] {
    e.run_for(kMillisecond);
    if (e.dialed.transport && e.dialed.calls == 4) e.drain(*e.dialed.transport, last);
    return last == 0;
  });
  setrlimit(RLIMIT_NOFILE, &old);
  assert_true(ended);
  assert_int_equal(e.accepted.transports.size(), 3);
  e.dial_to(e.uds("full.sock"));
  CHECK(e.until([&] { return e.accepted.transports.size() == 4; }));
}

// --- socket files ----------------------------------------------------------------------------------------------

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
    connects(e, e.uds(file));
    e.dialed = Dialed();
    e.accepted.transports.clear();
    e.text.clear();
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
  for (const std::string& file : {"a" + dead, "b@c" + dead, "registry" + dead, "a" + ours, std::string("registry@1616.sock")})
    e.leave_stale(e.uds(file));
  std::ofstream(e.dir / ("plain" + dead)) << "x";
  CHECK(e.listen_at(0, e.uds("inherited" + dead)));
  assert_int_equal(sweep_dead_sockets(e.dir.path()), 2);
  CHECK(!exists(e.dir / ("a" + dead)));
  CHECK(!exists(e.dir / ("b@c" + dead)));
  for (const std::string& file : {"registry" + dead, "a" + ours, std::string("registry@1616.sock"), "plain" + dead, "inherited" + dead})
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
  sockaddr_storage where;
  CHECK(e.uds("x.sock").to_sockaddr(where).ok());
  pid_t child = fork();
  if (child == 0) {
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    char c;
    bool refused = setuid(12345) == 0 && connect(s, reinterpret_cast<sockaddr*>(&where), sizeof(sockaddr_un)) == 0 &&
                   read(s, &c, 1) == 0;
    _exit(refused ? 0 : 1);
  }
  int status = -1;
  CHECK(e.until([&] {
    e.run_for(kMillisecond);
    return waitpid(child, &status, WNOHANG) == child;
  }));
  assert_int_equal(status, 0);
  assert_int_equal(e.accepted.transports.size(), 0);
}

PairKind kinds[] = {PairKind::memory, PairKind::uds, PairKind::tcp};

}  // namespace

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define EACH(f) \
  {#f " memory", f, set_up, tear_down, &kinds[0]}, {#f " uds", f, set_up, tear_down, &kinds[1]}, \
      {#f " tcp", f, set_up, tear_down, &kinds[2]}

int main() {
  const CMUnitTest tests[] = {
      EACH(test_bytes_and_end_of_stream),
      EACH(test_half_close),
      EACH(test_writing_to_nobody),
      EACH(test_a_full_stream_becomes_writable_again),
      EACH(test_a_handler_may_close_or_destroy),
      TEST(test_a_memory_stream_has_a_capacity),
      TEST(test_uds_connection),
      TEST(test_tcp_connection),
      TEST(test_tcp6_connection),
      TEST(test_a_wildcard_listener_knows_the_local_address),
      TEST(test_dialing_nobody),
      TEST(test_dialing_a_bad_address),
      TEST(test_giving_up),
      TEST(test_dialing_a_busy_listener),
      TEST(test_listening_twice),
      TEST(test_listening_at_a_bad_address),
      TEST(test_a_handler_may_destroy_its_listener),
      TEST(test_running_out_of_descriptors),
      TEST(test_a_socket_file_is_private_and_goes_with_its_listener),
      TEST(test_a_stale_socket_file_is_replaced),
      TEST(test_other_files_are_not_replaced),
      TEST(test_only_the_own_file_is_unlinked),
      TEST(test_sweeping),
      TEST(test_strangers_are_refused),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
