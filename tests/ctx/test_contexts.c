/* Contexts: start, stream, result. */
#include "dialog.h"

#include <fcntl.h>

#define MODULE "contexts"

static void play(stage *s, void (*when_up)(stage *), kit_run *run) {
    s->module = MODULE;
    s->when_up = when_up;
    *run = stage_play(s, NULL);
}

/* ---- TWO-01: ping pong over a stream ---- */

typedef struct server {
    tractor_ctx *ctx;
    tractor_stream *stream;
    int pings;
    bool drains; /* takes what is there before it waits */
} server;

static void serve(server *s);
static void handle_ping(server *s, const tractor_value *ping) {
    const char *text = "";
    tractor_unpack(ping, "s", &text);
    if (strcmp(text, "ping") == 0)
        s->pings++;
    tractor_stream_sendf(s->stream, "s", "pong");
}
static void on_ping(const tractor_error *err, const tractor_value *ping, void *user) {
    server *s = user;
    if (tractor_error_code(err) == TRACTOR_EEOF) {
        tractor_ctx_return(s->ctx, "i", s->pings);
    } else if (!err) {
        handle_ping(s, ping);
        serve(s);
    }
}
static void serve(server *s) {
    const tractor_value *ping;
    while (s->drains && tractor_stream_try_receive(s->stream, &ping) == TRACTOR_OK)
        handle_ping(s, ping);
    tractor_stream_receive(s->stream, NULL, on_ping, s);
}
static void ping_server(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int data;
    bool drains;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i, s:b}", "data", &data, "drains", &drains) != TRACTOR_OK)
        return;
    server *s = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *s);
    *s = (server){ .ctx = ctx, .drains = drains };
    tractor_ctx_started(ctx, "i", data + 1);
    tractor_ctx_open_stream(ctx, NULL, &s->stream);
    serve(s);
}

enum { SERVER_DRAINS = 1, CLIENT_EXPLICIT = 2 };

typedef struct rpc {
    int bits, pongs;
    opened peer;
    stage *stage;
} rpc;

static void send_ping(rpc *r) { assert_int_equal(tractor_stream_sendf(r->peer.stream, "s", "ping"), TRACTOR_OK); }
static bool take_pong(rpc *r, const tractor_value *pong) {
    kit_assert_value(pong, "s", "pong");
    if (++r->pongs < 10) {
        send_ping(r);
        return true;
    }
    tractor_stream_close(r->peer.stream);
    return false;
}
static void wait_pong(rpc *r);
static void on_pong(const tractor_error *err, const tractor_value *pong, void *user) {
    kit_assert_code(err, TRACTOR_OK);
    if (take_pong(user, pong))
        wait_pong(user);
}
static void wait_pong(rpc *r) {
    const tractor_value *pong;
    while (!(r->bits & CLIENT_EXPLICIT) && tractor_stream_try_receive(r->peer.stream, &pong) == TRACTOR_OK)
        if (!take_pong(r, pong))
            return;
    tractor_stream_receive(r->peer.stream, NULL, on_pong, r);
}
static void client(opened *o) {
    rpc *r = o->user;
    kit_assert_value(o->first, "i", 11);
    opened_stream(o, NULL);
    assert_int_equal(tractor_ctx_state(o->ctx), TRACTOR_CTX_STREAMING);
    send_ping(r);
    wait_pong(r);
}
static void rpc_over(opened *o) { stage_cancel_actor(((rpc *)o->user)->stage); }
static void rpc_up(stage *s) {
    rpc *r = s->user;
    r->peer = (opened){ .then = client, .over = rpc_over, .user = r };
    r->stage = s;
    opened_open(&r->peer, FIRST(s), s->root, MODULE, "ping_server",
                TRACTOR_ARGS("{s:i, s:b}", "data", 10, "drains", (r->bits & SERVER_DRAINS) != 0), NULL);
}
static void TWO_01_simple_rpc(void **state) {
    rpc r = { .bits = variant_of(state) };
    stage s = { .user = &r };
    kit_run run;
    play(&s, rpc_up, &run);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(r.pongs, 10);
    kit_assert_code(r.peer.result.err, TRACTOR_OK);
    kit_assert_value(r.peer.result.value, "i", 10);
    assert_int_equal(r.peer.state, TRACTOR_CTX_RETURNED);
    assert_false(r.peer.cancel_called);
    kit_assert_code(s.cancelled.err, TRACTOR_OK);
    kit_assert_within_ms(run.ns, 6000);
}

