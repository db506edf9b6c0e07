// ctest: timeout=240 run_serial
/* Very many contexts on one connection, and a task that does not listen among them. */
#include "kit/kit.h"

#include <malloc.h>
#include <sched.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* ---- the child ---- */

static int open_now;

static void one_less(const tractor_error *err, void *user) {
    (void)err, (void)user;
    open_now--;
}

/* Starts with its argument and ends when its stream does. */
static void ended(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        tractor_ctx_return(user, "s", tractor_ctx_cid(user));
}

static void linger(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int n;
    tractor_stream *stream;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i}", "n", &n) != TRACTOR_OK)
        return;
    open_now++;
    tractor_nursery_on_end(tractor_ctx_nursery(ctx), one_less, NULL);
    tractor_ctx_started(ctx, "i", n);
    tractor_ctx_open_stream(ctx, NULL, &stream);
    tractor_stream_receive(stream, NULL, ended, ctx);
}

static void brief(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_return(ctx, NULL);
}

typedef struct pong_task {
    tractor_ctx *ctx;
    tractor_stream *stream;
} pong_task;

static void pong(const tractor_error *err, const tractor_value *value, void *user) {
    pong_task *t = user;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        tractor_ctx_return(t->ctx, NULL);
    if (err)
        return;
    tractor_stream_send(t->stream, tractor_value_bytes(value));
    tractor_stream_receive(t->stream, NULL, pong, t);
}

static void echo(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    pong_task *t = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *t);
    t->ctx = ctx;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &t->stream);
    tractor_stream_receive(t->stream, NULL, pong, t);
}

static tractor_op deaf_hold;
static int deaf_asked;

static void not_now(void *user) {
    (void)user;
    deaf_asked++;
}

/* Hears that it is cancelled and goes on until somebody else calls `wake`. */
static void deaf(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    deaf_hold = tractor_nursery_hold(tractor_ctx_nursery(ctx), "deaf", not_now, NULL);
}

static void wake(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_op_complete(tractor_ctx_actor(ctx), deaf_hold, NULL);
    tractor_ctx_return(ctx, "i", deaf_asked);
}

static int64_t live_heap(void) {
    struct mallinfo2 m = mallinfo2();
    return (int64_t)(m.uordblks + m.hblkhd);
}

/* How many contexts are open and how much heap is in use. */
static void state(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_return(ctx, "[i,I]", open_now, live_heap());
}

static tractor_nursery *home; /* of the child, as seen by its parent */

/* The memory of a busy connection is given back when it has not been needed for a second. */
static void settle(tractor_done_fn then, void *user) { tractor_nursery_sleep(home, 2500 * TRACTOR_MS, then, user); }

static const tractor_endpoint module[] = {
    TRACTOR_CTX("linger", linger), TRACTOR_CTX("brief", brief),  TRACTOR_CTX("echo", echo), TRACTOR_CTX("deaf", deaf),
    TRACTOR_FUNC("wake", wake),    TRACTOR_FUNC("state", state), TRACTOR_ENDPOINTS_END,
};
static const char *const modules[] = { "many", NULL };

/* A child in a nursery of its own; `up` goes on. */
static void start_child(tractor_nursery *root, kit_outcome *o, void (*up)(kit_outcome *), void *user) {
    o->then = up;
    o->user = user;
    home = tractor_nursery_open(root, NULL, NULL, NULL);
    tractor_nursery_start_actor(home, "child", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules },
                                kit_on_portal, o);
}

/* ---- a task that ignores its cancel delays nobody else ---- */

typedef struct deafness {
    kit_outcome child, cancel, deaf_result, echo_result, woken;
    tractor_ctx *deaf_ctx, *echo_ctx;
    tractor_stream *stream;
    int64_t cancelled_at, sent_at, worst;
    int pings;
    bool acked;
} deafness;

static void ping(deafness *d) {
    d->sent_at = tractor_now();
    assert_int_equal(tractor_stream_sendf(d->stream, "i", d->pings), TRACTOR_OK);
}

static void deaf_woken(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    kit_assert_value(o->value, "i", 1);
    tractor_stream_send_eof(((deafness *)o->user)->stream);
}

