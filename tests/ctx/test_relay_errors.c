/* A real error of the peer is not hidden by a cancel that meets it. */
#include "one_child.h"

/* ---- in the child ---- */

typedef struct task {
    tractor_ctx *ctx;
    char path[200]; /* a file that is made when the task has seen its cancel, or has tidied up */
} task;

static task *begin(tractor_ctx *ctx, const tractor_value *args) {
    const char *path;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "path", &path) != TRACTOR_OK)
        return NULL;
    task *t = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *t);
    t->ctx = ctx;
    snprintf(t->path, sizeof t->path, "%s", path);
    tractor_ctx_started(ctx, NULL);
    return t;
}

static void on_sleep_cancelled(const tractor_error *err, void *user) {
    task *t = user;
    if (tractor_error_code(err) == TRACTOR_ECANCELED)
        touch(t->path);
}
static void sleep_on(tractor_ctx *ctx, const tractor_value *args, void *user) {
    task *t = begin(ctx, args);
    (void)user;
    if (t)
        tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, on_sleep_cancelled, t);
}

/* Tidies up for a second, which no cancel cuts short, and then waits for something that is cancelled. */
static void on_tidied_up(const tractor_error *err, void *user) {
    task *t = user;
    if (!err)
        tractor_nursery_sleep(tractor_ctx_nursery(t->ctx), TRACTOR_FOREVER, on_sleep_cancelled, t);
}
static void fail_slowly(const tractor_error *err, void *user) {
    task *t = user;
    if (err)
        return;
    tractor_nursery_options options = { TRACTOR_NURSERY_OPTIONS, .timeout_ns = 5 * TRACTOR_SECOND,
                                        .flags = TRACTOR_NURSERY_SHIELD };
    tractor_nursery *shielded = tractor_nursery_open(tractor_ctx_nursery(t->ctx), &options, on_tidied_up, t);
    tractor_nursery_sleep(shielded, TRACTOR_SECOND, NULL, NULL);
    tractor_nursery_close(shielded);
    tractor_ctx_raisef(t->ctx, "RuntimeError", "this is the real one");
    touch(kit_text("%s-raised", t->path));
}
static void raise_and_tidy_up(tractor_ctx *ctx, const tractor_value *args, void *user) {
    task *t = begin(ctx, args);
    (void)user;
    if (t)
        tractor_nursery_sleep(tractor_ctx_nursery(ctx), 100 * TRACTOR_MS, fail_slowly, t);
}

/* ---- REL-01 ---- */

typedef struct relay {
    const char *func, *path, *cancel_after; /* that file is there */
    tractor_ctx *ctx;
    kit_outcome waited, result;
    const tractor_error *remote, *maybe;
    bool acked;
} relay;

/* A cancel waits 0.616 s for the task's last word unless it is told to wait longer. */
static void cancel_it(const tractor_error *err, void *user) {
    relay *r = user;
    kit_assert_code(err, TRACTOR_OK);
    tractor_call_options options = { TRACTOR_CALL_OPTIONS, .timeout_ns = 3 * TRACTOR_SECOND };
    assert_true(tractor_ctx_cancel(r->ctx, NULL, &options, NULL, NULL) > 0);
}
static void wait_for_raise(void *user) { assert_true(kit_wait_file(((relay *)user)->cancel_after)); }
static void on_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    relay *r = user;
    (void)first;
    r->ctx = ctx;
    tractor_ctx_wait_for_result(ctx, NULL, kit_on_value, &r->waited);
    if (r->cancel_after)
        tractor_nursery_run_in_thread(tractor_ctx_nursery(ctx), wait_for_raise, cancel_it, r);
    else
        tractor_nursery_sleep(tractor_ctx_nursery(ctx), 100 * TRACTOR_MS, cancel_it, r);
}
static void on_result(const tractor_error *err, const tractor_value *value, void *user) {
    relay *r = user;
    kit_on_value(err, value, &r->result);
    r->remote = kit_keep_error(tractor_ctx_remote_error(r->ctx));
    r->maybe = tractor_ctx_maybe_error(r->ctx);
    r->acked = tractor_ctx_cancel_acked(r->ctx);
}
static void on_child(const tractor_error *err, tractor_portal *portal, void *user) {
    relay *r = user;
    kit_assert_code(err, TRACTOR_OK);
    tractor_portal_open_context(portal, NULL, "t", r->func, TRACTOR_ARGS("{s:s}", "path", r->path), NULL, on_started,
                                on_result, r);
}
static void body(tractor_nursery *root, void *user) { start_child(root, "sub", on_child, user); }

static void REL_01_cancelled_sleeper(void **state) {
    (void)state;
    relay r = { .func = "sleep_on", .path = kit_path("cancelled") };
    kit_run run = kit_run_root(NULL, body, &r);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_non_null(kit_read_file(r.path));
    /* Our own cancel is no error; the context still knows what the peer said. */
    assert_int_equal(r.waited.calls, 1);
    kit_assert_code(r.waited.err, TRACTOR_OK);
    assert_null(r.waited.value);
    kit_assert_code(r.result.err, TRACTOR_OK);
    assert_null(r.result.value);
    assert_true(r.acked);
    kit_assert_code(r.remote, TRACTOR_ECTXCANCELED);
    assert_string_equal(tractor_error_canceller(r.remote)->name, "root");
    assert_ptr_equal(r.maybe, r.remote);
}

static void REL_01_unmasked_remote_error(void **state) {
    (void)state;
    relay r = { .func = "raise_and_tidy_up", .path = kit_path("tidied_up") };
    r.cancel_after = kit_text("%s-raised", r.path);
    kit_run run = kit_run_root(NULL, body, &r);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_non_null(kit_read_file(r.path));
    kit_assert_remote(r.result.err, "RuntimeError");
    assert_string_equal(tractor_error_source(r.result.err)->name, "sub");
    kit_assert_contains(tractor_error_message(r.result.err), "this is the real one");
    assert_int_equal(tractor_error_child_count(r.result.err), 0);
    assert_ptr_equal(r.waited.err, r.result.err);
    assert_ptr_equal(r.remote, r.result.err);
    assert_false(r.acked);
    assert_true(run.ns > 1100 * TRACTOR_MS);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_CTX("sleep_on", sleep_on),
                                               TRACTOR_CTX("raise_and_tidy_up", raise_and_tidy_up),
                                               TRACTOR_ENDPOINTS_END };
    tractor_register("t", module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = { KIT_TEST(REL_01_cancelled_sleeper), KIT_TEST(REL_01_unmasked_remote_error) };
    return kit_run_tests(tests);
}
