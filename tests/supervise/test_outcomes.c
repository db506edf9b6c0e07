/* docs/supervision.md: what failed, what its nursery does, and what leaves the nursery. Each row of the table there is a test
 * here, of the name that stands behind it.
 *
 * In the nursery are a daemon and a bystander, which shows whether everything was cancelled. */
// ctest: timeout=120
#include "supervise/supervise.h"

#include <signal.h>

typedef struct scene scene;

typedef struct row {
    void (*go)(scene *s); /* when the daemon is up */
    bool cancels;         /* the nursery cancels everything else, at once */
    int code;             /* of what leaves it */
    const char *type;     /* boxed */
    int told;             /* code of what the completion gets, if `go` has one */
    bool on_exit;         /* the daemon's death has a receiver */
} row;

struct scene {
    const row *row;
    tractor_nursery *root, *n;
    tractor_portal *daemon;
    kit_outcome up, told, bystander, end, died;
    kit_outcome more[3];
    tractor_op bystander_op, op;
    bool untouched;
    const tractor_error *raised;
};

static tractor_nursery_options daemons_go = { TRACTOR_NURSERY_OPTIONS, .name = "n",
                                              .flags = TRACTOR_NURSERY_CANCEL_DAEMONS };
static tractor_bytes failure(const char *type, int ms) {
    return TRACTOR_ARGS("{s:i, s:s, s:s}", "ms", ms, "type", type, "message", "as it must");
}
static void shot(scene *s, const char *func, tractor_bytes args, kit_outcome *o) {
    assert_true(tractor_nursery_run_in_actor(s->n, "kit", func, args, NULL, o ? kit_on_value : NULL, o) > 0);
}

/* ---- to see that nothing happens ---- */

static void leave(scene *s) {
    s->untouched = s->bystander.calls == 0;
    tractor_op_cancel(kit_actor(), s->bystander_op);
    tractor_nursery_close(s->n);
}

static void after_a_moment(const tractor_error *err, void *user) {
    (void)err;
    leave(user);
}

static void and_then_nothing(kit_outcome *o) {
    scene *s = o->user;
    tractor_nursery_sleep(s->root, 20 * TRACTOR_MS, after_a_moment, s);
}

static void until_childless(const tractor_error *err, void *user) {
    scene *s = user;
    (void)err;
    if (children_now(kit_actor()) > 0)
        tractor_nursery_sleep(s->root, TRACTOR_MS, until_childless, s);
    else
        leave(s);
}

/* ---- one-shots ---- */

static void one_shot_fails(scene *s) {
    shot(s, "fail", TRACTOR_ARGS("{s:s, s:s}", "type", "ValueError", "message", "no"), NULL);
}

/* The other one still answers, and the daemon serves until then. */
static void sibling_ended(kit_outcome *o) {
    scene *s = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    assert_true(tractor_nursery_cancel_called(s->n)); /* the error has been here for long, */
    assert_false(*tractor_nursery_stop_flag(s->n));   /* and stops nobody */
    assert_int_equal(s->bystander.calls, 0);
}
static void one_shot_fails_among_siblings(scene *s) {
    s->more[0] = (kit_outcome){ .then = sibling_ended, .user = s };
    shot(s, "nap", TRACTOR_ARGS("{s:i}", "ms", (int)(300 * kit_headroom())), &s->more[0]);
    one_shot_fails(s);
}

static void one_shots_fail(scene *s) {
    shot(s, "nap_fail", failure("KeyError", 0), NULL);
    shot(s, "nap_fail", failure("ValueError", (int)(200 * kit_headroom())), NULL);
}

static void one_shot_with_a_completion_fails(scene *s) { shot(s, "nap_fail", failure("ValueError", 0), &s->told); }

static void one_shot_dies(scene *s) { shot(s, "signal", TRACTOR_ARGS("{s:i}", "number", SIGKILL), NULL); }

static void one_shot_is_cancelled(scene *s) {
    tractor_op op = tractor_nursery_run_in_actor(s->n, "kit", "forever", TRACTOR_ARGS("{}"), NULL, NULL, NULL);
    tractor_op_cancel(kit_actor(), op);
    and_then_nothing(&s->told);
}

/* ---- daemons ---- */

static void kill_daemon(scene *s) { kill((pid_t)kit_pid(s->daemon), SIGKILL); }

static void daemon_dies(scene *s) { kill_daemon(s); }

/* One failure, however many see it. */
static void daemon_dies_during_calls(scene *s) {
    for (int i = 0; i < 3; i++)
        call_kit(s->daemon, s->n, "forever", TRACTOR_ARGS("{}"), i == 0 ? &s->told : NULL);
    kill_daemon(s);
}

static void daemon_dies_and_has_a_receiver(scene *s) { kill_daemon(s); }