/* ---- CTX-01: started() misused ---- */

static void misuser(tractor_ctx *ctx, const tractor_value *args, void *user) {
    bool twice;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:b}", "twice", &twice) != TRACTOR_OK)
        return;
    tractor_stream *stream;
    int status;
    if (twice) {
        tractor_ctx_started(ctx, NULL);
        status = tractor_ctx_started(ctx, "i", 2);
    } else {
        status = tractor_ctx_open_stream(ctx, NULL, &stream);
        if (tractor_stream_sendf(stream, NULL) != TRACTOR_ECLOSED)
            return;
    }
    if (status == (twice ? TRACTOR_EALREADY : TRACTOR_ERUNTIME))
        tractor_ctx_raisef(ctx, "RuntimeError", "%s", tractor_strerror(status));
}
static void misuse_over(opened *o) { stage_end(o->user); }
static void misuse_up(stage *s) {
    opened *o = s->user;
    bool twice = *(int *)o->user;
    o->user = s;
    opened_open(o, FIRST(s), s->root, MODULE, "misuser", TRACTOR_ARGS("{s:b}", "twice", twice), NULL);
}
static void CTX_01_started_misuse(void **state) {
    int twice = variant_of(state);
    opened o = { .over = misuse_over, .user = &twice };
    stage s = { .user = &o };
    kit_run run;
    play(&s, misuse_up, &run);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_remote(o.result.err, "RuntimeError");
    /* What follows the first value cancels the block before it has begun. */
    assert_true(o.starts <= twice);
    if (o.starts)
        assert_int_equal(o.state, TRACTOR_CTX_ERRORED);
}

/* ---- CTX-02: a block that fails or cancels, a task that returns or blocks ---- */

static bool running; /* in the child */

static void touch(const char *path) { close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); }
static void not_running(const tractor_error *err, void *file) {
    (void)err;
    running = false;
    if (file)
        touch(file);
}
static void answer_yo(const tractor_error *err, void *ctx) {
    if (!err)
        tractor_ctx_return(ctx, "s", "yo");
}
static void simple(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int data;
    bool blocks;
    const char *file = NULL;
    tractor_nursery *nursery = tractor_ctx_nursery(ctx);
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i, s:b, s?:s}", "data", &data, "blocks", &blocks, "file", &file) !=
        TRACTOR_OK)
        return;
    running = true;
    tractor_nursery_on_end(nursery, not_running,
                           file ? strcpy(tractor_nursery_alloc(nursery, strlen(file) + 1), file) : NULL);
    tractor_ctx_started(ctx, "i", data + 1);
    if (tractor_nursery_actor(nursery) != tractor_ctx_actor(ctx) || tractor_ctx_is_caller(ctx))
        tractor_ctx_raisef(ctx, "AssertionError", "the ctx is not what it should be");
    else if (blocks)
        stay(nursery);
    else if (file)
        tractor_nursery_sleep(nursery, 10 * TRACTOR_MS, answer_yo, ctx); /* in a message of its own */
    else
        tractor_ctx_return(ctx, "s", "yo");
}
static void is_running(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_return(ctx, "b", running);
}

enum { NO_ERROR = 0, VALUE_ERROR = 1, INTERRUPTED = 2, BLOCKS = 4, STREAM = 8 };

typedef struct setup {
    int bits;
    const char *file; /* is there when the task is over */
    opened peer;
    kit_outcome flag_inside, flag_after, cancel, result;
    stage *stage;
    int64_t ns;
} setup;

