// When a nursery has ended, and in which order its end happens (API rules 4 to 14).
#include "trace_env.hpp"

using namespace scope_test;

namespace {

// --- starting and completing ---------------------------------------------------------------------------------------

CASE(completes_later_in_order) {  // rules 2, 18
  ENV;
  e.sleep(e.root, 0, "a", [&e](const Error*) { e.sleep(e.root, 0, "c"); });
  e.sleep(e.root, -5, "b");
  SEEN("");
  e.drain();
  SEEN("a:OK b:OK c:OK");
}

CASE(sleeps_as_long_as_asked) {
  ENV;
  e.sleep(e.root, 20, "late");
  e.sleep(e.root, 10, "early");
  OpToken never = e.sleep(e.root, kForever, "never");
  e.pass(9);
  SEEN("");
  e.pass(1);
  SEEN("early:OK");
  e.pass(kSecond);
  SEEN("late:OK");
  assert_true(e.cancel(never));
  e.drain();
  SEEN("never:ECANCELED");
}

CASE(completion_may_start_more_after_close) {  // rules 5, 7
  ENV;
  Nursery* n = e.open(e.root, "n");
  e.sleep(n, 1, "a", [&e, n](const Error*) { e.sleep(n, 1, "b", [&e, n](const Error*) { e.sleep(n, 1, "c"); }); });
  n->close();
  e.pass(2);
  SEEN("a:OK b:OK");
  e.pass(1);
  SEEN("c:OK n:OK");
}

CASE(start_after_close_before_the_end) {  // rule 7: close refuses nothing, however little is left
  ENV;
  Nursery* n = e.open(e.root, "n");
  n->close();
  e.sleep(n, 5, "a");
  e.pass(4);
  SEEN("");
  e.pass(1);
  SEEN("a:OK n:OK");
}

CASE(last_work_ends_and_more_starts_in_one_callback) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken h = e.hold(n, nullptr);
  n->close();
  e.sleep(e.root, 0, "x", [&](const Error*) {
    e.complete(h);
    e.sleep(n, 3, "a");
  });
  e.drain();
  SEEN("x:OK");
  e.pass(3);
  SEEN("a:OK n:OK");
}

CASE(nested_opened_in_a_nursery_about_to_end) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  n->close();
  Nursery* m = e.open(n, "m");
  e.sleep(m, 1, "a");
  e.pass(1);
  SEEN("a:OK m:OK n:OK");
}

CASE(start_in_a_cancelled_nursery) {  // rule 4
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken keep = e.hold(n, "keep");
  n->cancel("x");
  e.drain();
  SEEN("keep:OK");
  e.sleep(n, kForever, "a");
  e.sleep(n, 0, "b");
  e.sleep(n, 0, nullptr);
  OpToken h = e.hold(n, "h");
  e.drain();
  SEEN("a:ECANCELED b:ECANCELED h:OK");
  e.complete(h);
  e.complete(keep);
  e.drain();
  SEEN("n:OK");
}

// --- what is work --------------------------------------------------------------------------------------------------

CASE(open_idle_nested_is_no_work) {  // rule 6
  ENV;
  Nursery* n = e.open(e.root, "n");
  e.open(n, "m");
  e.sleep(n, 1, "a");
  e.pass(1);
  e.sleep(n, 1, "b", [n](const Error*) { n->close(); });
  e.pass(1);
  SEEN("a:OK b:OK m:OK n:OK");
}

CASE(idle_nested_of_an_open_nursery_stays) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  Nursery* m = e.open(n, "m");
  e.sleep(m, 1, "a");
  e.sleep(n, 1, "b");
  e.pass(1);
  SEEN("a:OK b:OK");
  assert_false(m->closed());
  assert_false(n->closed());
}

CASE(busy_nested_is_work) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  Nursery* m = e.open(n, "m");
  Nursery* o = e.open(m, "o");
  OpToken h = e.hold(o, nullptr);
  n->close();
  e.drain();
  SEEN("");
  assert_true(o->closed());
  e.complete(h);
  e.drain();
  SEEN("o:OK m:OK n:OK");
}

