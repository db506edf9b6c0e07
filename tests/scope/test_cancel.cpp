// How a nursery ends: cancels, deadlines, errors (API rules 13 to 15, 17, 20 to 23, 26).
#include "trace_env.hpp"

using namespace scope_test;

namespace {

// --- cancelling ----------------------------------------------------------------------------------------------------

CASE(own_cancel_is_success) {  // rules 7, 13
  ENV;
  Nursery* n = e.open(e.root, "n");
  Nursery* m = e.open(n, "m");
  e.sleep(m, kForever, "a", [&e](const Error* err) { e.outcome = ErrorRef(err); });
  e.sleep(n, kForever, "b");
  assert_true(n->cancel("enough"));
  assert_false(n->cancel("again"));
  SEEN("");
  e.drain();
  SEEN("b:ECANCELED a:ECANCELED m:ECANCELED n:OK");
  assert_string_equal(e.outcome->fields().canceller.name.c_str(), "me");
  assert_non_null(strstr(e.outcome->message().c_str(), "enough"));
}

CASE(cancel_from_outside) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  e.sleep(n, kForever, "a");
  e.root->cancel("x");
  e.drain();
  SEEN("a:ECANCELED n:ECANCELED root:OK");
}

CASE(own_cancel_then_from_outside) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken h = e.hold(n, nullptr);
  n->cancel("x");
  e.root->cancel("y");
  e.complete(h);
  e.drain();
  SEEN("n:ECANCELED root:OK");
}

CASE(born_cancelled) {
  ENV;
  OpToken h = e.hold(e.root, nullptr);
  e.root->cancel("x");
  Nursery* n = e.open(e.root, "n");
  assert_true(n->cancel_called());
  assert_true(n->closed());
  e.sleep(n, 5, "a");
  e.drain();
  SEEN("a:ECANCELED n:ECANCELED");
  e.complete(h);
}

CASE(shield) {  // rules 3, 4
  ENV;
  Nursery* before = e.open(e.root, "before", {"", 100, true, false});
  e.sleep(before, 10, "a");
  e.root->cancel("x");
  Nursery* born = e.open(e.root, "born", {"", 20, true, false});
  Nursery* inner = e.open(born, "inner");
  e.sleep(inner, kForever, "b");
  assert_false(born->cancel_called());
  assert_true(before->closed());
  e.pass(10);
  SEEN("a:OK before:OK");
  e.pass(10);
  SEEN("b:ECANCELED inner:ECANCELED born:ETIMEDOUT root:OK");
}

CASE(cancel_after_the_last_work_changes_nothing) {  // rule 17
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken h = e.hold(n, nullptr);
  n->close();
  e.complete(h);
  e.root->cancel("too late");
  e.drain();
  SEEN("n:OK root:OK");
}

CASE(but_a_failure_is_never_lost) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  n->close();
  n->fail(e.boom);
  e.drain();
  SEEN("n:EUSER");
}

CASE(cancel_after_the_last_work_counts_if_more_is_started) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  n->close();
  e.cancel(n->end_token());
  e.sleep(n, 3, "a");
  e.drain();
  SEEN("a:ECANCELED n:ECANCELED");
}

CASE(raised_cancel_only_cancels) {  // rule 23
  ENV;
  Nursery* n = e.open(e.root, "n");
  e.sleep(n, kForever, "a");
  n->fail(e.engine.cancel_error("x"));
  e.drain();
  SEEN("a:ECANCELED n:OK");
}

// --- deadlines -----------------------------------------------------------------------------------------------------

CASE(deadline) {  // rules 13, 15
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 10, false, false}, [&e](const Error* err) { e.outcome = ErrorRef(err); });
  e.sleep(n, kForever, "a");
  e.pass(9);
  SEEN("");
  e.pass(1);
  SEEN("a:ECANCELED n:ETIMEDOUT");
  assert_non_null(strstr(e.outcome->message().c_str(), "'n'"));
}

CASE(deadline_of_an_idle_nursery) {
  ENV;
  e.open(e.root, "n", {"", 10, false, false});
  e.pass(10);
  SEEN("n:ETIMEDOUT");
}