static void ponged(const tractor_error *err, const tractor_value *value, void *user) {
    deafness *d = user;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        return;
    kit_assert_code(err, TRACTOR_OK);
    kit_assert_value(value, "i", d->pings);
    int64_t took = tractor_now() - d->sent_at;
    d->worst = took > d->worst ? took : d->worst;
    tractor_stream_receive(d->stream, NULL, ponged, d);
    if (++d->pings == 100) {
        d->cancelled_at = tractor_now();
        tractor_ctx_cancel(d->deaf_ctx, home, NULL, kit_on_done, &d->cancel);
    }
    if (!d->deaf_result.calls)
        return ping(d);
    /* It still runs there, and can be reached. */
    if (d->woken.calls || d->woken.then)
        return;
    d->woken.then = deaf_woken;
    d->woken.user = d;
    tractor_portal_run(d->child.portal, NULL, "many", "wake", TRACTOR_ARGS("{}"), NULL, kit_on_value, &d->woken);
}

static void echo_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    deafness *d = user;
    (void)first;
    d->echo_ctx = ctx;
    assert_int_equal(tractor_ctx_open_stream(ctx, NULL, &d->stream), TRACTOR_OK);
    tractor_stream_receive(d->stream, NULL, ponged, d);
    ping(d);
}

static void echo_ended(const tractor_error *err, const tractor_value *value, void *user) {
    deafness *d = user;
    kit_on_value(err, value, &d->echo_result);
    tractor_nursery_cancel(home, "done");
}

static void deaf_ended(const tractor_error *err, const tractor_value *value, void *user) {
    deafness *d = user;
    d->acked = tractor_ctx_cancel_acked(d->deaf_ctx);
    kit_on_value(err, value, &d->deaf_result);
}

static void deaf_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    deafness *d = user;
    (void)first;
    d->deaf_ctx = ctx;
    tractor_portal_open_context(d->child.portal, NULL, "many", "echo", TRACTOR_ARGS("{}"), NULL, echo_started,
                                echo_ended, d);
}

static void deaf_up(kit_outcome *o) {
    deafness *d = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_portal_open_context(o->portal, NULL, "many", "deaf", TRACTOR_ARGS("{}"), NULL, deaf_started, deaf_ended, d);
}

static void deaf_body(tractor_nursery *root, void *user) {
    deafness *d = user;
    start_child(root, &d->child, deaf_up, d);
}

static void X_06_deaf_task_delays_nobody(void **test) {
    (void)test;
    deafness d;
    memset(&d, 0, sizeof d);
    kit_run run = kit_run_root(NULL, deaf_body, &d);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(d.cancel.err, TRACTOR_ETIMEDOUT);
    /* Its cancel is absorbed all the same: this side has waited for its last word, and leaves. */
    kit_assert_code(d.deaf_result.err, TRACTOR_OK);
    assert_null(d.deaf_result.value);
    assert_false(d.acked);
    kit_assert_within_ms(d.deaf_result.at - d.cancelled_at, 616 + 100);
    assert_true(d.deaf_result.at - d.cancelled_at >= 600 * TRACTOR_MS);
    kit_assert_code(d.echo_result.err, TRACTOR_OK);
    print_message("%d round trips beside it, the slowest took %.2f ms\n", d.pings, (double)d.worst / 1e6);
    assert_true(d.pings > 200);
    kit_assert_within_ms(d.worst, 50);
}

/* ---- ten thousand contexts at once ---- */

enum { CROWD = SANITIZED ? 2000 : 10000, ROUNDS = 2 };

typedef struct crowd {
    kit_outcome child, heap[ROUNDS + 1], all_open;
    tractor_stream *streams[CROWD];
    char cids[CROWD][40];
    bool seen[CROWD];
    int started, results, round;
    int64_t own_heap[ROUNDS + 1]; /* before the first and after each */
} crowd;

static void crowd_round(crowd *c);

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

static void crowd_measured(kit_outcome *o) {
    crowd *c = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    c->own_heap[c->round] = live_heap();
    if (c->round < ROUNDS)
        crowd_round(c);
    else
        tractor_nursery_cancel(home, "done");
}

static void crowd_ask(crowd *c, kit_outcome *o, void (*then)(kit_outcome *)) {
    *o = (kit_outcome)KIT_OUTCOME;
    o->then = then;
    o->user = c;
    tractor_portal_run(c->child.portal, NULL, "many", "state", TRACTOR_ARGS("{}"), NULL, kit_on_value, o);
}

static void crowd_settled(const tractor_error *err, void *user) {
    crowd *c = user;
    assert_null(err);
    crowd_ask(c, &c->heap[c->round], crowd_measured);
}

typedef struct member {
    crowd *of;
    int n;
} member;
static member members[CROWD];

