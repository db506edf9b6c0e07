/* More is sent than is taken. Without windows a message is dropped and the sender fails; with them the sender waits. */
#include "dialog.h"

#define MODULE "overruns"

static kit_run play(stage *s, void (*when_up)(stage *), uint64_t window) {
    s->module = MODULE;
    s->when_up = when_up;
    return stage_play(s, &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .stream_window = window });
}

static tractor_call_options small_buffer(bool allow) {
    return (tractor_call_options){ TRACTOR_CALL_OPTIONS, .buffer = 1,
                                   .flags = allow ? TRACTOR_CALL_ALLOW_OVERRUNS : 0 };
}

/* ---- someone who sends one value after the other, each when the one before was taken ---- */

typedef struct sender {
    tractor_ctx *ctx;
    tractor_stream *stream;
    int64_t taken, total;
    void (*done)(struct sender *);
} sender;

static void send_next(sender *s);
static void next_taken(const tractor_error *err, void *user) {
    sender *s = user;
    if (err)
        return;
    s->taken++;
    send_next(s);
}
static void send_next(sender *s) {
    if (s->taken == s->total)
        s->done(s);
    else
        tractor_stream_send_wait(s->stream, NULL, tractor_pack("I", s->taken), next_taken, s);
}

/* ---- and someone who takes them and counts those that are in order ---- */

typedef struct taker {
    tractor_ctx *ctx;
    tractor_stream *stream;
    int64_t next;
    bool disorder;
    void (*done)(struct taker *);
} taker;

static void taker_item(const tractor_error *err, const tractor_value *value, void *user) {
    taker *t = user;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        return t->done(t);
    if (err)
        return;
    t->disorder = t->disorder || int_of(value) != t->next;
    t->next++;
    tractor_stream_receive(t->stream, NULL, taker_item, t);
}

/* ---- CTX-08: one side never opens its stream ---- */

static void never_opens(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    stay(tractor_ctx_nursery(ctx));
}
static void floods(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    sender *s = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *s);
    *s = (sender){ .ctx = ctx, .total = INT64_MAX };
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &s->stream);
    send_next(s);
}

typedef struct flood {
    bool by_child;
    opened peer;
    int64_t ns;
    stage *stage;
} flood;

static void flood_started(opened *o) {
    flood *f = o->user;
    stay(o->block);
    if (f->by_child)
        return;
    opened_stream(o, NULL);
    for (int i = 0; i < 64 + 1; i++)
        assert_int_equal(tractor_stream_sendf(o->stream, "i", i), TRACTOR_OK);
}
static void flood_over(opened *o) {
    flood *f = o->user;
    f->ns = tractor_now() - f->ns;
    stage_end(f->stage);
}
static void flood_up(stage *s) {
    flood *f = s->user;
    f->stage = s;
    f->ns = tractor_now();
    f->peer = (opened){ .then = flood_started, .over = flood_over, .user = f };
    opened_open(&f->peer, FIRST(s), s->root, MODULE, f->by_child ? "floods" : "never_opens", TRACTOR_ARGS("{}"), NULL);
}
static void CTX_08_one_end_stream_not_opened(void **state) {
    flood f = { .by_child = variant_of(state) };
    stage s = { .user = &f };
    kit_run run = play(&s, flood_up, TRACTOR_NO_WINDOW);
    kit_assert_code(run.err, TRACTOR_OK);
    const tractor_error *err = f.peer.result.err;
    assert_string_equal(tractor_error_source_type(err), "StreamOverrun");
    kit_assert_contains(tractor_error_traceback(err), "StreamOverrun");
    kit_assert_contains(tractor_error_traceback(err), "64 others unread");
    if (f.by_child) {
        kit_assert_remote(err, "RemoteActorError");
        assert_string_equal(tractor_error_source(err)->name, "root");
        assert_int_equal(tractor_error_relay_count(err), 2);
    } else {
        kit_assert_code(err, TRACTOR_EOVERRUN);
        assert_string_equal(tractor_error_boxed_type(err), "StreamOverrun");
        assert_string_equal(tractor_error_source(err)->name, "child");
        assert_string_equal(tractor_error_sender(err)->name, "root");
    }
    assert_int_equal(f.peer.state, TRACTOR_CTX_ERRORED);
    kit_assert_within_ms(f.ns, 1000);
}

