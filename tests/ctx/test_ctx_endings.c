/* Ways to end that are easily forgotten: an error that comes when nobody waits any more, a portal that is closed below its
 * contexts, a receive that is given up together with its stream, a generator that is cancelled and not read. */
#include "dialog.h"

#define MODULE "endings"

static kit_run play(stage *s, void (*when_up)(stage *)) {
    s->module = MODULE;
    s->when_up = when_up;
    return stage_play(s, NULL);
}

/* ---- in the children ---- */

static tractor_op deaf_hold;

/* Hears of no cancel; its work goes on until let_fail() ends it. */
static void deaf(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL); /* if it is a context */
    tractor_nursery_options shield = { TRACTOR_NURSERY_OPTIONS, .flags = TRACTOR_NURSERY_SHIELD,
                                       .timeout_ns = 10 * TRACTOR_SECOND };
    tractor_nursery *nursery = tractor_nursery_open(tractor_ctx_nursery(ctx), &shield, NULL, NULL);
    deaf_hold = tractor_nursery_hold(nursery, "work", NULL, NULL);
    tractor_nursery_close(nursery);
}

static void let_fail(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_error *err = tractor_error_newf(TRACTOR_EUSER, "ValueError", "much too late");
    tractor_op_complete(tractor_ctx_actor(ctx), deaf_hold, err);
    tractor_error_unref(err);
    tractor_ctx_return(ctx, NULL);
}

/* Answers 7 once the caller sends no more. */
static void on_sent(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        tractor_ctx_return(user, "i", 7);
}
static void until_eof(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_stream *stream;
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &stream);
    tractor_stream_receive(stream, NULL, on_sent, ctx);
}

static void stays(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    stay(tractor_ctx_nursery(ctx));
}

/* Sends a few values and stays. */
static void yields(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_stream *stream;
    (void)args, (void)user;
    tractor_ctx_open_stream(ctx, NULL, &stream);
    for (int i = 0; i < 3; i++)
        tractor_stream_sendf(stream, "i", i);
    stay(tractor_ctx_nursery(ctx));
}

/* Sends two values and is over. */
static void two_values(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_stream *stream;
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &stream);
    tractor_stream_sendf(stream, "i", 1);
    tractor_stream_sendf(stream, "i", 2);
    tractor_ctx_return(ctx, NULL);
}

/* Finds "other", opens a context there, closes the portal, and answers how the context ended. */
typedef struct closes {
    tractor_ctx *ctx;
    tractor_portal *portal;
} closes;
static void closes_ended(const tractor_error *err, const tractor_value *value, void *user) {
    closes *c = user;
    (void)value;
    tractor_ctx_return(c->ctx, "i", tractor_error_code(err));
}
static void closes_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    (void)ctx, (void)first;
    tractor_portal_close(((closes *)user)->portal);
}
static void closes_found(const tractor_error *err, tractor_portal *portal, void *user) {
    closes *c = user;
    if (err) {
        tractor_ctx_raise(c->ctx, err);
        return;
    }
    c->portal = portal;
    tractor_portal_open_context(portal, NULL, MODULE, "stays", TRACTOR_ARGS("{}"), NULL, closes_started, closes_ended,
                                c);
}
static void closes_portal(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    closes *c = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *c);
    c->ctx = ctx;
    tractor_find_actor(tractor_ctx_nursery(ctx), "other", NULL, closes_found, c);
}

static const tractor_endpoint module[] = { TRACTOR_CTX("deaf", deaf),
                                           TRACTOR_FUNC("deaf_function", deaf),
                                           TRACTOR_FUNC("let_fail", let_fail),
                                           TRACTOR_CTX("until_eof", until_eof),
                                           TRACTOR_CTX("stays", stays),
                                           TRACTOR_CTX("two_values", two_values),
                                           TRACTOR_GEN("yields", yields),
                                           TRACTOR_FUNC("closes_portal", closes_portal),
                                           TRACTOR_ENDPOINTS_END };

/* ---- a failure when nobody waits any more ---- */

typedef struct late {
    stage *stage;
    opened peer;
    kit_outcome asked, call, released, echoed;
} late;

static void late_echoed(kit_outcome *o) { stage_end(((late *)o->user)->stage); }
static void late_released(kit_outcome *o) {
    late *l = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    l->echoed = (kit_outcome){ .then = late_echoed, .user = l };
    tractor_portal_run(FIRST(l->stage), l->stage->root, "kit", "echo", TRACTOR_ARGS("{}"), NULL, kit_on_value,
                       &l->echoed);
}
static void late_release(late *l) {
    l->released = (kit_outcome){ .then = late_released, .user = l };
    tractor_portal_run(FIRST(l->stage), l->stage->root, MODULE, "let_fail", TRACTOR_ARGS("{}"), NULL, kit_on_value,
                       &l->released);
}

