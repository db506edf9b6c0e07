/* Contexts that are cancelled, by whom and when; what each side sees of it. */
#include "dialog.h"

#define MODULE "cancelling"

static kit_run play(stage *s, void (*when_up)(stage *)) {
    s->module = MODULE;
    s->when_up = when_up;
    return stage_play(s, NULL);
}

/* ---- CTX-03: the task or the whole actor is cancelled; the task blocks or has returned ---- */

static void maybe_block(tractor_ctx *ctx, const tractor_value *args, void *user) {
    bool early;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:b}", "early", &early) != TRACTOR_OK)
        return;
    tractor_ctx_started(ctx, NULL);
    if (early)
        tractor_ctx_return(ctx, "s", "yo");
    else
        stay(tractor_ctx_nursery(ctx));
}

enum { ACTOR = 1, EARLY = 2, INSIDE = 4 };

typedef struct cancels {
    int bits;
    opened peer;
    kit_outcome round_trip, cancelled, result, late_result;
    int64_t ns;
    stage *stage;
} cancels;

static void cancels_done(kit_outcome *cancelled) {
    cancels *c = cancelled->user;
    kit_assert_code(cancelled->err, TRACTOR_OK);
    if ((c->bits & INSIDE) && c->peer.ctx)
        tractor_ctx_wait_for_result(c->peer.ctx, c->stage->root, kit_on_value, &c->late_result);
}
static void cancels_now(cancels *c) {
    c->cancelled.then = cancels_done;
    c->cancelled.user = c;
    c->ns = tractor_now();
    tractor_op op = c->bits & ACTOR
                        ? tractor_portal_cancel_actor(FIRST(c->stage), c->peer.block, NULL, kit_on_done, &c->cancelled)
                        : tractor_ctx_cancel(c->peer.ctx, NULL, NULL, kit_on_done, &c->cancelled);
    assert_true(op > 0);
}
static void came_round(kit_outcome *trip) {
    cancels *c = trip->user;
    assert_int_equal(tractor_ctx_state(c->peer.ctx), TRACTOR_CTX_RETURNED);
    cancels_now(c);
}
static void cancels_started(opened *o) {
    cancels *c = o->user;
    if (c->bits & INSIDE)
        tractor_ctx_wait_for_result(o->ctx, NULL, kit_on_value, &c->result);
    if (!(c->bits & EARLY))
        return cancels_now(c);
    /* What the task answered is here before the answer to this. */
    c->round_trip.then = came_round;
    c->round_trip.user = c;
    tractor_portal_run(FIRST(c->stage), o->block, "kit", "echo", TRACTOR_ARGS("{}"), NULL, kit_on_value,
                       &c->round_trip);
}
static void cancels_over(opened *o) {
    cancels *c = o->user;
    c->ns = tractor_now() - c->ns;
    if (!(c->bits & ACTOR))
        stage_end(c->stage);
}
static void cancels_up(stage *s) {
    cancels *c = s->user;
    c->stage = s;
    c->peer = (opened){ .then = cancels_started, .over = cancels_over, .user = c };
    opened_open(&c->peer, FIRST(s), s->root, MODULE, "maybe_block",
                TRACTOR_ARGS("{s:b}", "early", (c->bits & EARLY) != 0), NULL);
}
static void CTX_03_parent_cancels(void **state) {
    cancels c = { .bits = variant_of(state) };
    stage s = { .user = &c };
    kit_run run = play(&s, cancels_up);
    kit_assert_code(run.err, TRACTOR_OK);
    const opened *peer = &c.peer;
    const kit_outcome *results[] = { &peer->result, &c.result, &c.late_result };
    int seen = c.bits & INSIDE ? 3 : 1;
    for (int i = 0; i < 3; i++)
        assert_int_equal(results[i]->calls, i < seen);
    for (int i = 0; i < seen; i++) {
        if (c.bits & EARLY) {
            kit_assert_code(results[i]->err, TRACTOR_OK);
            kit_assert_value(results[i]->value, "s", "yo");
        } else if (c.bits & ACTOR) {
            assert_cancelled_by(results[i]->err, "root");
            assert_ptr_equal(results[i]->err, peer->remote_error);
        } else {
            kit_assert_code(results[i]->err, TRACTOR_OK);
            assert_null(results[i]->value);
        }
    }
    if (c.bits & EARLY) {
        assert_null(peer->maybe_error);
        assert_int_equal(peer->state, TRACTOR_CTX_RETURNED);
        kit_assert_within_ms(run.ns, 2000);
        return;
    }
    kit_assert_within_ms(c.ns, 500);
    if (!(c.bits & ACTOR)) {
        assert_absorbed(peer);
        return;
    }
    /* Nobody has cancelled the context itself. */
    assert_false(peer->cancel_called);
    assert_false(peer->cancel_acked);
    assert_int_equal(peer->state, TRACTOR_CTX_PEER_CANCELLED);
    assert_ptr_equal(peer->maybe_error, peer->remote_error);
}