static const tractor_error *setup_error(int bits) {
    if (bits & VALUE_ERROR)
        return an_error(0, "ValueError", "the block is broken");
    if (bits & INTERRUPTED)
        return an_error(TRACTOR_EINTERRUPTED, NULL, "the user is impatient");
    return NULL;
}
static void leave_block(kit_outcome *flag) {
    setup *u = flag->user;
    kit_assert_value(flag->value, "b", (u->bits & BLOCKS) != 0);
    const tractor_error *err = setup_error(u->bits);
    if (err)
        tractor_nursery_fail(u->peer.block, err);
    else if (u->bits & BLOCKS)
        assert_true(tractor_ctx_cancel(u->peer.ctx, u->stage->root, NULL, kit_on_done, &u->cancel) > 0);
    else
        assert_true(tractor_ctx_wait_for_result(u->peer.ctx, NULL, kit_on_value, &u->result) > 0);
}
static void setup_started(opened *o) {
    setup *u = o->user;
    kit_assert_value(o->first, "i", 11);
    assert_ptr_equal(tractor_nursery_actor(o->block), kit_actor());
    if (u->bits & STREAM) {
        opened_stream(o, NULL);
        if (!(u->bits & BLOCKS))
            assert_true(kit_wait_file(u->file));
        tractor_stream_close(o->stream); /* says Stop, to a task that is over */
    }
    u->flag_inside.then = leave_block;
    u->flag_inside.user = u;
    tractor_portal_run(FIRST(u->stage), o->block, MODULE, "is_running", TRACTOR_ARGS("{}"), NULL, kit_on_value,
                       &u->flag_inside);
}
static void setup_asked(kit_outcome *flag) {
    setup *u = flag->user;
    if (u->peer.result.err)
        tractor_nursery_fail(u->stage->root, u->peer.result.err);
    else
        stage_end(u->stage);
}
static void setup_over(opened *o) {
    setup *u = o->user;
    u->ns = tractor_now() - u->ns;
    u->flag_after.then = setup_asked;
    u->flag_after.user = u;
    tractor_portal_run(FIRST(u->stage), u->stage->root, MODULE, "is_running", TRACTOR_ARGS("{}"), NULL, kit_on_value,
                       &u->flag_after);
}
static void setup_up(stage *s) {
    setup *u = s->user;
    u->stage = s;
    u->ns = tractor_now();
    u->file = kit_path("over");
    u->peer = (opened){ .then = setup_started, .over = setup_over, .user = u };
    bool blocks = (u->bits & BLOCKS) != 0;
    tractor_bytes args = TRACTOR_ARGS("{s:i, s:b}", "data", 10, "blocks", blocks);
    if ((u->bits & STREAM) && !blocks)
        args = TRACTOR_ARGS("{s:i, s:b, s:s}", "data", 10, "blocks", blocks, "file", u->file);
    opened_open(&u->peer, FIRST(s), s->root, MODULE, "simple", args, NULL);
}
static void CTX_02_simple_context(void **state) {
    setup u = { .bits = variant_of(state) };
    stage s = { .user = &u };
    kit_run run;
    play(&s, setup_up, &run);
    int code = u.bits & VALUE_ERROR ? TRACTOR_EUSER : u.bits & INTERRUPTED ? TRACTOR_EINTERRUPTED : TRACTOR_OK;
    kit_assert_code(run.err, code);
    kit_assert_code(u.peer.result.err, code);
    kit_assert_value(u.flag_after.value, "b", false);
    if (code != TRACTOR_OK) {
        assert_ptr_equal(run.err, u.peer.result.err);
        assert_string_equal(tractor_error_boxed_type(run.err),
                            code == TRACTOR_EUSER ? "ValueError" : "KeyboardInterrupt");
        assert_ptr_equal(u.peer.local_error, run.err);
        if (u.bits & BLOCKS) {
            /* The task was told to stop; what is asked for first is its last word. */
            assert_cancelled_by(u.peer.remote_error, "root");
            assert_ptr_equal(u.peer.maybe_error, u.peer.remote_error);
            assert_true(u.peer.cancel_called);
        } else {
            assert_null(u.peer.remote_error);
        }
    } else if (u.bits & BLOCKS) {
        assert_absorbed(&u.peer);
        kit_assert_code(u.cancel.err, TRACTOR_OK);
        assert_int_equal(u.cancel.calls, 1);
    } else {
        kit_assert_value(u.result.value, "s", "yo");
        kit_assert_value(u.peer.result.value, "s", "yo");
        assert_int_equal(u.peer.state, TRACTOR_CTX_RETURNED);
        assert_null(u.peer.maybe_error);
    }
    kit_assert_within_ms(u.ns, 500);
    kit_assert_within_ms(run.ns, 1500);
}

