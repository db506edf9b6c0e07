/* Contexts and streams used wrongly: each call answers its precise status and breaks nothing. */
#include "dialog.h"

#include <pthread.h>
#include <sys/wait.h>

#define MODULE "misuse"

static const char *const served[] = { MODULE, "kit", NULL };

static kit_run play(stage *s, void (*when_up)(stage *)) {
    s->module = MODULE;
    s->when_up = when_up;
    return stage_play(s, &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .enable_modules = served });
}

/* In an endpoint: raises if it is not so. */
#define CHECK(ctx, call, status)                                                                        \
    do {                                                                                                \
        int got_ = (int)(call);                                                                         \
        if (got_ != (status)) {                                                                         \
            tractor_ctx_raisef((ctx), "AssertionError", "line %d: %s is %d, %s", __LINE__, #call, got_, \
                               tractor_strerror(got_));                                                 \
            return;                                                                                     \
        }                                                                                               \
    } while (0)

static void never_done(const tractor_error *err, void *calls) { (void)err, ++*(int *)calls; }
static void never_value(const tractor_error *err, const tractor_value *value, void *calls) {
    (void)err, (void)value, ++*(int *)calls;
}

/* Every verb of both handles; the number of those that answer something else. No completion may run. */
static int calls_of_refused;
static int not_refused(tractor_ctx *ctx, tractor_stream *stream, int status) {
    tractor_stream *other = NULL;
    const tractor_value *value;
    const int64_t answers[] = {
        tractor_ctx_started(ctx, NULL),
        tractor_ctx_started_value(ctx, (tractor_bytes){ NULL, 0 }),
        tractor_ctx_return(ctx, "i", 1),
        tractor_ctx_return_value(ctx, (tractor_bytes){ NULL, 0 }),
        tractor_ctx_raise(ctx, NULL),
        tractor_ctx_raisef(ctx, NULL, "nobody hears of it"),
        tractor_ctx_unpack(ctx, NULL, NULL),
        tractor_ctx_open_stream(ctx, NULL, &other),
        tractor_ctx_cancel(ctx, NULL, NULL, never_done, &calls_of_refused),
        tractor_ctx_wait_for_result(ctx, NULL, never_value, &calls_of_refused),
        tractor_ctx_limit_payloads(ctx, tractor_ctx_nursery(ctx), "int"),
        tractor_nursery_cancel(tractor_ctx_nursery(ctx), NULL),
        tractor_stream_sendf(other, NULL) == TRACTOR_ECLOSED ? status : tractor_stream_sendf(other, NULL),
        tractor_stream_send(stream, (tractor_bytes){ NULL, 0 }),
        tractor_stream_sendf(stream, "i", 1),
        tractor_stream_send_wait(stream, NULL, (tractor_bytes){ NULL, 0 }, never_done, &calls_of_refused),
        tractor_stream_send_value(stream, NULL, NULL, never_done, &calls_of_refused),
        tractor_stream_try_receive(stream, &value),
        tractor_stream_receive(stream, NULL, never_value, &calls_of_refused),
        tractor_stream_send_eof(stream),
        tractor_stream_subscribe(stream, 0, &other),
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (answers[i] != status) {
            fprintf(stderr, "verb %zu answers %lld\n", i, (long long)answers[i]);
            wrong++;
        }
    tractor_stream_close(stream);
    tractor_stream_close(other);
    return wrong;
}

/* ---- misuse inside an endpoint: what it returns is "ok" all the same ---- */

static void starts_twice(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    CHECK(ctx, tractor_ctx_started(ctx, NULL), TRACTOR_OK);
    CHECK(ctx, tractor_ctx_started(ctx, "i", 2), TRACTOR_EALREADY);
    CHECK(ctx, tractor_ctx_started_value(ctx, tractor_pack("i", 3)), TRACTOR_EALREADY);
    CHECK(ctx, tractor_ctx_return(ctx, "s", "ok"), TRACTOR_OK);
}

static void streams_before_started(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_stream *stream = NULL;
    (void)args, (void)user;
    CHECK(ctx, tractor_ctx_open_stream(ctx, NULL, &stream), TRACTOR_ERUNTIME);
    CHECK(ctx, tractor_stream_sendf(stream, NULL), TRACTOR_ECLOSED);
    CHECK(ctx, tractor_stream_ctx(stream) == NULL, true);
    tractor_stream_close(stream);
    CHECK(ctx, tractor_ctx_started(ctx, NULL), TRACTOR_OK);
    CHECK(ctx, tractor_ctx_open_stream(ctx, NULL, &stream), TRACTOR_OK);
    tractor_stream *again;
    CHECK(ctx, tractor_ctx_open_stream(ctx, NULL, &again), TRACTOR_EALREADY);
    CHECK(ctx, tractor_stream_sendf(again, NULL), TRACTOR_ECLOSED);
    CHECK(ctx, tractor_stream_send_eof(stream), TRACTOR_OK);
    CHECK(ctx, tractor_stream_send_eof(stream), TRACTOR_EALREADY);
    CHECK(ctx, tractor_stream_sendf(stream, NULL), TRACTOR_ECLOSED);
    tractor_stream_close(stream);
    tractor_stream_close(stream);
    CHECK(ctx, tractor_stream_send_eof(stream), TRACTOR_ECLOSED);
    const tractor_value *value;
    CHECK(ctx, tractor_stream_try_receive(stream, &value), TRACTOR_ECLOSED);
    CHECK(ctx, tractor_ctx_return(ctx, "s", "ok"), TRACTOR_OK);
}

static void answers_twice(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_stream *stream;
    (void)args, (void)user;
    CHECK(ctx, tractor_ctx_return(ctx, "s", "ok"), TRACTOR_OK); /* it is started by this, too */
    CHECK(ctx, tractor_ctx_return(ctx, "s", "no"), TRACTOR_EALREADY);
    CHECK(ctx, tractor_ctx_return_value(ctx, tractor_pack("i", 3)), TRACTOR_EALREADY);
    CHECK(ctx, tractor_ctx_started(ctx, NULL), TRACTOR_ECLOSED);
    CHECK(ctx, tractor_ctx_open_stream(ctx, NULL, &stream), TRACTOR_ECLOSED);
}

static void own_result(const tractor_error *err, const tractor_value *value, void *user) {
    tractor_ctx *ctx = user;
    CHECK(ctx, tractor_error_code(err), TRACTOR_ERUNTIME);
    CHECK(ctx, value == NULL, true);
    CHECK(ctx, tractor_ctx_return(ctx, "s", "ok"), TRACTOR_OK);
}
static void waits_for_own_result(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    CHECK(ctx, tractor_ctx_wait_for_result(ctx, NULL, NULL, ctx), TRACTOR_EINVAL);
    CHECK(ctx, tractor_ctx_wait_for_result(ctx, NULL, own_result, ctx) > 0, true);
}

static int open_stream_with(tractor_ctx *ctx, tractor_call_options options) {
    tractor_stream *stream;
    int status = tractor_ctx_open_stream(ctx, &options, &stream);
    return status != TRACTOR_OK && tractor_stream_sendf(stream, NULL) != TRACTOR_ECLOSED ? 1 : status;
}
#define WITH(...) \
    (tractor_call_options) { TRACTOR_CALL_OPTIONS, __VA_ARGS__ }
static void gives_bad_options(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    struct {
        tractor_call_options known;
        int64_t unknown;
    } newer = { { .struct_size = sizeof newer }, 1 };
    tractor_stream *stream;
    CHECK(ctx, tractor_ctx_started(ctx, NULL), TRACTOR_OK);
    CHECK(ctx, tractor_ctx_open_stream(ctx, &newer.known, &stream), TRACTOR_E2BIG);
    CHECK(ctx, open_stream_with(ctx, (tractor_call_options){ .struct_size = 4 }), TRACTOR_EINVAL);
    CHECK(ctx, open_stream_with(ctx, WITH(.flags = 0x80000000)), TRACTOR_EINVAL);
    CHECK(ctx, open_stream_with(ctx, WITH(.timeout_ns = 1)), TRACTOR_EINVAL);
    CHECK(ctx, open_stream_with(ctx, WITH(.timeout_ns = -1)), TRACTOR_EINVAL);
    CHECK(ctx, open_stream_with(ctx, WITH(.schema = "int")), TRACTOR_EINVAL);
    CHECK(ctx, open_stream_with(ctx, WITH(.buffer = UINT32_MAX)), TRACTOR_EINVAL);
    CHECK(ctx, tractor_ctx_open_stream(ctx, NULL, NULL), TRACTOR_EINVAL);
    CHECK(ctx, open_stream_with(ctx, WITH(.buffer = 7)), TRACTOR_OK);
    CHECK(ctx, tractor_ctx_return(ctx, "s", "ok"), TRACTOR_OK);
}

static void gives_bad_values(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_stream *stream, *other;
    (void)args, (void)user;
    tractor_nursery *own = tractor_ctx_nursery(ctx), *below = tractor_nursery_open(own, NULL, NULL, NULL);
    CHECK(ctx, tractor_ctx_started(ctx, NULL), TRACTOR_OK);
    CHECK(ctx, tractor_ctx_open_stream(ctx, NULL, &stream), TRACTOR_OK);
    CHECK(ctx, tractor_ctx_raise(ctx, NULL), TRACTOR_EINVAL);
    CHECK(ctx, tractor_ctx_limit_payloads(ctx, below, NULL), TRACTOR_EINVAL);
    CHECK(ctx, tractor_ctx_limit_payloads(ctx, below, "no such type"), TRACTOR_EMSGTYPE);
    CHECK(ctx, tractor_ctx_limit_payloads(ctx, own, "int"), TRACTOR_ERUNTIME);
    CHECK(ctx, tractor_ctx_limit_payloads(ctx, tractor_actor_nursery(tractor_ctx_actor(ctx)), "int"), TRACTOR_ERUNTIME);
    CHECK(ctx, tractor_ctx_limit_payloads(ctx, NULL, "int"), TRACTOR_ECLOSED);
    CHECK(ctx, tractor_stream_receive(stream, NULL, NULL, NULL), TRACTOR_EINVAL);
    CHECK(ctx, tractor_stream_try_receive(stream, NULL), TRACTOR_EINVAL);
    CHECK(ctx, tractor_stream_subscribe(stream, 0x100, &other), TRACTOR_EINVAL);
    CHECK(ctx, tractor_stream_sendf(other, NULL), TRACTOR_ECLOSED);
    CHECK(ctx, tractor_stream_subscribe(stream, 0, NULL), TRACTOR_EINVAL);
    CHECK(ctx, tractor_stream_sendf(stream, "{s:"), TRACTOR_EINVAL);
    CHECK(ctx, tractor_stream_send(stream, (tractor_bytes){ "\xc1", 1 }), TRACTOR_EINVAL);
    CHECK(ctx, tractor_stream_send(stream, (tractor_bytes){ "\x01\x02", 2 }), TRACTOR_EINVAL);
    CHECK(ctx, tractor_ctx_return(ctx, "s", "ok"), TRACTOR_OK);
}

typedef struct receives {
    tractor_ctx *ctx;
    tractor_stream *stream;
    bool busy;
} receives;
static void second_receive(const tractor_error *err, const tractor_value *value, void *user) {
    receives *r = user;
    (void)value;
    CHECK(r->ctx, tractor_error_code(err), TRACTOR_EBUSY);
    r->busy = true;
    CHECK(r->ctx, tractor_stream_sendf(r->stream, "s", "now"), TRACTOR_OK); /* the caller answers that */
}
static void first_receive(const tractor_error *err, const tractor_value *value, void *user) {
    receives *r = user;
    CHECK(r->ctx, tractor_error_code(err), TRACTOR_OK);
    CHECK(r->ctx, r->busy, true);
    CHECK(r->ctx, tractor_unpack(value, "s", NULL), TRACTOR_OK);
    CHECK(r->ctx, tractor_ctx_return(r->ctx, "s", "ok"), TRACTOR_OK);
}
static void receives_twice(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const tractor_value *value;
    (void)args, (void)user;
    receives *r = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *r);
    r->ctx = ctx;
    CHECK(ctx, tractor_ctx_started(ctx, NULL), TRACTOR_OK);
    CHECK(ctx, tractor_ctx_open_stream(ctx, NULL, &r->stream), TRACTOR_OK);
    CHECK(ctx, tractor_stream_receive(r->stream, NULL, first_receive, r) > 0, true);
    CHECK(ctx, tractor_stream_receive(r->stream, NULL, second_receive, r) > 0, true);
    CHECK(ctx, tractor_stream_try_receive(r->stream, &value), TRACTOR_EBUSY);
}