/* ---- the same with windows: nothing is lost, who sends just waits ---- */

enum { MANY = 300, WINDOW = 8192 };

static sender *child_sender;
static taker *child_taker;
static tractor_op child_hold;

static void taker_returns(taker *t) { tractor_ctx_return(t->ctx, "[I,b]", t->next, t->disorder); }
static void opens_late(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    child_taker = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *child_taker);
    *child_taker = (taker){ .ctx = ctx, .done = taker_returns };
    tractor_ctx_started(ctx, NULL);
    child_hold = tractor_nursery_hold(tractor_ctx_nursery(ctx), "until it is told to open", NULL, NULL);
}
static void open_now(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_open_stream(child_taker->ctx, NULL, &child_taker->stream);
    tractor_stream_receive(child_taker->stream, NULL, taker_item, child_taker);
    tractor_op_complete(tractor_ctx_actor(ctx), child_hold, NULL);
    tractor_ctx_return(ctx, NULL);
}
static void sender_returns(sender *s) { tractor_ctx_return(s->ctx, "I", s->taken); }
static void sends_many(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    child_sender = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *child_sender);
    *child_sender = (sender){ .ctx = ctx, .total = MANY, .done = sender_returns };
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &child_sender->stream);
    send_next(child_sender);
}
static void progress(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_return(ctx, "[I,b]", child_sender->taken,
                       tractor_stream_sendf(child_sender->stream, NULL) == TRACTOR_EAGAIN);
}

typedef struct patience {
    bool by_child;
    opened peer;
    sender sender;
    taker taker;
    kit_outcome slept, progress, later, opened;
    stage *stage;
} patience;

static void patience_call(patience *p, kit_outcome *o, const char *func, void (*then)(kit_outcome *)) {
    o->then = then;
    o->user = p;
    tractor_portal_run(FIRST(p->stage), p->peer.block, MODULE, func, TRACTOR_ARGS("{}"), NULL, kit_on_value, o);
}
static void assert_blocked(int64_t taken) { assert_true(taken >= 64 && taken < MANY); }

static void taker_over(taker *t) { (void)t; }
static void asked_again(kit_outcome *progress) {
    patience *p = progress->user;
    int64_t taken;
    bool blocked;
    assert_int_equal(tractor_unpack(progress->value, "[I,b]", &taken, &blocked), TRACTOR_OK);
    if (progress == &p->progress && !blocked) /* not yet */
        return patience_call(p, &p->progress, "progress", asked_again);
    assert_blocked(taken);
    assert_true(blocked);
    if (progress == &p->progress)
        return patience_call(p, &p->later, "progress", asked_again);
    kit_assert_value(p->progress.value, "[I,b]", taken, true);
    p->taker = (taker){ .stream = opened_stream(&p->peer, NULL), .done = taker_over };
    tractor_stream_receive(p->taker.stream, NULL, taker_item, &p->taker);
}
static void patience_slept(kit_outcome *slept) {
    patience *p = slept->user;
    if (p->by_child)
        return patience_call(p, &p->progress, "progress", asked_again);
    if (p->sender.taken < 64) { /* not yet */
        tractor_nursery_sleep(p->peer.block, TRACTOR_MS, kit_on_done, slept);
        return;
    }
    assert_blocked(p->sender.taken);
    assert_int_equal(tractor_stream_sendf(p->peer.stream, "s", "no"), TRACTOR_EAGAIN);
    patience_call(p, &p->opened, "open_now", NULL);
}
static void all_sent(sender *s) { assert_int_equal(tractor_stream_send_eof(s->stream), TRACTOR_OK); }
static void patience_started(opened *o) {
    patience *p = o->user;
    if (!p->by_child) {
        p->sender = (sender){ .stream = opened_stream(o, NULL), .total = MANY, .done = all_sent };
        send_next(&p->sender);
    }
    p->slept.then = patience_slept;
    p->slept.user = p;
    tractor_nursery_sleep(o->block, 50 * TRACTOR_MS, kit_on_done, &p->slept);
}
static void patience_over(opened *o) { stage_end(((patience *)o->user)->stage); }
static void patience_up(stage *s) {
    patience *p = s->user;
    p->stage = s;
    p->peer = (opened){ .then = patience_started, .over = patience_over, .user = p };
    opened_open(&p->peer, FIRST(s), s->root, MODULE, p->by_child ? "sends_many" : "opens_late", TRACTOR_ARGS("{}"),
                NULL);
}
static void CTX_08_with_windows_the_sender_waits(void **state) {
    patience p = { .by_child = variant_of(state) };
    stage s = { .user = &p };
    kit_run run = play(&s, patience_up, WINDOW);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(p.peer.result.err, TRACTOR_OK);
    if (p.by_child) {
        kit_assert_value(p.peer.result.value, "I", (int64_t)MANY);
        assert_int_equal(p.taker.next, MANY);
        assert_false(p.taker.disorder);
    } else {
        assert_int_equal(p.sender.taken, MANY);
        kit_assert_value(p.peer.result.value, "[I,b]", (int64_t)MANY, false);
    }
    kit_assert_within_ms(run.ns, 2000);
}

