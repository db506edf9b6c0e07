// ctest: timeout=90 processors=2
/* Streams that are faster than their readers, and streams as fast as they go: nothing is lost or out of order. */
#include "kit/kit.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

enum { MILLION = SANITIZED ? 50000 : 1000000 };

/* ---- one side of a stream that is sent to and received from at once ---- */

typedef struct side {
    tractor_ctx *ctx;
    tractor_stream *stream;
    int64_t to_send, sent, received;
    bool slow; /* pauses now and then */
    uint32_t random;
    bool out_of_order, sent_all, got_all;
    long rss_before, rss_most; /* KiB */
    void (*done)(struct side *);
    void *user;
} side;

static long rss(void) {
    long kib = 0;
    char line[200];
    FILE *f = fopen("/proc/self/status", "re");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %ld kB", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib;
}

static uint32_t dice(side *s) {
    s->random ^= s->random << 13;
    s->random ^= s->random >> 17;
    s->random ^= s->random << 5;
    return s->random;
}

static void side_over(side *s) {
    if (s->sent_all && s->got_all && s->done)
        s->done(s);
}

static void send_more(const tractor_error *err, void *user) {
    side *s = user;
    if (err)
        return;
    while (s->sent < s->to_send) {
        int status = tractor_stream_sendf(s->stream, "I", s->sent);
        if (status == TRACTOR_EAGAIN) {
            tractor_stream_send_wait(s->stream, NULL, tractor_pack("I", s->sent), send_more, s);
            s->sent++;
            return;
        }
        if (status != TRACTOR_OK)
            return;
        s->sent++;
    }
    tractor_stream_send_eof(s->stream);
    s->sent_all = true;
    side_over(s);
}

static void receive_on(const tractor_error *err, const tractor_value *value, void *user);

static void look_at(side *s, const tractor_value *value) {
    int64_t n = -1;
    if (tractor_unpack(value, "I", &n) != TRACTOR_OK || n != s->received)
        s->out_of_order = true;
    s->received++;
    if (s->received % 5000 == 0) {
        long now = rss();
        s->rss_most = now > s->rss_most ? now : s->rss_most;
    }
}

static void rested(const tractor_error *err, void *user) {
    side *s = user;
    if (!err)
        tractor_stream_receive(s->stream, NULL, receive_on, s);
}

static void receive_on(const tractor_error *err, const tractor_value *value, void *user) {
    side *s = user;
    if (tractor_error_code(err) == TRACTOR_EEOF) {
        s->got_all = true;
        return side_over(s);
    }
    if (err)
        return;
    look_at(s, value);
    /* Takes what is there, but for when it falls asleep over it. */
    while (!s->slow || dice(s) % 2048) {
        const tractor_value *next;
        if (tractor_stream_try_receive(s->stream, &next) != TRACTOR_OK) {
            tractor_stream_receive(s->stream, NULL, receive_on, s);
            return;
        }
        look_at(s, next);
    }
    tractor_nursery_sleep(tractor_ctx_nursery(s->ctx), dice(s) % (2 * TRACTOR_MS), rested, s);
}

static void begin_side(side *s, tractor_ctx *ctx) {
    s->ctx = ctx;
    s->random = 2463534242u ^ (uint32_t)getpid();
    s->rss_before = s->rss_most = rss();
    tractor_ctx_open_stream(ctx, NULL, &s->stream);
    tractor_stream_receive(s->stream, NULL, receive_on, s);
    send_more(NULL, s);
}

/* ---- the child ---- */

static void side_answers(side *s) {
    tractor_ctx_return(s->ctx, "[I,b,I,I]", s->received, s->out_of_order, (int64_t)s->rss_before, (int64_t)s->rss_most);
}