static void is_no_context(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_stream *stream;
    (void)args, (void)user;
    tractor_nursery *below = tractor_nursery_open(tractor_ctx_nursery(ctx), NULL, NULL, NULL);
    CHECK(ctx, tractor_ctx_started(ctx, NULL), TRACTOR_ERUNTIME);
    CHECK(ctx, tractor_ctx_open_stream(ctx, NULL, &stream), TRACTOR_ERUNTIME);
    CHECK(ctx, tractor_ctx_limit_payloads(ctx, below, "int"), TRACTOR_ERUNTIME);
    CHECK(ctx, tractor_ctx_return(ctx, "s", "ok"), TRACTOR_OK);
}

typedef struct lone {
    const char *func;
    opened peer;
    kit_outcome answer, echoed;
    tractor_portal *portal;
    stage *stage;
} lone;

static void lone_answer(const tractor_error *err, const tractor_value *value, void *user) {
    lone *l = user;
    (void)value;
    if (!err)
        tractor_stream_sendf(l->peer.stream, "s", "here it is");
}
static void lone_started(opened *o) {
    lone *l = o->user;
    if (strcmp(l->func, "receives_twice") == 0)
        tractor_stream_receive(opened_stream(o, NULL), NULL, lone_answer, l);
}
static void lone_echoed(kit_outcome *echoed) {
    kit_assert_value(echoed->value, "{s:i}", "n", 1);
    stage_end(((lone *)echoed->user)->stage);
}
/* It is not broken: it still answers. */
static void lone_go_on(lone *l) {
    l->echoed.then = lone_echoed;
    l->echoed.user = l;
    tractor_portal_run(FIRST(l->stage), l->stage->root, "kit", "echo", TRACTOR_ARGS("{s:i}", "n", 1), NULL,
                       kit_on_value, &l->echoed);
}
static void lone_over(opened *o) { lone_go_on(o->user); }
static void lone_answered(kit_outcome *answer) { lone_go_on(answer->user); }
static void lone_up(stage *s) {
    lone *l = s->user;
    l->stage = s;
    l->peer = (opened){ .then = lone_started, .over = lone_over, .user = l };
    l->answer.then = lone_answered;
    l->answer.user = l;
    if (strcmp(l->func, "is_no_context") == 0)
        tractor_portal_run(FIRST(s), s->root, MODULE, l->func, TRACTOR_ARGS("{}"), NULL, kit_on_value, &l->answer);
    else
        opened_open(&l->peer, FIRST(s), s->root, MODULE, l->func, TRACTOR_ARGS("{}"), NULL);
}
static const char *const misuses[] = { "starts_twice",         "streams_before_started", "answers_twice",
                                       "waits_for_own_result", "gives_bad_options",      "gives_bad_values",
                                       "receives_twice",       "is_no_context" };
