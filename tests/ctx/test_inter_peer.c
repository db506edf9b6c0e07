/* Three actors and more: whose error reaches whom when peers cancel each other. */
#include "dialog.h"

#define MODULE "peers"

static kit_run play(stage *s, void (*when_up)(stage *)) {
    s->module = MODULE;
    s->when_up = when_up;
    return stage_play(s, NULL);
}

/* A task that is ready and does nothing until it is cancelled. */
static void sleeps(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    stay(tractor_ctx_nursery(ctx));
}

/* An endpoint that has a context of its own in another actor. */
typedef struct caller {
    tractor_ctx *ctx, *peer;
    tractor_portal *portal;
    tractor_stream *stream;
    tractor_op hold;
    const tractor_error *seen;
    bool interrupts;
    int delay_ms;
} caller;

static caller *new_caller(tractor_ctx *ctx) {
    caller *c = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *c);
    c->ctx = ctx;
    return c;
}
static void find(caller *c, const char *name, tractor_portal_fn fn) {
    tractor_wait_for_actor(tractor_ctx_nursery(c->ctx), name, NULL, fn, c);
}

/* ---- IPC-01: the error of a task that can't start is not replaced by the end of what it cancels ---- */

static void errorer_has_stream(tractor_ctx *peer, const tractor_value *first, void *user) {
    caller *c = user;
    (void)first;
    tractor_ctx_open_stream(peer, NULL, &c->stream);
    if (tractor_ctx_started_value(c->ctx, (tractor_bytes){ "\xc1", 1 }) == TRACTOR_EINVAL)
        tractor_ctx_cancel(peer, NULL, NULL, NULL, NULL);
}
static void errorer_over(const tractor_error *err, const tractor_value *value, void *user) {
    caller *c = user;
    (void)value;
    if (err)
        tractor_ctx_raise(c->ctx, err);
}
static void errorer_found(const tractor_error *err, tractor_portal *portal, void *user) {
    caller *c = user;
    if (!err)
        tractor_portal_open_context(portal, tractor_ctx_nursery(c->ctx), MODULE, "sleeps", TRACTOR_ARGS("{}"), NULL,
                                    errorer_has_stream, errorer_over, c);
}
static void fails_to_start(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    find(new_caller(ctx), "sleeper", errorer_found);
}

static void lone_over(opened *o) { stage_end(o->user); }
static void errorer_up(stage *s) {
    opened *o = s->user;
    *o = (opened){ .over = lone_over, .user = s };
    opened_open(o, FIRST(s), s->root, MODULE, "fails_to_start", TRACTOR_ARGS("{}"), NULL);
}
static void IPC_01_do_not_swallow_error_before_started_by_remote_contextcancelled(void **state) {
    (void)state;
    opened o;
    stage s = { .user = &o, .names = { "errorer", "sleeper" } };
    kit_run run = play(&s, errorer_up);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(o.starts, 0);
    kit_assert_remote(o.result.err, "TypeError");
    assert_string_equal(tractor_error_source(o.result.err)->name, "errorer");
    kit_assert_within_ms(run.ns, 1500);
}

/* ---- IPC-02: an actor is cancelled by its peer ---- */

static void stream_more(const tractor_error *err, void *user) {
    caller *c = user;
    if (err)
        return;
    tractor_stream_sendf(c->stream, "s", "tick");
    tractor_nursery_sleep(tractor_ctx_nursery(c->ctx), 5 * TRACTOR_MS, stream_more, c);
}
static void streams(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    caller *c = new_caller(ctx);
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &c->stream);
    stream_more(NULL, c);
}

/* In the just_caller: what it saw of its peer's end. */
static struct {
    bool there, same_object, cancel_called;
    int code;
    char ctx_canceller[32], error_canceller[32];
} seen;

