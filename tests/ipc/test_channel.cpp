// Frames over transports of every kind.
// ctest: timeout=120
#include "check.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <vector>

#include "ipc/channel.hpp"
#include "loop/port_manual.hpp"
#include "pair.hpp"

extern "C" {
#include <cmocka.h>
}

using namespace tractor::core;

namespace {

/// What a test decides by itself: how much each read and write moves.
class ScriptedTransport final : public Transport {
 public:
  ssize_t read(void* to, size_t room) override {
    ++reads;
    return on_read(static_cast<char*>(to), room);
  }
  ssize_t write(const iovec* parts, int count) override {
    ++writes;
    size_t n = 0;
    for (int i = 0; i < count; ++i) n += parts[i].iov_len;
    if (write_error) return -write_error;
    n = std::min(n, accepts);
    accepts -= n;
    return n ? static_cast<ssize_t>(n) : -EAGAIN;
  }
  void start(Loop&, FdHandler& h, unsigned i) override { handler = &h, interest = i; }
  void want(unsigned i) override { interest = i; }
  void shutdown_write() override {}
  void close() override { closed = true; }
  const Address& local() const override { return address; }
  const Address& peer() const override { return address; }
  int64_t peer_pid() const override { return 0; }

  std::function<ssize_t(char*, size_t)> on_read = [](char*, size_t) { return -EAGAIN; };
  FdHandler* handler = nullptr;
  Address address = Address::uds("/scripted", "x.sock");
  unsigned interest = 0;
  int reads = 0, writes = 0, write_error = 0;
  size_t accepts = SIZE_MAX;
  bool closed = false;
};

struct Handler final : ChannelHandler {
  std::vector<std::string> frames;
  size_t count = 0, bytes = 0, largest_block = 0;
  bool record = true;
  int losses = 0, drains = 0;
  Failure why;
  std::function<void(Channel&, Bytes, SharedBuffer&)> fn = [](Channel&, Bytes, SharedBuffer&) {};
  std::function<void()> on_loss = [] {};

  void on_frame(Channel& channel, Bytes body, SharedBuffer& buffer) override {
    ++count;
    bytes += body.size();
    largest_block = std::max(largest_block, buffer.capacity());
    if (record) frames.emplace_back(body);
    fn(channel, body, buffer);
  }
  void on_lost(Channel&, Failure w) override {
    ++losses;
    why = std::move(w);
    on_loss();
  }
  void on_drained(Channel&) override { ++drains; }
};

struct Writable final : FdHandler {
  std::function<void(unsigned)> fn = [](unsigned) {};
  void on_fd(unsigned ready) override { fn(ready); }
};

struct Alarm final : Timer {
  bool rang = false;
  void on_timer() override { rang = true; }
};

struct Env {
  PairKind kind = PairKind::memory;
  ManualPort* manual = nullptr;
  std::unique_ptr<Loop> loop;
  Handler handler;
  Ref<Channel> channel;
  std::unique_ptr<Transport> peer;
  ScriptedTransport* scripted = nullptr;
  Writable peer_handler;
  std::string input;  // of the peer
  std::string output;
  std::vector<Ref<SharedBuffer>> blocks;
  std::vector<Bytes> kept;
  Alarm deadline;