static void both_ways(tractor_ctx *ctx, const tractor_value *args, void *user) {
    side *s = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *s);
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:I, s:b}", "send", &s->to_send, "slow", &s->slow) != TRACTOR_OK)
        return;
    s->done = side_answers;
    tractor_ctx_started(ctx, NULL);
    begin_side(s, ctx);
}

static void pong(const tractor_error *err, const tractor_value *value, void *user) {
    side *s = user;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        tractor_ctx_return(s->ctx, "I", s->received);
    if (err)
        return;
    look_at(s, value);
    tractor_stream_send(s->stream, tractor_value_bytes(value));
    tractor_stream_receive(s->stream, NULL, pong, s);
}

static void echo(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    side *s = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *s);
    s->ctx = ctx;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &s->stream);
    tractor_stream_receive(s->stream, NULL, pong, s);
}

/* How many connected TCP sockets this process has, and how many of them delay small messages. */
static void count_sockets(int *tcp, int *delaying) {
    *tcp = *delaying = 0;
    for (int fd = 0; fd < 256; fd++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        int on = 0;
        if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0 || peer.ss_family != AF_INET)
            continue;
        ++*tcp;
        len = sizeof on;
        getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len);
        *delaying += !on;
    }
}

static void sockets(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int tcp, delaying;
    (void)args, (void)user;
    count_sockets(&tcp, &delaying);
    tractor_ctx_return(ctx, "[i,i]", tcp, delaying);
}

/* Sends as many as it is told to, without looking at what becomes of them. */
static void push(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int count;
    tractor_stream *stream;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i}", "count", &count) != TRACTOR_OK)
        return;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &stream);
    for (int i = 0; i < count; i++)
        tractor_stream_send_wait(stream, NULL, tractor_pack("I", (int64_t)i), NULL, NULL);
    tractor_stream_send_eof(stream);
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL);
}

/* Reads nothing until it is told to. */
static side *dam;
static tractor_op dam_waits;
static void hold_back(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    dam = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *dam);
    dam->ctx = ctx;
    dam->done = side_answers;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &dam->stream);
    dam_waits = tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL);
}

static void let_through(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_stream_receive(dam->stream, NULL, receive_on, dam);
    dam->sent_all = true;
    tractor_op_abandon(tractor_ctx_actor(ctx), dam_waits);
    tractor_ctx_return(ctx, NULL);
}

/* How much it can send to itself before it has to wait. */
static void count_room(tractor_ctx *to, const tractor_value *first, void *user) {
    tractor_stream *stream;
    int64_t sent = 0;
    (void)first;
    tractor_ctx_open_stream(to, NULL, &stream);
    while (tractor_stream_sendf(stream, "I", sent) == TRACTOR_OK)
        sent++;
    tractor_ctx_return(user, "I", sent);
    tractor_ctx_cancel(to, NULL, NULL, NULL, NULL);
}
static void room_to_oneself(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_portal_open_context(tractor_actor_self(tractor_ctx_actor(ctx)), tractor_ctx_nursery(ctx), "flow",
                                "hold_back", TRACTOR_ARGS("{}"), NULL, count_room, NULL, ctx);
}

static const tractor_endpoint module[] = {
    TRACTOR_CTX("both_ways", both_ways),
    TRACTOR_CTX("echo", echo),
    TRACTOR_CTX("push", push),
    TRACTOR_CTX("hold_back", hold_back),
    TRACTOR_FUNC("let_through", let_through),
    TRACTOR_FUNC("room_to_oneself", room_to_oneself),
    TRACTOR_FUNC("sockets", sockets),
    TRACTOR_ENDPOINTS_END,
};

/* ---- the parent ---- */

typedef struct test {
    const char *func;
    tractor_bytes (*args)(void);
    void (*started)(struct test *);
    const tractor_call_options *options;
    tractor_nursery *home;
    kit_outcome child, end, other, extra;
    tractor_ctx *ctx;
    tractor_stream *stream;
    side side;
    int64_t began, took, worst, sent_at, sum;
    int blocked, step;
    tractor_op op;
} test;