static void just_caller_cancelled(void *user) {
    caller *c = user;
    /* It has held its error back until now. */
    if (c->seen)
        tractor_ctx_raise(c->ctx, c->seen);
    tractor_op_complete(tractor_ctx_actor(c->ctx), c->hold, NULL);
}
static void drop_seen(const tractor_error *err, void *user) {
    (void)err;
    tractor_error_unref(((caller *)user)->seen);
}
static void just_caller_peer_over(const tractor_error *err, const tractor_value *value, void *user) {
    caller *c = user;
    (void)value;
    c->seen = tractor_error_ref(err);
    seen.same_object = err && err == tractor_ctx_remote_error(c->peer) && err == tractor_ctx_maybe_error(c->peer);
    seen.cancel_called = tractor_ctx_cancel_called(c->peer);
    seen.code = tractor_error_code(err);
    const tractor_id *who = tractor_ctx_canceller(c->peer);
    snprintf(seen.ctx_canceller, sizeof seen.ctx_canceller, "%s", who ? who->name : "nobody");
    who = tractor_error_canceller(err);
    snprintf(seen.error_canceller, sizeof seen.error_canceller, "%s", who ? who->name : "nobody");
    seen.there = true;
}
static void just_caller_item(const tractor_error *err, const tractor_value *value, void *user) {
    caller *c = user;
    (void)value;
    if (!err)
        tractor_stream_receive(c->stream, NULL, just_caller_item, c);
}
static void just_caller_started(tractor_ctx *peer, const tractor_value *first, void *user) {
    caller *c = user;
    (void)first;
    c->peer = peer;
    tractor_ctx_open_stream(peer, NULL, &c->stream);
    tractor_stream_receive(c->stream, NULL, just_caller_item, c);
    tractor_ctx_started(c->ctx, NULL);
}
static void just_caller_found(const tractor_error *err, tractor_portal *portal, void *user) {
    caller *c = user;
    if (!err)
        tractor_portal_open_context(portal, tractor_ctx_nursery(c->ctx), MODULE, "streams", TRACTOR_ARGS("{}"), NULL,
                                    just_caller_started, just_caller_peer_over, c);
}
static void just_calls(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    caller *c = new_caller(ctx);
    tractor_nursery_on_end(tractor_ctx_nursery(ctx), drop_seen, c);
    c->hold = tractor_nursery_hold(tractor_ctx_nursery(ctx), "its caller", just_caller_cancelled, c);
    find(c, "sleeper", just_caller_found);
}
static void report_if_there(const tractor_error *err, void *user) {
    tractor_ctx *ctx = user;
    if (err)
        return;
    if (seen.there)
        tractor_ctx_return(ctx, "[b,b,i,s,s]", seen.same_object, seen.cancel_called, seen.code, seen.ctx_canceller,
                           seen.error_canceller);
    else
        tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_MS, report_if_there, ctx);
}
static void reports(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    report_if_there(NULL, ctx);
}

static void canceller_slept(const tractor_error *err, void *user) {
    caller *c = user;
    if (!err)
        tractor_portal_cancel_actor(c->portal, tractor_ctx_nursery(c->ctx), NULL, NULL, NULL);
}
static void canceller_found(const tractor_error *err, tractor_portal *portal, void *user) {
    caller *c = user;
    if (err)
        return;
    c->portal = portal;
    tractor_ctx_started(c->ctx, NULL);
    tractor_nursery_sleep(tractor_ctx_nursery(c->ctx), 500 * TRACTOR_MS, canceller_slept, c);
    stay(tractor_ctx_nursery(c->ctx));
}
static void cancels_peer(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    find(new_caller(ctx), "sleeper", canceller_found);
}

enum { SLEEPER, JUST_CALLER, CANCELLER, TASKS };

typedef struct cancelled_peer {
    bool handler_raises;
    opened tasks[TASKS];
    int started;
    kit_outcome result, report;
    stage *stage;
} cancelled_peer;

