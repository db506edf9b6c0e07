/* One-way streams: a generator endpoint, and tractor_portal_open_stream_from().
 *
 * OWS-01 does not translate: what a stream function must take is checked by the compiler. */
#include "one_child.h"

/* ---- in the children ---- */

/* Sends first, first + 1, ... before `end`; then it ends, or is there until it is cancelled. */
typedef struct counting {
    tractor_ctx *ctx;
    tractor_stream *stream;
    int next, end, pace_ms;
    const char *touch; /* a file that is made when it is cancelled; NULL: it ends by itself */
} counting;

static void on_rest_cancelled(const tractor_error *err, void *user) {
    counting *c = user;
    if (tractor_error_code(err) == TRACTOR_ECANCELED)
        touch(c->touch);
}

static void count_on(const tractor_error *err, void *user) {
    counting *c = user;
    if (err)
        return; /* nobody listens any more */
    if (c->pace_ms > 0 && c->next < c->end) {
        tractor_stream_send_wait(c->stream, NULL, tractor_pack("i", c->next++), NULL, NULL);
        tractor_nursery_sleep(tractor_ctx_nursery(c->ctx), c->pace_ms * TRACTOR_MS, count_on, c);
        return;
    }
    while (c->next < c->end) {
        int status = tractor_stream_sendf(c->stream, "i", c->next);
        if (status == TRACTOR_EAGAIN) {
            tractor_stream_send_wait(c->stream, NULL, tractor_pack("i", c->next++), count_on, c);
            return;
        }
        if (status != TRACTOR_OK)
            return;
        c->next++;
    }
    if (c->touch)
        tractor_nursery_sleep(tractor_ctx_nursery(c->ctx), TRACTOR_FOREVER, on_rest_cancelled, c);
    else
        tractor_ctx_return(c->ctx, NULL);
}

static void count(tractor_ctx *ctx, const tractor_value *args, void *user) {
    counting *c = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *c);
    const char *path = NULL;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i, s?:i, s?:s}", "end", &c->end, "pace_ms", &c->pace_ms, "touch", &path) !=
        TRACTOR_OK)
        return;
    if (path) {
        c->touch = tractor_nursery_alloc(tractor_ctx_nursery(ctx), strlen(path) + 1);
        strcpy((char *)c->touch, path);
    }
    c->ctx = ctx;
    assert_int_equal(tractor_ctx_open_stream(ctx, NULL, &c->stream), TRACTOR_OK);
    count_on(NULL, c);
}

/* Yields what two streamers of its own count, each number once. */
typedef struct aggregate aggregate;
typedef struct source {
    aggregate *of;
    tractor_stream *stream;
} source;
struct aggregate {
    tractor_ctx *ctx;
    tractor_stream *out;
    source sources[2];
    int end, seen; /* numbers below `seen` were passed on */
};

static void on_number(const tractor_error *err, const tractor_value *value, void *user);

static void on_passed_on(const tractor_error *err, void *user) {
    source *s = user;
    if (!err)
        tractor_stream_receive(s->stream, NULL, on_number, s);
}

static void on_number(const tractor_error *err, const tractor_value *value, void *user) {
    source *s = user;
    if (err)
        return; /* its end, and that of the others, is seen by their nursery */
    int n = int_of(value);
    if (n < s->of->seen) {
        on_passed_on(NULL, s);
        return;
    }
    assert_int_equal(n, s->of->seen);
    s->of->seen = n + 1;
    tractor_stream_send_value(s->of->out, NULL, value, on_passed_on, s);
}

static void on_source(tractor_stream *stream, void *user) {
    source *s = user;
    s->stream = stream;
    tractor_stream_receive(stream, NULL, on_number, s);
}

static void on_streamer(const tractor_error *err, tractor_portal *portal, void *user) {
    source *s = user;
    if (err)
        tractor_ctx_raise(s->of->ctx, err);
    else
        tractor_portal_open_stream_from(portal, NULL, "t", "count", TRACTOR_ARGS("{s:i}", "end", s->of->end), NULL,
                                        on_source, NULL, s);
}

static void on_streamers_gone(const tractor_error *err, void *user) {
    aggregate *a = user;
    if (err)
        tractor_ctx_raise(a->ctx, err);
    else
        tractor_ctx_return(a->ctx, NULL);
}

static void aggregate_two(tractor_ctx *ctx, const tractor_value *args, void *user) {
    aggregate *a = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *a);
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i}", "end", &a->end) != TRACTOR_OK)
        return;
    a->ctx = ctx;
    assert_int_equal(tractor_ctx_open_stream(ctx, NULL, &a->out), TRACTOR_OK);
    tractor_nursery_options options = { TRACTOR_NURSERY_OPTIONS, .flags = TRACTOR_NURSERY_CANCEL_DAEMONS };
    tractor_nursery *streamers = tractor_nursery_open(tractor_ctx_nursery(ctx), &options, on_streamers_gone, a);
    static const char *const modules[] = { "t", NULL };
    tractor_spawn_options spawn = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    for (int i = 0; i < 2; i++) {
        a->sources[i].of = a;
        tractor_nursery_start_actor(streamers, i == 0 ? "streamer_1" : "streamer_2", &spawn, on_streamer,
                                    &a->sources[i]);
    }
    tractor_nursery_close(streamers);
}

