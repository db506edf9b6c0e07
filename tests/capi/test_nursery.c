/* ctest: timeout=120 */
/* Nurseries with real children: who is told of what, who is cancelled, and how soon. */
#include "kit/kit.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests.h"

/* What most tests here do: one daemon, and something when it is up. */
typedef struct scene {
    tractor_nursery *nursery;
    tractor_spawn_options options;
    kit_outcome started, call, other, end;
    void (*when_up)(struct scene *);
    int64_t pid, at, delay;
    tractor_op op;
    const char *file;
    bool told;
} scene;

static void up(kit_outcome *o) {
    scene *s = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    kit_assert_portal(o->portal);
    s->pid = kit_pid(o->portal);
    s->when_up(s);
}

static void scene_body(tractor_nursery *root, void *user) {
    scene *s = user;
    if (!s->nursery)
        s->nursery = root;
    s->started.then = up;
    s->started.user = s;
    assert_true(tractor_nursery_start_actor(s->nursery, "daemon", &s->options, kit_on_portal, &s->started) > 0);
}

static kit_run play(scene *s, void (*when_up)(scene *)) {
    s->options.struct_size = sizeof s->options;
    s->options.modules = kit_modules;
    s->when_up = when_up;
    kit_run run = kit_run_root(NULL, scene_body, s);
    assert_int_equal(s->started.calls, 1);
    kit_assert_gone(s->pid);
    return run;
}

static tractor_op call(scene *s, kit_outcome *o, const char *func, tractor_bytes args) {
    tractor_op op = tractor_portal_run(s->started.portal, NULL, "kit", func, args, NULL, kit_on_value, o);
    assert_true(op > 0);
    return op;
}

/* ---- errors and children ---- */

static void fail_body(scene *s) {
    tractor_error *err = tractor_error_newf(0, "ValueError", "the body is broken");
    assert_int_equal(tractor_nursery_fail(s->nursery, err), TRACTOR_OK);
    tractor_error_unref(err);
    call(s, &s->call, "forever", TRACTOR_ARGS("{}"));
}

static void failing_body_cancels_children(void **state) {
    (void)state;
    scene s = { 0 };
    kit_run run = play(&s, fail_body);
    kit_assert_code(run.err, TRACTOR_EUSER);
    assert_string_equal(tractor_error_message(run.err), "the body is broken");
    kit_assert_code(s.call.err, TRACTOR_ECANCELED); /* born cancelled */
    kit_assert_within_ms(run.ns, 1000);
}

static void kill_it(scene *s) { call(s, &s->call, "signal", TRACTOR_ARGS("{s:i}", "number", SIGKILL)); }

static void dead_daemon_is_one_error(void **state) {
    (void)state;
    scene s = { 0 };
    kit_run run = play(&s, kill_it);
    kit_assert_code(run.err, TRACTOR_ECHILD);
    kit_assert_contains(tractor_error_message(run.err), "killed by signal 9");
    kit_assert_contains(tractor_error_message(run.err), "daemon");
    assert_ptr_equal(s.call.err, run.err); /* one failure, one object */
    kit_assert_within_ms(run.ns, 1000);
}

static void on_exit_is_told(scene *s) {
    kill_it(s);
    s->at = tractor_now();
}

static void on_exit_receives_the_death(void **state) {
    (void)state;
    scene s = { 0 };
    s.options.on_exit = kit_on_done;
    s.options.on_exit_user = &s.end;
    kit_run run = play(&s, on_exit_is_told);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(s.end.calls, 1);
    kit_assert_code(s.end.err, TRACTOR_ECHILD);
    assert_ptr_equal(s.call.err, s.end.err);
}

enum { CALLS = 10 };
static kit_outcome many[CALLS];

static void last_of_many(kit_outcome *o) {
    scene *s = o->user;
    s->at = tractor_now();
    kill_it(s);
}

static void many_calls(scene *s) {
    for (int i = 0; i < CALLS; i++)
        call(s, &many[i], "forever", TRACTOR_ARGS("{}"));
    s->other.then = last_of_many; /* answered after those have begun */
    s->other.user = s;
    call(s, &s->other, "echo", TRACTOR_ARGS("{}"));
}