/* ---- CTX-09: batches that come faster than one side takes them ---- */

enum { BATCH = 10, BATCHES = 2, DELAY_MS = 10 };

/* Receives a batch, slowly if it is told so. */
typedef struct batches {
    tractor_ctx *ctx;
    tractor_stream *stream;
    bool slow, waits_for_cancel;
    int received, done;
    bool disorder;
    void (*full)(struct batches *);
} batches;

static void batch_item(const tractor_error *err, const tractor_value *value, void *user);
static void batch_receive(const tractor_error *err, void *user) {
    batches *b = user;
    if (!err)
        tractor_stream_receive(b->stream, NULL, batch_item, b);
}
static void batch_next(batches *b) {
    if (b->slow)
        tractor_nursery_sleep(tractor_ctx_nursery(b->ctx), DELAY_MS * TRACTOR_MS, batch_receive, b);
    else
        batch_receive(NULL, b);
}
static void batch_item(const tractor_error *err, const tractor_value *value, void *user) {
    batches *b = user;
    if (tractor_error_code(err) == TRACTOR_EEOF) {
        if (b->waits_for_cancel)
            stay(tractor_ctx_nursery(b->ctx));
        else
            tractor_ctx_return(b->ctx, "s", b->disorder ? "disorder" : "yo");
        return;
    }
    if (err)
        return;
    b->disorder = b->disorder || int_of(value) != b->received;
    if (++b->received == BATCH) {
        b->received = 0;
        b->done++;
        b->full(b);
    } else {
        batch_next(b);
    }
}
static void batch_send(batches *b) {
    for (int i = 0; i < BATCH; i++)
        tractor_stream_sendf(b->stream, "i", i);
}
static void batch_echo(batches *b) {
    batch_send(b);
    batch_next(b);
}
static void echoes_batches(tractor_ctx *ctx, const tractor_value *args, void *user) {
    bool slow, allow, waits;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:b, s:b, s:b}", "slow", &slow, "allow", &allow, "waits", &waits) != TRACTOR_OK)
        return;
    batches *b = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *b);
    *b = (batches){ .ctx = ctx, .slow = slow, .waits_for_cancel = waits, .full = batch_echo };
    tractor_call_options options = small_buffer(allow);
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, &options, &b->stream);
    batch_next(b);
}

enum { CANCEL = 1, SLOW_PARENT = 2, PARENT_ALLOWS = 4, CHILD_ALLOWS = 8, WINDOWS = 16 };

typedef struct allowance {
    int bits;
    opened peer;
    batches batches;
    stage *stage;
} allowance;

