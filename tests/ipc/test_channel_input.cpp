// from bytes to frames, over transports of every kind.
// ctest: timeout=120
#include "channel_env.hpp"

extern "C" {
#include <cmocka.h>
}

using namespace tractor::core;

namespace {

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
    std::string where = into == 0  ? "between two frames"
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

}  // namespace

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
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