static void crowd_result(const tractor_error *err, const tractor_value *value, void *user) {
    member *m = user;
    const char *cid;
    kit_assert_code(err, TRACTOR_OK);
    assert_int_equal(tractor_unpack(value, "s", &cid), TRACTOR_OK);
    assert_string_equal(cid, m->of->cids[m->n]);
    if (++m->of->results == CROWD)
        settle(crowd_settled, m->of);
}

static void crowd_all_open(kit_outcome *o) {
    crowd *c = o->user;
    int open;
    kit_assert_code(o->err, TRACTOR_OK);
    assert_int_equal(tractor_unpack(o->value, "[i,*]", &open), TRACTOR_OK);
    assert_int_equal(open, CROWD);
    for (int i = CROWD - 1; i >= 0; i--)
        assert_int_equal(tractor_stream_send_eof(c->streams[i]), TRACTOR_OK);
}

static void crowd_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    member *m = user;
    crowd *c = m->of;
    kit_assert_value(first, "i", m->n);
    snprintf(c->cids[m->n], sizeof c->cids[0], "%s", tractor_ctx_cid(ctx));
    assert_int_equal(tractor_ctx_open_stream(ctx, NULL, &c->streams[m->n]), TRACTOR_OK);
    if (++c->started < CROWD)
        return;
    static char sorted[CROWD][40];
    memcpy(sorted, c->cids, sizeof sorted);
    qsort(sorted, CROWD, sizeof sorted[0], by_text);
    for (int i = 1; i < CROWD; i++)
        assert_string_not_equal(sorted[i - 1], sorted[i]);
    crowd_ask(c, &c->all_open, crowd_all_open);
}

static void crowd_round(crowd *c) {
    c->started = c->results = 0;
    c->round++;
    for (int i = 0; i < CROWD; i++) {
        members[i] = (member){ c, i };
        assert_true(tractor_portal_open_context(c->child.portal, NULL, "many", "linger", TRACTOR_ARGS("{s:i}", "n", i),
                                                NULL, crowd_started, crowd_result, &members[i]) > 0);
    }
}

static void crowd_up(kit_outcome *o) {
    crowd *c = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    crowd_ask(c, &c->heap[0], crowd_measured);
}

static void crowd_body(tractor_nursery *root, void *user) {
    crowd *c = user;
    start_child(root, &c->child, crowd_up, c);
}

static int64_t heap_in(const kit_outcome *o) {
    int open;
    int64_t bytes;
    assert_int_equal(tractor_unpack(o->value, "[i,I]", &open, &bytes), TRACTOR_OK);
    assert_int_equal(open, 0);
    return bytes;
}

/* A sanitizer's allocator has no such numbers. */
static void assert_same_heap(const char *whose, int64_t before, int64_t after, int64_t allowed) {
    print_message("live heap of the %s: %lld bytes, then %lld\n", whose, (long long)before, (long long)after);
    if (!SANITIZED)
        assert_true(after - before <= allowed);
}

static void X_08_ten_thousand_at_once(void **test) {
    (void)test;
    static crowd c;
    kit_run run = kit_run_root(NULL, crowd_body, &c);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(c.round, ROUNDS);
    print_message("%d contexts open at once, twice, in %.0f ms\n", CROWD, (double)run.ns / 1e6);
    int64_t theirs[ROUNDS + 1];
    for (int i = 0; i <= ROUNDS; i++)
        theirs[i] = heap_in(&c.heap[i]);
    print_message("live heap before: caller %lld, callee %lld\n", (long long)c.own_heap[0], (long long)theirs[0]);
    /* What stays are pools of 256 objects a kind, the table of tokens, and buffers of a connection of 256 KiB at most. */
    assert_same_heap("caller", c.own_heap[1], c.own_heap[2], c.own_heap[1] / 100);
    assert_same_heap("callee", theirs[1], theirs[2], theirs[1] / 100);
    assert_same_heap("caller", c.own_heap[0], c.own_heap[2], 1536 * 1024);
    assert_same_heap("callee", theirs[0], theirs[2], 1536 * 1024);
}

/* ---- a million opened and closed ---- */

enum { AT_ONCE = 64, SLICES = 100 };

typedef struct series {
    kit_outcome child, heap[2];
    int64_t total, opened, closed, warm;
    int64_t own_heap[2], slice_began, slices[SLICES];
    int slice;
    bool measuring;
} series;

static void series_open(series *s);

/* Of both processes, which share a processor: what else runs on the machine counts little. */
static int64_t cpu_time(series *s) {
    clockid_t clock;
    struct timespec own, theirs;
    assert_int_equal(clock_getcpuclockid((pid_t)kit_pid(s->child.portal), &clock), 0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    clock_gettime(clock, &theirs);
    return (own.tv_sec + theirs.tv_sec) * TRACTOR_SECOND + own.tv_nsec + theirs.tv_nsec;
}

static void share_a_processor(void) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
}