/* What leaves the sleeper's block leaves the program. */
static void peer_over(opened *o) {
    cancelled_peer *p = o->user;
    if (o == &p->tasks[SLEEPER])
        tractor_nursery_fail(p->stage->root, o->result.err);
}
static void peer_handled(kit_outcome *report) {
    cancelled_peer *p = report->user;
    kit_assert_value(report->value, "[b,b,i,s,s]", true, false, TRACTOR_ECTXCANCELED, "sleeper", "canceller");
    for (int i = 0; i < TASKS; i++) {
        opened_snapshot(&p->tasks[i]);
        assert_false(p->tasks[i].cancel_called);
        if (i != SLEEPER)
            assert_null(p->tasks[i].remote_error);
    }
    const opened *sleeper = &p->tasks[SLEEPER];
    assert_ptr_equal(sleeper->remote_error, p->result.err);
    assert_ptr_equal(sleeper->maybe_error, p->result.err);
    assert_string_equal(sleeper->canceller, "sleeper");
    if (p->handler_raises)
        tractor_ctx_raise(sleeper->ctx, an_error(0, "RuntimeError", "the handler is broken"));
}
/* The handler in the sleeper's block, which the report does not leave before it is here. */
static void peer_result(kit_outcome *result) {
    cancelled_peer *p = result->user;
    assert_cancelled_by(result->err, "canceller");
    p->report.then = peer_handled;
    p->report.user = p;
    tractor_nursery *handler =
        tractor_nursery_open(p->tasks[SLEEPER].block,
                             &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .flags = TRACTOR_NURSERY_SHIELD,
                                                         .timeout_ns = TRACTOR_SECOND },
                             NULL, NULL);
    tractor_portal_run(p->stage->portals[JUST_CALLER], handler, MODULE, "reports", TRACTOR_ARGS("{}"), NULL,
                       kit_on_value, &p->report);
    tractor_nursery_close(handler);
}
static void peer_started(opened *o) {
    cancelled_peer *p = o->user;
    if (o == &p->tasks[SLEEPER]) {
        stay(o->block);
        p->result.then = peer_result;
        p->result.user = p;
        tractor_ctx_wait_for_result(o->ctx, NULL, kit_on_value, &p->result);
    }
    assert_int_equal(p->result.calls, 0);
    p->started++;
}
static void cancelled_peer_up(stage *s) {
    cancelled_peer *p = s->user;
    static const char *const funcs[] = { "sleeps", "just_calls", "cancels_peer" };
    p->stage = s;
    for (int i = 0; i < TASKS; i++) {
        p->tasks[i] = (opened){ .then = peer_started, .over = peer_over, .user = p };
        opened_open(&p->tasks[i], s->portals[i], s->root, MODULE, funcs[i], TRACTOR_ARGS("{}"), NULL);
    }
}
static void IPC_02_peer_canceller(void **state) {
    cancelled_peer p = { .handler_raises = variant_of(state) };
    stage s = { .user = &p, .names = { "sleeper", "just_caller", "canceller" } };
    kit_run run = play(&s, cancelled_peer_up);
    assert_int_equal(p.started, TASKS);
    assert_int_equal(p.report.calls, 1);
    assert_ptr_equal(p.tasks[SLEEPER].result.err, run.err);
    assert_false(p.tasks[SLEEPER].cancel_acked);
    assert_cancelled_by(p.tasks[SLEEPER].remote_error, "canceller");
    assert_cancelled_by(p.tasks[CANCELLER].remote_error, "root");
    assert_cancelled_by(p.tasks[JUST_CALLER].remote_error, "canceller");
    if (p.handler_raises) {
        kit_assert_code(run.err, TRACTOR_EUSER);
        assert_string_equal(tractor_error_boxed_type(run.err), "RuntimeError");
        for (int i = 0; i < TASKS; i++)
            assert_true(p.tasks[i].cancel_called);
        assert_int_equal(p.tasks[SLEEPER].state, TRACTOR_CTX_ERRORED);
    } else {
        assert_cancelled_by(run.err, "canceller");
        assert_ptr_equal(run.err, p.result.err);
        assert_false(p.tasks[SLEEPER].cancel_called);
        assert_int_equal(p.tasks[SLEEPER].state, TRACTOR_CTX_PEER_CANCELLED);
    }
    kit_assert_within_ms(run.ns, 2500);
}

/* ---- IPC-03: a peer that spawns for another one ---- */

/* In the spawn_server: the child belongs to the context of whoever asked. */
static void spawned(const tractor_error *err, tractor_portal *portal, void *user) {
    caller *c = user;
    if (err)
        tractor_ctx_raise(c->ctx, err);
    else
        tractor_stream_sendf(c->stream, "s", tractor_portal_id(portal)->name);
}
static void spawn_order(const tractor_error *err, const tractor_value *value, void *user) {
    caller *c = user;
    const char *name;
    const char *const modules[] = { MODULE, NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    if (err || tractor_unpack(value, "s", &name) != TRACTOR_OK)
        return;
    tractor_nursery_start_actor(tractor_ctx_nursery(c->ctx), name, &options, spawned, c);
    tractor_stream_receive(c->stream, NULL, spawn_order, c);
}
static void serves_spawns(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    caller *c = new_caller(ctx);
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &c->stream);
    tractor_stream_receive(c->stream, NULL, spawn_order, c);
}