static void in_an_endpoint(void **state) {
    lone l = { .func = misuses[variant_of(state)] };
    stage s = { .user = &l };
    kit_run run = play(&s, lone_up);
    kit_assert_code(run.err, TRACTOR_OK);
    const kit_outcome *result = l.answer.calls ? &l.answer : &l.peer.result;
    assert_int_equal(result->calls, 1);
    kit_assert_code(result->err, TRACTOR_OK);
    kit_assert_value(result->value, "s", "ok");
    kit_assert_within_ms(run.ns, 1000);
}

/* ---- an endpoint that forgets to answer ---- */

static void forgot(const tractor_error *err, void *user) { (void)err, (void)user; }
static void forgets(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_nursery_open(tractor_ctx_nursery(ctx),
                         &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .name = "pool" }, NULL, NULL);
}
static void forgets_later(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_MS, forgot, NULL);
}
static void unanswered(void **state) {
    bool later = variant_of(state);
    lone l = { .func = later ? "forgets_later" : "forgets" };
    stage s = { .user = &l };
    kit_run run = play(&s, lone_up);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_remote(l.peer.result.err, "RuntimeError");
    const char *text = tractor_error_message(l.peer.result.err);
    kit_assert_contains(text, l.func);
    kit_assert_contains(text, "without an answer");
    kit_assert_contains(text, later ? "still open: nothing" : "still open: nursery 'pool'");
    assert_true(l.peer.starts <= later); /* what follows at once cancels the block before it has begun */
}