/* ---- CTX-05, CTX-06: a task that echoes until it is cancelled ---- */

typedef struct echo {
    tractor_ctx *ctx;
    tractor_stream *stream;
} echo;

/* Of the last one, in the child. */
static struct {
    bool running, cancel_called, errors;
    int code, state;
} last;

static void echo_ended(const tractor_error *err, void *user) {
    echo *e = user;
    last.running = false;
    last.code = tractor_error_code(err);
    last.state = tractor_ctx_state(e->ctx);
    last.cancel_called = tractor_nursery_cancel_called(tractor_ctx_nursery(e->ctx));
    last.errors = tractor_ctx_remote_error(e->ctx) || tractor_ctx_local_error(e->ctx);
}
static void echo_item(const tractor_error *err, const tractor_value *value, void *user) {
    echo *e = user;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        return stay(tractor_ctx_nursery(e->ctx));
    if (err)
        return;
    tractor_stream_send_value(e->stream, NULL, value, NULL, NULL);
    tractor_stream_receive(e->stream, NULL, echo_item, e);
}
static void echo_until_cancelled(tractor_ctx *ctx, const tractor_value *args, void *user) {
    bool sends;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:b}", "sends", &sends) != TRACTOR_OK)
        return;
    echo *e = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *e);
    e->ctx = ctx;
    last.running = true;
    tractor_nursery_on_end(tractor_ctx_nursery(ctx), echo_ended, e);
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &e->stream);
    if (sends)
        tractor_stream_sendf(e->stream, "s", "hi");
    tractor_stream_receive(e->stream, NULL, echo_item, e);
}
static void how_it_ended(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_return(ctx, "[b,b,b,i,i]", last.running, last.cancel_called, last.errors, last.code, last.state);
}
static void assert_cancelled_on_request(const kit_outcome *ended) {
    kit_assert_value(ended->value, "[b,b,b,i,i]", false, true, false, TRACTOR_ECANCELED, TRACTOR_CTX_PEER_CANCELLED);
}

enum { SENDS = 1, WAITS = 2 };
enum { BY_NOTHING, PRE_STREAM, STREAM_OPENED, STREAM_CLOSED };

typedef struct leaving {
    int bits, method;
    opened peer;
    kit_outcome item, waited, result, cancelled, ended;
    tractor_nursery *wait;
    int64_t from;
    tractor_portal *portal;
    stage *stage;
    int *left;
} leaving;

