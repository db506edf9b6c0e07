// Streams of every kind.
#include "transport_env.hpp"

extern "C" {
#include <cmocka.h>
}

using namespace tractor::core;

namespace {

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
  CHECK(e.eventually([&] { return (n = e.write(*e.pair.first, "x")) < 0; }));
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

PairKind kinds[] = {PairKind::memory, PairKind::uds, PairKind::tcp};

}  // namespace

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define EACH(f)                                                                                    \
  {#f " memory", f, set_up, tear_down, &kinds[0]}, {#f " uds", f, set_up, tear_down, &kinds[1]}, { \
#f " tcp", f, set_up, tear_down, &kinds[2]                                                     \
  }

int main() {
  const CMUnitTest tests[] = {
      EACH(test_bytes_and_end_of_stream),
      EACH(test_half_close),
      EACH(test_writing_to_nobody),
      EACH(test_a_full_stream_becomes_writable_again),
      EACH(test_a_handler_may_close_or_destroy),
      TEST(test_a_memory_stream_has_a_capacity),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
