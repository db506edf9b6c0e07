/* A context endpoint that starts a child of its own, relays a stream through a context in it, and returns a sum. It has no
 * line about cancellation and frees nothing.
 *
 *     relay [ok | cancel | killleaf | killmid | deadline | leafraise | forget]
 *
 * cancel: the root cancels in mid-flight. killleaf, killmid: the innermost or the middle actor is killed then. deadline: the
 * root's nursery has one. leafraise: the leaf raises. forget: the relay forgets to answer. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <tractor.h>

/* The callers pass it on: a child does not see the command line. */
static bool read_mode(tractor_ctx *ctx, const tractor_value *args, char mode[16]) {
    const char *text;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "mode", &text) != TRACTOR_OK)
        return false;
    snprintf(mode, 16, "%s", text);
    return true;
}

/* --- leaf: doubles what it gets, returns how many ----------------------------------------- */

typedef struct {
    tractor_ctx *ctx;
    tractor_stream *stream;
    int64_t count;
    char mode[16];
} leaf;

static void leaf_item(const tractor_error *err, const tractor_value *value, void *user);

static void leaf_sent(const tractor_error *err, void *user) {
    leaf *l = user;
    if (!err)
        tractor_stream_receive(l->stream, NULL, leaf_item, l);
}

static void leaf_item(const tractor_error *err, const tractor_value *value, void *user) {
    leaf *l = user;
    int64_t n;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        tractor_ctx_return(l->ctx, "I", l->count);
    if (err || tractor_ctx_unpack(l->ctx, value, "I", &n) != TRACTOR_OK)
        return;
    if (n == 12 && strcmp(l->mode, "leafraise") == 0) {
        tractor_ctx_raisef(l->ctx, "ValueError", "cannot double 12");
        return;
    }
    l->count++;
    tractor_stream_send_wait(l->stream, NULL, tractor_pack("I", 2 * n), leaf_sent, l);
}

static void run_leaf(tractor_ctx *ctx, const tractor_value *args, void *user) {
    leaf *l = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *l);
    (void)user;
    if (!read_mode(ctx, args, l->mode))
        return;
    l->ctx = ctx;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &l->stream);
    tractor_stream_receive(l->stream, NULL, leaf_item, l);
}

/* --- relay -------------------------------------------------------------------------------- */

typedef struct {
    tractor_ctx *ctx;         /* our caller's */
    tractor_nursery *nursery; /* our own, has the leaf */
    tractor_portal *leaf;
    tractor_stream *up, *down; /* down: NULL once the leaf's context is over */
    int64_t sum;
    char mode[16];
} relay;

static void from_up(const tractor_error *err, const tractor_value *value, void *user);
static void from_down(const tractor_error *err, const tractor_value *value, void *user);

static void sent_down(const tractor_error *err, void *user) {
    relay *r = user;
    if (!err)
        tractor_stream_receive(r->up, NULL, from_up, r);
}

static void sent_up(const tractor_error *err, void *user) {
    relay *r = user;
    if (!err && r->down)
        tractor_stream_receive(r->down, NULL, from_down, r);
}

static void from_up(const tractor_error *err, const tractor_value *value, void *user) {
    relay *r = user;
    if (!r->down)
        return;
    if (!err)
        tractor_stream_send_value(r->down, NULL, value, sent_down, r); /* neither decoded nor copied */
    else if (tractor_error_code(err) == TRACTOR_EEOF)
        tractor_stream_send_eof(r->down); /* one half: the leaf still answers */
}

static void from_down(const tractor_error *err, const tractor_value *value, void *user) {
    relay *r = user;
    int64_t n;
    if (err || tractor_ctx_unpack(r->ctx, value, "I", &n) != TRACTOR_OK)
        return; /* its end is on_leaf_result's affair */
    r->sum += n;
    tractor_stream_send_value(r->up, NULL, value, sent_up, r);
}

static void on_leaf_started(tractor_ctx *of_leaf, const tractor_value *first, void *user) {
    relay *r = user;
    (void)first;
    tractor_ctx_open_stream(of_leaf, NULL, &r->down);
    tractor_ctx_started(r->ctx, "I", tractor_portal_id(r->leaf)->pid);
    tractor_ctx_open_stream(r->ctx, NULL, &r->up);
    tractor_stream_receive(r->up, NULL, from_up, r);
    tractor_stream_receive(r->down, NULL, from_down, r);
}

static void on_leaf_result(const tractor_error *err, const tractor_value *value, void *user) {
    relay *r = user;
    (void)value;
    r->down = NULL;
    if (err)
        tractor_nursery_fail(r->nursery, err);
    else if (strcmp(r->mode, "forget") == 0)
        tractor_nursery_close(r->nursery);
    else
        /* The body is over: the nursery closes, its daemon is cancelled and reaped, then this leaves. */
        tractor_ctx_return(r->ctx, "I", r->sum);
}

static void on_leaf(const tractor_error *err, tractor_portal *portal, void *user) {
    relay *r = user;
    if (err) {
        tractor_nursery_fail(r->nursery, err);
        return;
    }
    r->leaf = portal;
    tractor_portal_open_context(portal, r->nursery, "relay", "leaf", TRACTOR_ARGS("{s:s}", "mode", r->mode), NULL,
                                on_leaf_started, on_leaf_result, r);
}

static void relay_over(const tractor_error *err, void *user) {
    (void)user;
    printf("relay: %s\n", err ? tractor_error_name(err) : "ok");
}