static void calls_fail_at_once_and_alike(void **state) {
    (void)state;
    scene s = { 0 };
    s.options.on_exit = kit_on_done;
    s.options.on_exit_user = &s.end;
    kit_assert_code(play(&s, many_calls).err, TRACTOR_OK);
    for (int i = 0; i < CALLS; i++) {
        assert_int_equal(many[i].calls, 1);
        kit_assert_code(many[i].err, TRACTOR_ECHILD);
        assert_ptr_equal(many[i].err, s.end.err);
        kit_assert_within_ms(many[i].at - s.at, 200);
    }
    assert_ptr_equal(s.call.err, s.end.err);
}

/* ---- one-shots ---- */

typedef struct shots {
    int count, delay_ms;
} shots;

static void shots_body(tractor_nursery *root, void *user) {
    const shots *s = user;
    for (int i = 0; i < s->count; i++)
        tractor_nursery_run_in_actor(
            root, "kit", "nap_fail",
            TRACTOR_ARGS("{s:i, s:s, s:s}", "ms", s->delay_ms, "type", "AssertionError", "message", "as it must"), NULL,
            NULL, NULL);
}

/* CAN-03 for 25. */
static void CAN_03_failing_one_shots_are_collected(void **state) {
    const shots *s = *state;
    kit_run run = kit_run_root(NULL, shots_body, (void *)s);
    kit_assert_code(run.err, TRACTOR_EGROUP);
    assert_int_equal(tractor_error_child_count(run.err), s->count);
    for (int i = 0; i < s->count; i++)
        kit_assert_remote(tractor_error_child(run.err, (size_t)i), "AssertionError");
    kit_assert_within_ms(run.ns - s->delay_ms * TRACTOR_MS, 2000);
}

static void one_failing_shot_body(tractor_nursery *root, void *user) {
    const shots one = { 1, 0 };
    shots_body(root, (void *)&one);
    tractor_nursery_start_actor(root, "bystander", NULL, kit_on_portal, user);
}

static void a_failing_one_shot_cancels_daemons(void **state) {
    (void)state;
    kit_outcome started = KIT_OUTCOME;
    kit_run run = kit_run_root(NULL, one_failing_shot_body, &started);
    kit_assert_remote(run.err, "AssertionError");
    assert_int_equal(started.calls, 1);
    kit_assert_within_ms(run.ns, 1000);
}

/* ---- closing ---- */

static void close_then(kit_outcome *o) { tractor_nursery_close(((scene *)o->user)->nursery); }

static void ask_and_close(scene *s) {
    s->call.then = close_then;
    s->call.user = s;
    call(s, &s->call, "echo", TRACTOR_ARGS("{s:i}", "x", 1));
}

static void cancel_daemons_body(tractor_nursery *root, void *user) {
    scene *s = user;
    s->nursery = tractor_nursery_open(
        root,
        &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .name = "pool", .flags = TRACTOR_NURSERY_CANCEL_DAEMONS },
        kit_on_done, &s->end);
    scene_body(root, s);
}

static void cancel_daemons(void **state) {
    (void)state;
    scene s = { .when_up = ask_and_close, .options = kit_child() };
    kit_run run = kit_run_root(NULL, cancel_daemons_body, &s);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_value(s.call.value, "{s:i}", "x", 1);
    assert_int_equal(s.end.calls, 1);
    kit_assert_code(s.end.err, TRACTOR_OK);
    kit_assert_gone(s.pid);
    kit_assert_within_ms(run.ns, 1000);
}

static void cancel_now(scene *s) { assert_int_equal(tractor_nursery_cancel(s->nursery, "enough"), TRACTOR_OK); }

static void own_cancel_is_success(void **state) {
    (void)state;
    scene s = { 0 };
    kit_run run = play(&s, cancel_now);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_within_ms(run.ns, 1000);
}

/* ---- a start that is cancelled ---- */

static void after_a_while(const tractor_error *err, void *user) {
    scene *s = user;
    (void)err;
    tractor_op_cancel(kit_actor(), s->op);
}

static void start_cancelled_body(tractor_nursery *root, void *user) {
    scene *s = user;
    s->op = tractor_nursery_start_actor(root, "daemon", &s->options, kit_on_portal, &s->started);
    assert_true(s->op > 0);
    if (s->delay == 0)
        assert_int_equal(tractor_op_cancel(kit_actor(), s->op), TRACTOR_OK);
    else
        tractor_nursery_sleep(root, s->delay, after_a_while, s);
    assert_int_equal(s->started.calls, 0);
}