static void leaving_cancelled(kit_outcome *cancelled) {
    leaving *l = cancelled->user;
    kit_assert_code(cancelled->err, TRACTOR_OK);
    assert_true(tractor_ctx_cancel_acked(l->peer.ctx));
    assert_cancelled_by(tractor_ctx_remote_error(l->peer.ctx), "root");
    tractor_stream *stream;
    assert_int_equal(tractor_ctx_open_stream(l->peer.ctx, NULL, &stream), TRACTOR_ECANCELED);
    assert_int_equal(tractor_stream_sendf(stream, NULL), TRACTOR_ECLOSED);
    assert_int_equal(l->peer.result.calls, 0);
}
static void leave_now(leaving *l) {
    if (l->method == BY_NOTHING) {
        assert_int_equal(tractor_nursery_cancel(l->peer.block, "it leaves"), TRACTOR_OK);
        return;
    }
    l->cancelled.then = leaving_cancelled;
    l->cancelled.user = l;
    assert_true(tractor_ctx_cancel(l->peer.ctx, NULL, NULL, kit_on_done, &l->cancelled) > 0);
    tractor_stream *stream;
    assert_int_equal(tractor_ctx_open_stream(l->peer.ctx, NULL, &stream), TRACTOR_ECANCELED);
}
static void waited_long_enough(kit_outcome *waited) {
    leaving *l = waited->user;
    kit_assert_code(waited->err, TRACTOR_ETIMEDOUT);
    kit_assert_code(l->result.err, TRACTOR_ECANCELED);
    assert_true(waited->at - l->from >= 500 * TRACTOR_MS);
    assert_false(tractor_ctx_cancel_called(l->peer.ctx));
    leave_now(l);
}
static void wait_in_vain(leaving *l) {
    if (l->method == STREAM_CLOSED)
        tractor_stream_close(l->peer.stream);
    l->waited.then = waited_long_enough;
    l->waited.user = l;
    l->from = tractor_now();
    l->wait = tractor_nursery_open(
        l->peer.block, &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .timeout_ns = 500 * TRACTOR_MS },
        kit_on_done, &l->waited);
    tractor_ctx_wait_for_result(l->peer.ctx, l->wait, kit_on_value, &l->result);
    tractor_nursery_close(l->wait);
}
static void got_item(kit_outcome *item) {
    leaving *l = item->user;
    kit_assert_value(item->value, "s", "hi");
    wait_in_vain(l);
}
static void leaving_started(opened *o) {
    leaving *l = o->user;
    if (l->method == PRE_STREAM)
        return leave_now(l);
    opened_stream(o, NULL);
    if (!(l->bits & WAITS))
        return wait_in_vain(l);
    if (!(l->bits & SENDS))
        assert_int_equal(tractor_stream_sendf(o->stream, "s", "hi"), TRACTOR_OK);
    l->item.then = got_item;
    l->item.user = l;
    tractor_stream_receive(o->stream, NULL, kit_on_value, &l->item);
}
static void leaving_asked(kit_outcome *ended) {
    leaving *l = ended->user;
    assert_cancelled_on_request(ended);
    if (--*l->left == 0)
        stage_end(l->stage);
}
static void leaving_over(opened *o) {
    leaving *l = o->user;
    assert_absorbed(o);
    assert_true(tractor_portal_connected(l->portal));
    l->ended.then = leaving_asked;
    l->ended.user = l;
    tractor_portal_run(l->portal, l->stage->root, MODULE, "how_it_ended", TRACTOR_ARGS("{}"), NULL, kit_on_value,
                       &l->ended);
}

static void leaving_up(stage *s) {
    leaving *all = s->user;
    for (int i = 0; i < s->count; i++) {
        leaving *l = &all[i];
        l->stage = s;
        l->portal = s->portals[i];
        l->peer = (opened){ .then = leaving_started, .over = leaving_over, .user = l };
        opened_open(&l->peer, l->portal, s->root, MODULE, "echo_until_cancelled",
                    TRACTOR_ARGS("{s:b}", "sends", (l->bits & SENDS) != 0), NULL);
    }
}
/* The variants that only differ in who sends run side by side, each with a child of its own. */
static void CTX_05_parent_exits_ctx_after_child_enters_stream(void **state) {
    int left = SENDS + WAITS + 1;
    leaving all[SENDS + WAITS + 1] = { 0 };
    for (int i = 0; i < left; i++)
        all[i] = (leaving){ .bits = i, .method = variant_of(state), .left = &left };
    stage s = { .user = all, .names = { "quiet", "sends", "waits", "sends_waits" } };
    kit_run run = play(&s, leaving_up);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(left, 0);
    kit_assert_within_ms(run.ns, 2000);
}

typedef struct sibling {
    bool at_once; /* it does not let the consumer get the echo first */
    opened peer;
    tractor_nursery *task;
    kit_outcome sent, cancelled, task_end, ended;
    int echoes;
    const tractor_error *consumer_error;
    stage *stage;
} sibling;