CASE(deadline_moved_and_removed) {
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 10, false, false});
  e.pass(5);
  n->set_deadline(20);
  e.pass(19);
  SEEN("");
  n->set_deadline(0);
  e.pass(kSecond);
  SEEN("");
  n->set_deadline(kForever);
  n->set_deadline(1);
  e.pass(1);
  SEEN("n:ETIMEDOUT");
}

CASE(error_wins_over_deadline) {
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 10, false, false});
  Call* slow = e.call(n, nullptr, true);
  e.pass(10);
  slow->decide(e.boom);
  e.drain();
  SEEN("n:EUSER");
}

CASE(deadline_then_cancel) {
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 10, false, false});
  OpToken h = e.hold(n, nullptr);
  e.pass(10);
  e.root->cancel("x");
  e.complete(h);
  e.drain();
  SEEN("n:ETIMEDOUT root:OK");
}

CASE(cancel_then_deadline) {  // the deadline found nothing left to cut
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 10, false, false});
  Nursery* m = e.open(e.root, "m", {"", 10, false, false});
  OpToken h = e.hold(n, nullptr), i = e.hold(m, nullptr);
  e.cancel(n->end_token());
  m->cancel("own");
  e.pass(20);
  e.complete(h);
  e.complete(i);
  e.drain();
  SEEN("n:ECANCELED m:OK");
}

CASE(deadline_after_the_last_work) {
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 10, false, false});
  n->close();
  e.port->advance(10);  // before its end was delivered
  e.drain();
  SEEN("n:OK");
}

// --- errors --------------------------------------------------------------------------------------------------------

CASE(failing_cancels_the_rest) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  Nursery* m = e.open(n, "m", {}, [&e](const Error* err) { e.outcome = ErrorRef(err); });
  e.sleep(m, kForever, "a");
  Call* c = e.call(n, nullptr);
  c->decide(e.boom);
  SEEN("");
  e.drain();
  SEEN("a:ECANCELED m:ECANCELED n:EUSER");
  assert_ptr_equal(e.outcome->root(), e.boom.get());  // rule 22: what fails because of it has it as cause
  assert_string_equal(e.outcome->fields().canceller.name.c_str(), "me");
}

CASE(error_given_to_a_completion_stays_there) {  // rule 20
  ENV;
  Nursery* n = e.open(e.root, "n");
  e.call(n, "c")->decide(e.boom);
  e.drain();
  SEEN("c:EUSER");
  assert_false(n->cancel_called());
}

CASE(several_errors_are_a_group) {
  ENV;
  Nursery* n = e.open(e.root, "n", {}, [&e](const Error* err) { e.outcome = ErrorRef(err); });
  e.call(n, nullptr)->decide(e.boom);
  e.call(n, nullptr, true)->decide(e.bang);
  e.drain();
  SEEN("n:EGROUP");
  assert_int_equal(e.outcome->fields().members.size(), 2);
  assert_ptr_equal(e.outcome->fields().members[0].get(), e.boom.get());
}

CASE(one_failure_is_kept_once) {  // rule 22
  ENV;
  Nursery* n = e.open(e.root, "n", {}, [&e](const Error* err) { e.outcome = ErrorRef(err); });
  ErrorRef lost = Error::caused(Status::transport, "lost", e.boom);
  e.call(n, nullptr)->decide(lost);
  e.call(n, nullptr, true)->decide(Error::caused(Status::child, "died", e.boom));
  n->fail(e.boom);
  e.drain();
  SEEN("n:EUSER");
  assert_ptr_equal(e.outcome.get(), e.boom.get());
}

CASE(one_failure_in_a_group_and_beside_it) {
  ENV;
  for (bool group_first : {false, true}) {
    Nursery* n = e.open(e.root, "n", {}, [&e](const Error* err) { e.outcome = ErrorRef(err); });
    ErrorRef pair = Error::group("pair", {Error::caused(Status::child, "died", e.boom), e.bang});
    if (!group_first) n->fail(e.boom);
    n->fail(pair);
    if (group_first) n->fail(e.boom);
    n->fail(pair);
    e.drain();
    SEEN("n:EGROUP");
    assert_int_equal(e.outcome->fields().members.size(), 2);
    assert_ptr_equal(e.outcome->fields().members[1].get(), e.bang.get());
  }
}