static void start_cancelled(void **state) {
    scene s = { .options = kit_child(), .delay = *(int64_t *)*state };
    static const char *const hang[] = { "sh", "-c", "exec sleep 100", NULL };
    if (s.delay >= 100 * TRACTOR_MS) {
        s.options.program = "/bin/sh";
        s.options.argv = hang;
    }
    kit_run run = kit_run_root(NULL, start_cancelled_body, &s);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(s.started.calls, 1);
    kit_assert_code(s.started.err, TRACTOR_ECANCELED);
    kit_assert_within_ms(run.ns, 1000);
}

/* ---- the ladder ---- */

static void wait_until_stopped(void *user) { kit_wait_state(((scene *)user)->pid, "T"); }
static void wait_until_blocked(void *user) { kit_wait_file(((scene *)user)->file); }
static void then_cancel(const tractor_error *err, void *user) {
    scene *s = user;
    kit_assert_code(err, TRACTOR_OK);
    s->at = tractor_now();
    assert_int_equal(tractor_nursery_cancel(s->nursery, "it does not listen"), TRACTOR_OK);
}

static void stop_it(scene *s) {
    call(s, &s->call, "signal", TRACTOR_ARGS("{s:i}", "number", SIGSTOP));
    tractor_nursery_run_in_thread(s->nursery, wait_until_stopped, then_cancel, s);
}

static void block_it(scene *s) {
    s->file = kit_path("blocked");
    call(s, &s->call, "spin", TRACTOR_ARGS("{s:s}", "touch", s->file));
    tractor_nursery_run_in_thread(s->nursery, wait_until_blocked, then_cancel, s);
}

/* X-13 with a child that is stopped. */
static void ladder(void **state) {
    scene s = { 0 };
    kit_expect_log("did not end in time: killed");
    kit_run run = play(&s, *(bool *)*state ? stop_it : block_it);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(s.call.err, TRACTOR_ECANCELED);
    int64_t took = tractor_now() - s.at;
    assert_true(took >= 2050 * TRACTOR_MS);
    assert_true(took <= 2100 * TRACTOR_MS + 500 * TRACTOR_MS * kit_headroom());
    assert_int_equal(kit_log_count("did not end in time: killed"), 1);
}

static void ladder_is_quicker_if_told_so(void **state) {
    (void)state;
    scene s = { .options = { .cancel_timeout_ns = 50 * TRACTOR_MS, .kill_timeout_ns = 100 * TRACTOR_MS } };
    kit_expect_log("did not end in time: killed");
    kit_assert_code(play(&s, stop_it).err, TRACTOR_OK);
    /* The call waits for its last word, 0.616 s at most; the process is long gone by then. */
    kit_assert_within_ms(tractor_now() - s.at, 500);
}

/* ---- calls that end early ---- */

static void call_with_deadline(scene *s) {
    s->at = tractor_now();
    tractor_portal_run(s->started.portal, NULL, "kit", "forever", TRACTOR_ARGS("{s:s}", "touch", s->file),
                       &(tractor_call_options){ TRACTOR_CALL_OPTIONS, .timeout_ns = 100 * TRACTOR_MS }, kit_on_value,
                       &s->call);
}

static void then_leave(kit_outcome *o) {
    scene *s = o->user;
    s->told = access(s->file, F_OK) == 0;
    tractor_nursery_cancel(s->nursery, NULL);
}

static void deadline_reaches_the_endpoint(void **state) {
    (void)state;
    scene s = { .file = kit_path("cancelled") };
    s.call.then = then_leave;
    s.call.user = &s;
    kit_assert_code(play(&s, call_with_deadline).err, TRACTOR_OK);
    kit_assert_code(s.call.err, TRACTOR_ETIMEDOUT);
    assert_true(s.call.at - s.at >= 100 * TRACTOR_MS);
    kit_assert_within_ms(s.call.at - s.at, 400);
    assert_true(s.told); /* the endpoint had been told by then */
}

static void cancel_the_call(kit_outcome *o) {
    scene *s = o->user;
    s->at = tractor_now();
    assert_int_equal(tractor_op_cancel(kit_actor(), s->op), TRACTOR_OK);
}

static void call_and_cancel(scene *s) {
    s->call.then = then_leave;
    s->call.user = s;
    s->op = call(s, &s->call, "forever", TRACTOR_ARGS("{s:s}", "touch", s->file));
    s->other.then = cancel_the_call;
    s->other.user = s;
    call(s, &s->other, "echo", TRACTOR_ARGS("{}"));
}

