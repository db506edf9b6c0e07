// ctest: timeout=120
/* both sides at once, several contexts at once, and payloads of a wrong type. */
#include "kit/kit.h"

/* ---- the child ---- */

typedef struct task {
    tractor_ctx *ctx;
    tractor_stream *stream;
    tractor_op hold;
    tractor_bytes item, result;
} task;

static task *new_task(tractor_ctx *ctx) {
    task *t = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *t);
    t->ctx = ctx;
    return t;
}

static void cancel_self(const tractor_error *err, void *user) {
    if (!err)
        tractor_ctx_cancel(user, NULL, NULL, NULL, NULL);
}

static void sleep_then(tractor_ctx *ctx, const tractor_value *args, tractor_done_fn then) {
    int us;
    if (tractor_ctx_unpack(ctx, args, "{s:i}", "us", &us) != TRACTOR_OK)
        return;
    tractor_ctx_started(ctx, NULL);
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), us * 1000LL, then, ctx);
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL);
}

static void cancels_itself(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)user;
    sleep_then(ctx, args, cancel_self);
}

static void raise_key_error(const tractor_error *err, void *user) {
    if (!err)
        tractor_ctx_raisef(user, "KeyError", "raised by the task");
}

static void raises(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)user;
    sleep_then(ctx, args, raise_key_error);
}

static void raise_in_cancel(void *user) {
    task *t = user;
    tractor_error *err = tractor_error_newf(0, "KeyError", "raised while it was cancelled");
    tractor_op_complete(tractor_ctx_actor(t->ctx), t->hold, err);
    tractor_error_unref(err);
}

static void raises_when_cancelled(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    task *t = new_task(ctx);
    tractor_ctx_started(ctx, NULL);
    t->hold = tractor_nursery_hold(tractor_ctx_nursery(ctx), "tidying up", raise_in_cancel, t);
}

static void pour(tractor_stream *stream) {
    for (int i = 0; i < 2000; i++)
        tractor_stream_send_wait(stream, NULL, tractor_pack("i", i), NULL, NULL);
}

static void floods(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    task *t = new_task(ctx);
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &t->stream);
    pour(t->stream);
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL);
}

static void never_starts(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), 20 * TRACTOR_MS, cancel_self, ctx);
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL);
}

static void waits(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL);
}

static tractor_bytes kept(tractor_ctx *ctx, tractor_bytes bytes) {
    void *memory = tractor_nursery_alloc(tractor_ctx_nursery(ctx), bytes.len);
    return (tractor_bytes){ memcpy(memory, bytes.data, bytes.len), bytes.len };
}

static void caller_left(const tractor_error *err, const tractor_value *value, void *user) {
    task *t = user;
    if (!err) { /* once more */
        tractor_stream_send(t->stream, tractor_value_bytes(value));
        tractor_stream_receive(t->stream, NULL, caller_left, t);
    } else if (tractor_error_code(err) == TRACTOR_EEOF) {
        tractor_ctx_return_value(t->ctx, t->result);
    }
}

/* Says what it is told to say, sends back what it gets, and answers when the caller's stream ends. */
static void says(tractor_ctx *ctx, const tractor_value *args, void *user) {
    task *t = new_task(ctx);
    tractor_bytes first;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:v, s:v, s:v}", "started", &first, "item", &t->item, "result", &t->result) !=
        TRACTOR_OK)
        return;
    t->result = kept(ctx, t->result);
    if (tractor_ctx_started_value(ctx, first) != TRACTOR_OK)
        return;
    tractor_ctx_open_stream(ctx, NULL, &t->stream);
    tractor_stream_send(t->stream, t->item);
    tractor_stream_receive(t->stream, NULL, caller_left, t);
}

#define POINT "{x: float, name?: str}"
static const tractor_endpoint module[] = {
    TRACTOR_CTX("cancels_itself", cancels_itself),
    TRACTOR_CTX("raises", raises),
    TRACTOR_CTX("raises_when_cancelled", raises_when_cancelled),
    TRACTOR_CTX("floods", floods),
    TRACTOR_CTX("never_starts", never_starts),
    TRACTOR_CTX("waits", waits),
    TRACTOR_CTX("says", says),
    TRACTOR_CTX_TYPED("says_ints", says, "int"),
    TRACTOR_CTX_TYPED("says_points", says, POINT),
    TRACTOR_ENDPOINTS_END,
};

/* ---- the parent ---- */