static void daemon_leaves(scene *s) {
    tractor_portal_cancel_actor(s->daemon, s->root, NULL, kit_on_done, &s->more[0]);
    until_childless(NULL, s);
}

static void start_absent(scene *s, kit_outcome *o) {
    tractor_nursery_start_actor(s->n, "absent",
                                &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .program = "/nowhere/to/be/found" },
                                o ? kit_on_portal : NULL, o);
}
static void daemon_cannot_start(scene *s) { start_absent(s, NULL); }
static void daemon_cannot_start_and_the_start_is_told(scene *s) { start_absent(s, &s->told); }

/* ---- calls ---- */

static void call_fails(scene *s) { call_kit(s->daemon, s->n, "nap_fail", failure("ValueError", 0), NULL); }
static void call_with_a_completion_fails(scene *s) {
    call_kit(s->daemon, s->n, "nap_fail", failure("ValueError", 0), &s->told);
}
static void call_is_cancelled(scene *s) {
    tractor_op_cancel(kit_actor(), call_kit(s->daemon, s->n, "forever", TRACTOR_ARGS("{}"), NULL));
    and_then_nothing(&s->told);
}
static void call_times_out(scene *s) {
    tractor_portal_run(s->daemon, s->n, "kit", "forever", TRACTOR_ARGS("{}"),
                       &(tractor_call_options){ TRACTOR_CALL_OPTIONS, .timeout_ns = 10 * TRACTOR_MS }, NULL, NULL);
}

static void forever_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    scene *s = ((kit_outcome *)user)->user;
    (void)ctx, (void)first;
    tractor_portal_cancel_actor(s->daemon, s->root, NULL, kit_on_done, &s->more[0]);
}
static void called_task_is_cancelled(scene *s) {
    s->more[1].user = s;
    tractor_portal_open_context(s->daemon, s->n, "outcomes", "stay", TRACTOR_ARGS("{}"), NULL, forever_started, NULL,
                                &s->more[1]);
}

/* ---- the body ---- */

static void body_fails(scene *s) { s->raised = fail_with(s->n, "ValueError"); }
static void body_fails_with_a_cancellation(scene *s) {
    tractor_error *err = tractor_error_newf(TRACTOR_ECANCELED, NULL, "no more");
    tractor_nursery_fail(s->n, err);
    tractor_error_unref(err);
}
static void hold_fails(scene *s) {
    tractor_error *err = tractor_error_newf(0, "ValueError", "what it stood for has failed");
    tractor_op hold = tractor_nursery_hold(s->n, "hold", NULL, NULL);
    s->raised = kit_keep_error(err);
    tractor_op_complete(kit_actor(), hold, err);
    tractor_error_unref(err);
}

/* ---- nested nurseries ---- */

static tractor_nursery *nested(scene *s, int64_t timeout_ns, kit_outcome *end) {
    return tractor_nursery_open(
        s->n, &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .name = "nested", .timeout_ns = timeout_ns },
        end ? kit_on_done : NULL, end);
}
static void nested_fails(scene *s) { s->raised = fail_with(nested(s, 0, NULL), "ValueError"); }
static void nested_with_a_completion_fails(scene *s) { fail_with(nested(s, 0, &s->told), "ValueError"); }
static void nested_fails_twice(scene *s) {
    tractor_nursery *inner = nested(s, 0, NULL);
    fail_with(inner, "ValueError");
    fail_with(inner, "KeyError");
}
static void nested_is_too_late(scene *s) {
    tractor_nursery_sleep(nested(s, 10 * TRACTOR_MS, NULL), TRACTOR_FOREVER, NULL, NULL);
}
static void nested_is_cancelled(scene *s) {
    tractor_nursery *inner = nested(s, 0, NULL);
    tractor_nursery_sleep(inner, TRACTOR_FOREVER, NULL, NULL);
    tractor_op_cancel(kit_actor(), tractor_nursery_op(inner));
    and_then_nothing(&s->told);
}

/* ---- cancelled ---- */

static void own_cancel(scene *s) { tractor_nursery_cancel(s->n, "enough"); }

static void fails_on_its_way_out(kit_outcome *o) {
    scene *s = o->user;
    s->raised = fail_with(s->n, "ValueError");
}
static void will_fail_on_its_way_out(scene *s) {
    s->told.then = fails_on_its_way_out;
    tractor_nursery_sleep(s->n, TRACTOR_FOREVER, kit_on_done, &s->told);
}
static void own_cancel_then_a_failure(scene *s) {
    will_fail_on_its_way_out(s);
    own_cancel(s);
}
static void daemon_is_killed_by_the_ladder(scene *s) {
    kill((pid_t)kit_pid(s->daemon), SIGSTOP);
    kit_expect_log("did not end in time: killed");
    own_cancel(s);
}