static const char *const modules[] = { "relay", NULL };

static void run_relay(tractor_ctx *ctx, const tractor_value *args, void *user) {
    relay *r = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *r);
    (void)user;
    if (!read_mode(ctx, args, r->mode))
        return;
    r->ctx = ctx;
    tractor_nursery_on_end(tractor_ctx_nursery(ctx), relay_over, r);
    tractor_nursery_options options = { TRACTOR_NURSERY_OPTIONS, .name = "leaves",
                                        .flags = TRACTOR_NURSERY_CANCEL_DAEMONS };
    r->nursery = tractor_nursery_open(tractor_ctx_nursery(ctx), &options, NULL, NULL);
    tractor_nursery_start_actor(r->nursery, "leaf",
                                &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules }, on_leaf, r);
}
static const tractor_endpoint endpoints[] = { TRACTOR_CTX("leaf", run_leaf), TRACTOR_CTX("relay", run_relay),
                                              TRACTOR_ENDPOINTS_END };

/* --- root --------------------------------------------------------------------------------- */

/* So far it sends ahead of the echoes, so that in the middle there is always something under way. */
enum { NUMBERS = 200, AHEAD = 16, MIDDLE = 50 };

typedef struct {
    tractor_nursery *nursery;
    tractor_portal *mid;
    tractor_ctx *ctx;
    tractor_stream *stream;
    int sent, got;
    bool pump_rests;
    int64_t leaf_pid, echoed;
    const char *mode;
} app;

static bool mode_is(const app *a, const char *mode) { return strcmp(a->mode, mode) == 0; }

static void pump(const tractor_error *err, void *user) {
    app *a = user;
    if (err)
        return;
    if (a->sent == NUMBERS) {
        tractor_stream_send_eof(a->stream);
        return;
    }
    a->pump_rests = a->sent - a->got == AHEAD;
    if (a->pump_rests)
        return;
    a->sent++;
    tractor_stream_send_wait(a->stream, NULL, tractor_pack("i", a->sent), pump, a);
}

static void on_cancelled(const tractor_error *err, void *user) {
    (void)user;
    printf("cancel: %s\n", err ? tractor_error_name(err) : "acknowledged");
}

static void on_echo(const tractor_error *err, const tractor_value *value, void *user) {
    app *a = user;
    int64_t n;
    if (err || tractor_unpack(value, "I", &n) != TRACTOR_OK)
        return;
    a->echoed += n;
    if (++a->got == MIDDLE) {
        if (mode_is(a, "cancel"))
            tractor_ctx_cancel(a->ctx, a->nursery, NULL, on_cancelled, a);
        if (mode_is(a, "killleaf"))
            kill((pid_t)a->leaf_pid, SIGKILL);
        if (mode_is(a, "killmid"))
            kill((pid_t)tractor_portal_id(a->mid)->pid, SIGKILL);
    }
    if (a->pump_rests)
        pump(NULL, a);
    tractor_stream_receive(a->stream, NULL, on_echo, a);
}

static void on_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    app *a = user;
    a->ctx = ctx;
    tractor_unpack(first, "I", &a->leaf_pid);
    tractor_ctx_open_stream(ctx, NULL, &a->stream);
    tractor_stream_receive(a->stream, NULL, on_echo, a);
    pump(NULL, a);
}

static void on_result(const tractor_error *err, const tractor_value *value, void *user) {
    app *a = user;
    int64_t sum;
    if (err)
        printf("result: %s, %s\n", tractor_error_name(err), tractor_error_message(err));
    else if (!value)
        printf("result: none\n");
    else if (tractor_unpack(value, "I", &sum) == TRACTOR_OK)
        printf("result: %" PRId64 ", echoed %" PRId64 " in %d\n", sum, a->echoed, a->got);
}

static void on_mid(const tractor_error *err, tractor_portal *portal, void *user) {
    app *a = user;
    if (err) {
        tractor_nursery_fail(a->nursery, err);
        return;
    }
    a->mid = portal;
    tractor_portal_open_context(portal, a->nursery, "relay", "relay", TRACTOR_ARGS("{s:s}", "mode", a->mode), NULL,
                                on_started, on_result, a);
    if (mode_is(a, "deadline"))
        tractor_nursery_set_timeout(a->nursery, 1);
}

static void on_exit_of_mid(const tractor_error *err, void *user) {
    (void)user;
    printf("mid: %s\n", tractor_error_message(err));
}

static void on_end(const tractor_error *err, void *user) {
    (void)user;
    printf("root: %s\n", err ? tractor_error_name(err) : "ok");
}

static void root(tractor_nursery *nursery, void *user) {
    app *a = tractor_nursery_alloc(nursery, sizeof *a);
    a->mode = user;
    tractor_nursery_options options = { TRACTOR_NURSERY_OPTIONS, .name = "top",
                                        .flags = TRACTOR_NURSERY_CANCEL_DAEMONS };
    a->nursery = tractor_nursery_open(nursery, &options, on_end, a);
    tractor_spawn_options of_mid = { TRACTOR_SPAWN_OPTIONS, .modules = modules, .on_exit = on_exit_of_mid };
    tractor_nursery_start_actor(a->nursery, "mid", &of_mid, on_mid, a);
    tractor_nursery_close(a->nursery);
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0); /* the processes share it */
    tractor_register("relay", endpoints, NULL);
    return tractor_main(argc, argv, NULL, root, argc > 1 ? argv[1] : (void *)(uintptr_t) "ok");
}