CASE(nested_is_work_until_its_end_was_reported) {  // finding 4
  ENV;
  Nursery* n = e.open(e.root, "n");
  Nursery* m = e.open(n, "m", {}, [&e, n](const Error*) { e.sleep(n, 0, "after"); });
  n->close();
  m->close();
  e.drain();
  SEEN("m:OK after:OK n:OK");
}

CASE(body_over_leaves_nested_open) {  // rule 8, finding 3
  ENV;
  auto* root = new RootNursery(e.engine, {}, true);
  root->on_outcome = [&e](const ErrorRef& err) { e.add("end", err.get()); };
  Nursery* n = e.open(root, "n");
  OpToken step = e.hold(root, nullptr);
  e.drain();
  root->body_over();
  e.drain();
  SEEN("");
  assert_false(n->closed());
  e.sleep(n, 1, "a", [&e, n](const Error*) { e.sleep(n, 1, "b"); });
  e.complete(step);
  e.pass(2);
  SEEN("a:OK b:OK n:OK end:OK");
}

CASE(busy_open_nested_is_work) {
  ENV;
  auto* root = new RootNursery(e.engine, {}, true);
  root->on_outcome = [&e](const ErrorRef& err) { e.add("end", err.get()); };
  Nursery* n = e.open(root, "n");
  e.sleep(n, 5, "a");
  root->body_over();
  e.pass(4);
  assert_false(n->closed());
  e.pass(1);
  SEEN("a:OK n:OK end:OK");
}

CASE(running_body_keeps_it_open) {
  ENV;
  auto* root = new RootNursery(e.engine, {}, true);
  root->on_outcome = [&e](const ErrorRef& err) { e.add("end", err.get()); };
  root->cancel("x");
  e.drain();
  SEEN("");
  root->body_over();
  e.drain();
  SEEN("end:OK");
}

CASE(idle_is_asked_when_the_callback_is_over) {  // finding 4, rule 10: no false EUNANSWERED
  ENV;
  auto* root = new RootNursery(e.engine, {}, true);
  bool answered = false;
  root->on_outcome = [&e](const ErrorRef& err) { e.add("end", err.get()); };
  root->idle = [&] {
    if (!answered && !root->has_errors()) root->fail(Error::of(Status::unanswered, root->open_work()));
  };
  OpToken h = e.hold(root, nullptr);
  root->body_over();
  e.sleep(e.root, 0, "x", [&](const Error*) {
    e.complete(h);
    answered = true;
  });
  e.drain();
  SEEN("x:OK end:OK");
}

CASE(idle_may_raise) {
  ENV;
  auto* root = new RootNursery(e.engine, {}, true);
  root->on_outcome = [&e](const ErrorRef& err) { e.outcome = err; };
  root->idle = [&] {
    if (!root->has_errors()) root->fail(Error::of(Status::unanswered, "still open: " + root->open_work()));
  };
  e.open(root, "pool");
  root->body_over();
  e.drain();
  SEEN("pool:ECANCELED");
  assert_int_equal(static_cast<int>(e.outcome->code()), TRACTOR_EUNANSWERED);
  assert_string_equal(e.outcome->message().c_str(), "still open: nursery 'pool'");
}

CASE(names_its_open_work) {
  ENV;
  assert_string_equal(e.root->open_work().c_str(), "nothing");
  OpToken a = e.hold(e.root, nullptr), b = e.hold(e.root, nullptr);
  e.open(e.root, "pool");
  e.root->add_child(e.child[0], true);
  assert_string_equal(e.root->open_work().c_str(), "2 operations, child 'w1', nursery 'pool'");
  e.complete(b);
  assert_string_equal(e.root->open_work().c_str(), "1 operation, child 'w1', nursery 'pool'");
  e.complete(a);
  e.root->remove_child(e.child[0]);
}

// --- one-shots and daemons -----------------------------------------------------------------------------------------

