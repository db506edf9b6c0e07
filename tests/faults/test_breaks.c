/* FLT-01, FLT-02, X-26: the connection of a parent and its child breaks while they stream, from inside of one or both of
 * them, whole or in one direction. Nobody hangs, nothing is left, and the error is that of the connection. */
// ctest: timeout=120
#include "faults/life.h"
#include "kit/fault.h"

enum { FIRST_BREAK = 500, SECOND_BREAK = 800, MESSAGES = 1000 };
/* The user who interrupts when all is silent: nobody may need him. */
#define PATIENCE (2 * TRACTOR_SECOND)

typedef struct break_plan {
    int parent, child; /* after so many messages; 0: not */
    bool close_first;  /* the stream */
    enum kit_shut how;
} break_plan;

/* ---- the child: echoes ---- */

typedef struct echoer {
    tractor_ctx *ctx;
    tractor_stream *stream;
    int count, at, how;
    bool close_first;
} echoer;

static void echoed(const tractor_error *err, const tractor_value *value, void *user) {
    echoer *e = user;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        tractor_ctx_return(e->ctx, "i", e->count);
    if (err)
        return;
    tractor_stream_send_value(e->stream, NULL, value, NULL, NULL);
    if (++e->count == e->at) {
        if (e->close_first)
            tractor_stream_close(e->stream);
        kit_break_sockets((enum kit_shut)e->how);
        if (e->close_first) {
            tractor_ctx_return(e->ctx, "i", e->count);
            return;
        }
    }
    tractor_stream_receive(e->stream, NULL, echoed, e);
}

static void echo(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)user;
    echoer *e = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *e);
    e->ctx = ctx;
    if (tractor_ctx_unpack(ctx, args, "{s:i, s:i, s:b}", "break_at", &e->at, "how", &e->how, "close_first",
                           &e->close_first) != TRACTOR_OK)
        return;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &e->stream);
    tractor_stream_receive(e->stream, NULL, echoed, e);
}

/* FLT-02: closes the stream and its connection right after the start, and lives on. */
static void leave_at_once(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_stream *stream;
    int how = 0;
    if (tractor_ctx_unpack(ctx, args, "{s:i, *}", "how", &how) != TRACTOR_OK)
        return;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &stream);
    tractor_stream_close(stream);
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL);
    kit_break_sockets((enum kit_shut)how);
    if (user)
        raise(SIGSTOP);
}

static const tractor_endpoint module[] = { TRACTOR_CTX("echo", echo), TRACTOR_CTX("leave_at_once", leave_at_once),
                                           TRACTOR_ENDPOINTS_END };
static const char *const modules[] = { "breaks", "kit", NULL };

/* ---- the parent ---- */

typedef struct play {
    const break_plan *plan;
    const char *endpoint;
    tractor_nursery *root;
    tractor_ctx *ctx;
    tractor_stream *stream;
    kit_outcome child, result;
    int sent, received;
    int64_t pid, broken_at;
    tractor_op user;
    int64_t kill_timeout;
    bool interrupted, closed;
    int refused_with; /* what a send says behind the break */
} play;

static void interrupt(const tractor_error *err, void *user) {
    play *p = user;
    if (err)
        return;
    p->interrupted = true;
    tractor_error *ki = tractor_error_newf(TRACTOR_EUSER, "KeyboardInterrupt", "the user has waited long enough");
    tractor_nursery_fail(p->root, ki);
    tractor_error_unref(ki);
}

static void somebody_is_active(play *p) {
    if (p->user > 0)
        tractor_op_abandon(kit_actor(), p->user);
    p->user = tractor_nursery_sleep(p->root, PATIENCE, interrupt, p);
}

static void send_next(play *p);

static void received(const tractor_error *err, const tractor_value *value, void *user) {
    play *p = user;
    int n = -1;
    if (err)
        return;
    tractor_unpack(value, "i", &n);
    assert_int_equal(n, p->received++);
    somebody_is_active(p);
    send_next(p);
    if (!p->closed)
        tractor_stream_receive(p->stream, NULL, received, p);
}