static void test_ended(const tractor_error *err, const tractor_value *value, void *user) {
    test *t = user;
    kit_on_value(err, value, &t->end);
    t->took = tractor_now() - t->began;
    tractor_nursery_cancel(t->home, "done");
}

static void test_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    test *t = user;
    (void)first;
    t->ctx = ctx;
    t->began = tractor_now();
    t->started(t);
}

static void test_up(kit_outcome *o) {
    test *t = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    t->began = tractor_now();
    tractor_portal_open_context(o->portal, NULL, "flow", t->func, t->args ? t->args() : TRACTOR_ARGS("{}"), t->options,
                                test_started, test_ended, t);
}

static void test_body(tractor_nursery *root, void *user) {
    static const char *const modules[] = { "flow", NULL };
    test *t = user;
    t->child.then = test_up;
    t->child.user = t;
    t->home = tractor_nursery_open(root, NULL, NULL, NULL);
    tractor_nursery_start_actor(t->home, "child", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules },
                                kit_on_portal, &t->child);
}

static void run_flow(test *t, uint64_t window) {
    alarm((unsigned)(60 * kit_headroom()));
    kit_run run = kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .stream_window = window }, test_body, t);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(t->end.calls, 1);
}

/* ---- a million messages ---- */

/* Several balls are in the air: with one alone, most of the time goes into waking processors that fell asleep. */
enum { BALLS = 10 };
static int64_t served_at[BALLS];

static void ping(test *t) {
    served_at[t->side.sent % BALLS] = tractor_now();
    assert_int_equal(tractor_stream_sendf(t->stream, "I", t->side.sent++), TRACTOR_OK);
}

static void ponged(const tractor_error *err, const tractor_value *value, void *user) {
    test *t = user;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        return;
    kit_assert_code(err, TRACTOR_OK);
    int64_t took = tractor_now() - served_at[t->side.received % BALLS];
    t->worst = took > t->worst ? took : t->worst;
    t->sum += took;
    look_at(&t->side, value);
    tractor_stream_receive(t->stream, NULL, ponged, t);
    if (t->side.sent < MILLION / 2)
        ping(t);
    else if (t->side.received == MILLION / 2)
        tractor_stream_send_eof(t->stream);
}

static void play(test *t) {
    assert_int_equal(tractor_ctx_open_stream(t->ctx, NULL, &t->stream), TRACTOR_OK);
    tractor_stream_receive(t->stream, NULL, ponged, t);
    for (int i = 0; i < BALLS; i++)
        ping(t);
}

static void X_09_ping_pong(void **state) {
    (void)state;
    test t = { .func = "echo", .started = play };
    run_flow(&t, 0);
    kit_assert_code(t.end.err, TRACTOR_OK);
    kit_assert_value(t.end.value, "I", (int64_t)(MILLION / 2));
    assert_int_equal(t.side.received, MILLION / 2);
    assert_false(t.side.out_of_order);
    print_message("%d messages to and fro in %.1f s: %.1f us a round, the slowest %.1f ms\n", MILLION,
                  (double)t.took / 1e9, (double)t.sum / 1e3 / (MILLION / 2), (double)t.worst / 1e6);
}

static tractor_bytes only_listen(void) { return tractor_pack("{s:I, s:b}", "send", INT64_C(0), "slow", false); }

static void pour(test *t) {
    t->side.to_send = MILLION;
    begin_side(&t->side, t->ctx);
}

static void unpack_side(const tractor_value *value, int64_t *received, int64_t *before, int64_t *most) {
    bool out_of_order;
    assert_int_equal(tractor_unpack(value, "[I,b,I,I]", received, &out_of_order, before, most), TRACTOR_OK);
    assert_false(out_of_order);
}

