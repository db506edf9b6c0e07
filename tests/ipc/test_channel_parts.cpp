// Large frames written from where they lie, and input that waits for the program.
#include "channel_env.hpp"

extern "C" {
#include <cmocka.h>
}

using namespace tractor::core;

namespace {

std::string text_of(size_t size, char from) {
  std::string text(size, from);
  for (size_t i = 0; i < size; i += 997) text[i] = static_cast<char>('a' + i % 26);
  return text;
}

/// Whole frames reach the peer in the order of the calls, whatever was large, shared or blocked.
void test_order_is_kept(void** state) {
  Env& e = env(state);
  std::string expected;
  auto large = [&](size_t size, bool shared) {
    std::string body = text_of(size, shared ? 's' : 'p');
    std::string head = prefix(static_cast<uint32_t>(size)) + "";
    Ref<Value> value = Value::copy_of(body);
    e.channel->send_parts(head, shared ? value->bytes() : Bytes(body), shared ? value.get() : nullptr);
    expected += frame(body);
  };
  auto small = [&](const char* body) {
    e.queue(body);
    expected += frame(body);
  };
  small("first");
  large(100'000, false);
  small("second");
  large(3'000'000, true);
  small("third");
  large(1'000'000, false);
  large(70'000, true);
  small("last");
  e.peer_reads();
  CHECK(e.until([&] { return e.input.size() >= expected.size(); }));
  CHECK(e.input == expected);
  CHECK(e.until([&] { return e.channel->pending() == 0; }));
}

void test_one_write_takes_head_and_payload(void** state) {
  Env& e = env(state);
  std::string body = text_of(50'000, 'x');
  e.channel->send_parts(prefix(50'000), body, nullptr);
  assert_int_equal(e.scripted->writes, 1);
  assert_int_equal(e.channel->pending(), 0);
}

void test_what_is_not_taken_is_shared_or_copied(void** state) {
  Env& e = env(state);
  auto kept = Value::copy_of(text_of(50'000, 'x'));
  e.scripted->accepts = 10'000;
  e.channel->send_parts(prefix(50'000), kept->bytes(), kept.get());
  CHECK(e.channel->write_blocked());
  assert_int_equal(e.channel->pending(), 40'004);
  CHECK(!kept->unique());
  e.queue("behind");
  e.scripted->accepts = SIZE_MAX;
  e.scripted->handler->on_fd(kWrite);
  assert_int_equal(e.channel->pending(), 0);
  CHECK(kept->unique());

  {
    std::string gone = text_of(50'000, 'y');
    e.scripted->accepts = 1;
    e.channel->send_parts(prefix(50'000), gone, nullptr);
  }
  assert_int_equal(e.channel->pending(), 50'003);
  e.scripted->accepts = SIZE_MAX;
  e.scripted->handler->on_fd(kWrite);
  assert_int_equal(e.channel->pending(), 0);
}

void test_a_write_that_fails_lets_go(void** state) {
  Env& e = env(state);
  auto kept = Value::copy_of(text_of(50'000, 'x'));
  e.scripted->accepts = 10'000;
  e.channel->send_parts(prefix(50'000), kept->bytes(), kept.get());
  e.scripted->write_error = EPIPE;
  e.scripted->handler->on_fd(kWrite);
  CHECK(kept->unique());
  assert_int_equal(e.channel->pending(), 0);
  while (e.manual->run_once()) {
  }
  assert_int_equal(e.handler.losses, 1);
}

/// pause(): the next frame comes after what is in the ready queue, though both came with one read.
void test_a_pause_lets_others_run(void** state) {
  Env& e = env(state);
  struct Note final : Ready {
    void fire() override { frames_seen.push_back(handler->count); }
    Handler* handler = nullptr;
    std::vector<size_t> frames_seen;
  } note;
  note.handler = &e.handler;
  e.handler.fn = [&](Channel& c, Bytes, SharedBuffer&) {
    e.loop->post(note);
    c.pause();
  };
  e.peer_sends(frame("one") + frame("two") + frame("three"));
  CHECK(e.until([&] { return e.handler.count == 3; }));
  e.run_for(kMillisecond);
  CHECK((note.frames_seen == std::vector<size_t>{1, 2, 3}));
}

void test_closing_while_paused(void** state) {
  Env& e = env(state);
  e.handler.fn = [&](Channel& c, Bytes, SharedBuffer&) {
    c.pause();
    c.close();
  };
  e.peer_sends(frame("one") + frame("two"));
  CHECK(e.until([&] { return e.handler.count == 1; }));
  e.run_for(kMillisecond);
  assert_int_equal(e.handler.count, 1);
}

/// The end of the connection waits behind the frames that a pause holds back.
void test_the_end_comes_after_what_waits(void** state) {
  Env& e = env(state);
  e.handler.fn = [&](Channel& c, Bytes, SharedBuffer&) { c.pause(); };
  e.peer_sends(frame("one") + frame("two"), SIZE_MAX, true);
  CHECK(e.until([&] { return e.handler.losses == 1; }));
  assert_int_equal(e.handler.count, 2);
}

/// Frames of one size in a row: no block is ever much larger than one of them, and all arrive whole.
void test_large_frames_in_a_row(void** state) {
  Env& e = env(state);
  std::string body = text_of(300'000, 'x'), all;
  for (int i = 0; i < 20; ++i) all += frame(body);
  all += frame("small");
  e.channel->set_max_frame(1 << 20);
  e.handler.record = false;
  size_t wrong = 0;
  e.handler.fn = [&](Channel&, Bytes got, SharedBuffer&) { wrong += got != body && got != "small"; };
  e.peer_sends(all);
  CHECK(e.until([&] { return e.handler.count == 21; }));
  assert_int_equal(wrong, 0);
  CHECK(e.handler.largest_block < 320'000);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      EACH(test_order_is_kept),
      SCRIPTED(test_one_write_takes_head_and_payload),
      SCRIPTED(test_what_is_not_taken_is_shared_or_copied),
      SCRIPTED(test_a_write_that_fails_lets_go),
      EACH(test_a_pause_lets_others_run),
      EACH(test_closing_while_paused),
      EACH(test_the_end_comes_after_what_waits),
      EACH(test_large_frames_in_a_row),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