/* ---- misuse on the caller's side ---- */

static void waits_for_go(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_stream *stream;
    receives *r = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *r);
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &stream);
    *r = (receives){ ctx, stream, true };
    tractor_stream_receive(stream, NULL, first_receive, r);
}

typedef struct callers {
    lone lone;
    tractor_ctx *kept;
    tractor_stream *kept_stream;
    kit_outcome cancelled[2];
    void (*misuse)(opened *o);
} callers;

static void endpoint_verbs_here(opened *o) {
    assert_int_equal(tractor_ctx_started(o->ctx, "i", 1), TRACTOR_ERUNTIME);
    assert_int_equal(tractor_ctx_started_value(o->ctx, tractor_pack("i", 1)), TRACTOR_ERUNTIME);
    assert_int_equal(tractor_ctx_return(o->ctx, "i", 1), TRACTOR_ERUNTIME);
    assert_int_equal(tractor_ctx_return_value(o->ctx, tractor_pack("i", 1)), TRACTOR_ERUNTIME);
}
static void cancel_with_bad_options(opened *o) {
    callers *c = o->user;
    tractor_call_options flags = WITH(.flags = 0x40), negative = WITH(.timeout_ns = -5);
    assert_true(tractor_ctx_cancel(o->ctx, NULL, &flags, kit_on_done, &c->cancelled[0]) > 0);
    assert_true(tractor_ctx_cancel(o->ctx, NULL, &negative, kit_on_done, &c->cancelled[1]) > 0);
    assert_false(tractor_ctx_cancel_called(o->ctx));
}
static void *in_a_thread(void *user) {
    opened *o = user;
    return (void *)(intptr_t)(not_refused(o->ctx, o->stream, TRACTOR_EWRONGTHREAD) + tractor_ctx_state(o->ctx) +
                              tractor_ctx_cancel_called(o->ctx) + (tractor_ctx_remote_error(o->ctx) != NULL));
}
static void from_a_thread(opened *o) {
    pthread_t thread;
    void *wrong;
    assert_int_equal(pthread_create(&thread, NULL, in_a_thread, o), 0);
    pthread_join(thread, &wrong);
    assert_int_equal((intptr_t)wrong, 0);
}
static void after_a_fork(opened *o) {
    pid_t pid = fork();
    if (pid == 0)
        _exit(not_refused(o->ctx, o->stream, TRACTOR_EFORKED));
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}
static void (*const caller_misuses[])(opened *) = { endpoint_verbs_here, cancel_with_bad_options, from_a_thread,
                                                    after_a_fork };