static void X_09_one_way(void **state) {
    (void)state;
    int64_t received, before, most;
    test t = { .func = "both_ways", .args = only_listen, .started = pour };
    run_flow(&t, 0);
    kit_assert_code(t.end.err, TRACTOR_OK);
    unpack_side(t.end.value, &received, &before, &most);
    assert_int_equal(received, MILLION);
    print_message("%d messages one way in %.2f s: %.2f million a second\n", MILLION, (double)t.took / 1e9,
                  MILLION / ((double)t.took / 1e3));
}

static void sockets_counted(kit_outcome *o) {
    test *t = o->user;
    int tcp, delaying;
    kit_assert_code(o->err, TRACTOR_OK);
    assert_int_equal(tractor_unpack(o->value, "[i,i]", &tcp, &delaying), TRACTOR_OK);
    bool wanted = strcmp(kit_transport(), "tcp") == 0;
    assert_int_equal(tcp > 0, wanted);
    assert_int_equal(delaying, 0);
    count_sockets(&tcp, &delaying);
    assert_int_equal(tcp > 0, wanted);
    assert_int_equal(delaying, 0);
    tractor_stream_send_eof(t->stream);
}

static void ask_sockets(test *t) {
    assert_int_equal(tractor_ctx_open_stream(t->ctx, NULL, &t->stream), TRACTOR_OK);
    t->other.then = sockets_counted;
    t->other.user = t;
    tractor_portal_run(t->child.portal, NULL, "flow", "sockets", TRACTOR_ARGS("{}"), NULL, kit_on_value, &t->other);
}

/* Small messages are not delayed by the kernel. */
static void X_09_tcp_nodelay(void **state) {
    (void)state;
    test t = { .func = "echo", .started = ask_sockets };
    run_flow(&t, 0);
    kit_assert_code(t.end.err, TRACTOR_OK);
}

/* ---- a million each way, with readers that fall asleep ---- */

static tractor_bytes send_a_million(void) { return tractor_pack("{s:I, s:b}", "send", (int64_t)MILLION, "slow", true); }

static void pour_slowly(test *t) {
    t->side.slow = true;
    pour(t);
}

static void slow_readers(void **state) {
    (void)state;
    int64_t received, before, most;
    test t = { .func = "both_ways", .args = send_a_million, .started = pour_slowly };
    run_flow(&t, 0);
    kit_assert_code(t.end.err, TRACTOR_OK);
    unpack_side(t.end.value, &received, &before, &most);
    assert_int_equal(received, MILLION);
    assert_int_equal(t.side.received, MILLION);
    assert_false(t.side.out_of_order);
    long own = t.side.rss_most - t.side.rss_before;
    print_message("%d each way in %.1f s; KiB more: caller %ld, callee %ld\n", MILLION, (double)t.took / 1e9, own,
                  (long)(most - before));
    if (SANITIZED)
        return;
    assert_true(own <= 8 * 1024);
    assert_true(most - before <= 8 * 1024);
}

/* ---- without windows, what is lost is reported ---- */

enum { ROOM = 64 + 616 };
static const tractor_call_options allow = { TRACTOR_CALL_OPTIONS, .flags = TRACTOR_CALL_ALLOW_OVERRUNS };

static tractor_bytes two_thousand(void) { return tractor_pack("{s:i}", "count", 2000); }
static tractor_bytes just_enough(void) { return tractor_pack("{s:i}", "count", ROOM); }

static void counted(const tractor_error *err, const tractor_value *value, void *user) {
    test *t = user;
    if (err) {
        t->step = tractor_error_code(err);
        if (t->step == TRACTOR_EEOF)
            tractor_ctx_cancel(t->ctx, NULL, NULL, NULL, NULL);
        return;
    }
    look_at(&t->side, value);
    tractor_stream_receive(t->stream, NULL, counted, t);
}

static void pinged(kit_outcome *o) {
    test *t = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    /* The stream is gone with its context, which may have failed by now. */
    if (t->end.calls > 0 || tractor_stream_receive(t->stream, NULL, counted, t) < 0)
        t->step = TRACTOR_ECLOSED;
}