static const tractor_call_options soon = { TRACTOR_CALL_OPTIONS, .timeout_ns = 50 * TRACTOR_MS };

static void late_started(opened *o) {
    late *l = o->user;
    assert_true(tractor_ctx_cancel(o->ctx, l->stage->root, &soon, kit_on_done, &l->asked) > 0);
}
static void late_over(opened *o) { late_release(o->user); }
static void late_context_up(stage *s) {
    late *l = s->user;
    l->stage = s;
    l->peer = (opened){ .then = late_started, .over = late_over, .user = l };
    opened_open(&l->peer, FIRST(s), s->root, MODULE, "deaf", TRACTOR_ARGS("{}"), NULL);
}

static void test_failure_after_the_cancel_timed_out(void **state) {
    late l = { .peer = { .ctx = NULL } };
    stage s = { .user = &l };
    (void)state;
    kit_expect_log("when nobody waited for it any more");
    kit_assert_code(play(&s, late_context_up).err, TRACTOR_OK);
    kit_assert_code(l.asked.err, TRACTOR_ETIMEDOUT);
    kit_assert_code(l.peer.result.err, TRACTOR_OK);
    assert_null(l.peer.result.value);
    assert_false(l.peer.cancel_acked);
    assert_int_equal(kit_log_count("'" MODULE ":deaf' of child"), 1);
    assert_int_equal(kit_log_count("ValueError: much too late"), 1);
}

static void late_call_over(kit_outcome *o) { late_release(o->user); }
static void late_call_up(stage *s) {
    late *l = s->user;
    l->stage = s;
    l->call = (kit_outcome){ .then = late_call_over, .user = l };
    tractor_portal_run(FIRST(s), s->root, MODULE, "deaf_function", TRACTOR_ARGS("{}"), &soon, kit_on_value, &l->call);
}

static void test_failure_after_the_call_timed_out(void **state) {
    late l = { .peer = { .ctx = NULL } };
    stage s = { .user = &l };
    (void)state;
    kit_expect_log("when nobody waited for it any more");
    kit_assert_code(play(&s, late_call_up).err, TRACTOR_OK);
    kit_assert_code(l.call.err, TRACTOR_ETIMEDOUT);
    assert_int_equal(kit_log_count("ValueError: much too late"), 1);
}

/* ---- a portal is closed below its context ---- */

static void closed_below_over(kit_outcome *o) { stage_end(o->user); }
static void closed_below_up(stage *s) {
    kit_outcome *answer = s->user;
    answer->then = closed_below_over;
    answer->user = s;
    tractor_portal_run(FIRST(s), s->root, MODULE, "closes_portal", TRACTOR_ARGS("{}"), NULL, kit_on_value, answer);
}

static void test_portal_closed_below_its_context(void **state) {
    kit_outcome answer = KIT_OUTCOME;
    stage s = { .names = { "one", "other" }, .user = &answer };
    (void)state;
    kit_assert_code(play(&s, closed_below_up).err, TRACTOR_OK);
    kit_assert_value(answer.value, "i", TRACTOR_ECANCELED);
}

/* ---- a receive that is given up together with its stream ---- */

typedef struct giving_up {
    stage *stage;
    opened peer;
    int heard;
    bool abandon;
} giving_up;

static void hears(const tractor_error *err, const tractor_value *value, void *user) {
    /* It does not even look at the error. */
    if (err && !value)
        ((giving_up *)user)->heard++;
}
static void give_up(opened *o) {
    giving_up *g = o->user;
    tractor_stream *stream = opened_stream(o, NULL);
    tractor_op receive = tractor_stream_receive(stream, NULL, hears, g);
    assert_true(receive > 0);
    tractor_stream_close(stream);
    if (g->abandon)
        assert_int_equal(tractor_op_abandon(kit_actor(), receive), TRACTOR_OK);
}
static void gave_up(opened *o) { stage_end(((giving_up *)o->user)->stage); }
static void giving_up_up(stage *s) {
    giving_up *g = s->user;
    g->stage = s;
    g->peer = (opened){ .then = give_up, .over = gave_up, .user = g };
    opened_open(&g->peer, FIRST(s), s->root, MODULE, "until_eof", TRACTOR_ARGS("{}"), NULL);
}

static void test_receive_and_stream_given_up(void **state) {
    giving_up g = { .abandon = *state != NULL };
    stage s = { .user = &g };
    kit_assert_code(play(&s, giving_up_up).err, TRACTOR_OK);
    kit_assert_value(g.peer.result.value, "i", 7);
    assert_int_equal(g.heard, g.abandon ? 0 : 1);
}

