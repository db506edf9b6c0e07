/* One stream, several consumers in this process: tractor_stream_subscribe(). BRC-05 has no child; it is not here. */
#include "one_child.h"

#include <signal.h>

/* ---- in the child: answers each value n with 0 .. n - 1; ends when the peer sends no more ---- */

typedef struct producer {
    tractor_ctx *ctx;
    tractor_stream *stream;
    int next, end;
} producer;

static void on_order(const tractor_error *err, const tractor_value *value, void *user);

static void produce(const tractor_error *err, void *user) {
    producer *p = user;
    if (err)
        return;
    if (p->next == p->end)
        tractor_stream_receive(p->stream, NULL, on_order, p);
    else
        tractor_stream_send_wait(p->stream, NULL, tractor_pack("i", p->next++), produce, p);
}
static void on_order(const tractor_error *err, const tractor_value *value, void *user) {
    producer *p = user;
    if (!err) {
        p->next = 0;
        p->end = int_of(value);
        produce(NULL, p);
    } else if (tractor_error_code(err) == TRACTOR_EEOF) {
        tractor_ctx_return(p->ctx, NULL);
    }
}
static void produce_on_order(tractor_ctx *ctx, const tractor_value *args, void *user) {
    producer *p = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *p);
    (void)args, (void)user;
    p->ctx = ctx;
    tractor_ctx_started(ctx, NULL);
    assert_int_equal(tractor_ctx_open_stream(ctx, NULL, &p->stream), TRACTOR_OK);
    tractor_stream_receive(p->stream, NULL, on_order, p);
}

/* ---- in the root ---- */

struct test;
/* Receives, naps, receives again. */
typedef struct consumer {
    struct test *test;
    tractor_stream *stream;
    tractor_nursery *nursery; /* its task; NULL: the ctx's */
    int64_t nap;
    int last, count, lags, resumed_at;   /* -1: never lagged */
    bool done;                           /* has seen the last value */
    void (*then)(struct consumer *self); /* after each value */
    kit_outcome task;
} consumer;

typedef struct test {
    tractor_nursery *root;
    tractor_ctx *ctx;
    tractor_stream *stream;
    int values; /* 0 .. values - 1 come */
    int64_t began;
    consumer parent, subs[10];
    int running;
    void (*body)(struct test *t);
    kit_outcome result, extra;
    bool lag_is_fatal, interrupt;
} test;

static void on_consumed(const tractor_error *err, const tractor_value *value, void *user);

static void consume(consumer *c) { tractor_stream_receive(c->stream, c->nursery, on_consumed, c); }

static void on_napped(const tractor_error *err, void *user) {
    if (!err)
        consume(user);
}

static void consumer_ends(consumer *c) {
    test *t = c->test;
    if (c->nursery)
        tractor_nursery_close(c->nursery);
    if (--t->running > 0)
        return;
    if (t->interrupt)
        raise(SIGINT);
    else
        tractor_stream_close(t->stream);
}

static void on_consumed(const tractor_error *err, const tractor_value *value, void *user) {
    consumer *c = user;
    test *t = c->test;
    if (err && tractor_error_code(err) == TRACTOR_ELAGGED) {
        c->lags++;
        assert_true(tractor_stream_lagged(c->stream) > 0);
        if (t->lag_is_fatal && c->nursery) {
            tractor_nursery_fail(c->nursery, err);
            return;
        }
        consume(c);
        return;
    }
    if (err) {
        kit_assert_code(err, TRACTOR_ECANCELED);
        consumer_ends(c);
        return;
    }
    int n = int_of(value);
    if (c->lags == 0 && tractor_stream_lagged(c->stream) == 0)
        assert_int_equal(n, c->last + 1);
    else if (c->resumed_at < 0)
        c->resumed_at = n;
    assert_true(n > c->last);
    c->count++;
    c->last = n;
    if (n == t->values - 1) {
        c->done = true;
        consumer_ends(c);
        return;
    }
    if (c->nap > 0)
        tractor_nursery_sleep(c->nursery ? c->nursery : tractor_ctx_nursery(t->ctx), c->nap, on_napped, c);
    else
        consume(c);
    if (c->then)
        c->then(c);
}

static void on_task_end(const tractor_error *err, void *user) {
    consumer *c = user;
    kit_on_done(err, &c->task);
    if (err && tractor_error_code(err) == TRACTOR_ELAGGED)
        consumer_ends(c);
}

static void begin(test *t, consumer *c, tractor_stream *stream, bool task) {
    c->test = t;
    c->stream = stream;
    c->last = c->resumed_at = -1;
    t->running++;
    if (task)
        c->nursery = tractor_nursery_open(tractor_ctx_nursery(t->ctx), NULL, on_task_end, c);
    consume(c);
}

static void begin_sub(test *t, consumer *c, uint32_t flags, bool task) {
    tractor_stream *sub;
    assert_int_equal(tractor_stream_subscribe(t->stream, flags, &sub), TRACTOR_OK);
    begin(t, c, sub, task);
}