/* ---- CTX-04: the task closes its stream and returns ---- */

static void open_and_close(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_stream *stream;
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &stream);
    tractor_stream_close(stream);
    tractor_ctx_return(ctx, NULL);
}

typedef struct early {
    bool sends;
    opened peer;
    kit_outcome received, again;
    int64_t from, ns;
    int reopened;
    stage *stage;
} early;

static void early_again(kit_outcome *received) {
    early *e = received->user;
    assert_int_equal(e->peer.result.calls, 0);
    tractor_stream *second;
    e->reopened = tractor_ctx_open_stream(e->peer.ctx, NULL, &second);
    assert_int_equal(tractor_stream_sendf(second, NULL), TRACTOR_ECLOSED);
    e->from = tractor_now();
    tractor_stream_receive(e->peer.stream, NULL, kit_on_value, &e->again);
}
static void early_started(opened *o) {
    early *e = o->user;
    opened_stream(o, NULL);
    if (e->sends) {
        int status = tractor_stream_sendf(o->stream, "s", "hello?");
        assert_true(status == TRACTOR_OK || status == TRACTOR_EEOF); /* its task may be known to be over */
    }
    e->received.then = early_again;
    e->received.user = e;
    tractor_stream_receive(o->stream, NULL, kit_on_value, &e->received);
}
static void early_over(opened *o) {
    early *e = o->user;
    assert_int_equal(e->again.calls, 1);
    e->ns = tractor_now() - e->ns;
    stage_end(e->stage);
}
static void early_up(stage *s) {
    early *e = s->user;
    e->stage = s;
    e->ns = tractor_now();
    e->peer = (opened){ .then = early_started, .over = early_over, .user = e };
    opened_open(&e->peer, FIRST(s), s->root, MODULE, "open_and_close", TRACTOR_ARGS("{}"), NULL);
}
static void CTX_04_child_exits_ctx_after_stream_open(void **state) {
    early e = { .sends = variant_of(state) };
    stage s = { .user = &e };
    kit_run run;
    play(&s, early_up, &run);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(e.received.calls, 1);
    kit_assert_code(e.received.err, TRACTOR_EEOF);
    kit_assert_code(e.again.err, TRACTOR_EEOF);
    kit_assert_within_ms(e.again.at - e.from, 300);
    assert_int_equal(e.reopened, TRACTOR_EALREADY);
    kit_assert_code(e.peer.result.err, TRACTOR_OK);
    kit_assert_value(e.peer.result.value, "n");
    /* First the start, then the end of the stream, then the result. */
    assert_true(e.peer.started_at <= e.received.at && e.again.at <= e.peer.result.at);
    kit_assert_within_ms(e.ns, 500);
}

/* ---- CTX-10: a context to oneself ---- */

static void echo_one(const tractor_error *err, const tractor_value *value, void *user) {
    server *s = user;
    if (tractor_error_code(err) == TRACTOR_EEOF) {
        tractor_ctx_return(s->ctx, "s", "yo");
    } else if (!err) {
        tractor_stream_send_value(s->stream, NULL, value, NULL, NULL);
        tractor_stream_receive(s->stream, NULL, echo_one, s);
    }
}
static void echo_back(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    server *s = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *s);
    s->ctx = ctx;
    tractor_ctx_started(ctx, "s", tractor_ctx_peer(ctx)->name);
    tractor_ctx_open_stream(ctx, NULL, &s->stream);
    tractor_stream_receive(s->stream, NULL, echo_one, s);
}