/* ---- OWS-02: from a single child ---- */

typedef struct single {
    bool lingers; /* the consumer has to close the stream; else the generator ends by itself */
    const char *touched;
    tractor_stream *stream;
    int next;
    kit_outcome waiting, ended, late;
} single;

static void on_single_value(const tractor_error *err, const tractor_value *value, void *user) {
    single *s = user;
    if (s->next == 10) {
        kit_on_value(err, value, &s->waiting);
        tractor_stream_receive(s->stream, NULL, kit_on_value, &s->late);
        return;
    }
    kit_assert_code(err, TRACTOR_OK);
    assert_int_equal(int_of(value), s->next++);
    tractor_stream_receive(s->stream, NULL, on_single_value, s);
    if (s->next == 10 && s->lingers)
        tractor_stream_close(s->stream);
}
static void on_single_open(tractor_stream *stream, void *user) {
    single *s = user;
    s->stream = stream;
    assert_int_equal(tractor_stream_sendf(stream, "i", 1), TRACTOR_ERUNTIME);
    tractor_stream_receive(stream, NULL, on_single_value, s);
}
static void on_single_end(const tractor_error *err, void *user) {
    single *s = user;
    kit_on_done(err, &s->ended);
    assert_int_equal(tractor_stream_receive(s->stream, NULL, kit_on_value, &s->late), TRACTOR_ECLOSED);
}
static void on_single_child(const tractor_error *err, tractor_portal *portal, void *user) {
    single *s = user;
    kit_assert_code(err, TRACTOR_OK);
    tractor_bytes args =
        s->lingers ? TRACTOR_ARGS("{s:i, s:s}", "end", 10, "touch", s->touched) : TRACTOR_ARGS("{s:i}", "end", 10);
    tractor_portal_open_stream_from(portal, NULL, "t", "count", args, NULL, on_single_open, on_single_end, s);
}
static void single_body(tractor_nursery *root, void *user) { start_child(root, "streamerd", on_single_child, user); }

static void OWS_02_stream_from_single_child(void **state) {
    single s = { .lingers = *state != NULL, .touched = kit_path("touched") };
    kit_run run = kit_run_root(NULL, single_body, &s);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(s.next, 10);
    /* The receive that waits ends, and so does the next one. */
    kit_assert_code(s.waiting.err, TRACTOR_EEOF);
    assert_int_equal(s.late.calls, 1);
    kit_assert_code(s.late.err, s.lingers ? TRACTOR_ECLOSED : TRACTOR_EEOF);
    /* The far task was cancelled, and nobody is told of it. */
    assert_int_equal(s.ended.calls, 1);
    kit_assert_code(s.ended.err, TRACTOR_OK);
    assert_int_equal(kit_read_file(s.touched) != NULL, s.lingers);
    kit_assert_within_ms(run.ns, 5000);
}

/* ---- OWS-03, OWS-04: four processes ---- */

typedef struct quad {
    int end;
    int64_t cancel_at; /* 0: never */
    tractor_nursery *nursery;
    tractor_stream *stream;
    int next;
    bool complete;
    int64_t cancelled; /* when that was */
    kit_outcome ended;
} quad;

static void on_quad_value(const tractor_error *err, const tractor_value *value, void *user) {
    quad *q = user;
    if (err) {
        kit_assert_code(err, q->cancelled ? TRACTOR_ECANCELED : TRACTOR_EEOF);
        q->complete = !q->cancelled;
        return;
    }
    assert_int_equal(int_of(value), q->next++);
    tractor_stream_receive(q->stream, NULL, on_quad_value, q);
}
static void on_quad_open(tractor_stream *stream, void *user) {
    quad *q = user;
    q->stream = stream;
    tractor_stream_receive(stream, NULL, on_quad_value, q);
}
static void on_quad_end(const tractor_error *err, void *user) { kit_on_done(err, &((quad *)user)->ended); }
static void on_aggregator(const tractor_error *err, tractor_portal *portal, void *user) {
    quad *q = user;
    if (q->cancelled)
        return;
    kit_assert_code(err, TRACTOR_OK);
    tractor_portal_open_stream_from(portal, NULL, "t", "aggregate", TRACTOR_ARGS("{s:i}", "end", q->end), NULL,
                                    on_quad_open, on_quad_end, q);
}
static void on_not_fast_enough(const tractor_error *err, void *user) {
    quad *q = user;
    kit_assert_code(err, TRACTOR_OK);
    q->cancelled = tractor_now();
    assert_int_equal(tractor_nursery_cancel(q->nursery, "not fast enough"), TRACTOR_OK);
}
static void quad_body(tractor_nursery *root, void *user) {
    quad *q = user;
    q->nursery = start_child(root, "aggregator", on_aggregator, q);
    if (q->cancel_at > 0)
        tractor_nursery_sleep(root, q->cancel_at, on_not_fast_enough, q);
}