/* Whoever goes on sending is told. */
static void try_again(const tractor_error *err, void *user) {
    play *p = user;
    if (err || !p->ctx || p->refused_with)
        return;
    int status = tractor_stream_sendf(p->stream, "i", p->sent);
    if (status != TRACTOR_OK && status != TRACTOR_EAGAIN) {
        p->refused_with = status;
        return;
    }
    p->sent += status == TRACTOR_OK;
    tractor_nursery_sleep(p->root, TRACTOR_MS, try_again, p);
}

static void send_next(play *p) {
    if (p->sent == MESSAGES) {
        if (!p->closed)
            tractor_stream_send_eof(p->stream);
        return;
    }
    if (p->sent > 0 && p->sent == p->plan->parent) {
        if (p->plan->close_first) {
            tractor_stream_close(p->stream);
            p->closed = true;
        }
        assert_int_equal(kit_break_sockets(p->plan->how), 1);
        p->broken_at = tractor_now();
        if (p->closed) {
            try_again(NULL, p);
            return;
        }
    }
    tractor_stream_sendf(p->stream, "i", p->sent++);
    if (p->broken_at)
        try_again(NULL, p);
}

static void started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    play *p = user;
    (void)first;
    p->ctx = ctx;
    tractor_ctx_open_stream(ctx, NULL, &p->stream);
    somebody_is_active(p);
    send_next(p);
    tractor_stream_receive(p->stream, NULL, received, p);
}

static void on_result(const tractor_error *err, const tractor_value *value, void *user) {
    play *p = user;
    kit_on_value(err, value, &p->result);
    p->ctx = NULL;
    if (p->user > 0)
        tractor_op_abandon(kit_actor(), p->user);
    tractor_nursery_cancel(p->root, "all is known");
}

static void child_up(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    p->pid = kit_pid(o->portal);
    tractor_portal_open_context(o->portal, p->root, "breaks", p->endpoint,
                                tractor_pack("{s:i, s:i, s:b}", "break_at", p->plan->child, "how", (int)p->plan->how,
                                             "close_first", p->plan->close_first),
                                NULL, started, on_result, p);
}

static void body(tractor_nursery *root, void *user) {
    play *p = user;
    p->root = root;
    p->child.then = child_up;
    p->child.user = p;
    tractor_nursery_start_actor(root, "child", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules },
                                kit_on_portal, &p->child);
}

/* What the break leaves whole: this end still reads what is on its way, and nobody has to send any more. */
static bool may_go_well(const break_plan *plan) { return plan->how == KIT_SHUT_READ; }

static void assert_lost(const tractor_error *err) {
    kit_assert_code(err, TRACTOR_ETRANSPORT);
    kit_assert_contains(tractor_error_message(err), "child 'child'");
    kit_assert_contains(tractor_error_message(err), "connection");
}

static void FLT_01(void **state) {
    const break_plan *plan = *state;
    play p = { .plan = plan, .endpoint = "echo" };
    kit_run run = kit_run_root(NULL, body, &p);
    assert_int_equal(p.result.calls, 1);
    assert_false(p.interrupted);
    kit_assert_gone(p.pid);
    kit_assert_within_ms(run.ns, 1000);
    if (!plan->parent && !plan->child) {
        kit_assert_code(p.result.err, TRACTOR_OK);
        kit_assert_value(p.result.value, "i", MESSAGES);
        kit_assert_code(run.err, TRACTOR_OK);
    } else if (!p.result.err && may_go_well(plan)) {
        if (run.err)
            assert_lost(run.err);
    } else {
        /* The one who waits for the task and the nursery of the child are told the same. */
        assert_lost(p.result.err);
        assert_lost(run.err);
        kit_assert_contains(tractor_error_message(run.err), "lost its connection and left");
    }
    if (p.broken_at && p.result.err) {
        /* Nothing, if the end was known before it was tried again. */
        assert_true(!p.refused_with || p.refused_with == TRACTOR_ETRANSPORT || p.refused_with == TRACTOR_ECANCELED ||
                    p.refused_with == TRACTOR_ECLOSED);
        if (plan->how != KIT_SHUT_READ) /* what goes on coming is read; the break shows when nothing does */
            kit_assert_within_ms(p.result.at - p.broken_at, 600);
    }
}

/* ---- FLT-02 ---- */

typedef struct leaver {
    const char *name;
    enum kit_shut how;
    bool stops; /* it can't even be asked to end */
} leaver;

