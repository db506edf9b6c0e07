// Operations, holds and their tokens: decide, deliver, disarm (API rules 2, 9, 16 to 19).
#include "trace_env.hpp"

using namespace scope_test;

namespace {

// --- holds ---------------------------------------------------------------------------------------------------------

CASE(hold_is_told_once_and_lasts) {  // rule 9
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken h = e.hold(n, "h");
  assert_true(e.cancel(h));
  SEEN("");
  e.drain();
  SEEN("h:OK");
  e.cancel(h);
  n->cancel("x");
  e.drain();
  SEEN("");
  assert_true(e.complete(h));
  assert_false(e.complete(h));
  e.drain();
  SEEN("n:OK");
}

CASE(hold_completed_or_abandoned_before_it_is_told) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken a = e.hold(n, "a"), b = e.hold(n, "b"), c = e.hold(n, "c");
  n->cancel("x");
  assert_true(e.complete(a));
  assert_true(e.abandon(b));
  assert_false(e.abandon(b));
  assert_false(e.complete(b));
  assert_false(e.cancel(b));
  e.drain();
  SEEN("c:OK");
  e.complete(c);
  e.drain();
  SEEN("n:OK");
}

CASE(hold_completed_in_its_on_cancel) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken a = 0, b = 0;
  a = e.hold(n, "a", [&](const Error*) {
    e.complete(a);
    e.abandon(b);
  });
  b = e.hold(n, "b");
  n->cancel("x");
  e.drain();
  SEEN("a:OK n:OK");
}

CASE(hold_completed_with_an_error) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken a = e.hold(n, "a"), b = e.hold(n, "b");
  e.complete(a, e.boom);
  e.drain();
  SEEN("b:OK");
  e.complete(b, e.engine.cancel_error("as asked"));
  e.drain();
  SEEN("n:EUSER");
}

CASE(hold_without_on_cancel) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken h = e.hold(n, nullptr);
  n->cancel("x");
  e.drain();
  SEEN("");
  e.complete(h, e.engine.cancel_error("raised"));
  e.drain();
  SEEN("n:OK");
}

// --- tokens --------------------------------------------------------------------------------------------------------

CASE(stale_tokens) {  // rule 16
  ENV;
  OpToken a = e.sleep(e.root, 0, "a");
  assert_true(a > 0);
  e.drain();
  assert_false(e.cancel(a));
  assert_false(e.abandon(a));
  OpToken b = e.sleep(e.root, 5, "b");
  assert_int_equal(b & 0xffffff, a & 0xffffff);
  assert_int_not_equal(a, b);
  assert_false(e.cancel(a));
  for (OpToken bad : {int64_t{0}, int64_t{-3}, INT64_MIN, INT64_MAX, b + 1, b + (int64_t{1} << 24)})
    assert_false(e.live(bad));
  e.pass(5);
  SEEN("a:OK b:OK");
}

CASE(slots_are_reused_first_in_first_out) {
  ENV;
  OpToken t[4];
  for (OpToken& it : t) it = e.hold(e.root, nullptr);
  for (int i : {2, 0, 3}) e.complete(t[i]);
  OpToken again[4];
  for (OpToken& it : again) it = e.hold(e.root, nullptr);
  const int order[] = {2, 0, 3};
  for (int i = 0; i < 3; ++i) {
    assert_int_equal(again[i] & 0xffffff, t[order[i]] & 0xffffff);
    assert_int_equal(again[i] >> 24, 2);
  }
  assert_int_equal(again[3] & 0xffffff, 4);
  assert_int_equal(e.engine.tokens().size(), 5);
  e.complete(t[1]);
  for (OpToken it : again) e.complete(it);
}

CASE(only_holds_are_completed) {
  ENV;
  OpToken s = e.sleep(e.root, 5, "s");
  Nursery* n = e.open(e.root, "n");
  assert_false(e.complete(s));
  assert_false(e.complete(n->end_token()));
  e.pass(5);
  SEEN("s:OK");
}

CASE(cancel_after_the_decision_changes_nothing) {  // rule 17
  ENV;
  OpToken s = e.sleep(e.root, 0, "s");
  e.cancel(s);
  Call* c = e.call(e.root, "c");
  c->decide(e.boom);
  c->decide({});
  e.cancel(c->token());
  Call* d = e.call(e.root, "d");
  e.cancel(d->token());
  d->decide(e.boom);
  e.drain();
  SEEN("s:OK c:EUSER d:ECANCELED");
}

CASE(abandon_disarms) {  // rule 19
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken waits = e.sleep(n, kForever, "waits");
  OpToken queued = e.sleep(n, 0, "queued");
  assert_true(e.abandon(waits));
  assert_true(e.abandon(queued));
  n->close();
  e.drain();
  SEEN("n:OK");
  assert_false(e.live(waits));
}

CASE(abandoned_work_is_waited_for_and_its_error_kept) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  Call* slow = e.call(n, "slow", true);
  Call* failed = e.call(e.root, "failed");
  e.abandon(slow->token());
  n->close();
  e.drain();
  SEEN("");
  slow->decide(e.boom);
  e.drain();
  SEEN("n:EUSER");
  failed->decide(e.bang);  // decided, not yet delivered
  e.abandon(failed->token());
  e.drain();
  SEEN("root:EUSER");
}

CASE(abandon_inside_its_own_completion) {
  ENV;
  OpToken s = 0;
  bool found = true;
  s = e.sleep(e.root, 0, "s", [&](const Error*) { found = e.abandon(s) || e.cancel(s); });
  e.drain();
  SEEN("s:OK");
  assert_false(found);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      T(hold_is_told_once_and_lasts),
      T(hold_completed_or_abandoned_before_it_is_told),
      T(hold_completed_in_its_on_cancel),
      T(hold_completed_with_an_error),
      T(hold_without_on_cancel),
      T(stale_tokens),
      T(slots_are_reused_first_in_first_out),
      T(only_holds_are_completed),
      T(cancel_after_the_decision_changes_nothing),
      T(abandon_disarms),
      T(abandoned_work_is_waited_for_and_its_error_kept),
      T(abandon_inside_its_own_completion),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