  /// Over the transport of this test's kind.
  bool open() {
    if (!loop) loop = libevent_loop();
    TransportPair pair = connected(*loop, kind);
    if (!pair.first || !pair.second) return false;
    channel = Channel::open(*loop, std::move(pair.first), handler);
    peer = std::move(pair.second);
    return true;
  }
  void open_scripted() {
    use_manual();
    auto transport = std::make_unique<ScriptedTransport>();
    scripted = transport.get();
    channel = Channel::open(*loop, std::move(transport), handler);
  }
  void use_manual() {
    auto port = std::make_unique<ManualPort>();
    manual = port.get();
    loop = std::make_unique<Loop>(std::move(port));
  }
  void reopen() {
    channel.reset();
    peer.reset();
    handler = Handler();
  }
  bool until(const std::function<bool()>& done, int64_t limit = 60 * kSecond) {
    deadline.rang = false;
    loop->arm_after(deadline, limit);
    bool is_done = false;
    while (!(is_done = done()) && !deadline.rang) loop->port().run_once();
    deadline.disarm();
    return is_done;
  }
  void run_for(int64_t time) {
    (void)until([] { return false; }, time);
  }
  ssize_t peer_write(std::string_view bytes) {
    iovec part = {const_cast<char*>(bytes.data()), bytes.size()};
    return peer->write(&part, 1);
  }
  /// Writes `output` whenever there is room, at most `step` bytes at once; then closes if told.
  void peer_sends(std::string bytes, size_t step = SIZE_MAX, bool then_close = false) {
    output = std::move(bytes);
    peer_handler.fn = [this, step, then_close](unsigned) {
      ssize_t n = peer_write(std::string_view(output).substr(0, step));
      if (n > 0) output.erase(0, static_cast<size_t>(n));
      if (!output.empty()) return;
      peer->want(0);
      if (then_close) peer->close();
    };
    peer->start(*loop, peer_handler, kWrite);
  }
  void peer_reads() {
    peer_handler.fn = [this](unsigned) {
      char some[16384];
      ssize_t n = peer->read(some, sizeof some);
      if (n > 0) input.append(some, static_cast<size_t>(n));
      if (n == 0) peer->close();
    };
    peer->start(*loop, peer_handler, kRead);
  }
  void queue(std::string_view body) {
    char prefix[wire::kPrefix];
    wire::write_prefix(prefix, static_cast<uint32_t>(body.size()));
    channel->out().append(prefix, sizeof prefix);
    channel->out().append(body);
    channel->sent();
  }
};

Env& env(void** state) { return *static_cast<Env*>(*state); }

std::string frame(std::string_view body) {
  std::string whole(wire::kPrefix, '\0');
  wire::write_prefix(whole.data(), static_cast<uint32_t>(body.size()));
  return whole.append(body);
}

std::string prefix(uint32_t n) {
  std::string p(wire::kPrefix, '\0');
  wire::write_prefix(p.data(), n);
  return p;
}

int set_up(void** state) {
  auto* e = new Env;
  if (*state) e->kind = *static_cast<PairKind*>(*state);
  *state = e;
  return e->open() ? 0 : -1;
}

int set_up_scripted(void** state) {
  auto* e = new Env;
  e->open_scripted();
  *state = e;
  return 0;
}

int tear_down(void** state) {
  delete static_cast<Env*>(*state);
  return 0;
}

// --- input: X-01 -----------------------------------------------------------------------------------------------

void test_small_frames(void** state) {
  Env& e = env(state);
  e.peer_sends(frame("") + frame("a") + frame("hello") + frame(""));
  CHECK(e.until([&] { return e.handler.count == 4; }));
  CHECK(e.handler.frames == std::vector<std::string>{"", "a", "hello", ""});
  assert_int_equal(e.handler.losses, 0);
}

void test_frames_over_the_limit(void** state) {
  Env& e = env(state);
  struct {
    uint32_t length;
    size_t limit;
    const char* text;
  } cases[] = {
      {UINT32_MAX, 0, "frame of 4294967295 bytes from "},
      {UINT32_MAX, wire::kMaxFrameDefault, " exceeds the limit of 67108864"},
      {wire::kMaxFrameBeforeHandshake + 1, 0, "frame of 65537 bytes from "},
      {0x20544547, 0, "frame of 542393671 bytes from "},  // "GET "
  };
  for (auto& c : cases) {
    e.reopen();
    CHECK(e.open());
    if (c.limit) e.channel->set_max_frame(c.limit);
    e.peer_sends(frame("fine") + prefix(c.length) + "more");
    CHECK(e.until([&] { return e.handler.losses == 1; }));
    assert_int_equal(e.handler.count, 1);
    assert_int_equal(static_cast<int>(e.handler.why.code), TRACTOR_ETRANSPORT);
    CHECK(contains(e.handler.why.message, c.text));
    CHECK(!e.channel->is_open());
  }
}

void test_frames_at_the_limit(void** state) {
  Env& e = env(state);
  std::string body(wire::kMaxFrameBeforeHandshake, 'x');
  e.handler.fn = [&](Channel& c, Bytes, SharedBuffer&) { c.set_max_frame(100'000); };
  e.peer_sends(frame(body) + frame(std::string(100'000, 'y')) + prefix(100'001));
  CHECK(e.until([&] { return e.handler.losses == 1; }));
  assert_int_equal(e.handler.count, 2);
  CHECK(e.handler.frames[0] == body);
  CHECK(contains(e.handler.why.message, "frame of 100001 bytes"));
}

void test_byte_by_byte(void** state) {
  Env& e = env(state);
  std::string all;
  std::vector<std::string> bodies;
  for (size_t n = 0; n < 60; ++n) {
    bodies.emplace_back(n, static_cast<char>('a' + n % 26));
    all += frame(bodies.back());
  }
  e.peer_sends(all, 1);
  CHECK(e.until([&] { return e.handler.count == 60; }));
  CHECK(e.handler.frames == bodies);
  CHECK(e.handler.largest_block == 64 * 1024);
}

void test_the_peer_closes_at_each_byte(void** state) {
  Env& e = env(state);
  std::string all = frame("first") + frame("") + frame("third");  // 9, 4 and 9 bytes
  for (size_t n = 0; n <= all.size(); ++n) {
    e.reopen();
    CHECK(e.open());
    if (n > 0) {
      e.peer_sends(all.substr(0, n), SIZE_MAX, true);
    } else {
      e.peer->close();
    }
    CHECK(e.until([&] { return e.handler.losses == 1; }));
    assert_int_equal(e.handler.count, n < 9 ? 0 : n < 13 ? 1 : n < 22 ? 2 : 3);
    size_t into = n < 9 ? n : n < 13 ? n - 9 : n < 22 ? n - 13 : 0;
    std::string where = into == 0 ? "between two frames"
                        : into < 4 ? "after " + std::to_string(into) + " of the 4 bytes of a frame's length"
                                   : "after " + std::to_string(into) + " of the 9 bytes of a frame";
    CHECK(e.handler.why.message.ends_with(where));
    CHECK(contains(e.handler.why.message, "closed by "));
    e.run_for(0);
    assert_int_equal(e.handler.losses, 1);
  }
}

void test_a_million_tiny_frames(void** state) {
  Env& e = env(state);
  constexpr size_t kFrames = 1'000'000;
  e.handler.record = false;
  std::string many;
  for (int i = 0; i < 20'000; ++i) many += frame(i % 2 ? "x" : "");
  size_t sent = 0;
  e.peer_handler.fn = [&](unsigned) {
    std::string_view rest = std::string_view(many).substr(sent % many.size());
    ssize_t n = e.peer_write(rest);
    if (n > 0) sent += static_cast<size_t>(n);
    if (sent == many.size() * (kFrames / 20'000)) e.peer->want(0);
  };
  e.peer->start(*e.loop, e.peer_handler, kWrite);
  CHECK(e.until([&] { return e.handler.count == kFrames; }));
  assert_int_equal(e.handler.bytes, kFrames / 2);
  assert_int_equal(e.handler.largest_block, 64 * 1024);
}

void test_large_frames_and_kept_ones(void** state) {
  Env& e = env(state);
  e.channel->set_max_frame(wire::kMaxFrameDefault);
  e.handler.record = false;
  e.handler.fn = [&](Channel&, Bytes body, SharedBuffer& buffer) {
    if (e.handler.count % 3 == 0) return;
    e.blocks.emplace_back(&buffer);
    e.kept.push_back(body);
  };
  std::string all;
  size_t sizes[] = {5'000'000, 10, 70'000, 65'536, 65'532, 3, 40'000, 40'000, 40'000, 0, 300'000, 300'000, 300'000, 1};
  size_t count = std::size(sizes);
  for (size_t i = 0; i < count; ++i) all += frame(std::string(sizes[i], static_cast<char>('a' + i)));
  e.peer_sends(all);
  CHECK(e.until([&] { return e.handler.count == count; }));
  for (size_t i = 0, k = 0; i < count; ++i) {
    if ((i + 1) % 3 == 0) continue;
    assert_int_equal(e.kept[k].size(), sizes[i]);
    CHECK(e.kept[k].find_first_not_of(static_cast<char>('a' + i)) == Bytes::npos);
    ++k;
  }
}

void test_reads_are_few_and_bounded(void** state) {
  Env& e = env(state);
  std::string small = frame("x");
  e.scripted->on_read = [&](char* to, size_t room) {
    for (size_t i = 0; i < room; ++i) to[i] = small[i % small.size()];
    return static_cast<ssize_t>(room);
  };
  e.handler.record = false;
  e.scripted->handler->on_fd(kRead);
  assert_int_equal(e.scripted->reads, 4);  // a peer that never stops can't keep us
  CHECK(e.handler.count > 40'000);

  e.reopen();
  e.open_scripted();
  e.scripted->on_read = [&](char* to, size_t) {
    std::memcpy(to, small.data(), small.size());
    return static_cast<ssize_t>(small.size());
  };
  e.scripted->handler->on_fd(kRead);
  assert_int_equal(e.scripted->reads, 1);  // no second one to learn that there is nothing
  assert_int_equal(e.handler.count, 1);
}

void test_memory_of_a_burst_is_given_back(void** state) {
  Env& e = env(state);
  std::string input = frame(std::string(1'000'000, 'x'));
  size_t block = 0;
  e.scripted->on_read = [&](char* to, size_t room) {
    size_t n = std::min(room, input.size());
    std::memcpy(to, input.data(), n);
    input.erase(0, n);
    return n ? static_cast<ssize_t>(n) : -EAGAIN;
  };
  e.handler.record = false;
  e.handler.fn = [&](Channel&, Bytes, SharedBuffer& buffer) { block = buffer.capacity(); };
  e.channel->set_max_frame(2'000'000);
  e.scripted->handler->on_fd(kRead);
  assert_int_equal(e.handler.count, 1);
  assert_true(block >= 1'000'000);
  for (int i = 0; i < 2'000'000; i += 100'000) e.queue(std::string(100'000, 'x'));
  CHECK(e.channel->out().capacity() >= 256 * 1024);
  e.manual->run_once();

  input = frame("small");
  e.scripted->handler->on_fd(kRead);
  assert_true(block >= 1'000'000);  // not yet: a stream of large frames needs it again
  e.manual->advance(3 * kSecond);
  CHECK(e.channel->out().capacity() == 0);
  input = frame("small");
  e.scripted->handler->on_fd(kRead);
  assert_int_equal(block, 64 * 1024);
  e.manual->advance(3 * kSecond);
  CHECK(!e.manual->run_once());
}

void test_read_errors(void** state) {
  Env& e = env(state);
  e.scripted->on_read = [](char*, size_t) { return -ECONNRESET; };
  e.scripted->handler->on_fd(kRead);
  assert_int_equal(e.handler.losses, 0);
  assert_true(e.scripted->closed);
  e.manual->run_once();
  assert_int_equal(e.handler.losses, 1);
  CHECK(same(e.handler.why.message,
             "connection to /unix/scripted/x.sock lost between two frames: Connection reset by peer"));
}

// --- what a handler may do -------------------------------------------------------------------------------------

void test_a_handler_may_close(void** state) {
  Env& e = env(state);
  e.handler.fn = [&](Channel& c, Bytes body, SharedBuffer&) {
    if (body == "stop") c.close();
  };
  e.peer_sends(frame("go") + frame("stop") + frame("never"), SIZE_MAX, true);
  CHECK(e.until([&] { return e.handler.count == 2; }));
  e.run_for(kMillisecond);
  assert_int_equal(e.handler.count, 2);
  assert_int_equal(e.handler.losses, 0);
  CHECK(!e.channel->is_open());
  e.queue("into the void");
  assert_int_equal(e.channel->pending(), 0);
  e.channel->close();
}

void test_a_handler_may_drop_the_last_reference(void** state) {
  Env& e = env(state);
  e.handler.fn = [&](Channel&, Bytes body, SharedBuffer&) {
    e.channel.reset();
    CHECK(body == "one");
  };
  e.peer_sends(frame("one") + frame("two"));
  CHECK(e.until([&] { return e.handler.count == 1; }));
  e.run_for(kMillisecond);
  assert_int_equal(e.handler.count, 1);

  CHECK(e.open());
  e.handler.on_loss = [&] { e.channel.reset(); };
  e.peer->close();
  CHECK(e.until([&] { return e.handler.losses == 1; }));
}

void test_a_closed_channel_is_silent(void** state) {
  Env& e = env(state);
  e.queue("lost");
  e.channel->notify_drained();
  CHECK(e.peer_write(frame("unseen")) > 0);
  e.channel->close();
  e.peer->close();
  e.run_for(kMillisecond);
  assert_int_equal(e.handler.count + static_cast<size_t>(e.handler.losses + e.handler.drains), 0);
  CHECK(!e.channel->transport().peer().to_string().empty());
}

void test_closing_between_a_loss_and_its_report(void** state) {
  Env& e = env(state);
  e.scripted->on_read = [](char*, size_t) { return 0; };
  e.scripted->handler->on_fd(kRead);
  e.channel->close();
  while (e.manual->run_once()) {
  }
  assert_int_equal(e.handler.losses, 0);
}

// --- output ----------------------------------------------------------------------------------------------------

void test_one_write_for_each_turn(void** state) {
  Env& e = env(state);
  for (int i = 0; i < 100; ++i) e.queue("frame");
  assert_int_equal(e.scripted->writes, 0);
  assert_int_equal(e.channel->pending(), 900);
  e.manual->run_once();
  assert_int_equal(e.scripted->writes, 1);
  assert_int_equal(e.channel->pending(), 0);
  CHECK(!e.manual->run_once());
  for (int i = 0; i < 3; ++i) e.queue(std::string(100'000, 'x'));
  assert_int_equal(e.scripted->writes, 2);  // much output doesn't wait
}

void test_partial_writes(void** state) {
  Env& e = env(state);
  e.scripted->accepts = 10;
  e.queue("0123456789");
  e.queue("abcdefghij");
  e.channel->notify_drained();
  e.manual->run_once();
  assert_int_equal(e.channel->pending(), 18);
  assert_int_equal(e.scripted->interest, kRead | kWrite);
  e.queue("x");
  CHECK(!e.manual->run_once());  // waits for the transport
  e.scripted->accepts = SIZE_MAX;
  e.scripted->handler->on_fd(kWrite);
  assert_int_equal(e.channel->pending(), 0);
  assert_int_equal(e.scripted->interest, kRead);
  assert_int_equal(e.scripted->writes, 2);
  assert_int_equal(e.handler.drains, 0);
  e.manual->run_once();
  assert_int_equal(e.handler.drains, 1);
  e.channel->notify_drained();
  assert_int_equal(e.handler.drains, 1);
  e.manual->run_once();
  assert_int_equal(e.handler.drains, 2);
}

void test_much_output_arrives_in_order(void** state) {
  Env& e = env(state);
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    std::string body(static_cast<size_t>(i), static_cast<char>('a' + i % 26));
    expected += frame(body);
    e.queue(body);
  }
  e.channel->notify_drained();
  e.run_for(kMillisecond);
  CHECK(e.channel->pending() > 0);
  assert_int_equal(e.handler.drains, 0);
  e.peer_reads();
  CHECK(e.until([&] { return e.input.size() == expected.size(); }));
  CHECK(e.input == expected);
  CHECK(e.until([&] { return e.handler.drains == 1; }));
}

// The last word of a peer may say why it went away.
void test_input_is_read_although_output_fails(void** state) {
  Env& e = env(state);
  CHECK(e.peer_write(frame("last words") + prefix(9) + "torn") > 0);
  e.peer->close();
  e.queue(std::string(300'000, 'x'));
  assert_int_equal(e.handler.losses, 0);
  e.queue("more");
  assert_int_equal(e.handler.count, 0);
  CHECK(e.until([&] { return e.handler.losses == 1; }));
  CHECK(e.handler.frames == std::vector<std::string>{"last words"});
  e.run_for(kMillisecond);
  assert_int_equal(e.handler.losses, 1);
}

void test_output_fails_alone(void** state) {
  Env& e = env(state);
  e.scripted->write_error = EPIPE;
  e.queue("x");
  e.manual->run_once();
  e.manual->run_once();
  assert_int_equal(e.handler.losses, 1);
  CHECK(same(e.handler.why.message, "writing to /unix/scripted/x.sock: Broken pipe"));
  CHECK(!e.channel->is_open());
}

void test_close_when_flushed(void** state) {
  Env& e = env(state);
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    std::string body(20'000, static_cast<char>('a' + i % 26));
    expected += frame(body);
    e.queue(body);
  }
  CHECK(e.peer_write(frame("too late")) > 0);
  e.channel->close_when_flushed(60 * kSecond);
  CHECK(!e.channel->is_open());
  e.queue("too late");
  e.channel.reset();  // the loop keeps it
  CHECK(e.loop->has_last_work());
  bool ended = false;
  e.peer_handler.fn = [&](unsigned) {
    char some[16384];
    ssize_t n = e.peer->read(some, sizeof some);
    if (n > 0) e.input.append(some, static_cast<size_t>(n));
    ended = n <= 0 && n != -EAGAIN;
    if (ended) e.peer->close();
  };
  e.peer->start(*e.loop, e.peer_handler, kRead);
  CHECK(e.until([&] { return ended; }));
  CHECK(e.input == expected);
  CHECK(!e.loop->has_last_work());
  assert_int_equal(e.handler.count + static_cast<size_t>(e.handler.losses), 0);
}

void test_close_when_flushed_has_a_limit(void** state) {
  Env& e = env(state);
  e.scripted->accepts = 1;
  e.queue("x");
  e.channel->close_when_flushed(kSecond);
  e.manual->run_once();
  assert_int_equal(e.scripted->interest, kWrite);
  e.manual->advance(kSecond - 1);
  assert_false(e.scripted->closed);
  e.manual->advance(1);
  assert_true(e.scripted->closed);
  CHECK(!e.loop->has_last_work());

  e.open_scripted();
  e.channel->close_when_flushed(kSecond);  // nothing to flush
  assert_true(e.scripted->closed);

  e.open_scripted();
  e.scripted->accepts = 0;
  e.queue("x");
  e.channel->close_when_flushed(kForever);
  e.channel.reset();
  e.loop.reset();  // ends it
}

PairKind kinds[] = {PairKind::memory, PairKind::uds, PairKind::tcp};

}  // namespace

#define SCRIPTED(f) cmocka_unit_test_setup_teardown(f, set_up_scripted, tear_down)
#define EACH(f) \
  {#f " memory", f, set_up, tear_down, &kinds[0]}, {#f " uds", f, set_up, tear_down, &kinds[1]}, \
      {#f " tcp", f, set_up, tear_down, &kinds[2]}

int main() {
  const CMUnitTest tests[] = {
      EACH(test_small_frames),
      EACH(test_frames_over_the_limit),
      EACH(test_frames_at_the_limit),
      EACH(test_byte_by_byte),
      EACH(test_the_peer_closes_at_each_byte),
      EACH(test_a_million_tiny_frames),
      EACH(test_large_frames_and_kept_ones),
      SCRIPTED(test_reads_are_few_and_bounded),
      SCRIPTED(test_memory_of_a_burst_is_given_back),
      SCRIPTED(test_read_errors),
      EACH(test_a_handler_may_close),
      EACH(test_a_handler_may_drop_the_last_reference),
      EACH(test_a_closed_channel_is_silent),
      SCRIPTED(test_closing_between_a_loss_and_its_report),
      SCRIPTED(test_one_write_for_each_turn),
      SCRIPTED(test_partial_writes),
      EACH(test_much_output_arrives_in_order),
      EACH(test_input_is_read_although_output_fails),
      SCRIPTED(test_output_fails_alone),
      EACH(test_close_when_flushed),
      SCRIPTED(test_close_when_flushed_has_a_limit),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
