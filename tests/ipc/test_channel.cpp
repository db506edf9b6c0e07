// The life of a connection and its output, over transports of every kind.
#include "channel_env.hpp"

extern "C" {
#include <cmocka.h>
}

using namespace tractor::core;

namespace {

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

}  // namespace

int main() {
  const CMUnitTest tests[] = {
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