static void sibling_cancels(sibling *b) {
    assert_true(tractor_ctx_cancel(b->peer.ctx, b->task, NULL, kit_on_done, &b->cancelled) > 0);
    tractor_nursery_close(b->task);
}
static void consume(const tractor_error *err, const tractor_value *value, void *user) {
    sibling *b = user;
    if (err) {
        b->consumer_error = kit_keep_error(err);
        assert_cancelled_by(tractor_ctx_remote_error(b->peer.ctx), "root");
        return;
    }
    kit_assert_value(value, "s", "from the sibling");
    b->echoes++;
    tractor_stream_receive(b->peer.stream, NULL, consume, b);
    if (!b->at_once)
        sibling_cancels(b);
}
static void sibling_sent(kit_outcome *sent) {
    kit_assert_code(sent->err, TRACTOR_OK);
    sibling *b = sent->user;
    if (b->at_once)
        sibling_cancels(b);
}
static void sibling_started(opened *o) {
    sibling *b = o->user;
    opened_stream(o, NULL);
    tractor_stream_receive(o->stream, NULL, consume, b);
    b->task = tractor_nursery_open(o->block, NULL, kit_on_done, &b->task_end);
    b->sent.then = sibling_sent;
    b->sent.user = b;
    tractor_stream_send_wait(o->stream, b->task, tractor_pack("s", "from the sibling"), kit_on_done, &b->sent);
}
static void sibling_asked(kit_outcome *ended) { stage_end(((sibling *)ended->user)->stage); }
static void sibling_over(opened *o) {
    sibling *b = o->user;
    assert_true(tractor_portal_connected(FIRST(b->stage)));
    b->ended.then = sibling_asked;
    b->ended.user = b;
    tractor_portal_run(FIRST(b->stage), b->stage->root, MODULE, "how_it_ended", TRACTOR_ARGS("{}"), NULL, kit_on_value,
                       &b->ended);
}
static void sibling_up(stage *s) {
    sibling *b = s->user;
    b->stage = s;
    b->peer = (opened){ .then = sibling_started, .over = sibling_over, .user = b };
    opened_open(&b->peer, FIRST(s), s->root, MODULE, "echo_until_cancelled", TRACTOR_ARGS("{s:b}", "sends", false),
                NULL);
}
static void CTX_06_multitask_parent_cancels_from_nonroot_task(void **state) {
    sibling b = { .at_once = variant_of(state) };
    stage s = { .user = &b };
    kit_run run = play(&s, sibling_up);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_true(b.at_once ? b.echoes <= 1 : b.echoes == 1);
    kit_assert_code(b.consumer_error, TRACTOR_ECANCELED);
    kit_assert_code(b.cancelled.err, TRACTOR_OK);
    assert_absorbed(&b.peer);
    assert_cancelled_on_request(&b.ended);
    kit_assert_within_ms(run.ns, 1000);
}

/* ---- CTX-07: the task cancels itself before it has started ---- */

static int stream_status, wait_code; /* in the child */

static void self_waited(const tractor_error *err, void *user) {
    (void)user;
    wait_code = tractor_error_code(err);
}
static void cancels_itself(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_stream *stream;
    (void)args, (void)user;
    tractor_ctx_cancel(ctx, NULL, NULL, NULL, NULL);
    stream_status = tractor_ctx_open_stream(ctx, NULL, &stream);
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, self_waited, NULL);
}
static void what_it_saw(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_return(ctx, "[i,i]", stream_status, wait_code);
}

typedef struct suicide {
    opened peer;
    kit_outcome saw;
    stage *stage;
} suicide;
static void suicide_asked(kit_outcome *saw) { stage_end(((suicide *)saw->user)->stage); }
static void suicide_over(opened *o) {
    suicide *x = o->user;
    x->saw.then = suicide_asked;
    x->saw.user = x;
    tractor_portal_run(FIRST(x->stage), x->stage->root, MODULE, "what_it_saw", TRACTOR_ARGS("{}"), NULL, kit_on_value,
                       &x->saw);
}
static void suicide_up(stage *s) {
    suicide *x = s->user;
    x->stage = s;
    x->peer = (opened){ .over = suicide_over, .user = x };
    opened_open(&x->peer, FIRST(s), s->root, MODULE, "cancels_itself", TRACTOR_ARGS("{}"), NULL);
}
static void CTX_07_child_cancels_before_started(void **state) {
    (void)state;
    suicide x = { 0 };
    stage s = { .user = &x };
    kit_run run = play(&s, suicide_up);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(x.peer.starts, 0);
    const tractor_error *err = x.peer.result.err;
    assert_cancelled_by(err, "child");
    assert_string_equal(tractor_error_boxed_type(err), "ContextCancelled");
    assert_string_equal(tractor_error_source(err)->name, "child");
    kit_assert_contains(tractor_error_message(err), "of child cancelled itself");
    kit_assert_contains(tractor_error_traceback(err), "of child cancelled itself");
    kit_assert_value(x.saw.value, "[i,i]", TRACTOR_ERUNTIME, TRACTOR_ECANCELED);
    kit_assert_within_ms(run.ns, 1000);
}

