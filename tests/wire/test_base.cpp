// The bottom of everything: output buffers, uuids, failures.
#include <cerrno>
#include <cstring>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "kit.hpp"

using namespace tractor::core;

namespace {

void buffer_appends_and_consumes(void**) {
  OutBuffer out;
  assert_true(out.empty());
  out.append(Bytes());
  out.append("hello ", 6);
  out.push('w');
  std::memcpy(out.reserve(4), "orld", 4);
  out.commit(4);
  assert_true(out.view() == "hello world");
  out.consume(6);
  assert_true(out.view() == "world");
  out.consume(5);
  assert_true(out.empty());
}

/// Written bytes leave at the front while new ones come: what is in between has to stay the same.
void buffer_grows_over_a_moving_front(void**) {
  OutBuffer out;
  std::string expected;
  unsigned char next = 0;
  for (size_t round = 1; round < 400; ++round) {
    for (size_t i = 0; i < round * 7 % 301; ++i) {
      out.push(next);
      expected += static_cast<char>(next++);
    }
    size_t gone = round * 13 % 257;
    if (gone > expected.size()) gone = expected.size();
    out.consume(gone);
    expected.erase(0, gone);
    assert_true(out.view() == expected);
  }
}

void buffer_forgets_an_unfinished_frame(void**) {
  OutBuffer out;
  out.append("xxxx", 4);
  out.consume(2);
  size_t before = out.size();
  out.append("unfinished", 10);
  out.truncate(before);
  assert_true(out.view() == "xx");
  out.release();
  assert_true(out.view() == "xx");
  out.clear();
  out.release();
  assert_int_equal(out.capacity(), 0);
}

void uuids_look_like_uuids(void**) {
  for (int i = 0; i < 1000; ++i) {
    std::string u = make_uuid();
    assert_int_equal(u.size(), kUuidLength);
    for (size_t k = 0; k < u.size(); ++k) {
      bool dash = k == 8 || k == 13 || k == 18 || k == 23;
      assert_true(dash ? u[k] == '-' : std::strchr("0123456789abcdef", u[k]) != nullptr);
    }
    assert_int_equal(u[14], '4');
    assert_non_null(std::strchr("89ab", u[19]));
  }
}

void uuids_differ(void**) {
  std::set<std::string> seen;
  for (int i = 0; i < 20000; ++i) assert_true(seen.insert(make_uuid()).second);
  std::string other;
  std::thread([&] { other = make_uuid(); }).join();
  assert_true(seen.insert(other).second);
}

/// A copy of the generator's state in the child would repeat the parent's names.
void uuids_differ_after_fork(void**) {
  make_uuid();
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    char text[kUuidLength];
    make_uuid(text);
    _exit(write(ends[1], text, sizeof text) == static_cast<ssize_t>(sizeof text) ? 0 : 1);
  }
  std::string mine = make_uuid();
  char theirs[kUuidLength];
  assert_int_equal(read(ends[0], theirs, sizeof theirs), sizeof theirs);
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  close(ends[0]);
  close(ends[1]);
  assert_true(mine != std::string_view(theirs, sizeof theirs));
}

void system_failures_say_what_and_why(void**) {
  Failure f = Failure::system(Status::transport, "connect to /run/x", ENOENT, "ConnectionError");
  assert_int_equal(f.code, Status::transport);
  assert_string_equal(f.message.c_str(), "connect to /run/x: No such file or directory");
  assert_string_equal(f.type, "ConnectionError");
  assert_string_equal(Failure::system(Status::transport, "x", 99999).message.c_str(), "x: Unknown error 99999");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(buffer_appends_and_consumes),
      cmocka_unit_test(buffer_grows_over_a_moving_front),
      cmocka_unit_test(buffer_forgets_an_unfinished_frame),
      cmocka_unit_test(uuids_look_like_uuids),
      cmocka_unit_test(uuids_differ),
      cmocka_unit_test(uuids_differ_after_fork),
      cmocka_unit_test(system_failures_say_what_and_why),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
