/* What a receive is told that waits when its context ends. */
#include "dialog.h"

#define MODULE "receiving"

enum end { RETURNS, RAISES, CANCELS_ITSELF, IS_KILLED, ACTOR_CANCELLED, WE_CANCEL, WE_FAIL, WE_CLOSE };

/* Ends by itself when it is told how; the rest comes from outside. */
typedef struct told {
    tractor_ctx *ctx;
    tractor_stream *stream;
} told;
static void on_told(const tractor_error *err, const tractor_value *value, void *user) {
    told *t = user;
    int how;
    if (err)
        return;
    tractor_unpack(value, "i", &how);
    switch (how) {
        case RETURNS:
            tractor_ctx_return(t->ctx, "s", "yo");
            break;
        case RAISES:
            tractor_ctx_raisef(t->ctx, "ValueError", "as I was told");
            break;
        case CANCELS_ITSELF:
            tractor_ctx_cancel(t->ctx, NULL, NULL, NULL, NULL);
            break;
        case IS_KILLED:
            abort();
        default:
            stay(tractor_ctx_nursery(t->ctx));
            break;
    }
}
static void ends_as_told(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    told *t = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *t);
    t->ctx = ctx;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &t->stream);
    tractor_stream_receive(t->stream, NULL, on_told, t);
}

typedef struct waiting {
    enum end how;
    opened peer;
    kit_outcome received;
    stage *stage;
} waiting;

static void waiting_started(opened *o) {
    waiting *w = o->user;
    opened_stream(o, NULL);
    tractor_stream_receive(o->stream, NULL, kit_on_value, &w->received);
    assert_int_equal(tractor_stream_sendf(o->stream, "i", (int)w->how), TRACTOR_OK);
    if (w->how == ACTOR_CANCELLED)
        stage_cancel_actor(w->stage);
    else if (w->how == WE_CANCEL)
        tractor_ctx_cancel(o->ctx, NULL, NULL, NULL, NULL);
    else if (w->how == WE_FAIL)
        tractor_ctx_raise(o->ctx, an_error(0, "KeyError", "here"));
    else if (w->how == WE_CLOSE)
        tractor_stream_close(o->stream);
    if (w->how == WE_CLOSE)
        tractor_ctx_cancel(o->ctx, NULL, NULL, NULL, NULL);
}
static void waiting_over(opened *o) {
    waiting *w = o->user;
    assert_int_equal(w->received.calls, 1);
    if (w->how != IS_KILLED)
        stage_end(w->stage);
}
static void waiting_up(stage *s) {
    waiting *w = s->user;
    w->stage = s;
    w->peer = (opened){ .then = waiting_started, .over = waiting_over, .user = w };
    opened_open(&w->peer, FIRST(s), s->root, MODULE, "ends_as_told", TRACTOR_ARGS("{}"), NULL);
}
static void a_waiting_receive(void **state) {
    waiting w = { .how = (enum end)variant_of(state) };
    stage s = { .module = MODULE, .when_up = waiting_up, .user = &w };
    kit_run run = stage_play(&s, NULL);
    kit_assert_code(run.err, w.how == IS_KILLED ? TRACTOR_ECHILD : TRACTOR_OK);
    kit_assert_within_ms(run.ns, 1500);
    const tractor_error *received = w.received.err, *result = w.peer.result.err;
    switch (w.how) {
        case RETURNS:
            kit_assert_code(received, TRACTOR_EEOF);
            kit_assert_value(w.peer.result.value, "s", "yo");
            return;
        case RAISES:
            kit_assert_remote(result, "ValueError");
            break;
        case CANCELS_ITSELF:
            assert_cancelled_by(result, "child");
            break;
        case IS_KILLED:
            kit_assert_code(result, TRACTOR_ECHILD);
            break;
        case ACTOR_CANCELLED:
            assert_cancelled_by(result, "root");
            break;
        case WE_CANCEL:
            kit_assert_code(received, TRACTOR_ECANCELED);
            assert_absorbed(&w.peer);
            return;
        case WE_FAIL:
            assert_string_equal(tractor_error_boxed_type(result), "KeyError");
            break;
        case WE_CLOSE:
            kit_assert_code(received, TRACTOR_EEOF);
            assert_absorbed(&w.peer);
            return;
    }
    assert_ptr_equal(received, result);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_CTX("ends_as_told", ends_as_told), TRACTOR_ENDPOINTS_END };
    tractor_register(MODULE, module, NULL);
    kit_begin(argc, argv);
    static const char *const names[] = { "the task returns", "the task raises",        "the task cancels itself",
                                         "the child dies",   "the actor is cancelled", "we cancel",
                                         "we fail",          "we close the stream" };
    for (int how = RETURNS; how <= WE_CLOSE; how++)
        add_variant(a_waiting_receive, how, "a_waiting_receive: %s", names[how]);
    return run_added_tests();
}