static void order(test *t, int values) {
    t->values = values;
    t->began = tractor_now();
    assert_int_equal(tractor_stream_sendf(t->stream, "i", values), TRACTOR_OK);
}

static void on_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    test *t = user;
    (void)first;
    t->ctx = ctx;
    tractor_call_options options = { TRACTOR_CALL_OPTIONS, .flags = TRACTOR_CALL_ALLOW_OVERRUNS };
    assert_int_equal(tractor_ctx_open_stream(ctx, &options, &t->stream), TRACTOR_OK);
    t->body(t);
}
static void on_result(const tractor_error *err, const tractor_value *value, void *user) {
    kit_on_value(err, value, &((test *)user)->result);
}
static void on_child(const tractor_error *err, tractor_portal *portal, void *user) {
    kit_assert_code(err, TRACTOR_OK);
    tractor_call_options options = { TRACTOR_CALL_OPTIONS, .flags = TRACTOR_CALL_ALLOW_OVERRUNS };
    tractor_portal_open_context(portal, NULL, "t", "produce", TRACTOR_ARGS("{}"), &options, on_started, on_result,
                                user);
}
static void root_body(tractor_nursery *root, void *user) {
    test *t = user;
    t->root = root;
    start_child(root, "producer", on_child, t);
}

static void run(test *t, void (*body)(test *t)) {
    t->body = body;
    kit_run run = kit_run_root(NULL, root_body, t);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(t->result.calls, 1);
    kit_assert_code(t->result.err, TRACTOR_OK);
}

/* ---- BRC-01 ---- */

static void fan_out(test *t) {
    for (int i = 0; i < 10; i++)
        begin_sub(t, &t->subs[i], 0, true);
    begin(t, &t->parent, t->stream, false);
    order(t, 1000);
}
static void BRC_01_fan_out_to_local_subscriptions(void **state) {
    (void)state;
    test t = { 0 };
    run(&t, fan_out);
    assert_int_equal(t.parent.count, 1000);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(t.subs[i].count, 1000);
        assert_int_equal(t.subs[i].lags, 0);
        kit_assert_code(t.subs[i].task.err, TRACTOR_OK);
    }
}

/* ---- BRC-02 ---- */

static void slow_and_fast(test *t) {
    begin_sub(t, &t->subs[0], 0, true);
    begin(t, &t->parent, t->stream, false);
    order(t, 300);
}
static void BRC_02_consumer_and_parent_maybe_lag(void **state) {
    bool parent_is_slow = *state != NULL;
    test t = { .lag_is_fatal = true };
    t.parent.nap = (parent_is_slow ? 10 : 1) * TRACTOR_MS;
    t.subs[0].nap = (parent_is_slow ? 1 : 10) * TRACTOR_MS;
    run(&t, slow_and_fast);
    if (parent_is_slow) {
        assert_true(t.parent.lags >= 1);
        assert_true(t.parent.resumed_at > 0);
        assert_true(t.parent.count < 300);
        assert_int_equal(t.subs[0].count, 300);
        kit_assert_code(t.subs[0].task.err, TRACTOR_OK);
    } else {
        assert_int_equal(t.parent.count, 300);
        assert_false(t.subs[0].done);
        kit_assert_code(t.subs[0].task.err, TRACTOR_ELAGGED);
        kit_assert_contains(tractor_error_message(t.subs[0].task.err), "missed");
    }
}

/* ---- BRC-03 ---- */

static void cancel_the_faster(consumer *c) {
    if (c->count == 20)
        tractor_nursery_cancel(c->test->subs[0].nursery, "by the slower");
}
static void faster_and_slower(test *t) {
    begin_sub(t, &t->subs[0], 0, true); /* begins first, so it is the one that pulls */
    t->parent.then = cancel_the_faster;
    begin(t, &t->parent, t->stream, false);
    order(t, 1000);
}
static void BRC_03_faster_is_cancelled_by_slower(void **state) {
    (void)state;
    test t = { 0 };
    run(&t, faster_and_slower);
    assert_int_equal(t.parent.count, 1000);
    assert_int_equal(t.parent.lags, 0);
    assert_in_range(t.subs[0].count, 20, 21);
    kit_assert_code(t.subs[0].task.err, TRACTOR_OK); /* absorbed: it was cancelled by itself */
    kit_assert_within_ms(t.result.at - t.began, 500);
}

/* ---- BRC-04 ---- */

