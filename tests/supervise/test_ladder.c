/* docs/supervision.md, the ladder: what a child is given time for. X-13 and code that blocks are in tests/capi/test_nursery.c,
 * children that boot in tests/review/test_children.c. */
#include "supervise/supervise.h"

#include <signal.h>

typedef struct task {
    tractor_ctx *ctx;
    tractor_op hold;
    int ms;
    char file[4096];
} task;

static void done(const tractor_error *err, void *user) {
    task *t = user;
    (void)err;
    fclose(fopen(t->file, "w"));
    tractor_op_complete(tractor_ctx_actor(t->ctx), t->hold, NULL);
}

/* -1: for ever. */
static void take_time(void *user) {
    task *t = user;
    if (t->ms < 0)
        return;
    tractor_nursery *shielded =
        tractor_nursery_open(tractor_ctx_nursery(t->ctx),
                             &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .timeout_ns = 60 * TRACTOR_SECOND,
                                                         .flags = TRACTOR_NURSERY_SHIELD },
                             NULL, NULL);
    tractor_nursery_sleep(shielded, t->ms * TRACTOR_MS, done, t);
}

static void slow(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *file;
    (void)user;
    task *t = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *t);
    t->ctx = ctx;
    if (tractor_ctx_unpack(ctx, args, "{s:i, s:s}", "ms", &t->ms, "file", &file) != TRACTOR_OK)
        return;
    snprintf(t->file, sizeof t->file, "%s", file);
    t->hold = tractor_nursery_hold(tractor_ctx_nursery(ctx), "slow", take_time, t);
    tractor_ctx_started(ctx, NULL);
}

/* ---- */

typedef struct rung {
    int ms;     /* what its task takes to tidy up */
    bool quick; /* the child's own times */
    int64_t from_ms, to_ms;
    bool killed;

    tractor_nursery *nursery;
    kit_outcome up, end, result;
    const char *file;
    int64_t pid, at;
} rung;

static void slow_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    rung *r = ((kit_outcome *)user)->user;
    (void)ctx, (void)first;
    r->at = tractor_now();
    assert_int_equal(tractor_nursery_cancel(r->nursery, NULL), TRACTOR_OK);
}

static void rung_up(kit_outcome *o) {
    rung *r = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    r->pid = kit_pid(o->portal);
    r->result.user = r;
    tractor_portal_open_context(o->portal, NULL, "ladder", "slow",
                                TRACTOR_ARGS("{s:i, s:s}", "ms", r->ms, "file", r->file), NULL, slow_started,
                                kit_on_value, &r->result);
}

static void rung_body(tractor_nursery *root, void *user) {
    rung *r = user;
    static const char *const modules[] = { "ladder", NULL };
    r->file = kit_path("done");
    r->nursery = tractor_nursery_open(root, NULL, kit_on_done, &r->end);
    r->up = (kit_outcome){ .then = rung_up, .user = r };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    if (r->quick) {
        options.cancel_timeout_ns = 100 * TRACTOR_MS; /* for its acknowledgement */
        options.kill_timeout_ns = 200 * TRACTOR_MS;   /* from then on to SIGKILL */
    }
    tractor_nursery_start_actor(r->nursery, "slow", &options, kit_on_portal, &r->up);
}

static void ladder(void **state) {
    rung r = *(const rung *)*state;
    if (r.killed) {
        kit_expect_log("did not end in time: killed");
        kit_expect_log("was cancelled and then ended with killed by signal 9");
    }
    kit_run run = kit_run_root(NULL, rung_body, &r);
    int64_t took = tractor_now() - r.at;
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(r.end.err, TRACTOR_OK);
    kit_assert_code(r.result.err, TRACTOR_ECANCELED);
    kit_assert_gone(r.pid);
    assert_true(took >= r.from_ms * TRACTOR_MS);
    assert_true(took <= r.from_ms * TRACTOR_MS + (r.to_ms - r.from_ms) * TRACTOR_MS * kit_headroom());
    assert_int_equal(kit_log_count("did not end in time: killed"), r.killed);
    assert_int_equal(access(r.file, F_OK) == 0, !r.killed);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_CTX("slow", slow), TRACTOR_ENDPOINTS_END };
    tractor_register("ladder", module, NULL);
    kit_begin(argc, argv);
    rung at_once = { .ms = 0, .from_ms = 0, .to_ms = 500 };
    rung tidies_up = { .ms = 1000, .from_ms = 1000, .to_ms = 1500 };
    rung never = { .ms = -1, .from_ms = 1600, .to_ms = 2400, .killed = true };
    rung never_quick = { .ms = -1, .quick = true, .from_ms = 300, .to_ms = 800, .killed = true };
    const kit_test tests[] = {
        KIT_TEST_WITH(ladder, "ends at once", &at_once),
        KIT_TEST_WITH(ladder, "acknowledges and tidies up", &tidies_up),
        KIT_TEST_WITH(ladder, "acknowledges and never ends", &never),
        KIT_TEST_WITH(ladder, "with times of its own", &never_quick),
    };
    return kit_run_tests(tests);
}