typedef struct test {
    const char *func;
    tractor_bytes (*args)(struct test *);
    void (*started)(struct test *);
    void (*ended)(struct test *); /* NULL: the test is over */
    tractor_nursery *home;
    kit_outcome child, end, cancel;
    tractor_ctx *ctx;
    tractor_stream *stream;
    int64_t began;
    int starts, round, absorbed, told, groups, locals, remotes;
    bool by_us, acked;
    const void *user;
    int code;
    tractor_op op;
} test;

static bool is_us(const tractor_id *id) { return id && strcmp(id->uuid, tractor_actor_id(kit_actor())->uuid) == 0; }

static bool is_child(test *t, const tractor_id *id) {
    return id && strcmp(id->uuid, tractor_portal_id(t->child.portal)->uuid) == 0;
}

static void test_ended(const tractor_error *err, const tractor_value *value, void *user) {
    test *t = user;
    kit_on_value(err, value, &t->end);
    t->by_us = t->ctx && is_us(tractor_ctx_canceller(t->ctx));
    t->acked = t->ctx && tractor_ctx_cancel_acked(t->ctx);
    if (t->ended)
        t->ended(t);
    else
        tractor_nursery_cancel(t->home, "done");
}

static void test_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    test *t = user;
    (void)first;
    t->starts++;
    t->ctx = ctx;
    if (t->started)
        t->started(t);
}

static void open_one(test *t) {
    t->ctx = NULL;
    t->op = tractor_portal_open_context(t->child.portal, t->home, "races", t->func,
                                        t->args ? t->args(t) : TRACTOR_ARGS("{}"), NULL, test_started, test_ended, t);
}

static void test_up(kit_outcome *o) {
    test *t = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    t->began = tractor_now();
    open_one(t);
}

static void test_body(tractor_nursery *root, void *user) {
    static const char *const modules[] = { "races", NULL };
    test *t = user;
    t->child.then = test_up;
    t->child.user = t;
    t->home = tractor_nursery_open(root, NULL, NULL, NULL);
    tractor_nursery_start_actor(t->home, "child", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules },
                                kit_on_portal, &t->child);
}

static kit_run run_race(test *t, uint64_t window) {
    kit_run run = kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .stream_window = window }, test_body, t);
    kit_assert_code(run.err, TRACTOR_OK);
    return run;
}

/* ---- both sides cancel at once ---- */

enum { ROUNDS = 100 };

/* Around the moment at which we do it too: between 0 and 1 ms. */
static tractor_bytes at_random(test *t) { return tractor_pack("{s:i}", "us", (t->round * 37) % 1000); }

static void cancel_it(const tractor_error *err, void *user) {
    test *t = user;
    if (!err)
        tractor_ctx_cancel(t->ctx, t->home, NULL, kit_on_done, &t->cancel);
}

static void soon(test *t, tractor_done_fn fn) {
    tractor_nursery_sleep(tractor_ctx_nursery(t->ctx), (t->round * 61 % 1000) * 1000LL, fn, t);
}

static void cancel_soon(test *t) { soon(t, cancel_it); }

static void again(test *t) {
    if (++t->round < ROUNDS)
        open_one(t);
    else
        tractor_nursery_cancel(t->home, "done");
}

/* Whose cancel came first is the canceller, and nothing else can come of it. */
static void both_cancelled(test *t) {
    assert_null(t->end.value);
    if (!t->end.err) {
        t->absorbed++;
        assert_true(t->acked && t->by_us);
    } else {
        t->told++;
        kit_assert_code(t->end.err, TRACTOR_ECTXCANCELED);
        assert_true(is_child(t, tractor_error_canceller(t->end.err)));
        assert_false(t->acked);
    }
    kit_assert_code(t->cancel.err, TRACTOR_OK);
    again(t);
}

static void X_23_both_cancel(void **state) {
    (void)state;
    test t = { .func = "cancels_itself", .args = at_random, .started = cancel_soon, .ended = both_cancelled };
    run_race(&t, 0);
    assert_int_equal(t.end.calls, ROUNDS);
    print_message("ours came first %d times, its own %d times\n", t.absorbed, t.told);
    assert_int_equal(t.absorbed + t.told, ROUNDS);
}

/* ---- both sides fail at once ---- */

static void fail_it(const tractor_error *err, void *user) {
    test *t = user;
    if (err)
        return;
    tractor_error *own = tractor_error_newf(0, "ValueError", "raised by the caller");
    tractor_nursery_fail(tractor_ctx_nursery(t->ctx), own);
    tractor_error_unref(own);
}

static void fail_soon(test *t) { soon(t, fail_it); }