static void cancel_reaches_the_endpoint(void **state) {
    (void)state;
    scene s = { .file = kit_path("cancelled") };
    kit_assert_code(play(&s, call_and_cancel).err, TRACTOR_OK);
    kit_assert_code(s.call.err, TRACTOR_ECANCELED);
    kit_assert_within_ms(s.call.at - s.at, 300);
    assert_true(s.told);
}

/* A daemon calls the root and is killed: the root's task is told that nobody waits any more. */
static tractor_op visitor_hold, root_hold;
static int visitor_cancels;
static void visitor_left(void *user) {
    (void)user;
    visitor_cancels++;
    tractor_op_complete(kit_actor(), visitor_hold, NULL);
    tractor_op_complete(kit_actor(), root_hold, NULL);
}
static void visit(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    assert_string_equal(tractor_ctx_peer(ctx)->name, "daemon");
    visitor_hold = tractor_nursery_hold(tractor_ctx_nursery(ctx), "a visitor", visitor_left, NULL);
    kill((pid_t)tractor_ctx_peer(ctx)->pid, SIGKILL);
}
static void call_parent(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    forward(ctx, tractor_actor_parent(tractor_ctx_actor(ctx)), "nursery", "visit", TRACTOR_ARGS("{}"));
}

static void send_visitor(kit_outcome *o) {
    scene *s = o->user;
    tractor_portal_run(o->portal, NULL, "nursery", "call_parent", TRACTOR_ARGS("{}"), NULL, kit_on_value, &s->call);
}
static void visitor_body(tractor_nursery *root, void *user) {
    scene *s = user;
    static const char *const modules[] = { "nursery", NULL };
    root_hold = tractor_nursery_hold(root, "until the visitor has left", NULL, NULL);
    s->started.then = send_visitor;
    s->started.user = s;
    tractor_nursery_start_actor(root, "daemon",
                                &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules,
                                                          .on_exit = kit_on_done, .on_exit_user = &s->end },
                                kit_on_portal, &s->started);
}
static void vanished_caller_has_its_calls_cancelled(void **state) {
    (void)state;
    scene s = { 0 };
    static const char *const modules[] = { "nursery", NULL };
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .enable_modules = modules }, visitor_body, &s);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(visitor_cancels, 1);
    kit_assert_code(s.call.err, TRACTOR_ECHILD);
    assert_ptr_equal(s.end.err, s.call.err);
    kit_assert_within_ms(run.ns, 1000);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_FUNC("visit", visit), TRACTOR_FUNC("call_parent", call_parent),
                                               TRACTOR_ENDPOINTS_END };
    tractor_register("nursery", module, NULL);
    kit_begin(argc, argv);
    shots two = { 2, 0 }, many_now = { 25, 0 }, many_later = { 25, 500 };
    bool stopped = true, blocked = false;
    int64_t at_once = 0, while_booting = TRACTOR_MS / 2, never_up = 100 * TRACTOR_MS;
    const kit_test tests[] = {
        KIT_TEST(failing_body_cancels_children),
        KIT_TEST(dead_daemon_is_one_error),
        KIT_TEST(on_exit_receives_the_death),
        KIT_TEST(calls_fail_at_once_and_alike),
        KIT_TEST_WITH(CAN_03_failing_one_shots_are_collected, "two", &two),
        KIT_TEST_WITH(CAN_03_failing_one_shots_are_collected, "25", &many_now),
        KIT_TEST_WITH(CAN_03_failing_one_shots_are_collected, "25 after 0.5 s", &many_later),
        KIT_TEST(a_failing_one_shot_cancels_daemons),
        KIT_TEST(cancel_daemons),
        KIT_TEST(own_cancel_is_success),
        KIT_TEST_WITH(start_cancelled, "at once", &at_once),
        KIT_TEST_WITH(start_cancelled, "while it boots", &while_booting),
        KIT_TEST_WITH(start_cancelled, "never up", &never_up),
        KIT_TEST_WITH(ladder, "stopped", &stopped),
        KIT_TEST_WITH(ladder, "blocked", &blocked),
        KIT_TEST(ladder_is_quicker_if_told_so),
        KIT_TEST(deadline_reaches_the_endpoint),
        KIT_TEST(cancel_reaches_the_endpoint),
        KIT_TEST(vanished_caller_has_its_calls_cancelled),
    };
    return kit_run_tests(tests);
}
