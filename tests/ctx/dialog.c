#include "dialog.h"

/* ---- a root with children ---- */

static void one_up(kit_outcome *o) {
    stage *s = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    kit_assert_portal(o->portal);
    s->portals[o - s->started] = o->portal;
    if (++s->up == s->count)
        s->when_up(s);
}

static void stage_body(tractor_nursery *root, void *user) {
    stage *s = user;
    const char *const modules[] = { "kit", s->module, NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    s->root = root;
    if (!s->names[0])
        s->names[0] = "child";
    while (s->count < STAGE_MAX && s->names[s->count])
        s->count++;
    for (int i = 0; i < s->count; i++) {
        s->started[i] = (kit_outcome){ .then = one_up, .user = s };
        tractor_nursery_start_actor(root, s->names[i], &options, kit_on_portal, &s->started[i]);
    }
}

kit_run stage_play(stage *s, const tractor_root_options *more) { return kit_run_root(more, stage_body, s); }

void stage_end(stage *s) { assert_int_equal(tractor_nursery_cancel(s->root, "the test is over"), TRACTOR_OK); }

void stage_cancel_actor(stage *s) {
    assert_true(tractor_portal_cancel_actor(FIRST(s), s->root, NULL, kit_on_done, &s->cancelled) > 0);
}

/* ---- a context that this side opens ---- */

static void on_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    opened *o = user;
    o->starts++;
    o->started_at = tractor_now();
    o->ctx = ctx;
    o->block = tractor_ctx_nursery(ctx);
    o->first = kit_keep_value(first);
    assert_int_equal(o->result.calls, 0);
    assert_true(tractor_ctx_is_caller(ctx));
    assert_int_not_equal(tractor_ctx_state(ctx), TRACTOR_CTX_OPENING);
    if (o->then)
        o->then(o);
}

void opened_snapshot(opened *o) {
    const tractor_id *who = tractor_ctx_canceller(o->ctx);
    o->state = tractor_ctx_state(o->ctx);
    o->cancel_called = tractor_ctx_cancel_called(o->ctx);
    o->cancel_acked = tractor_ctx_cancel_acked(o->ctx);
    o->canceller = who ? kit_text("%s", who->name) : NULL;
    o->remote_error = kit_keep_error(tractor_ctx_remote_error(o->ctx));
    o->local_error = kit_keep_error(tractor_ctx_local_error(o->ctx));
    o->maybe_error = kit_keep_error(tractor_ctx_maybe_error(o->ctx));
}

static void on_over(kit_outcome *result) {
    opened *o = result->user;
    if (o->ctx)
        opened_snapshot(o);
    if (o->over)
        o->over(o);
    o->ctx = NULL;
    o->block = NULL;
    o->stream = NULL;
}

static void on_result(const tractor_error *err, const tractor_value *value, void *user) {
    kit_on_value(err, value, &((opened *)user)->result);
}

void opened_open(opened *o, tractor_portal *portal, tractor_nursery *in, const char *module, const char *func,
                 tractor_bytes args, const tractor_call_options *options) {
    o->result.then = on_over;
    o->result.user = o;
    o->op = tractor_portal_open_context(portal, in, module, func, args, options, on_started,
                                        o->uncaught ? NULL : on_result, o);
    assert_true(o->op > 0);
}

tractor_stream *opened_stream(opened *o, const tractor_call_options *options) {
    assert_int_equal(tractor_ctx_open_stream(o->ctx, options, &o->stream), TRACTOR_OK);
    assert_ptr_equal(tractor_stream_ctx(o->stream), o->ctx);
    return o->stream;
}

static void require(bool holds, const char *what, const char *file, int line) {
    if (!holds) {
        print_error("not so: %s\n", what);
        _fail(file, line);
    }
}

void assert_cancelled_by_(const tractor_error *err, const char *name, const char *file, int line) {
    kit_assert_code_(err, TRACTOR_ECTXCANCELED, file, line);
    const tractor_id *who = tractor_error_canceller(err);
    require(who && strcmp(who->name, name) == 0, kit_text("%s cancelled it, but %s", name, who ? who->name : "nobody"),
            file, line);
}

void assert_absorbed_(const opened *o, const char *file, int line) {
    require(o->result.calls == 1, "it has ended once", file, line);
    kit_assert_code_(o->result.err, TRACTOR_OK, file, line);
    require(!o->result.value, "there is no value", file, line);
    require(o->cancel_called && o->cancel_acked, "our cancel was called and acknowledged", file, line);
    require(o->state == TRACTOR_CTX_SELF_CANCELLED, "its state is self-cancelled", file, line);
    assert_cancelled_by_(o->remote_error, "root", file, line);
    require(o->maybe_error == o->remote_error, "maybe_error is the remote error", file, line);
    require(o->local_error == o->remote_error, "local_error is the remote error", file, line);
    require(o->canceller && strcmp(o->canceller, "root") == 0, "we are the canceller", file, line);
}

/* ---- in endpoints and blocks ---- */

void stay(tractor_nursery *nursery) { assert_true(tractor_nursery_sleep(nursery, TRACTOR_FOREVER, NULL, NULL) > 0); }

const tractor_error *an_error(int code, const char *type, const char *text) {
    tractor_error *err = tractor_error_newf(code, type, "%s", text);
    kit_keep_error(err);
    tractor_error_unref(err);
    return err;
}

int64_t int_of(const tractor_value *value) {
    int64_t n = -1;
    tractor_unpack(value, "I", &n);
    return n;
}

/* ---- tests with many variants ---- */

static kit_test tests[200];
static size_t test_count;

static void add(const char *name, void (*fn)(void **), bool once, void *user) {
    if (test_count == sizeof tests / sizeof tests[0])
        abort();
    tests[test_count++] = (kit_test){ name, fn, once, user };
}

void add_variant(void (*fn)(void **), int bits, const char *format, ...) {
    char *name = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&name, format, args) < 0)
        abort();
    va_end(args);
    add(name, fn, false, (void *)(intptr_t)bits);
}

void add_test(const char *name, void (*fn)(void **), bool once) { add(name, fn, once, NULL); }

int run_added_tests(void) { return kit_run_tests_(tests, test_count); }

int variant_of(void **state) { return (int)(intptr_t)*state; }