static void cancel_from_outside(scene *s) { tractor_op_cancel(kit_actor(), tractor_nursery_op(s->n)); }
static void outside_cancel(scene *s) { cancel_from_outside(s); }
static void outside_cancel_then_a_failure(scene *s) {
    will_fail_on_its_way_out(s);
    cancel_from_outside(s);
}
static void own_cancel_then_outside_cancel(scene *s) {
    own_cancel(s);
    cancel_from_outside(s);
}

/* ---- too late ---- */

static void deadline_passes(scene *s) { tractor_nursery_set_timeout(s->n, 10 * TRACTOR_MS); }
static void deadline_passes_then_a_failure(scene *s) {
    will_fail_on_its_way_out(s);
    deadline_passes(s);
}
static void failure_then_the_deadline_passes(scene *s) {
    deadline_passes(s);
    body_fails(s);
    /* It has to wait for this until long after the deadline. */
    tractor_nursery_sleep(
        tractor_nursery_open(s->n,
                             &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .timeout_ns = 5 * TRACTOR_SECOND,
                                                         .flags = TRACTOR_NURSERY_SHIELD },
                             NULL, NULL),
        30 * TRACTOR_MS, NULL, NULL);
}

/* ---- several ---- */

static void several_fail(scene *s) {
    fail_with(s->n, "ValueError");
    fail_with(s->n, "KeyError");
}
static void same_failure_twice(scene *s) {
    body_fails(s);
    assert_int_equal(tractor_nursery_fail(s->n, s->raised), TRACTOR_OK);
    /* What it led to is the same failure. */
    tractor_error *follows = tractor_error_new(&(tractor_error_options){
        .struct_size = sizeof(tractor_error_options), .message = "and so", .cause = s->raised });
    assert_int_equal(tractor_nursery_fail(s->n, follows), TRACTOR_OK);
    tractor_error_unref(follows);
}
static void failure_and_a_remote_cancellation(scene *s) {
    tractor_error *err = tractor_error_newf(TRACTOR_ECTXCANCELED, NULL, "somebody cancelled it");
    tractor_nursery_fail(s->n, err);
    tractor_error_unref(err);
    body_fails(s);
}

/* ---- the play ---- */

static void daemon_up(kit_outcome *o) {
    scene *s = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    s->daemon = o->portal;
    s->row->go(s);
}

static void body(tractor_nursery *root, void *user) {
    scene *s = user;
    s->root = root;
    s->n = tractor_nursery_open(root, &daemons_go, kit_on_done, &s->end);
    s->bystander_op = tractor_nursery_sleep(s->n, TRACTOR_FOREVER, kit_on_done, &s->bystander);
    s->told.user = s->died.user = s;
    if (!s->row->cancels)
        s->told.then = s->died.then = and_then_nothing;
    s->up = (kit_outcome){ .then = daemon_up, .user = s };
    tractor_spawn_options options = kit_child();
    static const char *const modules[] = { "kit", "outcomes", NULL };
    options.modules = modules;
    /* Who goes by itself may have to wait for a processor. */
    if (s->row->go == daemon_is_killed_by_the_ladder)
        options.cancel_timeout_ns = options.kill_timeout_ns = 100 * TRACTOR_MS * kit_headroom();
    if (s->row->on_exit) {
        options.on_exit = kit_on_done;
        options.on_exit_user = &s->died;
    }
    tractor_nursery_start_actor(s->n, "daemon", &options, kit_on_portal, &s->up);
}

static void outcome(void **state) {
    const row *r = *state;
    scene s = { .row = r };
    kit_run run = kit_run_root(NULL, body, &s);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(s.end.calls, 1);
    kit_assert_code(s.end.err, r->code);
    if (r->type)
        assert_string_equal(tractor_error_boxed_type(s.end.err), r->type);
    if (s.raised)
        assert_ptr_equal(s.end.err, s.raised);
    if (r->told)
        kit_assert_code(s.told.err, r->told);
    assert_int_equal(s.died.calls, r->on_exit);
    kit_assert_code(s.bystander.err, TRACTOR_ECANCELED);
    assert_int_equal(s.untouched, !r->cancels);
    if (r->code == TRACTOR_EGROUP) {
        /* In the order in which they came. */
        assert_int_equal(tractor_error_child_count(s.end.err), 2);
        const char *second = r->go == one_shots_fail ? "ValueError" : "KeyError";
        assert_string_equal(tractor_error_boxed_type(tractor_error_child(s.end.err, 1)), second);
    }
    if (r->go == daemon_dies_during_calls)
        assert_ptr_equal(s.told.err, s.end.err);
    if (r->go == outside_cancel)
        assert_string_equal(tractor_error_canceller(s.end.err)->name, "root");
    kit_assert_within_ms(run.ns, 2000);
}