static void both_failed(test *t) {
    const tractor_error *own = tractor_error_find(t->end.err, TRACTOR_EUSER);
    const tractor_error *its = tractor_error_find(t->end.err, TRACTOR_EREMOTE);
    assert_true(own || its);
    if (own && its) {
        t->groups++;
        kit_assert_code(t->end.err, TRACTOR_EGROUP);
        assert_int_equal(tractor_error_child_count(t->end.err), 2);
    }
    t->locals += own && !its;
    t->remotes += its && !own;
    if (its)
        kit_assert_remote(its, "KeyError");
    if (own)
        assert_string_equal(tractor_error_boxed_type(own), "ValueError");
    again(t);
}

static void X_23_both_fail(void **state) {
    (void)state;
    test t = { .func = "raises", .args = at_random, .started = fail_soon, .ended = both_failed };
    run_race(&t, 0);
    assert_int_equal(t.end.calls, ROUNDS);
    print_message("both %d times, only ours %d, only its own %d\n", t.groups, t.locals, t.remotes);
}

/* ---- both sides send an Error: each is told of what it has lost there ---- */

static void flood_too(test *t) {
    assert_int_equal(tractor_ctx_open_stream(t->ctx, NULL, &t->stream), TRACTOR_OK);
    pour(t->stream);
}

static void X_23_both_overrun(void **state) {
    (void)state;
    test t = { .func = "floods", .started = flood_too };
    kit_run run = run_race(&t, TRACTOR_NO_WINDOW);
    assert_int_equal(t.end.calls, 1);
    int code = tractor_error_code(t.end.err);
    assert_true(code == TRACTOR_EOVERRUN || code == TRACTOR_EREMOTE || code == TRACTOR_EGROUP);
    const tractor_error *first = code == TRACTOR_EGROUP ? tractor_error_child(t.end.err, 0) : t.end.err;
    assert_string_equal(tractor_error_source_type(first), "StreamOverrun");
    kit_assert_within_ms(run.ns, 2000);
}

/* ---- an error in place of the acknowledgement ---- */

static void cancel_now(test *t) { cancel_it(NULL, t); }

static void X_23_error_during_the_ack(void **state) {
    (void)state;
    test t = { .func = "raises_when_cancelled", .started = cancel_now };
    kit_run run = run_race(&t, 0);
    assert_int_equal(t.end.calls, 1);
    kit_assert_remote(t.end.err, "KeyError");
    assert_false(t.acked);
    kit_assert_code(t.cancel.err, TRACTOR_OK); /* it has ended */
    kit_assert_within_ms(run.ns, 500);
}

static void fail_now(test *t) { fail_it(NULL, t); }

static void X_23_error_during_the_ack_of_a_failure(void **state) {
    (void)state;
    test t = { .func = "raises_when_cancelled", .started = fail_now };
    run_race(&t, 0);
    kit_assert_code(t.end.err, TRACTOR_EGROUP);
    assert_int_equal(tractor_error_child_count(t.end.err), 2);
    assert_string_equal(tractor_error_boxed_type(tractor_error_find(t.end.err, TRACTOR_EUSER)), "ValueError");
    kit_assert_remote(tractor_error_find(t.end.err, TRACTOR_EREMOTE), "KeyError");
}

static void cancel_op_now(test *t) { tractor_op_cancel(kit_actor(), t->op); }

/* A cancel from outside is no reason to forget what failed. */
static void X_23_error_during_the_ack_of_a_token(void **state) {
    (void)state;
    test t = { .func = "raises_when_cancelled", .started = cancel_op_now };
    run_race(&t, 0);
    kit_assert_remote(t.end.err, "KeyError");
}

/* ---- whoever waits for `started` of a task that cancels itself is released ---- */

static void X_55_cancelled_before_started(void **state) {
    (void)state;
    test t = { .func = "never_starts" };
    kit_run run = run_race(&t, 0);
    assert_int_equal(t.starts, 0);
    assert_int_equal(t.end.calls, 1);
    kit_assert_code(t.end.err, TRACTOR_ECTXCANCELED);
    assert_string_equal(tractor_error_canceller(t.end.err)->name, "child");
    kit_assert_contains(tractor_error_message(t.end.err), "cancelled itself");
    kit_assert_within_ms(run.ns, 500);
}

/* ---- an actor is cancelled under several contexts ---- */

enum { CONTEXTS = 4 };

typedef struct several {
    test base;
    kit_outcome ends[CONTEXTS];
    int started, named_us;
} several;

static void one_of_several(kit_outcome *o) {
    several *s = o->user;
    kit_assert_code(o->err, TRACTOR_ECTXCANCELED);
    s->named_us += is_us(tractor_error_canceller(o->err));
}