/* ---- a receive that outlives its stream: it is started when the context has nothing left to wait for ---- */

enum { BY_CLOSE, BY_CANCEL, IN_CANCELLED };

typedef struct outliving {
    stage *stage;
    opened peer;
    int how;
    kit_outcome first, result, last;
} outliving;

static void outlive(kit_outcome *result) {
    outliving *o = result->user;
    tractor_nursery *in = o->stage->root;
    kit_assert_code(result->err, TRACTOR_OK);
    if (o->how == IN_CANCELLED) {
        in = tractor_nursery_open(in, NULL, NULL, NULL);
        tractor_nursery_cancel(in, NULL);
    }
    if (o->how == BY_CANCEL)
        tractor_nursery_cancel(o->peer.block, NULL);
    else
        tractor_stream_close(o->peer.stream);
    assert_true(tractor_stream_receive(o->peer.stream, in, kit_on_value, &o->last) > 0);
}
static void outlive_started(opened *p) {
    outliving *o = p->user;
    tractor_stream_receive(opened_stream(p, NULL), o->stage->root, kit_on_value, &o->first);
    o->result = (kit_outcome){ .then = outlive, .user = o };
    tractor_ctx_wait_for_result(p->ctx, o->stage->root, kit_on_value, &o->result);
}
static void outlived(opened *p) { stage_end(((outliving *)p->user)->stage); }
static void outliving_up(stage *s) {
    outliving *o = s->user;
    o->stage = s;
    o->peer = (opened){ .then = outlive_started, .over = outlived, .user = o };
    opened_open(&o->peer, FIRST(s), s->root, MODULE, "two_values", TRACTOR_ARGS("{}"), NULL);
}

static void test_receive_outlives_its_stream(void **state) {
    outliving o = { .how = variant_of(state) };
    stage s = { .user = &o };
    kit_assert_code(play(&s, outliving_up).err, TRACTOR_OK);
    kit_assert_code(o.peer.result.err, TRACTOR_OK);
    kit_assert_value(o.first.value, "i", 1);
    assert_int_equal(o.last.calls, 1);
    kit_assert_code(o.last.err, o.how == BY_CLOSE ? TRACTOR_ECLOSED : TRACTOR_ECANCELED);
}

/* ---- generators ---- */

typedef struct one_way {
    stage *stage;
    kit_outcome cancelled, end;
} one_way;

static void cancel_unread(tractor_stream *stream, void *user) {
    one_way *w = ((kit_outcome *)user)->user;
    assert_true(tractor_ctx_cancel(tractor_stream_ctx(stream), w->stage->root, NULL, kit_on_done, &w->cancelled) > 0);
}
static void one_way_over(kit_outcome *o) { stage_end(((one_way *)o->user)->stage); }
static void one_way_up(stage *s) {
    one_way *w = s->user;
    w->stage = s;
    w->end = (kit_outcome){ .then = one_way_over, .user = w };
    assert_int_equal(tractor_portal_open_stream_from(FIRST(s), s->root, MODULE, "yields", TRACTOR_ARGS("{}"), NULL,
                                                     NULL, kit_on_done, &w->end),
                     TRACTOR_EINVAL);
    tractor_portal_open_stream_from(FIRST(s), s->root, MODULE, "yields", TRACTOR_ARGS("{}"), NULL, cancel_unread,
                                    kit_on_done, &w->end);
}

static void test_cancelled_generator_that_nobody_reads(void **state) {
    one_way w = { .end = KIT_OUTCOME };
    stage s = { .user = &w };
    (void)state;
    kit_assert_code(play(&s, one_way_up).err, TRACTOR_OK);
    kit_assert_code(w.cancelled.err, TRACTOR_OK);
    assert_int_equal(w.end.calls, 1);
    kit_assert_code(w.end.err, TRACTOR_OK);
}

int main(int argc, char **argv) {
    tractor_register(MODULE, module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(test_failure_after_the_cancel_timed_out),
        KIT_TEST(test_failure_after_the_call_timed_out),
        KIT_TEST(test_portal_closed_below_its_context),
        KIT_TEST_WITH(test_receive_and_stream_given_up, "ignored", NULL),
        KIT_TEST_WITH(test_receive_and_stream_given_up, "abandoned", "yes"),
        KIT_TEST_WITH(test_receive_outlives_its_stream, "closed", (void *)BY_CLOSE),
        KIT_TEST_WITH(test_receive_outlives_its_stream, "cancelled", (void *)BY_CANCEL),
        KIT_TEST_WITH(test_receive_outlives_its_stream, "in a cancelled nursery", (void *)IN_CANCELLED),
        KIT_TEST(test_cancelled_generator_that_nobody_reads),
    };
    return kit_run_tests(tests);
}