CASE(one_shots_are_collected) {  // rule 13
  ENV;
  Nursery* n = e.open(e.root, "n", {}, [&e](const Error* err) { e.outcome = ErrorRef(err); });
  n->add_child(e.child[0], true);
  n->add_child(e.child[1], false);
  n->add_child(e.child[2], false);
  n->one_shot_started();
  n->one_shot_started();
  n->collect(e.boom);
  n->remove_child(e.child[1]);
  n->one_shot_ended();
  e.drain();
  assert_int_equal(e.child[0].asked, 0);
  assert_false(n->closed());
  n->collect(e.bang);
  n->remove_child(e.child[2]);
  n->one_shot_ended();
  assert_int_equal(e.child[0].asked, 1);
  assert_ptr_equal(e.child[0].why->root(), e.boom.get());
  e.drain();
  SEEN("");
  n->remove_child(e.child[0]);
  e.drain();
  SEEN("n:EGROUP");
  assert_int_equal(e.outcome->fields().members.size(), 2);
}

CASE(collected_after_the_last_one_shot) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  n->add_child(e.child[0], true);
  n->one_shot_started();
  n->one_shot_ended();
  n->collect(e.engine.cancel_error("dropped"));
  assert_int_equal(e.child[0].asked, 0);
  n->collect(e.boom);
  assert_int_equal(e.child[0].asked, 1);
  n->remove_child(e.child[0]);
  e.drain();
  SEEN("n:EUSER");
}

CASE(daemons_are_waited_for) {  // rule 14
  ENV;
  Nursery* n = e.open(e.root, "n");
  n->add_child(e.child[0], true);
  n->close();
  e.drain();
  assert_int_equal(e.child[0].asked, 0);
  SEEN("");
  n->remove_child(e.child[0]);
  e.drain();
  SEEN("n:OK");
}

CASE(daemons_are_dismissed) {
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 0, false, true});
  n->add_child(e.child[0], true);
  n->add_child(e.child[1], true);
  e.child[1].used = true;
  OpToken h = e.hold(n, nullptr);
  n->close();
  e.drain();
  assert_int_equal(e.child[0].asked + e.child[1].asked, 0);
  e.complete(h);
  assert_int_equal(e.child[0].asked, 0);
  e.drain();
  assert_int_equal(e.child[0].asked, 1);
  assert_int_equal(e.child[1].asked, 0);  // another scope calls it
  n->remove_child(e.child[0]);
  e.drain();
  assert_int_equal(e.child[1].asked, 0);
  e.child[1].used = false;
  n->settle();
  e.drain();
  assert_int_equal(e.child[1].asked, 1);
  SEEN("");
  n->remove_child(e.child[1]);
  e.drain();
  SEEN("n:OK");
}

CASE(daemons_outlast_nested_work) {
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 0, false, true});
  n->add_child(e.child[0], true);
  e.open(n, "m", {}, [&e, n](const Error*) { e.sleep(n, 1, "last"); });
  n->close();
  e.drain();
  SEEN("m:OK");
  assert_int_equal(e.child[0].asked, 0);
  e.pass(1);
  assert_int_equal(e.child[0].asked, 1);
  n->remove_child(e.child[0]);
  e.drain();
  SEEN("last:OK n:OK");
}

CASE(cancel_reaches_children_in_use) {
  ENV;
  Nursery* n = e.open(e.root, "n", {"", 0, false, true});
  n->add_child(e.child[0], true);
  e.child[0].used = true;
  n->cancel("x");
  assert_true(e.child[0].asked > 0);
  e.drain();
  SEEN("");
  n->add_child(e.child[1], false);  // its start was under way
  assert_int_equal(e.child[1].asked, 1);
  n->remove_child(e.child[0]);
  n->remove_child(e.child[1]);
  e.drain();
  SEEN("n:OK");
}

// --- the end -------------------------------------------------------------------------------------------------------

CASE(order_of_the_end) {  // rule 12
  ENV;
  Nursery* n = e.open(e.root, "n", {}, [&e](const Error*) { e.sleep(e.root, 0, "next"); });
  auto* memory = static_cast<unsigned char*>(n->alloc(100));
  bool zero = true;
  for (int i = 0; i < 100; ++i) zero = zero && memory[i] == 0;
  assert_true(zero);
  assert_int_equal(reinterpret_cast<uintptr_t>(memory) % alignof(max_align_t), 0);
  assert_non_null(n->alloc(0));
  n->on_end(done, e.note("first", [memory](const Error*) { memory[99] = 1; }));
  n->on_end(done, e.note("second", [memory](const Error*) { memory[0] = 1; }));
  n->own(e.owned);
  e.sleep(n, 1, "work");
  n->close();
  e.root->close();
  e.pass(1);
  SEEN("work:OK n:OK second:OK first:OK owned:OK next:OK root:OK");
}

