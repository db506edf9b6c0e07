// What the log says of scopes that should have ended and have not (API rule 14), and what a deadline found open.
#include "trace_env.hpp"

using namespace scope_test;

namespace {

void listen(Env& e) {
  e.listen();
  log::set_level(log::kInfo);
}

/// The one line that came since the last look, from its logger on; "" for none.
std::string line(Env& e) {
  assert_true(e.lines.size() <= 1);
  std::string text = e.lines.empty() ? "" : e.lines.front();
  e.lines.clear();
  size_t at = text.find(".cpp:");
  at = at == text.npos ? at : text.find(' ', at);
  return at == text.npos ? text : text.substr(at + 1);
}
#define LINE(text) assert_string_equal(line(e).c_str(), (text))

CASE(says_once_what_it_waits_for) {
  ENV;
  listen(e);
  Nursery* n = e.open(e.root, "pool");
  OpToken db = e.hold(n, "db"), other = e.hold(n, nullptr);
  e.sleep(n, 60 * kSecond, "sleep");
  n->add_child(e.child[0], false);
  e.pass(10 * kSecond);
  LINE("");  // open: nothing is expected of it
  n->close();
  e.pass(kSecond - 1);
  LINE("");
  e.pass(kSecond / 2 + 1);
  LINE("nursery 'pool' is closed and waits for hold 'db', 2 operations, child 'w1'");
  n->close();
  e.pass(20 * kSecond);
  LINE("");
  n->remove_child(e.child[0]);
  e.complete(db);
  e.complete(other);
  e.pass(60 * kSecond);
  LINE("");
  SEEN("sleep:OK pool:OK");
}

CASE(a_nursery_waits_for_its_nested_ones) {
  ENV;
  listen(e);
  Nursery* outer = e.open(e.root, "outer");
  OpToken h = e.hold(e.open(outer, "inner"), "h");
  outer->close();
  e.pass(2 * kSecond);
  assert_int_equal(e.lines.size(), 2);
  assert_non_null(std::strstr(e.lines[0].c_str(), "nursery 'inner' is closed and waits for hold 'h'"));
  assert_non_null(std::strstr(e.lines[1].c_str(), "nursery 'outer' is closed and waits for nursery 'inner'"));
  e.complete(h);
}

CASE(one_that_was_cancelled) {
  ENV;
  listen(e);
  Nursery* n = e.open(e.root, "pool");
  OpToken h = e.hold(n, "thread");
  n->cancel("enough");
  e.pass(2 * kSecond);
  LINE("nursery 'pool' was cancelled and waits for hold 'thread'");
  e.complete(h);
}

CASE(each_of_several_at_its_time) {
  ENV;
  listen(e);
  Nursery *a = e.open(e.root, "a"), *b = e.open(e.root, "b"), *quick = e.open(e.root, "quick");
  OpToken in_a = e.hold(a, "one"), in_b = e.hold(b, "two");
  e.sleep(quick, kSecond - 1, "quick");
  a->close();
  quick->close();
  e.pass(kSecond);
  b->close();
  e.lines.clear();
  e.pass(kSecond / 2);
  LINE("nursery 'a' is closed and waits for hold 'one'");
  e.pass(kSecond / 4);
  LINE("");
  e.pass(kSecond);
  LINE("nursery 'b' is closed and waits for hold 'two'");
  e.complete(in_a);
  e.complete(in_b);
}

CASE(work_that_came_after_the_close) {
  ENV;
  listen(e);
  Nursery* n = e.open(e.root, "late");
  n->close();
  OpToken h = e.hold(n, "after");
  e.pass(2 * kSecond);
  LINE("nursery 'late' is closed and waits for hold 'after'");
  e.complete(h);
}

CASE(daemons_that_take_their_time) {
  ENV;
  listen(e);
  NurseryOptions options;
  options.cancel_daemons = true;
  Nursery* n = e.open(e.root, "pool", options);
  n->add_child(e.child[0], true);
  n->close();
  e.pass(2 * kSecond);
  LINE("nursery 'pool' is closed and waits for child 'w1'");
  n->remove_child(e.child[0]);
}

CASE(many_are_counted) {
  ENV;
  listen(e);
  Nursery* n = e.open(e.root, "pool");
  std::vector<OpToken> holds;
  for (int i = 0; i < 13; ++i) holds.push_back(e.hold(n, "h"));
  assert_true(n->open_work().ends_with(", hold 'h', and 3 more"));
  for (OpToken h : holds) e.complete(h);
}

// Scopes that end in time cost one timer for all of them at most, and that one stops by itself.
CASE(nobody_waits) {
  ENV;
  listen(e);
  Nursery* at_once = e.open(e.root, "at once");
  e.drain();
  int64_t before = e.port->now();
  at_once->close();
  e.drain();
  assert_false(e.port->run_once());  // no alarm was set
  assert_true(e.port->now() == before);
  for (int i = 0; i < 100; ++i) {
    Nursery* n = e.open(e.root, "soon");
    e.sleep(n, 0, "s");
    n->close();
    e.drain();
  }
  int turns = 0;
  while (e.port->run_once()) ++turns;
  assert_true(turns <= 2);
  LINE("");
}

CASE(deadline_names_what_was_open) {
  ENV;
  NurseryOptions options;
  options.timeout = kSecond;
  std::string message;
  Nursery* n = e.open(e.root, "slow", options);
  OpToken h = e.hold(n, "db");
  e.sleep(n, kForever, "s", [&](const Error* err) { message = err->message(); });
  e.pass(kSecond);
  assert_string_equal(message.c_str(),
                      "cancelled by me: deadline of nursery 'slow' passed; still open: hold 'db', 1 operation");
  e.complete(h);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      T(says_once_what_it_waits_for),
      T(a_nursery_waits_for_its_nested_ones),
      T(one_that_was_cancelled),
      T(each_of_several_at_its_time),
      T(work_that_came_after_the_close),
      T(daemons_that_take_their_time),
      T(many_are_counted),
      T(nobody_waits),
      T(deadline_names_what_was_open),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