/* ---- OOB-01: another task cancels what a background task waits for ---- */

typedef struct background {
    bool ctx_cancel;
    opened peer;
    tractor_nursery *task;
    kit_outcome task_end, ctx_cancelled, result;
    stage *stage;
} background;

static void oob_cancels_actor(kit_outcome *cancelled) {
    kit_assert_code(cancelled->err, TRACTOR_OK);
    stage_cancel_actor(((background *)cancelled->user)->stage);
}
static void oob_started(opened *o) {
    background *b = o->user;
    stay(o->block);
    tractor_ctx_wait_for_result(o->ctx, b->stage->root, kit_on_value, &b->result);
    if (!b->ctx_cancel)
        return stage_cancel_actor(b->stage);
    b->ctx_cancelled.then = oob_cancels_actor;
    b->ctx_cancelled.user = b;
    tractor_ctx_cancel(o->ctx, b->stage->root, NULL, kit_on_done, &b->ctx_cancelled);
}
static void oob_up(stage *s) {
    background *b = s->user;
    b->stage = s;
    b->task = tractor_nursery_open(s->root, NULL, NULL, NULL);
    b->peer = (opened){ .then = oob_started, .user = b, .uncaught = true };
    opened_open(&b->peer, FIRST(s), b->task, MODULE, "maybe_block", TRACTOR_ARGS("{s:b}", "early", false), NULL);
    tractor_nursery_close(b->task);
}
static void OOB_01_cancel_ctx_with_parent_side_entered_in_bg_task(void **state) {
    background b = { .ctx_cancel = variant_of(state) };
    stage s = { .user = &b };
    kit_run run = play(&s, oob_up);
    assert_int_equal(s.cancelled.calls, 1);
    kit_assert_code(s.cancelled.err, TRACTOR_OK);
    assert_int_equal(b.result.calls, 1);
    if (b.ctx_cancel) {
        kit_assert_code(run.err, TRACTOR_OK);
        kit_assert_code(b.result.err, TRACTOR_OK);
        assert_null(b.result.value);
    } else {
        assert_cancelled_by(run.err, "root");
        assert_ptr_equal(b.result.err, run.err);
    }
    kit_assert_within_ms(run.ns, 2000);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = {
        TRACTOR_CTX("maybe_block", maybe_block),    TRACTOR_CTX("echo_until_cancelled", echo_until_cancelled),
        TRACTOR_FUNC("how_it_ended", how_it_ended), TRACTOR_CTX("cancels_itself", cancels_itself),
        TRACTOR_FUNC("what_it_saw", what_it_saw),   TRACTOR_ENDPOINTS_END,
    };
    tractor_register(MODULE, module, NULL);
    kit_begin(argc, argv);
    for (int bits = 0; bits < 8; bits++)
        add_variant(CTX_03_parent_cancels, bits, "CTX_03_parent_cancels: %s that %s%s",
                    bits & ACTOR ? "the actor" : "the task", bits & EARLY ? "returned" : "blocks",
                    bits & INSIDE ? ", waits for the result" : "");
    static const char *const methods[] = { "nothing", "pre-stream", "stream opened", "stream closed" };
    for (int method = BY_NOTHING; method <= STREAM_CLOSED; method++)
        add_variant(CTX_05_parent_exits_ctx_after_child_enters_stream, method,
                    "CTX_05_parent_exits_ctx_after_child_enters_stream: %s", methods[method]);
    add_variant(CTX_06_multitask_parent_cancels_from_nonroot_task, 0,
                "CTX_06_multitask_parent_cancels_from_nonroot_task: after the echo");
    add_variant(CTX_06_multitask_parent_cancels_from_nonroot_task, 1,
                "CTX_06_multitask_parent_cancels_from_nonroot_task: at once");
    ADD_TEST(CTX_07_child_cancels_before_started);
    add_variant(OOB_01_cancel_ctx_with_parent_side_entered_in_bg_task, 1,
                "OOB_01_cancel_ctx_with_parent_side_entered_in_bg_task: task, then actor");
    add_variant(OOB_01_cancel_ctx_with_parent_side_entered_in_bg_task, 0,
                "OOB_01_cancel_ctx_with_parent_side_entered_in_bg_task: actor");
    return run_added_tests();
}