static void callers_started(opened *o) {
    callers *c = o->user;
    opened_stream(o, NULL);
    c->kept = tractor_ctx_ref(o->ctx);
    c->kept_stream = o->stream;
    c->misuse(o);
    assert_int_equal(tractor_stream_sendf(o->stream, "s", "go"), TRACTOR_OK);
}
static void callers_over(opened *o) {
    callers *c = o->user;
    /* Its nursery has ended, the handle is still there. */
    assert_int_equal(not_refused(o->ctx, c->kept_stream, TRACTOR_ECLOSED), 0);
    lone_go_on(&c->lone);
}
static void callers_up(stage *s) {
    callers *c = s->user;
    c->lone.stage = s;
    c->lone.peer = (opened){ .then = callers_started, .over = callers_over, .user = c };
    opened_open(&c->lone.peer, FIRST(s), s->root, MODULE, "waits_for_go", TRACTOR_ARGS("{}"), NULL);
}
static void on_the_callers_side(void **state) {
    callers c = { .misuse = caller_misuses[variant_of(state)] };
    stage s = { .user = &c };
    kit_run run = play(&s, callers_up);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(c.lone.peer.result.err, TRACTOR_OK);
    kit_assert_value(c.lone.peer.result.value, "s", "ok");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(c.cancelled[i].calls, c.misuse == cancel_with_bad_options);
        kit_assert_code(c.cancelled[i].err, c.cancelled[i].calls ? TRACTOR_EINVAL : TRACTOR_OK);
    }
    /* Long after the end, and with no actor any more. */
    assert_int_equal(not_refused(c.kept, c.kept_stream, TRACTOR_ECLOSED), 0);
    assert_int_equal(calls_of_refused, 0);
    assert_int_equal(tractor_ctx_state(c.kept), TRACTOR_CTX_RETURNED);
    assert_string_equal(tractor_ctx_peer(c.kept)->name, "child");
    assert_true(strlen(tractor_ctx_cid(c.kept)) > 0);
    assert_null(tractor_ctx_actor(c.kept));
    assert_true(tractor_ctx_is_caller(c.kept));
    tractor_ctx_unref(c.kept);
}

