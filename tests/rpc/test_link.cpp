// A connection: its greeting (SRV-02, SRV-03), and what becomes of its tasks when it breaks while they are answered (RPC-01,
// RPC-02, SRV-01).
#include <cerrno>
#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "rpc/ask.hpp"
#include "rpc/task_context.hpp"
#include "rpc/link.hpp"
#include "scope/scope_env.hpp"

extern "C" {
#include <cmocka.h>
}
#undef fail  // a nursery has a function of that name

using namespace tractor::core;
using scope_test::RootNursery;
using scope_test::ScopeEnv;

namespace {

/// Counts writes, and from a certain one on fails them. If `read_error` is set, reading fails from then on too.
class FaultyTransport final : public Transport {
 public:
  explicit FaultyTransport(std::unique_ptr<Transport> under) : under_(std::move(under)) {}
  ssize_t write(const iovec* parts, int count) override {
    if (armed && ++writes >= fails_at) return -error;
    return under_->write(parts, count);
  }
  ssize_t read(void* to, size_t room) override {
    return armed && writes >= fails_at && read_error ? -read_error : under_->read(to, room);
  }
  void start(Loop& loop, FdHandler& handler, unsigned interest) override { under_->start(loop, handler, interest); }
  void want(unsigned interest) override { under_->want(interest); }
  void shutdown_write() override { under_->shutdown_write(); }
  void close() override { under_->close(); }
  const Address& local() const override { return under_->local(); }
  const Address& peer() const override { return under_->peer(); }
  int64_t peer_pid() const override { return 0; }

  bool armed = false;
  int writes = 0, fails_at = 1, error = EPIPE, read_error = 0;

 private:
  std::unique_ptr<Transport> under_;
};

/// As much of an actor as its connections need.
class Host final : public LinkHost {
 public:
  Host(Loop& loop, std::string name)
      : id_{std::move(name), make_uuid(), 1}, engine_(loop, id_), service_(new RootNursery(engine_, {}, true)) {}
  void end() {
    links.clear();
    service_->close();
    service_->body_over();
  }
  void serve(const char* name, tractor_endpoint_fn fn, void* user) { endpoints_.push_back({name, fn, user}); }

  Result<const Endpoint*> find_endpoint(std::string_view, std::string_view func) override {
    for (const Endpoint& e : endpoints_)
      if (e.name == func) return &e;
    return Failure::of(Status::remote, "no such endpoint", "AttributeError");
  }
  Engine& engine() override { return engine_; }
  const ActorId& self() const override { return id_; }
  bool is_registrar() const override { return false; }
  Nursery& service() override { return *service_; }
  size_t max_frame() const override { return 1 << 20; }
  int64_t handshake_timeout() const override { return 10 * kSecond; }
  size_t stream_window() const override { return kDefaultStreamWindow; }
  void inherit_limits(size_t, size_t) override {}
  void on_link_open(PeerLink& link) override {
    ++opened;
    last_opened = &link;
  }
  void on_link_lost(PeerLink& link, const ErrorRef& why) override {
    ++lost;
    lost_for = why;
    link.fail_calls(why);
  }
  void on_spawn_spec(PeerLink&, const wire::SpawnSpec&) override {}
  void on_cancel_actor(PeerLink&, std::string_view, int64_t) override {}
  void on_peer_failed(PeerLink&, ErrorRef) override {}

  int opened = 0, lost = 0;
  ErrorRef lost_for;
  PeerLink* last_opened = nullptr;
  std::vector<Ref<PeerLink>> links;

 private:
  ActorId id_;
  Engine engine_;
  Ref<RootNursery> service_;
  std::vector<Endpoint> endpoints_;
};

struct Reply final : Asker {
  void on_answer(Answer answer) override {
    ++count;
    last = std::move(answer);
  }
  int count = 0;
  Answer last;
};

/// A caller and a callee over a stream in memory, whose callee's end can be made to fail.
struct World {
  ScopeEnv env;
  Host caller{env.loop, "caller"}, callee{env.loop, "callee"};
  FaultyTransport* faulty = nullptr;
  PeerLink* calling = nullptr;
  PeerLink* serving = nullptr;
  int began = 0, ended = 0;
  Reply reply;