static void allowance_full(batches *b) {
    if (b->done < BATCHES)
        return batch_echo(b);
    if (b->waits_for_cancel)
        tractor_ctx_cancel(b->ctx, NULL, NULL, NULL, NULL);
    else
        tractor_stream_close(b->stream);
}
static void allowance_started(opened *o) {
    allowance *a = o->user;
    tractor_call_options options = small_buffer((a->bits & PARENT_ALLOWS) != 0);
    a->batches = (batches){ .ctx = o->ctx,
                            .stream = opened_stream(o, &options),
                            .slow = (a->bits & SLOW_PARENT) != 0,
                            .waits_for_cancel = (a->bits & CANCEL) != 0,
                            .full = allowance_full };
    batch_echo(&a->batches);
}
static void allowance_over(opened *o) { stage_end(((allowance *)o->user)->stage); }
static void allowance_up(stage *s) {
    allowance *a = s->user;
    a->stage = s;
    a->peer = (opened){ .then = allowance_started, .over = allowance_over, .user = a };
    opened_open(&a->peer, FIRST(s), s->root, MODULE, "echoes_batches",
                TRACTOR_ARGS("{s:b, s:b, s:b}", "slow", !(a->bits & SLOW_PARENT), "allow",
                             (a->bits & CHILD_ALLOWS) != 0, "waits", (a->bits & CANCEL) != 0),
                NULL);
}
static void CTX_09_maybe_allow_overruns_stream(void **state) {
    allowance a = { .bits = variant_of(state) };
    stage s = { .user = &a };
    kit_run run = play(&s, allowance_up, a.bits & WINDOWS ? 0 : TRACTOR_NO_WINDOW);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_within_ms(run.ns, 4000);
    const kit_outcome *result = &a.peer.result;
    assert_int_equal(result->calls, 1);
    bool slow_side_allows = a.bits & (a.bits & SLOW_PARENT ? PARENT_ALLOWS : CHILD_ALLOWS);
    if (slow_side_allows || (a.bits & WINDOWS)) {
        assert_int_equal(a.batches.done, BATCHES);
        assert_false(a.batches.disorder);
        kit_assert_code(result->err, TRACTOR_OK);
        if (a.bits & CANCEL)
            assert_absorbed(&a.peer);
        else
            kit_assert_value(result->value, "s", "yo");
        return;
    }
    kit_assert_contains(tractor_error_traceback(result->err), "StreamOverrun");
    /* That many were asked to wait. */
    kit_assert_contains(tractor_error_traceback(result->err), "found 1 others unread");
    if (a.bits & SLOW_PARENT) {
        kit_assert_remote(result->err, "RemoteActorError");
        assert_string_equal(tractor_error_source_type(result->err), "StreamOverrun");
    } else {
        kit_assert_code(result->err, TRACTOR_EOVERRUN);
        assert_string_equal(tractor_error_boxed_type(result->err), "StreamOverrun");
    }
    assert_int_equal(a.peer.state, TRACTOR_CTX_ERRORED);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = {
        TRACTOR_CTX("never_opens", never_opens),       TRACTOR_CTX("floods", floods),
        TRACTOR_CTX("opens_late", opens_late),         TRACTOR_FUNC("open_now", open_now),
        TRACTOR_CTX("sends_many", sends_many),         TRACTOR_FUNC("progress", progress),
        TRACTOR_CTX("echoes_batches", echoes_batches), TRACTOR_ENDPOINTS_END,
    };
    tractor_register(MODULE, module, NULL);
    kit_begin(argc, argv);
    add_variant(CTX_08_one_end_stream_not_opened, 0, "CTX_08_one_end_stream_not_opened: parent sends");
    add_variant(CTX_08_one_end_stream_not_opened, 1, "CTX_08_one_end_stream_not_opened: child sends");
    add_variant(CTX_08_with_windows_the_sender_waits, 0, "CTX_08_with_windows_the_sender_waits: parent sends");
    add_variant(CTX_08_with_windows_the_sender_waits, 1, "CTX_08_with_windows_the_sender_waits: child sends");
    for (int bits = 0; bits < WINDOWS; bits++)
        add_variant(CTX_09_maybe_allow_overruns_stream, bits,
                    "CTX_09_maybe_allow_overruns_stream: slow %s, %s allow%s%s",
                    bits & SLOW_PARENT ? "parent" : "child",
                    !(bits & PARENT_ALLOWS) ? bits & CHILD_ALLOWS ? "child" : "none"
                    : bits & CHILD_ALLOWS   ? "both"
                                            : "parent",
                    bits & PARENT_ALLOWS && !(bits & CHILD_ALLOWS) ? "s" : "", bits & CANCEL ? ", cancel" : "");
    for (int bits = WINDOWS; bits <= (WINDOWS | CANCEL | SLOW_PARENT); bits++)
        add_variant(CTX_09_maybe_allow_overruns_stream, bits, "CTX_09_maybe_allow_overruns_stream: slow %s, windows%s",
                    bits & SLOW_PARENT ? "parent" : "child", bits & CANCEL ? ", cancel" : "");
    return run_added_tests();
}