/* In little_bro. */
static void bro_fails(const tractor_error *err, void *user) {
    if (!err)
        tractor_ctx_raisef(user, "RuntimeError", "little_bro has had enough");
}
static void little_bro(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int delay_ms;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i}", "delay_ms", &delay_ms) != TRACTOR_OK)
        return;
    tractor_ctx_started(ctx, "s", "hi");
    if (delay_ms)
        tractor_nursery_sleep(tractor_ctx_nursery(ctx), delay_ms * TRACTOR_MS, bro_fails, ctx);
    else
        stay(tractor_ctx_nursery(ctx));
}

/* In the client: a context in the spawn_server, by its stream a child there, and a context in that. */
static void client_cancelled(void *user) {
    caller *c = user;
    if (c->interrupts && !c->seen)
        tractor_ctx_raisef(c->ctx, "KeyboardInterrupt", "the client's user is impatient");
    tractor_op_complete(tractor_ctx_actor(c->ctx), c->hold, NULL);
}
static void client_bro_over(const tractor_error *err, const tractor_value *value, void *user) {
    caller *c = user;
    (void)value;
    if (!err || tractor_error_code(err) == TRACTOR_ECANCELED)
        return;
    c->seen = err;
    tractor_ctx_raise(c->ctx, err);
}
static void client_bro_started(tractor_ctx *bro, const tractor_value *first, void *user) {
    caller *c = user;
    (void)bro;
    tractor_ctx_started_value(c->ctx, tractor_value_bytes(first));
}
static void client_bro_found(const tractor_error *err, tractor_portal *portal, void *user) {
    caller *c = user;
    if (!err)
        tractor_portal_open_context(portal, tractor_ctx_nursery(c->ctx), MODULE, "little_bro",
                                    TRACTOR_ARGS("{s:i}", "delay_ms", c->delay_ms), NULL, client_bro_started,
                                    client_bro_over, c);
}
static void client_spawned(const tractor_error *err, const tractor_value *value, void *user) {
    const char *name;
    if (!err && tractor_unpack(value, "s", &name) == TRACTOR_OK)
        find(user, name, client_bro_found);
}
static void client_orders(tractor_ctx *server, const tractor_value *first, void *user) {
    caller *c = user;
    (void)first;
    tractor_ctx_open_stream(server, NULL, &c->stream);
    tractor_stream_sendf(c->stream, "s", "little_bro");
    tractor_stream_receive(c->stream, NULL, client_spawned, c);
}
static void client_found_server(const tractor_error *err, tractor_portal *portal, void *user) {
    caller *c = user;
    if (!err)
        tractor_portal_open_context(portal, tractor_ctx_nursery(c->ctx), MODULE, "serves_spawns", TRACTOR_ARGS("{}"),
                                    NULL, client_orders, NULL, c);
}
static void client(tractor_ctx *ctx, const tractor_value *args, void *user) {
    bool interrupts;
    int delay_ms;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:b, s:i}", "interrupts", &interrupts, "delay_ms", &delay_ms) != TRACTOR_OK)
        return;
    caller *c = new_caller(ctx);
    c->interrupts = interrupts;
    c->delay_ms = delay_ms;
    c->hold = tractor_nursery_hold(tractor_ctx_nursery(ctx), "its caller", client_cancelled, c);
    find(c, "spawn_server", client_found_server);
}

enum { CLIENT_INTERRUPTS = 1, BRO_FAILS = 2 };

typedef struct brothers {
    int bits;
    opened client, bro;
    kit_outcome found, gone;
    stage *stage;
} brothers;

