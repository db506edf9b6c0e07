// Dialing and listening.
#include "transport_env.hpp"

#include <fcntl.h>
#include <fstream>
#include <sys/resource.h>

extern "C" {
#include <cmocka.h>
}

using namespace tractor::core;

namespace {

void test_uds_connection(void** state) {
  Env& e = env(state);
  CHECK(e.connects(e.uds("registry@1616.sock")));
  CHECK(e.dialed.transport->local() == e.listener[0]->address());
  assert_int_equal(e.accepted.transports[0]->peer_pid(), getpid());
  assert_int_equal(e.dialed.transport->peer_pid(), getpid());
}

void test_tcp_connection(void** state) {
  Env& e = env(state);
  CHECK(e.connects(Address::tcp("127.0.0.1", 0)));
  assert_true(e.listener[0]->address().port != 0);
  assert_int_equal(e.accepted.transports[0]->peer_pid(), 0);
}

void test_tcp6_connection(void** state) {
  Env& e = env(state);
  if (!e.listen_at(1, Address::tcp("::1", 0))) skip();
  CHECK(e.connects(Address::tcp("::1", 0)));
}

void test_a_wildcard_listener_knows_the_local_address(void** state) {
  Env& e = env(state);
  CHECK(e.listen_at(0, Address::tcp("0.0.0.0", 0)));
  Address at = Address::tcp("127.0.0.1", e.listener[0]->address().port);
  e.dial_to(at);
  CHECK(e.until([&] { return e.accepted.transports.size() == 1; }));
  CHECK(e.accepted.transports[0]->local() == at);
}

// Nothing protects such an actor yet: whoever asks for it shall know.
void test_listening_beyond_loopback_is_said_once(void** state) {
  Env& e = env(state);
  e.log.emplace();
  for (const Address& at : {e.uds("x.sock"), Address::tcp("127.0.0.1", 0), Address::tcp("127.255.0.9", 0)})
    CHECK(e.listen_at(0, at));
  (void)e.listen_at(0, Address::tcp("::1", 0));  // where there is IPv6
  CHECK(e.log->all().empty());
  CHECK(e.listen_at(0, Address::tcp("0.0.0.0", 0)));
  std::string at = e.listener[0]->address().to_string();
  CHECK(e.log->count("WARNING") == 1);
  CHECK(e.log->count(
            "listening on " + at +
            ", beyond the loopback interface: whoever reaches it may call this actor, and nothing is encrypted") == 1);
  for (int i = 0; i < 3; ++i) {
    e.dialed.calls = 0;
    e.dial_to(Address::tcp("127.0.0.1", e.listener[0]->address().port));
    CHECK(e.until([&] { return e.dialed.calls == 1; }));
  }
  CHECK(e.log->count("WARNING") == 1);
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
    CHECK(
        e.until([&] { return e.dialed.calls == i + 1 && e.accepted.transports.size() == static_cast<size_t>(i + 1); }));
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
  bool ended = e.eventually([&] {
    if (e.dialed.transport && e.dialed.calls == 4) e.drain(*e.dialed.transport, last);
    return last == 0;
  });
  setrlimit(RLIMIT_NOFILE, &old);
  assert_true(ended);
  assert_int_equal(e.accepted.transports.size(), 3);
  e.dial_to(e.uds("full.sock"));
  CHECK(e.until([&] { return e.accepted.transports.size() == 4; }));
}

}  // namespace

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main() {
  const CMUnitTest tests[] = {
      TEST(test_uds_connection),
      TEST(test_tcp_connection),
      TEST(test_tcp6_connection),
      TEST(test_a_wildcard_listener_knows_the_local_address),
      TEST(test_listening_beyond_loopback_is_said_once),
      TEST(test_dialing_nobody),
      TEST(test_dialing_a_bad_address),
      TEST(test_giving_up),
      TEST(test_dialing_a_busy_listener),
      TEST(test_listening_twice),
      TEST(test_listening_at_a_bad_address),
      TEST(test_a_handler_may_destroy_its_listener),
      TEST(test_running_out_of_descriptors),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