  World() { connect(); }
  ~World() {
    for (auto* host : {&caller, &callee})
      for (Ref<PeerLink>& link : host->links) link->close(Error::of(Status::closed, "the test is over"));
    env.drain();
    caller.end();
    callee.end();
    env.drain();
  }
  void connect() {
    auto [near, far] = memory_pair(env.loop);
    auto wrapped = std::make_unique<FaultyTransport>(std::move(far));
    faulty = wrapped.get();
    callee.links.push_back(PeerLink::accept(callee, std::move(wrapped)));
    caller.links.push_back(PeerLink::dial(caller, std::move(near), Greeting::at_once));
    serving = callee.links.back().get();
    calling = caller.links.back().get();
    env.drain();
  }
  /// Writes of the callee are counted from now on; that of number `fails_at` is the first to fail.
  void call(const char* func, int fails_at) {
    faulty->armed = true;
    faulty->fails_at = fails_at;
    ask(reply, *calling, caller.service(), "module", func, kEmptyMap, 0);
  }
};

void answer_at_once(tractor_ctx* ctx, const tractor_value*, void* user) {
  World& w = *static_cast<World*>(user);
  ++w.began;
  TaskContext::of(ctx).answer(kNil);
  ++w.ended;
}

void answered_later(const tractor_error*, void* user) { ++static_cast<World*>(user)->ended; }
void answer_later(tractor_ctx* ctx, const tractor_value*, void* user) {
  World& w = *static_cast<World*>(user);
  ++w.began;
  SleepOp::start(*from_c(ctx), 10 * kMillisecond, answered_later, user);
}

struct Raising {
  World* world;
  Context* ctx;
};
Raising raising;
void raise_now(const tractor_error* err, void*) {
  ++raising.world->ended;
  if (!err) raising.ctx->fail(Error::of(Failure::of(Status::user, "as it must", "ValueError")));
}
void raise_later(tractor_ctx* ctx, const tractor_value*, void* user) {
  raising = {static_cast<World*>(user), from_c(ctx)};
  ++raising.world->began;
  SleepOp::start(*from_c(ctx), 10 * kMillisecond, raise_now, nullptr);
}

// RPC-01: the connection breaks while the acknowledgement is being sent.
void RPC_01_runs_after_startack_disconnect(void** state) {
  auto fn = *static_cast<tractor_endpoint_fn*>(*state);
  World w;
  w.callee.serve("f", fn, &w);
  w.call("f", 1);
  w.env.pass(kSecond);
  assert_int_equal(w.began, 1);
  assert_int_equal(w.ended, 1);
  assert_int_equal(w.faulty->writes, 1);
  assert_int_equal(w.serving->task_count(), 0);
  assert_false(w.serving->is_open());
  assert_int_equal(w.callee.lost, 1);
  assert_int_equal(w.reply.count, 1);
  assert_int_equal(static_cast<int>(w.reply.last.err->code()), TRACTOR_ETRANSPORT);
}

// RPC-02: it breaks while the error is being sent. Nobody is left to hear of it, and the service goes on.
void RPC_02_error_shipment_ignores_closed_response_channel(void**) {
  World w;
  w.callee.serve("f", raise_later, &w);
  w.callee.serve("g", answer_at_once, &w);
  w.call("f", 2);
  w.env.drain();
  assert_int_equal(w.faulty->writes, 1);
  assert_int_equal(w.serving->task_count(), 1);
  w.env.pass(kSecond);
  assert_int_equal(w.began, 1);
  assert_int_equal(w.ended, 1);
  assert_int_equal(w.faulty->writes, 2);
  assert_int_equal(w.serving->task_count(), 0);
  assert_int_equal(w.reply.count, 1);
  assert_int_equal(static_cast<int>(w.reply.last.err->code()), TRACTOR_ETRANSPORT);
  assert_false(w.callee.service().cancel_called());

  w.connect();
  ask(w.reply, *w.calling, w.caller.service(), "module", "g", kEmptyMap, 0);
  w.env.drain();
  assert_int_equal(w.reply.count, 2);
  assert_null(w.reply.last.err.get());
}

/// Breaks while it sends an answer.
void expect_lost(int write_error, int read_error, const char* reason) {
  World w;
  w.callee.serve("f", answer_at_once, &w);
  w.faulty->error = write_error;
  w.faulty->read_error = read_error;
  w.call("f", 1);
  w.env.pass(kSecond);
  assert_int_equal(w.callee.lost, 1);
  assert_int_equal(static_cast<int>(w.callee.lost_for->code()), TRACTOR_ETRANSPORT);
  assert_non_null(std::strstr(w.callee.lost_for->message().c_str(), reason));
  assert_int_equal(static_cast<int>(w.reply.last.err->code()), TRACTOR_ETRANSPORT);
}

// SRV-01: the original gathers what fails together into a group. Here sending and reading fail one after the other: that is one
// loss, and it has the reason of its last failure, whether that is the peer's going or not.
void SRV_01_send_normalizes_only_grouped_peer_resets(void**) {
  expect_lost(EPIPE, 0, "Broken pipe");
  expect_lost(ECONNRESET, 0, "Connection reset by peer");
  expect_lost(EPIPE, ECONNRESET, "Connection reset by peer");
  expect_lost(ENOBUFS, 0, "No buffer space available");
  expect_lost(EPIPE, EIO, "Input/output error");
}

/// The other end of an accepted connection, by hand.
struct Stranger {
  explicit Stranger(World& w) {
    auto [near, far] = memory_pair(w.env.loop);
    end = std::move(near);
    w.callee.links.push_back(PeerLink::accept(w.callee, std::move(far)));
    link = w.callee.links.back().get();
    w.env.drain();
  }
  void say(std::string_view body) {
    char prefix[wire::kPrefix];
    wire::write_prefix(prefix, static_cast<uint32_t>(body.size()));
    iovec parts[] = {{prefix, sizeof prefix}, {const_cast<char*>(body.data()), body.size()}};
    assert_int_equal(end->write(parts, 2), static_cast<int>(sizeof prefix + body.size()));
  }
  std::unique_ptr<Transport> end;
  PeerLink* link;
};

// SRV-02: the reason says what can't be read.
void SRV_02_handshake_normalizes_decode_error(void**) {
  const struct {
    std::string_view said;
    const char* reason;
  } cases[] = {
      {"\xc1", "not msgpack"},
      {"\x81\xa8msg_type\xa3Nay", "Nay"},
      {"\x82\xa8msg_type\xa3"
       "Aid\xa4name\x05",
       "Aid.name: expected str, found int 5"},
  };
  for (const auto& c : cases) {
    World w;
    Stranger stranger(w);
    stranger.say(c.said);
    w.env.drain();
    assert_true(stranger.link->is_closed());
    assert_int_equal(w.callee.lost, 1);
    assert_int_equal(static_cast<int>(w.callee.lost_for->code()), TRACTOR_ETRANSPORT);
    const std::string& why = w.callee.lost_for->message();
    if (why.find("protocol violation by the peer: ") != 0 || why.find(c.reason) == why.npos) {
      print_error("expected '%s', got '%s'\n", c.reason, why.c_str());
      assert_true(!"another reason");
    }
  }
}

// SRV-03: whoever is accepted is told at once who we are, and then has ten seconds.
void SRV_03_server_uses_independent_handshake_timeout(void**) {
  World w;
  Stranger stranger(w);
  char heard[1000];
  ssize_t n = stranger.end->read(heard, sizeof heard);
  assert_true(n > 0);
  const std::string_view greeting(heard, static_cast<size_t>(n));
  assert_true(greeting.find("Aid") != greeting.npos && greeting.find("callee") != greeting.npos);
  w.env.pass(10 * kSecond - 1);
  assert_false(stranger.link->is_closed());
  w.env.pass(1);
  assert_true(stranger.link->is_closed());
  assert_string_equal(w.callee.lost_for->message().c_str(), "the peer did not say who it is in time");
}

// Only a parent of another make needs a moment before it can notice a child; one of ours gets the Aid at once.
void a_native_parent_is_greeted_at_once(void**) {
  World w;
  auto [near, far] = memory_pair(w.env.loop);
  int opened = w.caller.opened;
  w.callee.links.push_back(PeerLink::accept(w.callee, std::move(far)));
  w.caller.links.push_back(PeerLink::dial(w.caller, std::move(near), Greeting::to_parent));
  w.env.drain();  // the clock stands still
  assert_int_equal(w.caller.opened, opened + 1);
  assert_true(w.caller.links.back()->is_open());
  assert_true(w.callee.links.back()->is_open());
  assert_true(w.caller.last_opened->peer_is_native());
}

void another_parent_is_greeted_a_moment_later(void**) {
  World w;
  auto [near, far] = memory_pair(w.env.loop);
  w.caller.links.push_back(PeerLink::dial(w.caller, std::move(near), Greeting::to_parent));
  OutBuffer aid;
  wire::Aid fields;
  fields.name = "python";
  std::string uuid = make_uuid();
  fields.uuid = uuid;
  wire::encode(fields, aid);
  iovec part = {aid.data(), aid.size()};
  assert_int_equal(far->write(&part, 1), static_cast<int>(aid.size()));
  PeerLink& link = *w.caller.links.back();
  char answer[1000];
  w.env.pass(20 * kMillisecond - 1);
  assert_false(link.is_open());
  assert_int_equal(far->read(answer, sizeof answer), -EAGAIN);
  w.env.pass(1);
  assert_true(link.is_open());
  assert_false(link.peer_is_native());
  assert_true(far->read(answer, sizeof answer) > 0);
}

}  // namespace

int main() {
  tractor_endpoint_fn at_once = answer_at_once, later = answer_later;
  const CMUnitTest tests[] = {
      {"RPC_01_runs_after_startack_disconnect: answers at once", RPC_01_runs_after_startack_disconnect, nullptr,
       nullptr, &at_once},
      {"RPC_01_runs_after_startack_disconnect: answers later", RPC_01_runs_after_startack_disconnect, nullptr, nullptr,
       &later},
      cmocka_unit_test(a_native_parent_is_greeted_at_once),
      cmocka_unit_test(another_parent_is_greeted_a_moment_later),
      cmocka_unit_test(RPC_02_error_shipment_ignores_closed_response_channel),
      cmocka_unit_test(SRV_01_send_normalizes_only_grouped_peer_resets),
      cmocka_unit_test(SRV_02_handshake_normalizes_decode_error),
      cmocka_unit_test(SRV_03_server_uses_independent_handshake_timeout),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