static void series_over(kit_outcome *o) {
    series *s = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    s->own_heap[1] = live_heap();
    tractor_nursery_cancel(home, "done");
}

static void series_warm(kit_outcome *o) {
    series *s = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    s->own_heap[0] = live_heap();
    s->measuring = true;
    s->opened = s->closed = 0;
    s->slice_began = cpu_time(s);
    for (int i = 0; i < AT_ONCE; i++)
        series_open(s);
}

static void series_settled(const tractor_error *err, void *user) {
    series *s = user;
    assert_null(err);
    kit_outcome *o = &s->heap[s->measuring];
    *o = (kit_outcome)KIT_OUTCOME;
    o->then = s->measuring ? series_over : series_warm;
    o->user = s;
    tractor_portal_run(s->child.portal, NULL, "many", "state", TRACTOR_ARGS("{}"), NULL, kit_on_value, o);
}

static void series_closed(const tractor_error *err, const tractor_value *value, void *user) {
    series *s = user;
    (void)value;
    kit_assert_code(err, TRACTOR_OK);
    int64_t total = s->measuring ? s->total : s->warm;
    s->closed++;
    if (s->measuring && s->closed % (s->total / SLICES) == 0) {
        int64_t now = cpu_time(s);
        s->slices[s->slice++] = now - s->slice_began;
        s->slice_began = now;
    }
    if (s->opened < total)
        return series_open(s);
    if (s->closed < total)
        return;
    settle(series_settled, s);
}

static void series_open(series *s) {
    s->opened++;
    assert_true(tractor_portal_open_context(s->child.portal, NULL, "many", "brief", TRACTOR_ARGS("{}"), NULL, NULL,
                                            series_closed, s) > 0);
}

static void series_begin(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    for (int i = 0; i < AT_ONCE; i++)
        series_open(o->user);
}

static void series_up(kit_outcome *o) {
    series *s = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    /* What the first such call needs is not what is looked for. */
    s->heap[1].then = series_begin;
    s->heap[1].user = s;
    tractor_portal_run(o->portal, NULL, "many", "state", TRACTOR_ARGS("{}"), NULL, kit_on_value, &s->heap[1]);
}

static void series_body(tractor_nursery *root, void *user) {
    series *s = user;
    start_child(root, &s->child, series_up, s);
}

/* The fastest tenth of a tenth: other programs on the machine make things slower, never faster. */
static int64_t best(const int64_t *slices) {
    int64_t least = slices[0];
    for (int i = 1; i < SLICES / 10; i++)
        least = slices[i] < least ? slices[i] : least;
    return least;
}

/* The rate of the last tenth by that of the first. */
static double rate_kept(void) {
    static series s;
    memset(&s, 0, sizeof s);
    s.total = SANITIZED ? 20000 : 1000000;
    s.warm = s.total / 100;
    kit_run run = kit_run_root(NULL, series_body, &s);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(s.slice, SLICES);
    int64_t first = best(s.slices), last = best(s.slices + SLICES - SLICES / 10);
    double rate = (double)s.total / SLICES * 1e9;
    print_message("%lld contexts in %.1f s; %.0f a second of processor time in the first tenth, %.0f in the last\n",
                  (long long)s.total, (double)run.ns / 1e9, rate / (double)first, rate / (double)last);
    assert_same_heap("caller", s.own_heap[0], s.own_heap[1], s.own_heap[0] / 100);
    int64_t theirs = heap_in(&s.heap[0]);
    assert_same_heap("callee", theirs, heap_in(&s.heap[1]), theirs / 100);
    return (double)first / (double)last;
}

/* A machine may be slower for a while; what slows down by itself does so each time. Under a sanitizer every allocation
 * takes new memory, which does. */
static void X_08_a_million_after_each_other(void **test) {
    (void)test;
    share_a_processor();
    double kept = rate_kept();
    for (int again = 0; again < 2 && kept < 0.8 && !SANITIZED; again++)
        kept = rate_kept();
    assert_true(kept >= 0.8 || SANITIZED);
}

int main(int argc, char **argv) {
    tractor_register("many", module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(X_06_deaf_task_delays_nobody),
        KIT_TEST(X_08_ten_thousand_at_once),
        KIT_TEST(X_08_a_million_after_each_other),
    };
    return kit_run_tests(tests);
}
