/* A task that does not hear of its cancel: whoever asked first may have all the time in the world, but a nursery that is
 * cancelled waits 0.616 s for it and no longer (X-22: no hang). */
#include "ctx/one_child.h"

enum { DEAF_MS = 1500 };

static void awake(const tractor_error *err, void *user) {
    (void)err;
    tractor_ctx_return(user, NULL);
}

/* Goes on for a while, whatever it is told. */
static void deaf(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    tractor_nursery *shield =
        tractor_nursery_open(tractor_ctx_nursery(ctx),
                             &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .flags = TRACTOR_NURSERY_SHIELD,
                                                         .timeout_ns = 10 * TRACTOR_SECOND },
                             NULL, NULL);
    tractor_nursery_sleep(shield, DEAF_MS * TRACTOR_MS, awake, ctx);
    tractor_nursery_close(shield);
}
static const tractor_endpoint module[] = { TRACTOR_CTX("deaf", deaf), TRACTOR_ENDPOINTS_END };

typedef struct waiting {
    tractor_nursery *root, *around;
    int64_t cancelled_at;
    kit_outcome asked, result, around_end;
} waiting;

static void give_up(const tractor_error *err, void *user) {
    waiting *w = user;
    assert_null(err);
    assert_int_equal(w->result.calls, 0);
    w->cancelled_at = tractor_now();
    tractor_nursery_cancel(w->around, "it has waited long enough");
}

static void deaf_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    waiting *w = ((kit_outcome *)user)->user; /* it is that of the result */
    (void)first;
    tractor_call_options patient = { TRACTOR_CALL_OPTIONS, .timeout_ns = TRACTOR_FOREVER };
    assert_true(tractor_ctx_cancel(ctx, w->root, &patient, kit_on_done, &w->asked) > 0);
    tractor_nursery_sleep(w->root, 50 * TRACTOR_MS, give_up, w);
}

static void child_up(const tractor_error *err, tractor_portal *portal, void *user) {
    waiting *w = user;
    assert_null(err);
    w->around = tractor_nursery_open(w->root, NULL, kit_on_done, &w->around_end);
    assert_true(tractor_portal_open_context(portal, w->around, "t", "deaf", TRACTOR_ARGS("{}"), NULL, deaf_started,
                                            kit_on_value, &w->result) > 0);
}

static void body(tractor_nursery *root, void *user) {
    waiting *w = user;
    w->root = root;
    start_child(root, "deaf", child_up, w);
}

static void X_22_a_patient_cancel_bounds_no_nursery(void **state) {
    (void)state;
    waiting w = { .asked = KIT_OUTCOME, .result = KIT_OUTCOME, .around_end = KIT_OUTCOME };
    w.result.user = &w;
    kit_run run = kit_run_root(NULL, body, &w);
    assert_null(run.err);
    kit_assert_code(w.result.err, TRACTOR_ECANCELED);
    kit_assert_within_ms(w.result.at - w.cancelled_at, 616 + 200);
    /* The request itself is deaf to cancels: it has its answer when the task has ended. */
    assert_null(w.asked.err);
    assert_int_equal(w.asked.calls, 1);
}

int main(int argc, char **argv) {
    tractor_register("t", module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = { KIT_TEST(X_22_a_patient_cancel_bounds_no_nursery) };
    return kit_run_tests(tests);
}