/* Looks at the stream when all that was sent is here: an answer came behind it. */
static void look_later(test *t) {
    assert_int_equal(tractor_ctx_open_stream(t->ctx, &allow, &t->stream), TRACTOR_OK);
    t->other.then = pinged;
    t->other.user = t;
    tractor_portal_run(t->child.portal, t->home, "flow", "sockets", TRACTOR_ARGS("{}"), NULL, kit_on_value, &t->other);
}

static void X_24_overrun_is_reported(void **state) {
    (void)state;
    test t = { .func = "push", .args = two_thousand, .started = look_later, .options = &allow };
    run_flow(&t, TRACTOR_NO_WINDOW);
    /* The sender is told of the first message that was dropped, and fails by that. */
    kit_assert_remote(t.end.err, "RemoteActorError");
    assert_string_equal(tractor_error_source_type(t.end.err), "StreamOverrun");
    assert_int_not_equal(t.step, TRACTOR_EEOF);
    assert_false(t.side.out_of_order);
    assert_true(t.side.received <= ROOM);
    kit_assert_within_ms(t.took, 1000);
}

static void X_24_all_that_has_room_arrives(void **state) {
    (void)state;
    test t = { .func = "push", .args = just_enough, .started = look_later, .options = &allow };
    run_flow(&t, TRACTOR_NO_WINDOW);
    kit_assert_code(t.end.err, TRACTOR_OK);
    assert_null(t.end.value);
    assert_int_equal(t.step, TRACTOR_EEOF);
    assert_int_equal(t.side.received, ROOM);
    assert_false(t.side.out_of_order);
}

/* ---- with windows the sender waits ---- */

static void dam_answers(kit_outcome *o) { kit_assert_code(o->err, TRACTOR_OK); }

static void taken(const tractor_error *err, void *user) {
    test *t = user;
    kit_assert_code(err, TRACTOR_OK);
    t->side.sent++;
    tractor_stream_send_eof(t->stream);
}

static void send_cancelled(const tractor_error *err, void *user) {
    test *t = user;
    kit_assert_code(err, TRACTOR_ECANCELED);
    t->blocked++;
    /* Nothing of it was sent, and the next one takes its place. */
    tractor_stream_send_wait(t->stream, NULL, tractor_pack("I", t->side.sent), taken, t);
    t->other.then = dam_answers;
    tractor_portal_run(t->child.portal, t->home, "flow", "let_through", TRACTOR_ARGS("{}"), NULL, kit_on_value,
                       &t->other);
}

static void still_blocked(const tractor_error *err, void *user) {
    test *t = user;
    assert_null(err);
    assert_int_equal(t->blocked, 0);
    assert_int_equal(tractor_stream_sendf(t->stream, "i", 0), TRACTOR_EAGAIN);
    assert_int_equal(tractor_op_cancel(kit_actor(), t->op), TRACTOR_OK);
}

static void fill(test *t) {
    int status;
    assert_int_equal(tractor_ctx_open_stream(t->ctx, NULL, &t->stream), TRACTOR_OK);
    while ((status = tractor_stream_sendf(t->stream, "I", t->side.sent)) == TRACTOR_OK)
        t->side.sent++;
    assert_int_equal(status, TRACTOR_EAGAIN);
}

static void fill_and_wait(test *t) {
    fill(t);
    t->op = tractor_stream_send_wait(t->stream, NULL, tractor_pack("s", "never"), send_cancelled, t);
    tractor_nursery_sleep(tractor_ctx_nursery(t->ctx), 50 * TRACTOR_MS, still_blocked, t);
}