static void stay(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL);
    tractor_ctx_started(ctx, NULL);
}

#define CANCELS true
#define NOTHING false
#define NO_ERROR TRACTOR_OK, NULL
#define ROW(go, ...)                                    \
    {                                                   \
#go, outcome, false, &(row) { go, __VA_ARGS__ } \
    }

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_CTX("stay", stay), TRACTOR_ENDPOINTS_END };
    tractor_register("outcomes", module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = {
        ROW(one_shot_fails, CANCELS, TRACTOR_EREMOTE, "ValueError", 0, false),
        ROW(one_shot_fails_among_siblings, CANCELS, TRACTOR_EREMOTE, "ValueError", 0, false),
        ROW(one_shots_fail, CANCELS, TRACTOR_EGROUP, NULL, 0, false),
        ROW(one_shot_with_a_completion_fails, NOTHING, NO_ERROR, TRACTOR_EREMOTE, false),
        ROW(one_shot_dies, CANCELS, TRACTOR_ECHILD, NULL, 0, false),
        ROW(one_shot_is_cancelled, NOTHING, NO_ERROR, 0, false),
        ROW(daemon_dies, CANCELS, TRACTOR_ECHILD, NULL, 0, false),
        ROW(daemon_dies_during_calls, CANCELS, TRACTOR_ECHILD, NULL, TRACTOR_ECHILD, false),
        ROW(daemon_dies_and_has_a_receiver, NOTHING, NO_ERROR, 0, true),
        ROW(daemon_leaves, NOTHING, NO_ERROR, 0, false),
        ROW(daemon_cannot_start, CANCELS, TRACTOR_ESPAWN, NULL, 0, false),
        ROW(daemon_cannot_start_and_the_start_is_told, NOTHING, NO_ERROR, TRACTOR_ESPAWN, false),
        ROW(call_fails, CANCELS, TRACTOR_EREMOTE, "ValueError", 0, false),
        ROW(call_with_a_completion_fails, NOTHING, NO_ERROR, TRACTOR_EREMOTE, false),
        ROW(call_times_out, CANCELS, TRACTOR_ETIMEDOUT, NULL, 0, false),
        ROW(call_is_cancelled, NOTHING, NO_ERROR, 0, false),
        ROW(called_task_is_cancelled, CANCELS, TRACTOR_ECTXCANCELED, NULL, 0, false),
        ROW(body_fails, CANCELS, TRACTOR_EUSER, "ValueError", 0, false),
        ROW(body_fails_with_a_cancellation, CANCELS, NO_ERROR, 0, false),
        ROW(hold_fails, CANCELS, TRACTOR_EUSER, "ValueError", 0, false),
        ROW(nested_fails, CANCELS, TRACTOR_EUSER, "ValueError", 0, false),
        ROW(nested_fails_twice, CANCELS, TRACTOR_EGROUP, NULL, 0, false),
        ROW(nested_with_a_completion_fails, NOTHING, NO_ERROR, TRACTOR_EUSER, false),
        ROW(nested_is_too_late, CANCELS, TRACTOR_ETIMEDOUT, NULL, 0, false),
        ROW(nested_is_cancelled, NOTHING, NO_ERROR, 0, false),
        ROW(own_cancel, CANCELS, NO_ERROR, 0, false),
        ROW(own_cancel_then_a_failure, CANCELS, TRACTOR_EUSER, "ValueError", TRACTOR_ECANCELED, false),
        ROW(own_cancel_then_outside_cancel, CANCELS, TRACTOR_ECANCELED, NULL, 0, false),
        ROW(daemon_is_killed_by_the_ladder, CANCELS, NO_ERROR, 0, false),
        ROW(outside_cancel, CANCELS, TRACTOR_ECANCELED, NULL, 0, false),
        ROW(outside_cancel_then_a_failure, CANCELS, TRACTOR_EUSER, "ValueError", TRACTOR_ECANCELED, false),
        ROW(deadline_passes, CANCELS, TRACTOR_ETIMEDOUT, NULL, 0, false),
        ROW(deadline_passes_then_a_failure, CANCELS, TRACTOR_EUSER, "ValueError", TRACTOR_ECANCELED, false),
        ROW(failure_then_the_deadline_passes, CANCELS, TRACTOR_EUSER, "ValueError", 0, false),
        ROW(several_fail, CANCELS, TRACTOR_EGROUP, NULL, 0, false),
        ROW(same_failure_twice, CANCELS, TRACTOR_EUSER, "ValueError", 0, false),
        ROW(failure_and_a_remote_cancellation, CANCELS, TRACTOR_EUSER, "ValueError", 0, false),
    };
    return kit_run_tests(tests);
}