static void OWS_03_quadruple(void **state) {
    (void)state;
    quad q = { .end = 1000 };
    kit_run run = kit_run_root(NULL, quad_body, &q);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_true(q.complete);
    assert_int_equal(q.next, 1000);
    kit_assert_code(q.ended.err, TRACTOR_OK);
    kit_assert_within_ms(run.ns, 300); /* the native goal; the original has 3 s */
}

/* The original measures some seconds and cancels 0.3 to 0.8 s before that. Here the whole takes some milliseconds, so the
 * cancel comes at parts of the measured time, and the streamers have no end, so that it never comes too late. */
static void OWS_04_not_fast_enough_quad(void **state) {
    (void)state;
    quad measured = { .end = 1000 };
    int64_t ns = kit_run_root(NULL, quad_body, &measured).ns;
    for (int tenth = 1; tenth <= 9; tenth++) {
        quad q = { .end = INT32_MAX, .cancel_at = ns * tenth / 10 };
        kit_run run = kit_run_root(NULL, quad_body, &q);
        int64_t end = tractor_now();
        kit_assert_code(run.err, TRACTOR_OK);
        assert_false(q.complete);
        /* Gracefully: whoever has to be killed takes 1.6 s longer. */
        kit_assert_within_ms(end - q.cancelled, 1000);
        if (q.ended.calls > 0)
            kit_assert_code(q.ended.err, TRACTOR_ECANCELED);
    }
}

/* ---- OWS-05: the consumer is cancelled and started again while the stream is open ---- */

typedef struct respawn {
    int pace_ms; /* 0: the next value is mostly there when the consumer is cancelled */
    tractor_nursery *root, *consumer;
    tractor_stream *stream;
    int next, consumers;
    bool over;
    kit_outcome ended;
} respawn;

static void consume_again(respawn *r);

static void on_consumer_value(const tractor_error *err, const tractor_value *value, void *user) {
    respawn *r = user;
    int code = err ? tractor_error_code(err) : TRACTOR_OK;
    if (code == TRACTOR_ECANCELED)
        return;
    if (code == TRACTOR_EEOF) {
        r->over = true;
        tractor_nursery_close(r->consumer);
        return;
    }
    kit_assert_code(err, TRACTOR_OK);
    int n = int_of(value);
    assert_int_equal(n, r->next++);
    /* The next value may be there already: the receive that is cancelled must not swallow it. */
    tractor_stream_receive(r->stream, r->consumer, on_consumer_value, r);
    if (n % 2 == 0)
        tractor_nursery_cancel(r->consumer, "respawned");
}
static void on_consumer_end(const tractor_error *err, void *user) {
    kit_assert_code(err, TRACTOR_OK);
    consume_again(user);
}
static void consume_again(respawn *r) {
    if (r->over)
        return;
    r->consumers++;
    r->consumer = tractor_nursery_open(tractor_ctx_nursery(tractor_stream_ctx(r->stream)), NULL, on_consumer_end, r);
    tractor_stream_receive(r->stream, r->consumer, on_consumer_value, r);
}
static void on_respawn_open(tractor_stream *stream, void *user) {
    respawn *r = user;
    r->stream = stream;
    consume_again(r);
}
static void on_respawn_end(const tractor_error *err, void *user) { kit_on_done(err, &((respawn *)user)->ended); }
static void on_respawn_child(const tractor_error *err, tractor_portal *portal, void *user) {
    respawn *r = user;
    kit_assert_code(err, TRACTOR_OK);
    tractor_portal_open_stream_from(portal, NULL, "t", "count",
                                    TRACTOR_ARGS("{s:i, s:i}", "end", 11, "pace_ms", r->pace_ms), NULL, on_respawn_open,
                                    on_respawn_end, r);
}
static void respawn_body(tractor_nursery *root, void *user) { start_child(root, "counter", on_respawn_child, user); }

static void OWS_05_respawn_consumer(void **state) {
    respawn r = { .pace_ms = *state ? 5 : 0 };
    kit_run run = kit_run_root(NULL, respawn_body, &r);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(r.next, 11);
    /* The first, one after each of 0, 2, 4, 6, 8, and one after 10 unless the end was there already. */
    assert_in_range(r.consumers, 6, 7);
    kit_assert_code(r.ended.err, TRACTOR_OK);
    kit_assert_within_ms(run.ns, 20000);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_GEN("count", count), TRACTOR_GEN("aggregate", aggregate_two),
                                               TRACTOR_ENDPOINTS_END };
    tractor_register("t", module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST_WITH(OWS_02_stream_from_single_child, "closed by its consumer", ""),
        KIT_TEST_WITH(OWS_02_stream_from_single_child, "exhausted", NULL),
        KIT_TEST(OWS_03_quadruple),
        KIT_TEST(OWS_04_not_fast_enough_quad),
        KIT_TEST_WITH(OWS_05_respawn_consumer, "values wait", NULL),
        KIT_TEST_WITH(OWS_05_respawn_consumer, "it waits for values", ""),
    };
    return kit_run_tests(tests);
}