static void all_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    several *s = ((kit_outcome *)user)->user;
    (void)ctx, (void)first;
    if (++s->started < CONTEXTS)
        return;
    s->base.began = tractor_now();
    tractor_portal_cancel_actor(s->base.child.portal, s->base.home, NULL, kit_on_done, &s->base.cancel);
}

static void several_up(kit_outcome *o) {
    several *s = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    for (int i = 0; i < CONTEXTS; i++) {
        s->ends[i].then = one_of_several;
        s->ends[i].user = s;
        tractor_portal_open_context(o->portal, s->base.home, "races", "waits", TRACTOR_ARGS("{}"), NULL, all_started,
                                    kit_on_value, &s->ends[i]);
    }
}

static void several_body(tractor_nursery *root, void *user) {
    several *s = user;
    test_body(root, &s->base);
    s->base.child.then = several_up;
    s->base.child.user = s;
    tractor_nursery_close(s->base.home);
}

static void X_56_actor_cancelled_under_several(void **state) {
    (void)state;
    several s = { .started = 0 };
    kit_run run = kit_run_root(NULL, several_body, &s);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(s.base.cancel.err, TRACTOR_OK);
    assert_int_equal(s.named_us, CONTEXTS);
    for (int i = 0; i < CONTEXTS; i++) {
        assert_int_equal(s.ends[i].calls, 1);
        kit_assert_within_ms(s.ends[i].at - s.base.began, 500);
    }
}

/* ---- payload types ---- */

typedef struct typed {
    const char *func;
    const char *started, *item, *result;
    int received; /* what the receive of the item comes to; 1: there is none */
    int code;     /* of on_result */
} typed;

static tractor_bytes value_of(const char *name) {
    if (strcmp(name, "int") == 0)
        return tractor_pack("i", 5);
    if (strcmp(name, "point") == 0)
        return tractor_pack("{s:d, s:s}", "x", 0.5, "name", "p");
    if (strcmp(name, "bad point") == 0)
        return tractor_pack("{s:s}", "x", "wide");
    return tractor_pack("s", "text");
}

static tractor_bytes typed_args(test *t) {
    const typed *y = t->user;
    tractor_bytes first = value_of(y->started), item = value_of(y->item), result = value_of(y->result);
    return tractor_pack("{s:v, s:v, s:v}", "started", &first, "item", &item, "result", &result);
}

static void typed_received(const tractor_error *err, const tractor_value *value, void *user) {
    test *t = user;
    (void)value;
    t->code = tractor_error_code(err);
    if (!err)
        tractor_stream_send_eof(t->stream);
}

static void typed_started(test *t) {
    t->code = 1;
    assert_int_equal(tractor_ctx_open_stream(t->ctx, NULL, &t->stream), TRACTOR_OK);
    tractor_stream_receive(t->stream, NULL, typed_received, t);
}

static void X_57_types(void **state) {
    const typed *y = *state;
    test t = { .func = y->func, .args = typed_args, .started = typed_started, .user = y, .code = 1 };
    kit_run run = run_race(&t, 0);
    assert_int_equal(t.end.calls, 1);
    kit_assert_code(t.end.err, y->code);
    assert_int_equal(t.code, y->received);
    if (y->code)
        assert_string_equal(tractor_error_boxed_type(t.end.err), "MsgTypeError");
    else
        assert_non_null(t.end.value);
    kit_assert_within_ms(run.ns, 1000);
}

/* A limit holds for as long as its scope. */
static void after_limit(const tractor_error *err, const tractor_value *value, void *user) {
    test *t = user;
    kit_assert_code(err, TRACTOR_OK);
    kit_assert_value(value, "s", "text");
    t->round++;
    tractor_stream_send_eof(t->stream);
}

static void limit_over(const tractor_error *err, void *user) {
    test *t = user;
    assert_null(err);
    assert_int_equal(tractor_stream_sendf(t->stream, "s", "text"), TRACTOR_OK);
    tractor_stream_receive(t->stream, NULL, after_limit, t);
}

static void in_limit(const tractor_error *err, const tractor_value *value, void *user) {
    test *t = user;
    kit_assert_code(err, TRACTOR_OK);
    kit_assert_value(value, "i", 5);
    tractor_nursery_close((tractor_nursery *)(uintptr_t)t->user);
}

static tractor_bytes int_and_texts(test *t) {
    (void)t;
    tractor_bytes text = value_of("text"), number = value_of("int");
    return tractor_pack("{s:v, s:v, s:v}", "started", &text, "item", &number, "result", &text);
}

static tractor_bytes texts(test *t) {
    (void)t;
    tractor_bytes text = value_of("text");
    return tractor_pack("{s:v, s:v, s:v}", "started", &text, "item", &text, "result", &text);
}