static void X_25_sender_waits_and_nothing_is_lost(void **state) {
    (void)state;
    test t = { .func = "hold_back", .started = fill_and_wait };
    run_flow(&t, 64 * 1024);
    assert_int_equal(t.blocked, 1);
    kit_assert_code(t.end.err, TRACTOR_OK);
    int64_t received, before, most;
    unpack_side(t.end.value, &received, &before, &most);
    assert_int_equal(received, t.side.sent);
    /* A value counts with 64 bytes for what it takes to hold it. */
    assert_in_range(t.side.sent, 800, 1100);
}

static void ended_waiting(const tractor_error *err, void *user) {
    test *t = user;
    t->blocked++;
    t->step = tractor_error_code(err);
}

static void cancel_blocked(const tractor_error *err, void *user) {
    test *t = user;
    assert_null(err);
    t->sent_at = tractor_now();
    tractor_ctx_cancel(t->ctx, t->home, NULL, kit_on_done, &t->other);
}

static void fill_and_cancel(test *t) {
    fill(t);
    tractor_stream_send_wait(t->stream, NULL, tractor_pack("s", "never"), ended_waiting, t);
    tractor_nursery_sleep(tractor_ctx_nursery(t->ctx), 20 * TRACTOR_MS, cancel_blocked, t);
}

static void X_25_cancelled_while_blocked(void **state) {
    (void)state;
    test t = { .func = "hold_back", .started = fill_and_cancel };
    run_flow(&t, 64 * 1024);
    kit_assert_code(t.end.err, TRACTOR_OK);
    assert_null(t.end.value);
    kit_assert_code(t.other.err, TRACTOR_OK);
    assert_int_equal(t.blocked, 1);
    assert_int_equal(t.step, TRACTOR_ECANCELED);
    kit_assert_within_ms(t.end.at - t.sent_at, 100);
}

/* The window of a stream to oneself is the one that the root was given, there and in its child. */
static void rooms_counted(kit_outcome *o) {
    test *t = o->user;
    if (t->extra.calls + t->end.calls == 2)
        tractor_nursery_cancel(t->home, "done");
}

static void ask_for_room(kit_outcome *o) {
    test *t = o->user;
    t->extra.then = t->end.then = rooms_counted;
    t->extra.user = t->end.user = t;
    tractor_portal_run(tractor_actor_self(kit_actor()), t->home, "flow", "room_to_oneself", TRACTOR_ARGS("{}"), NULL,
                       kit_on_value, &t->extra);
    tractor_portal_run(o->portal, t->home, "flow", "room_to_oneself", TRACTOR_ARGS("{}"), NULL, kit_on_value, &t->end);
}

static void room_body(tractor_nursery *root, void *user) {
    test_body(root, user);
    ((test *)user)->child.then = ask_for_room;
}

static void X_25_window_to_oneself(void **state) {
    static const char *const modules[] = { "flow", NULL };
    (void)state;
    test t = { 0 };
    kit_run run = kit_run_root(
        &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .stream_window = 64 * 1024, .enable_modules = modules },
        room_body, &t);
    kit_assert_code(run.err, TRACTOR_OK);
    for (const kit_outcome *o = &t.extra;; o = &t.end) {
        int64_t room = 0;
        kit_assert_code(o->err, TRACTOR_OK);
        assert_int_equal(tractor_unpack(o->value, "I", &room), TRACTOR_OK);
        assert_in_range(room, 800, 1100);
        if (o == &t.end)
            break;
    }
}

int main(int argc, char **argv) {
    tractor_register("flow", module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(X_09_ping_pong),
        KIT_TEST(X_09_one_way),
        KIT_TEST(X_09_tcp_nodelay),
        KIT_TEST(slow_readers),
        KIT_TEST(X_24_overrun_is_reported),
        KIT_TEST(X_24_all_that_has_room_arrives),
        KIT_TEST(X_25_sender_waits_and_nothing_is_lost),
        KIT_TEST(X_25_cancelled_while_blocked),
        KIT_TEST(X_25_window_to_oneself),
    };
    return kit_run_tests(tests);
}