CASE(observers_see_the_outcome_and_change_nothing) {
  ENV;
  Nursery* n = e.open_silent(e.root);
  n->on_end(done, e.note("sees"));
  n->fail(e.boom);
  e.drain();
  SEEN("sees:EUSER root:EUSER");
}

CASE(end_as_an_operation) {  // rule 19
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken t = n->end_token();
  assert_int_equal(t, n->end_token());
  e.sleep(n, kForever, "a");
  assert_true(e.cancel(t));
  e.drain();
  SEEN("a:ECANCELED n:ECANCELED");
  assert_false(e.live(t));
}

CASE(abandoned_end) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken h = e.hold(n, nullptr);
  n->on_end(done, e.note("observer"));
  assert_true(e.abandon(n->end_token()));
  e.drain();
  SEEN("");
  e.complete(h, e.boom);
  e.drain();
  SEEN("observer:EUSER root:EUSER");
}

CASE(abandoned_end_that_is_queued) {
  ENV;
  Nursery* n = e.open(e.root, "n");
  OpToken t = n->end_token();
  n->close();
  assert_true(e.abandon(t));
  e.drain();
  SEEN("");
  OpToken own = 0;
  bool found = true;
  Nursery* m = e.open(e.root, "m", {}, [&](const Error*) { found = e.abandon(own); });
  own = m->end_token();
  m->close();
  e.drain();
  SEEN("m:OK");
  assert_false(found);
}

CASE(tombstone) {  // rule 29
  ENV;
  Nursery* n = e.open(e.root, "n");
  e.kept.emplace_back(n);
  n->cancel("x");
  e.drain();
  SEEN("n:OK");
  assert_true(n->ended());
  n->close();
  n->fail(e.boom);
  n->settle();
  assert_false(n->cancel("again"));
  Ref<Nursery> dead = Ref<Nursery>::adopt(UserNursery::dead());
  dead->close();
  dead->fail(e.boom);
  assert_true(dead->ended());
  assert_false(dead->cancel("x"));
  e.drain();
  SEEN("");
}

CASE(everything_ends_inside_out) {  // sentence 6
  ENV;
  Nursery* n = e.root;
  for (const char* name : {"a", "b", "c", "d"}) {
    n = e.open(n, name);
    e.sleep(n, kForever, nullptr);
  }
  e.root->cancel("x");
  e.drain();
  SEEN("d:ECANCELED c:ECANCELED b:ECANCELED a:ECANCELED root:OK");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      T(completes_later_in_order),
      T(sleeps_as_long_as_asked),
      T(completion_may_start_more_after_close),
      T(start_after_close_before_the_end),
      T(last_work_ends_and_more_starts_in_one_callback),
      T(nested_opened_in_a_nursery_about_to_end),
      T(start_in_a_cancelled_nursery),
      T(open_idle_nested_is_no_work),
      T(idle_nested_of_an_open_nursery_stays),
      T(busy_nested_is_work),
      T(nested_is_work_until_its_end_was_reported),
      T(body_over_leaves_nested_open),
      T(busy_open_nested_is_work),
      T(running_body_keeps_it_open),
      T(idle_is_asked_when_the_callback_is_over),
      T(idle_may_raise),
      T(names_its_open_work),
      T(one_shots_are_collected),
      T(collected_after_the_last_one_shot),
      T(daemons_are_waited_for),
      T(daemons_are_dismissed),
      T(daemons_outlast_nested_work),
      T(cancel_reaches_children_in_use),
      T(order_of_the_end),
      T(observers_see_the_outcome_and_change_nothing),
      T(end_as_an_operation),
      T(abandoned_end),
      T(abandoned_end_that_is_queued),
      T(tombstone),
      T(everything_ends_inside_out),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