/* ---- an endpoint's ctx that is kept longer than it lives ---- */

static tractor_ctx *kept_task;
static tractor_stream *kept_task_stream;
static void is_kept(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    kept_task = tractor_ctx_ref(ctx);
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &kept_task_stream);
    tractor_ctx_return(ctx, NULL);
}
static void kept_up(stage *s) {
    lone *l = s->user;
    l->stage = s;
    l->peer = (opened){ .over = lone_over, .user = l };
    opened_open(&l->peer, tractor_actor_self(kit_actor()), s->root, MODULE, "is_kept", TRACTOR_ARGS("{}"), NULL);
}
static void an_endpoint_after_its_end(void **state) {
    (void)state;
    lone l = { 0 };
    stage s = { .user = &l };
    kit_run run = play(&s, kept_up);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(l.peer.result.err, TRACTOR_OK);
    assert_int_equal(not_refused(kept_task, kept_task_stream, TRACTOR_ECLOSED), 0);
    assert_int_equal(tractor_ctx_state(kept_task), TRACTOR_CTX_RETURNED);
    assert_string_equal(tractor_ctx_peer(kept_task)->name, "root");
    tractor_ctx_unref(kept_task);
}

/* ---- NULL ---- */

static void null_handles(void **state) {
    (void)state;
    assert_int_equal(not_refused(NULL, NULL, TRACTOR_ECLOSED), 0);
    assert_int_equal(tractor_portal_open_context(NULL, NULL, MODULE, "is_kept", TRACTOR_ARGS("{}"), NULL, NULL,
                                                 never_value, &calls_of_refused),
                     TRACTOR_EINVAL);
    assert_int_equal(calls_of_refused, 0);
    assert_null(tractor_ctx_actor(NULL));
    assert_string_equal(tractor_ctx_peer(NULL)->name, "");
    assert_string_equal(tractor_ctx_cid(NULL), "");
    assert_false(tractor_ctx_is_caller(NULL));
    assert_int_equal(tractor_ctx_state(NULL), TRACTOR_CTX_OPENING);
    assert_false(tractor_ctx_cancel_called(NULL) || tractor_ctx_cancel_acked(NULL));
    assert_null(tractor_ctx_canceller(NULL));
    assert_null(tractor_ctx_remote_error(NULL));
    assert_null(tractor_ctx_local_error(NULL));
    assert_null(tractor_ctx_maybe_error(NULL));
    assert_null(tractor_stream_ctx(NULL));
    assert_int_equal(tractor_stream_lagged(NULL), 0);
    assert_null(tractor_ctx_ref(NULL));
    tractor_ctx_unref(NULL);
    assert_string_equal(tractor_ctx_state_name(-1), "unknown");
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = {
        TRACTOR_CTX("starts_twice", starts_twice),
        TRACTOR_CTX("streams_before_started", streams_before_started),
        TRACTOR_CTX("answers_twice", answers_twice),
        TRACTOR_CTX("waits_for_own_result", waits_for_own_result),
        TRACTOR_CTX("gives_bad_options", gives_bad_options),
        TRACTOR_CTX("gives_bad_values", gives_bad_values),
        TRACTOR_CTX("receives_twice", receives_twice),
        TRACTOR_FUNC("is_no_context", is_no_context),
        TRACTOR_CTX("forgets", forgets),
        TRACTOR_CTX("forgets_later", forgets_later),
        TRACTOR_CTX("waits_for_go", waits_for_go),
        TRACTOR_CTX("is_kept", is_kept),
        TRACTOR_ENDPOINTS_END,
    };
    tractor_register(MODULE, module, NULL);
    kit_begin(argc, argv);
    for (size_t i = 0; i < sizeof misuses / sizeof misuses[0]; i++)
        add_variant(in_an_endpoint, (int)i, "in_an_endpoint: %s", misuses[i]);
    add_variant(unanswered, 0, "unanswered: at once");
    add_variant(unanswered, 1, "unanswered: later");
    static const char *const names[] = { "endpoint verbs", "cancel with bad options", "another thread", "forked" };
    for (int i = 0; i < 4; i++)
        add_variant(on_the_callers_side, i, "on_the_callers_side: %s", names[i]);
    ADD_TEST(an_endpoint_after_its_end);
    ADD_TEST_ONCE(null_handles);
    return run_added_tests();
}