static void FLT_02(void **state) {
    const leaver *l = *state;
    break_plan plan = { .how = l->how };
    play p = { .plan = &plan, .endpoint = l->stops ? "leave_and_stop" : "leave_at_once" };
    if (l->stops)
        kit_expect_log("did not end in time: killed");
    kit_run run = kit_run_root(NULL, body, &p);
    assert_int_equal(p.result.calls, 1);
    assert_lost(p.result.err);
    assert_lost(run.err);
    kit_assert_contains(tractor_error_message(p.result.err),
                        l->stops ? "but its process runs on" : "lost its connection and left");
    assert_false(p.interrupted);
    kit_assert_gone(p.pid);
    kit_assert_within_ms(run.ns, 3000);
}

/* The same, and the program does not wait for an answer: it gives up after a while. */
static void give_up(const tractor_error *err, void *user) {
    if (!err)
        interrupt(NULL, user);
}

static void impatient_child_up(kit_outcome *o) {
    play *p = o->user;
    child_up(o);
    tractor_nursery_sleep(p->root, 300 * TRACTOR_MS, give_up, p);
}

static void impatient_body(tractor_nursery *root, void *user) {
    body(root, user);
    ((play *)user)->child.then = impatient_child_up;
}

static void FLT_02_interrupted(void **state) {
    (void)state;
    break_plan plan = { .how = KIT_SHUT_BOTH };
    play p = { .plan = &plan, .endpoint = "leave_and_stop", .kill_timeout = 300 * TRACTOR_MS };
    kit_expect_log("did not end in time: killed");
    kit_run run = kit_run_root(NULL, impatient_body, &p);
    assert_true(p.interrupted);
    kit_assert_code(run.err, TRACTOR_EUSER);
    assert_string_equal(tractor_error_boxed_type(run.err), "KeyboardInterrupt");
    kit_assert_code(p.result.err, TRACTOR_ECANCELED);
    kit_assert_gone(p.pid);
    kit_assert_within_ms(run.ns, 3000);
}

/* ---- all of them ---- */

LIFE_CHILDREN_DO_NOT_LOOK_FOR_LEAKS

int main(int argc, char **argv) {
    tractor_register("breaks", module, NULL);
    tractor_register_endpoint("breaks", &(tractor_endpoint)TRACTOR_CTX("leave_and_stop", leave_at_once), argv, NULL);
    kit_begin(argc, argv);
    LIFE_AT_HOME();
    static const int sides[][2] = {
        { FIRST_BREAK, 0 }, { 0, FIRST_BREAK }, { FIRST_BREAK, SECOND_BREAK }, { SECOND_BREAK, FIRST_BREAK }
    };
    static const char *const side_names[] = { "parent", "child", "parent and child", "child and parent" };
    static const char *const how_names[] = { "half-closed for reading (X-26)", "half-closed for writing (X-26)", "shut",
                                             "reset" };
    static const leaver leavers[] = {
        { "FLT_02: shut", KIT_SHUT_BOTH, false },
        { "FLT_02: reset", KIT_SHUT_RESET, false },
        { "FLT_02: half-closed for reading", KIT_SHUT_READ, false },
        { "FLT_02: half-closed for writing", KIT_SHUT_WRITE, false },
        { "FLT_02: shut and stopped", KIT_SHUT_BOTH, true },
    };
    static kit_test tests[64];
    static break_plan plans[64];
    static char names[64][100];
    size_t count = 0;
    tests[count] = (kit_test){ "FLT_01: nobody", FLT_01, false, &plans[count] };
    count++;
    for (int side = 0; side < 4; side++)
        for (int close_first = 0; close_first < 2; close_first++)
            for (int how = 0; how < 4; how++, count++) {
                plans[count] = (break_plan){ sides[side][0], sides[side][1], close_first != 0, (enum kit_shut)how };
                snprintf(names[count], sizeof names[count], "FLT_01: %s, %s%s", side_names[side], how_names[how],
                         close_first ? ", stream closed" : "");
                tests[count] = (kit_test){ names[count], FLT_01, false, &plans[count] };
            }
    for (size_t i = 0; i < sizeof leavers / sizeof *leavers; i++)
        tests[count++] = (kit_test){ leavers[i].name, FLT_02, false, (void *)(uintptr_t)&leavers[i] };
    tests[count++] = (kit_test)KIT_TEST(FLT_02_interrupted);
    return kit_run_tests_(tests, count);
}