typedef struct echoes {
    opened peer;
    int64_t next;
    tractor_nursery *root;
    kit_outcome found;
} echoes;

static void on_echo(const tractor_error *err, const tractor_value *value, void *user) {
    echoes *e = user;
    kit_assert_code(err, TRACTOR_OK);
    kit_assert_value(value, "I", e->next);
    if (++e->next == 10)
        return tractor_stream_close(e->peer.stream);
    assert_int_equal(tractor_stream_sendf(e->peer.stream, "I", e->next), TRACTOR_OK);
    tractor_stream_receive(e->peer.stream, NULL, on_echo, e);
}
static void echoes_started(opened *o) {
    echoes *e = o->user;
    kit_assert_value(o->first, "s", "root");
    opened_stream(o, NULL);
    assert_int_equal(tractor_stream_sendf(o->stream, "I", e->next), TRACTOR_OK);
    tractor_stream_receive(o->stream, NULL, on_echo, e);
}
static void echoes_open(echoes *e, tractor_portal *to) {
    e->peer = (opened){ .then = echoes_started, .user = e };
    opened_open(&e->peer, to, e->root, MODULE, "echo_back", TRACTOR_ARGS("{}"), NULL);
}
static void self_found(kit_outcome *found) {
    kit_assert_code(found->err, TRACTOR_OK);
    assert_non_null(found->portal);
    echoes_open(found->user, found->portal);
}
static void self_body(tractor_nursery *root, void *user) {
    echoes *both = user;
    both[0].root = both[1].root = root;
    echoes_open(&both[0], tractor_actor_self(kit_actor()));
    both[1].found.then = self_found;
    both[1].found.user = &both[1];
    tractor_find_actor(root, "root", NULL, kit_on_portal, &both[1].found);
}
static void CTX_10_ctx_with_self_actor(void **state) {
    (void)state;
    static const char *const served[] = { MODULE, NULL };
    echoes both[2] = { 0 };
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .enable_modules = served }, self_body, both);
    kit_assert_code(run.err, TRACTOR_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(both[i].next, 10);
        kit_assert_value(both[i].peer.result.value, "s", "yo");
    }
    kit_assert_within_ms(run.ns, 1000);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = {
        TRACTOR_CTX("ping_server", ping_server),
        TRACTOR_CTX("misuser", misuser),
        TRACTOR_CTX("simple", simple),
        TRACTOR_FUNC("is_running", is_running),
        TRACTOR_CTX("open_and_close", open_and_close),
        TRACTOR_CTX("echo_back", echo_back),
        TRACTOR_ENDPOINTS_END,
    };
    tractor_register(MODULE, module, NULL);
    kit_begin(argc, argv);
    for (int bits = 0; bits < 4; bits++)
        add_variant(TWO_01_simple_rpc, bits, "TWO_01_simple_rpc: server %s, client %s",
                    bits & SERVER_DRAINS ? "iterates" : "loops", bits & CLIENT_EXPLICIT ? "counts" : "iterates");
    add_variant(CTX_01_started_misuse, 1, "CTX_01_started_misuse: twice");
    add_variant(CTX_01_started_misuse, 0, "CTX_01_started_misuse: after the stream");
    for (int error = NO_ERROR; error <= INTERRUPTED; error++)
        for (int more = 0; more <= (BLOCKS | STREAM); more += BLOCKS)
            add_variant(CTX_02_simple_context, error | more, "CTX_02_simple_context: %s, %s%s",
                        error == NO_ERROR      ? "no error"
                        : error == VALUE_ERROR ? "ValueError"
                                               : "KeyboardInterrupt",
                        more & BLOCKS ? "blocks" : "returns", more & STREAM ? ", stream" : "");
    add_variant(CTX_04_child_exits_ctx_after_stream_open, 0, "CTX_04_child_exits_ctx_after_stream_open: receives");
    add_variant(CTX_04_child_exits_ctx_after_stream_open, 1, "CTX_04_child_exits_ctx_after_stream_open: sends first");
    ADD_TEST(CTX_10_ctx_with_self_actor);
    return run_added_tests();
}