CASE(no_cancel_inside_a_group) {  // rule 23
  ENV;
  Nursery* n = e.open(e.root, "n");
  n->fail(Error::group("both", {e.engine.cancel_error("x"), e.boom}));
  Nursery* m = e.open(e.root, "m");
  m->fail(Error::group("both", {e.engine.cancel_error("x"), e.engine.cancel_error("y")}));
  e.drain();
  SEEN("n:EUSER m:OK");
}

CASE(nested_without_callback_passes_its_error_on) {  // rule 20
  ENV;
  Nursery* n = e.open(e.root, "n", {}, [&e](const Error* err) { e.outcome = ErrorRef(err); });
  Nursery* m = e.open_silent(n);
  Nursery* o = e.open_silent(m);
  e.sleep(n, kForever, "a");
  o->fail(e.boom);
  e.drain();
  SEEN("a:ECANCELED n:EUSER");
  assert_ptr_equal(e.outcome.get(), e.boom.get());
}

CASE(nested_without_callback_cancelled_or_late) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  Nursery* m = e.open_silent(n);
  e.cancel(m->end_token());
  e.drain();
  SEEN("");
  assert_false(n->cancel_called());
  e.open_silent(n, {"late", 5, false, false});
  e.pass(5);
  SEEN("n:ETIMEDOUT");
}

CASE(ignored_errors_are_logged) {  // rule 26
  ENV;
  e.listen();
  Nursery* n = e.open(e.root, "n");
  e.call(n, "ignores")->decide(Error::of(Status::user, "unseen"));
  e.drain();
  assert_int_equal(e.lines.size(), 1);
  assert_non_null(strstr(e.lines[0].c_str(), "unseen"));

  auto* reads = new Call(*n, e.note("reads", [](const Error* err) { err->mark_handled(); }));
  reads->decide(Error::of(Status::user, "seen"));
  auto* raises = new Call(*n, e.note("raises", [n](const Error* err) { n->fail(ErrorRef(err)); }));
  raises->decide(Error::of(Status::user, "raised"));
  e.sleep(n, kForever, "cancelled");
  e.drain();
  SEEN("ignores:EUSER reads:EUSER raises:EUSER cancelled:ECANCELED n:EUSER");
  assert_int_equal(e.lines.size(), 2);  // the end callback did not look at what it was given
  assert_non_null(strstr(e.lines[1].c_str(), "raised"));

  Nursery* m = e.open(e.root, "m", {}, [](const Error* err) { err->mark_handled(); });
  m->fail(Error::of(Status::user, "looked at"));
  e.cancel(e.open(e.root, "c")->end_token());
  e.drain();
  assert_int_equal(e.lines.size(), 2);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      T(own_cancel_is_success),
      T(cancel_from_outside),
      T(own_cancel_then_from_outside),
      T(born_cancelled),
      T(shield),
      T(cancel_after_the_last_work_changes_nothing),
      T(but_a_failure_is_never_lost),
      T(cancel_after_the_last_work_counts_if_more_is_started),
      T(raised_cancel_only_cancels),
      T(deadline),
      T(deadline_of_an_idle_nursery),
      T(deadline_moved_and_removed),
      T(error_wins_over_deadline),
      T(deadline_then_cancel),
      T(cancel_then_deadline),
      T(deadline_after_the_last_work),
      T(failing_cancels_the_rest),
      T(error_given_to_a_completion_stays_there),
      T(several_errors_are_a_group),
      T(one_failure_is_kept_once),
      T(one_failure_in_a_group_and_beside_it),
      T(no_cancel_inside_a_group),
      T(nested_without_callback_passes_its_error_on),
      T(nested_without_callback_cancelled_or_late),
      T(ignored_errors_are_logged),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