static void bro_is_gone(kit_outcome *gone) { stage_end(((brothers *)gone->user)->stage); }
static void one_over(opened *o) {
    brothers *b = o->user;
    if (!b->client.result.calls || !b->bro.result.calls)
        return;
    b->gone.then = bro_is_gone;
    b->gone.user = b;
    tractor_find_actor(b->stage->root, "little_bro", NULL, kit_on_portal, &b->gone);
}
static void root_has_bro(opened *o) {
    brothers *b = o->user;
    kit_assert_value(o->first, "s", "hi");
    stay(o->block);
    if (!(b->bits & BRO_FAILS))
        assert_true(tractor_ctx_cancel(b->client.ctx, NULL, NULL, NULL, NULL) > 0);
}
static void root_found_bro(kit_outcome *found) {
    brothers *b = found->user;
    assert_non_null(found->portal);
    b->bro = (opened){ .then = root_has_bro, .over = one_over, .user = b };
    opened_open(&b->bro, found->portal, b->stage->root, MODULE, "little_bro", TRACTOR_ARGS("{s:i}", "delay_ms", 0),
                NULL);
}
static void client_is_up(opened *o) {
    brothers *b = o->user;
    kit_assert_value(o->first, "s", "hi");
    stay(o->block);
    b->found.then = root_found_bro;
    b->found.user = b;
    tractor_find_actor(b->stage->root, "little_bro", NULL, kit_on_portal, &b->found);
}
static void brothers_up(stage *s) {
    brothers *b = s->user;
    b->stage = s;
    b->client = (opened){ .then = client_is_up, .over = one_over, .user = b };
    opened_open(&b->client, s->portals[1], s->root, MODULE, "client",
                TRACTOR_ARGS("{s:b, s:i}", "interrupts", (b->bits & CLIENT_INTERRUPTS) != 0, "delay_ms",
                             b->bits & BRO_FAILS ? 500 : 0),
                NULL);
}
static void IPC_03_peer_spawns_and_cancels_service_subactor(void **state) {
    brothers b = { .bits = variant_of(state) };
    stage s = { .user = &b, .names = { "spawn_server", "client" } };
    kit_run run = play(&s, brothers_up);
    kit_assert_code(run.err, TRACTOR_OK);
    const tractor_error *err = b.client.result.err;
    if (b.bits & BRO_FAILS) {
        kit_assert_remote(err, "RemoteActorError");
        assert_string_equal(tractor_error_source_type(err), "RuntimeError");
        assert_string_equal(tractor_error_source(err)->name, "little_bro");
        assert_int_equal(tractor_error_relay_count(err), 2);
        assert_string_equal(tractor_error_relay(err, 1)->name, "client");
        assert_ptr_equal(b.client.maybe_error, err);
        assert_ptr_equal(b.client.remote_error, err);
    } else if (b.bits & CLIENT_INTERRUPTS) {
        kit_assert_remote(err, "KeyboardInterrupt");
        assert_string_equal(tractor_error_source(err)->name, "client");
        assert_false(b.client.cancel_acked);
        assert_true(b.client.cancel_called);
    } else {
        assert_absorbed(&b.client);
    }
    /* Whoever spawned little_bro has cancelled it. */
    assert_cancelled_by(b.bro.result.err, "spawn_server");
    kit_assert_code(b.gone.err, TRACTOR_OK);
    assert_int_equal(b.gone.calls, 1);
    assert_null(b.gone.portal);
    kit_assert_within_ms(run.ns, 3000);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = {
        TRACTOR_CTX("sleeps", sleeps),         TRACTOR_CTX("fails_to_start", fails_to_start),
        TRACTOR_CTX("streams", streams),       TRACTOR_CTX("just_calls", just_calls),
        TRACTOR_FUNC("reports", reports),      TRACTOR_CTX("cancels_peer", cancels_peer),
        TRACTOR_CTX("client", client),         TRACTOR_CTX("serves_spawns", serves_spawns),
        TRACTOR_CTX("little_bro", little_bro), TRACTOR_ENDPOINTS_END,
    };
    tractor_register(MODULE, module, NULL);
    kit_begin(argc, argv);
    ADD_TEST(IPC_01_do_not_swallow_error_before_started_by_remote_contextcancelled);
    add_variant(IPC_02_peer_canceller, 0, "IPC_02_peer_canceller: re-raised");
    add_variant(IPC_02_peer_canceller, 1, "IPC_02_peer_canceller: the handler raises");
    for (int bits = 0; bits < 4; bits++)
        add_variant(IPC_03_peer_spawns_and_cancels_service_subactor, bits,
                    "IPC_03_peer_spawns_and_cancels_service_subactor: %s%s",
                    bits & BRO_FAILS ? "little_bro fails" : "cancelled",
                    bits & CLIENT_INTERRUPTS ? ", KeyboardInterrupt" : "");
    return run_added_tests();
}
