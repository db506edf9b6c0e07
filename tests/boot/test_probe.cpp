// What a root makes of whoever answers, or does not, at a registry address; under a clock that stands still otherwise.
#include <cerrno>
#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/election.hpp"
#include "scope/scope_env.hpp"
#include "wire/message.hpp"

extern "C" {
#include <cmocka.h>
}
#undef fail

using namespace tractor::core;
using scope_test::RootNursery;
using scope_test::ScopeEnv;

namespace {

/// What meets one attempt to connect.
enum class Peer {
  refuses,
  forbids,
  is_foreign,
  never_connects,
  says_nothing,
  says_garbage,
  hangs_up,
  registrar,
  actor,
  does_not_say
};

/// An end of a connection that the test plays.
struct Served {
  std::unique_ptr<Transport> end;
  std::string heard;
  bool closed() {
    char buffer[1000];
    ssize_t n;
    while ((n = end->read(buffer, sizeof buffer)) > 0) heard.append(buffer, static_cast<size_t>(n));
    return n != -EAGAIN;
  }
  void say(const std::string& bytes) {
    iovec part = {const_cast<char*>(bytes.data()), bytes.size()};
    assert_int_equal(end->write(&part, 1), static_cast<int>(bytes.size()));
  }
};

std::string aid_of(Peer peer) {
  wire::Aid aid;
  aid.name = "somebody";
  aid.uuid = "00000000-0000-4000-8000-000000000002";
  if (peer != Peer::does_not_say) aid.is_registrar = peer == Peer::registrar;
  OutBuffer out;
  wire::encode(aid, out);
  return std::string(out.view());
}

/// As much of an actor as asks, and everybody it could meet: at the address with port N those of script N, in turn.
class World final : public LinkHost {
 public:
  ScopeEnv env;
  std::vector<std::vector<Peer>> scripts;
  std::vector<Served> served;
  std::vector<int64_t> dials;  ///< when
  Halt halt;
  std::optional<std::vector<Finding>> found;
  int64_t began = env.loop.now(), ended = 0;

  explicit World(std::vector<std::vector<Peer>> all) : scripts(std::move(all)) {}
  ~World() {
    service_->close();
    service_->body_over();
    env.drain();
  }

  /// Asks at all of them, until it is over.
  void ask() {
    begin();
    while (!found && env.port->run_once()) {
    }
    assert_true(found.has_value());
  }
  void begin() {
    std::vector<Address> at;
    for (size_t i = 0; i < scripts.size(); ++i) at.push_back(Address::tcp("127.0.0.1", static_cast<uint16_t>(i)));
    run(std::move(at));
  }
  Verdict verdict() const { return found->at(0).verdict; }
  int64_t took() const { return ended - began; }

  Engine& engine() override { return env.engine; }
  const ActorId& self() const override { return env.self; }
  bool is_registrar() const override { return false; }
  Nursery& service() override { return *service_; }
  size_t max_frame() const override { return 1 << 20; }
  int64_t handshake_timeout() const override { return 10 * kSecond; }
  size_t stream_window() const override { return kDefaultStreamWindow; }
  void inherit_limits(size_t, size_t) override {}
  Result<const Endpoint*> find_endpoint(std::string_view, std::string_view) override { return Failure{}; }
  void on_link_open(PeerLink&) override { assert_true(!"a probe is no peer"); }
  void on_link_lost(PeerLink&, const ErrorRef&) override { assert_true(!"a probe is no peer"); }
  void on_spawn_spec(PeerLink&, const wire::SpawnSpec&) override {}
  void on_cancel_actor(PeerLink&, std::string_view, int64_t) override {}
  void on_peer_failed(PeerLink&, ErrorRef) override {}

  std::unique_ptr<Dialer> dial(const Address& to, int64_t timeout, Dialer::Handler& handler) override {
    dials.push_back(env.loop.now() - began);
    auto& script = scripts.at(to.port);
    Peer peer = script.front();
    if (script.size() > 1) script.erase(script.begin());
    return std::make_unique<Dialling>(*this, peer, timeout, handler);
  }

 private:
  class Dialling final : public Dialer, private Timer {
   public:
    Dialling(World& world, Peer peer, int64_t timeout, Handler& handler)
        : world_(world), peer_(peer), handler_(handler) {
      world.env.loop.arm_after(*this, peer == Peer::never_connects ? timeout : 0);
    }

   private:
    void on_timer() override {
      if (peer_ == Peer::never_connects)
        return handler_.on_dialed(Failure::of(Status::timed_out, "no connection", "TimeoutError"));
      if (peer_ == Peer::refuses)
        return handler_.on_dialed(Failure::of(Status::transport, "refused", "ConnectionError"));
      if (peer_ == Peer::forbids)
        return handler_.on_dialed(Failure::system(Status::transport, "connect", EACCES, "ConnectionError"));
      if (peer_ == Peer::is_foreign)
        return handler_.on_dialed(Failure::of(Status::transport, "user 7 listens there", "PermissionError"));
      auto [near, far] = memory_pair(world_.env.loop);
      Served& s = world_.served.emplace_back();
      s.end = std::move(far);
      if (peer_ == Peer::says_garbage) s.say("GET / HTTP/1.0\r\n\r\n");
      if (peer_ == Peer::hangs_up) s.end->close();
      if (peer_ >= Peer::registrar) s.say(aid_of(peer_));
      handler_.on_dialed(std::move(near));
    }
    World& world_;
    Peer peer_;
    Handler& handler_;
  };