static void limit_for_a_while(test *t) {
    tractor_nursery *scope = tractor_nursery_open(tractor_ctx_nursery(t->ctx), NULL, limit_over, t);
    t->user = scope;
    assert_int_equal(tractor_ctx_limit_payloads(t->ctx, scope, "int"), TRACTOR_OK);
    assert_int_equal(tractor_ctx_limit_payloads(t->ctx, scope, "in t"), TRACTOR_EMSGTYPE);
    assert_int_equal(tractor_ctx_limit_payloads(t->ctx, tractor_ctx_nursery(t->ctx), "int"), TRACTOR_ERUNTIME);
    assert_int_equal(tractor_ctx_open_stream(t->ctx, NULL, &t->stream), TRACTOR_OK);
    tractor_stream_receive(t->stream, scope, in_limit, t);
}

static void X_57_limit_ends_with_its_scope(void **state) {
    (void)state;
    test t = { .func = "says", .args = int_and_texts, .started = limit_for_a_while };
    run_race(&t, 0);
    kit_assert_code(t.end.err, TRACTOR_OK);
    kit_assert_value(t.end.value, "s", "text");
    assert_int_equal(t.round, 1);
}

static void limited_received(const tractor_error *err, const tractor_value *value, void *user) {
    test *t = user;
    (void)value;
    kit_assert_code(err, TRACTOR_EMSGTYPE);
    kit_assert_contains(tractor_error_message(err), "'int'");
    t->round++;
}

static void limit_to_ints(test *t) {
    tractor_nursery *scope = tractor_nursery_open(tractor_ctx_nursery(t->ctx), NULL, NULL, NULL);
    assert_int_equal(tractor_ctx_limit_payloads(t->ctx, scope, "int"), TRACTOR_OK);
    assert_int_equal(tractor_ctx_open_stream(t->ctx, NULL, &t->stream), TRACTOR_OK);
    tractor_stream_receive(t->stream, scope, limited_received, t);
}

static void X_57_limit_refuses(void **state) {
    (void)state;
    test t = { .func = "says", .args = texts, .started = limit_to_ints };
    run_race(&t, 0);
    kit_assert_code(t.end.err, TRACTOR_EMSGTYPE);
    assert_int_equal(t.round, 1);
}

int main(int argc, char **argv) {
    tractor_register("races", module, NULL);
    kit_begin(argc, argv);
    static typed ints = { "says_ints", "int", "int", "int", TRACTOR_OK, TRACTOR_OK };
    static typed text_started = { "says_ints", "text", "int", "int", 1, TRACTOR_EMSGTYPE };
    static typed text_item = { "says_ints", "int", "text", "int", TRACTOR_EMSGTYPE, TRACTOR_EMSGTYPE };
    static typed text_result = { "says_ints", "int", "int", "text", TRACTOR_OK, TRACTOR_EMSGTYPE };
    static typed points = { "says_points", "point", "point", "point", TRACTOR_OK, TRACTOR_OK };
    static typed bad_started = { "says_points", "bad point", "point", "point", 1, TRACTOR_EMSGTYPE };
    static typed bad_item = { "says_points", "point", "bad point", "point", TRACTOR_EMSGTYPE, TRACTOR_EMSGTYPE };
    static typed bad_result = { "says_points", "point", "point", "int", TRACTOR_OK, TRACTOR_EMSGTYPE };
    const kit_test tests[] = {
        KIT_TEST(X_23_both_cancel),
        KIT_TEST(X_23_both_fail),
        KIT_TEST(X_23_both_overrun),
        KIT_TEST(X_23_error_during_the_ack),
        KIT_TEST(X_23_error_during_the_ack_of_a_failure),
        KIT_TEST(X_23_error_during_the_ack_of_a_token),
        KIT_TEST(X_55_cancelled_before_started),
        KIT_TEST(X_56_actor_cancelled_under_several),
        KIT_TEST_WITH(X_57_types, "ints", &ints),
        KIT_TEST_WITH(X_57_types, "a text as first value", &text_started),
        KIT_TEST_WITH(X_57_types, "a text on the stream", &text_item),
        KIT_TEST_WITH(X_57_types, "a text as result", &text_result),
        KIT_TEST_WITH(X_57_types, "points", &points),
        KIT_TEST_WITH(X_57_types, "a bad point as first value", &bad_started),
        KIT_TEST_WITH(X_57_types, "a bad point on the stream", &bad_item),
        KIT_TEST_WITH(X_57_types, "no point as result", &bad_result),
        KIT_TEST(X_57_limit_ends_with_its_scope),
        KIT_TEST(X_57_limit_refuses),
    };
    return kit_run_tests(tests);
}