static void subscribe_late(test *t) {
    tractor_stream *sub, *late = NULL;
    assert_int_equal(tractor_stream_subscribe(t->stream, 0, &sub), TRACTOR_OK);
    assert_int_equal(tractor_stream_subscribe(t->stream, 2, &late), TRACTOR_EINVAL);
    tractor_stream_close(sub);
    assert_int_equal(tractor_stream_subscribe(sub, 0, &late), TRACTOR_ECLOSED);
    /* The stream itself goes on: only the subscriber was closed. */
    assert_int_equal(tractor_stream_subscribe(t->stream, 0, &sub), TRACTOR_OK);
    tractor_stream_close(t->stream);
    assert_int_equal(tractor_stream_subscribe(t->stream, 0, &late), TRACTOR_ECLOSED);
    assert_int_equal(tractor_stream_subscribe(sub, 0, &late), TRACTOR_ECLOSED);
    /* What it gave is no subscriber. */
    assert_non_null(late);
    assert_null(tractor_stream_ctx(late));
    assert_int_equal(tractor_stream_lagged(late), 0);
    assert_int_equal(tractor_stream_receive(late, NULL, kit_on_value, &t->extra), TRACTOR_ECLOSED);
    tractor_stream_close(late);
    /* Nor is one that was there when the stream was closed. */
    const tractor_value *value;
    assert_int_equal(tractor_stream_try_receive(sub, &value), TRACTOR_ECLOSED);
    tractor_stream_receive(sub, NULL, kit_on_value, &t->extra);
}
static void BRC_04_subscribe_errors_after_close(void **state) {
    (void)state;
    test t = { 0 };
    run(&t, subscribe_late);
    assert_int_equal(t.extra.calls, 1);
    kit_assert_code(t.extra.err, TRACTOR_ECLOSED);
}

/* ---- BRC-06 ---- */

static void on_first_cancelled(const tractor_error *err, void *user) {
    consumer *c = user;
    kit_on_done(err, &c->task);
    order(c->test, 1);
}
static void cancel_first(test *t) {
    consumer *first = &t->subs[0];
    begin_sub(t, &t->subs[1], 0, true);
    assert_int_equal(tractor_stream_subscribe(t->stream, 0, &first->stream), TRACTOR_OK);
    first->test = t;
    first->nursery = tractor_nursery_open(tractor_ctx_nursery(t->ctx), NULL, on_first_cancelled, first);
    tractor_stream_receive(first->stream, first->nursery, kit_on_value, &t->extra);
    tractor_nursery_cancel(first->nursery, NULL);
}
static void cancel_the_one_that_waited_first(test *t) {
    consumer *first = &t->subs[0];
    assert_int_equal(tractor_stream_subscribe(t->stream, 0, &first->stream), TRACTOR_OK);
    first->test = t;
    first->nursery = tractor_nursery_open(tractor_ctx_nursery(t->ctx), NULL, on_first_cancelled, first);
    tractor_stream_receive(first->stream, first->nursery, kit_on_value, &t->extra);
    begin_sub(t, &t->subs[1], 0, true);
    tractor_nursery_cancel(first->nursery, NULL);
}
static void BRC_06_first_receiver_is_cancelled(void **state) {
    test t = { 0 };
    run(&t, *state ? cancel_the_one_that_waited_first : cancel_first);
    kit_assert_code(t.extra.err, TRACTOR_ECANCELED);
    kit_assert_code(t.subs[0].task.err, TRACTOR_OK);
    assert_int_equal(t.subs[1].count, 1);
    kit_assert_within_ms(t.result.at - t.began, 500);
}

/* ---- BRC-07 ---- */

static void no_lag_error(test *t) {
    t->subs[0].nap = 5 * TRACTOR_MS;
    begin_sub(t, &t->subs[0], TRACTOR_SUBSCRIBE_NO_LAG_ERROR, true);
    begin(t, &t->parent, t->stream, false);
    order(t, 1000);
}
static void BRC_07_no_raise_on_lag(void **state) {
    (void)state;
    kit_expect_log("missed");
    test t = { .interrupt = true, .body = no_lag_error };
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .flags = TRACTOR_ROOT_SIGNALS }, root_body, &t);
    kit_assert_code(run.err, TRACTOR_EINTERRUPTED);
    assert_int_equal(t.parent.count, 1000);
    assert_int_equal(t.subs[0].lags, 0);
    assert_true(t.subs[0].done);
    assert_in_range(t.subs[0].count, 64, 999);
    assert_true(kit_log_count("missed") >= 1);
    kit_assert_code(t.subs[0].task.err, TRACTOR_OK);
    kit_assert_code(t.result.err, TRACTOR_ECANCELED);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_CTX("produce", produce_on_order), TRACTOR_ENDPOINTS_END };
    tractor_register("t", module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(BRC_01_fan_out_to_local_subscriptions),
        KIT_TEST_WITH(BRC_02_consumer_and_parent_maybe_lag, "parent slow", ""),
        KIT_TEST_WITH(BRC_02_consumer_and_parent_maybe_lag, "subscriber slow", NULL),
        KIT_TEST(BRC_03_faster_is_cancelled_by_slower),
        KIT_TEST(BRC_04_subscribe_errors_after_close),
        KIT_TEST_WITH(BRC_06_first_receiver_is_cancelled, "it waits behind the other", NULL),
        KIT_TEST_WITH(BRC_06_first_receiver_is_cancelled, "it waits first", ""),
        KIT_TEST(BRC_07_no_raise_on_lag),
    };
    return kit_run_tests(tests);
}