  Flow run(std::vector<Address> at) {
    found = co_await probe_all(*this, at, halt);
    ended = env.loop.now();
  }
  Ref<RootNursery> service_{new RootNursery(env.engine, {}, true)};
};

void expect(std::vector<Peer> script, Verdict verdict, int64_t ns, size_t dials) {
  World w({std::move(script)});
  w.ask();
  assert_int_equal(static_cast<int>(w.verdict()), static_cast<int>(verdict));
  assert_int_equal(w.took(), ns);
  assert_int_equal(w.dials.size(), dials);
  for (Served& s : w.served) assert_true(s.closed());
}

// BND-01: the first handshake stalls, the second one goes well: one back-off, and both connections are closed.
void BND_01_registry_probe_retries_transient_handshake(void**) {
  World w({{Peer::says_nothing, Peer::registrar}});
  w.ask();
  assert_int_equal(static_cast<int>(w.verdict()), static_cast<int>(Verdict::registrar));
  assert_int_equal(w.dials.size(), 2);
  assert_int_equal(w.dials[1], kSecond + 50 * kMillisecond);
  assert_int_equal(w.took(), w.dials[1]);
  assert_true(w.served[0].closed());
  assert_true(w.served[1].closed());
  assert_true(w.served[0].heard.find("registry-probe") != std::string::npos);
}

// BND-02: whoever has answered is left at once, whether it lets go of the connection or not.
void BND_02_probe_channel_close_is_bounded(void**) {
  for (Peer peer : {Peer::registrar, Peer::actor}) {
    World w({{peer}});
    w.ask();
    assert_int_equal(w.took(), 0);
    assert_true(w.served[0].closed());
  }
}

// BND-03: three attempts within three seconds, with pauses of 50 and 100 ms.
void BND_03_who_never_answers_occupies_the_address(void**) {
  expect({Peer::says_nothing}, Verdict::occupied, 3 * kSecond, 3);
  expect({Peer::hangs_up}, Verdict::occupied, 150 * kMillisecond, 3);
  expect({Peer::says_garbage}, Verdict::occupied, 150 * kMillisecond, 3);
}

void nobody_is_there(void**) {
  expect({Peer::refuses}, Verdict::absent, 0, 1);
  expect({Peer::never_connects}, Verdict::absent, kSecond, 1);
}

void somebody_was_there(void**) {
  expect({Peer::says_nothing, Peer::refuses}, Verdict::occupied, kSecond + 50 * kMillisecond, 2);
  expect({Peer::hangs_up, Peer::never_connects}, Verdict::occupied, kSecond * 2 + 150 * kMillisecond, 3);
  expect({Peer::hangs_up, Peer::never_connects, Peer::registrar}, Verdict::registrar, kSecond + 150 * kMillisecond, 3);
}

// Another user's socket: the boot ends with the reason, not with an address that can't be bound.
void who_may_not_be_asked_occupies_the_address(void**) {
  expect({Peer::forbids}, Verdict::occupied, 0, 1);
  World w({{Peer::is_foreign}});
  w.ask();
  assert_int_equal(static_cast<int>(w.verdict()), static_cast<int>(Verdict::occupied));
  assert_string_equal(w.found->at(0).who.c_str(), "user 7 listens there");
  assert_int_equal(w.took(), 0);
}

void it_says_what_it_is(void**) {
  expect({Peer::registrar}, Verdict::registrar, 0, 1);
  expect({Peer::does_not_say}, Verdict::registrar, 0, 1);
  expect({Peer::actor}, Verdict::occupied, 0, 1);
  World w({{Peer::actor}});
  w.ask();
  assert_string_equal(w.found->at(0).who.c_str(), "actor 'somebody' listens at /ip4/127.0.0.1/tcp/0");
}

void all_are_asked_at_once(void**) {
  World w({{Peer::says_nothing}, {Peer::never_connects}, {Peer::hangs_up}, {Peer::registrar}, {Peer::refuses}});
  w.ask();
  const Verdict expected[] = {Verdict::occupied, Verdict::absent, Verdict::occupied, Verdict::registrar,
                              Verdict::absent};
  for (size_t i = 0; i < 5; ++i)
    assert_int_equal(static_cast<int>(w.found->at(i).verdict), static_cast<int>(expected[i]));
  assert_int_equal(w.took(), 3 * kSecond);
}

void all_are_halted_at_once(void**) {
  World w({{Peer::says_nothing}, {Peer::never_connects}, {Peer::registrar}});
  w.begin();
  w.env.pass(10 * kMillisecond);
  assert_false(w.found.has_value());
  w.halt.halt(Error::of(Status::canceled, "enough"));
  w.env.drain();
  assert_true(w.found.has_value());
  assert_int_equal(w.took(), 10 * kMillisecond);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(BND_01_registry_probe_retries_transient_handshake),
      cmocka_unit_test(BND_02_probe_channel_close_is_bounded),
      cmocka_unit_test(BND_03_who_never_answers_occupies_the_address),
      cmocka_unit_test(nobody_is_there),
      cmocka_unit_test(somebody_was_there),
      cmocka_unit_test(who_may_not_be_asked_occupies_the_address),
      cmocka_unit_test(it_says_what_it_is),
      cmocka_unit_test(all_are_asked_at_once),
      cmocka_unit_test(all_are_halted_at_once),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
