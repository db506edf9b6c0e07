/* A context with a stream: a worker adds up what it is sent, and answers each number with the sum so far. */
#include <inttypes.h>
#include <stdio.h>

#include <tractor.h>

/* --- in the worker ------------------------------------------------------------------------ */

typedef struct {
    tractor_ctx *ctx;
    tractor_stream *stream;
    int64_t sum;
} tally;

static void on_item(const tractor_error *err, const tractor_value *item, void *user);

static void on_sent(const tractor_error *err, void *user) {
    tally *t = user;
    if (!err)
        tractor_stream_receive(t->stream, NULL, on_item, t);
}

static void on_item(const tractor_error *err, const tractor_value *item, void *user) {
    tally *t = user;
    int64_t n;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        tractor_ctx_return(t->ctx, "I", t->sum);
    if (err || tractor_ctx_unpack(t->ctx, item, "I", &n) != TRACTOR_OK)
        return; /* anything else is the scope's affair already */
    t->sum += n;
    tractor_stream_send_wait(t->stream, NULL, tractor_pack("I", t->sum), on_sent, t);
}

static void tally_numbers(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *greeting;
    char first[64];
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "greeting", &greeting) != TRACTOR_OK)
        return;
    tally *t = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *t);
    t->ctx = ctx;
    snprintf(first, sizeof first, "%s, %s", greeting, tractor_ctx_peer(ctx)->name);
    tractor_ctx_started(ctx, "s", first);
    tractor_ctx_open_stream(ctx, NULL, &t->stream);
    tractor_stream_receive(t->stream, NULL, on_item, t);
}
static const tractor_endpoint numbers[] = { TRACTOR_CTX("tally", tally_numbers), TRACTOR_ENDPOINTS_END };

/* --- in the root -------------------------------------------------------------------------- */

typedef struct {
    tractor_nursery *nursery;
    tractor_portal *worker;
    tractor_stream *stream;
    int next;
} app;

static void on_sum(const tractor_error *err, const tractor_value *item, void *user) {
    app *a = user;
    int64_t sum;
    if (err || tractor_unpack(item, "I", &sum) != TRACTOR_OK)
        return; /* EEOF */
    printf("%" PRId64 "\n", sum);
    if (++a->next > 3)
        tractor_stream_send_eof(a->stream);
    else
        tractor_stream_sendf(a->stream, "i", a->next);
    tractor_stream_receive(a->stream, NULL, on_sum, a);
}

static void on_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    app *a = user;
    const char *text;
    if (tractor_unpack(first, "s", &text) == TRACTOR_OK)
        printf("started: %s\n", text);
    tractor_ctx_open_stream(ctx, NULL, &a->stream);
    tractor_stream_sendf(a->stream, "i", a->next = 1);
    tractor_stream_receive(a->stream, NULL, on_sum, a);
}

static void on_result(const tractor_error *err, const tractor_value *value, void *user) {
    app *a = user;
    int64_t sum;
    if (err)
        tractor_nursery_fail(a->nursery, err);
    else if (tractor_unpack(value, "I", &sum) == TRACTOR_OK)
        printf("sum %" PRId64 "\n", sum);
    tractor_portal_cancel_actor(a->worker, NULL, NULL, NULL, NULL);
}

static void on_worker(const tractor_error *err, tractor_portal *portal, void *user) {
    app *a = user;
    if (err) {
        tractor_nursery_fail(a->nursery, err);
        return;
    }
    a->worker = portal; /* borrowed: good until the nursery ends */
    tractor_portal_open_context(portal, a->nursery, "numbers", "tally", TRACTOR_ARGS("{s:s}", "greeting", "hello"),
                                NULL, on_started, on_result, a);
}

static void root(tractor_nursery *nursery, void *user) {
    app *a = tractor_nursery_alloc(nursery, sizeof *a);
    (void)user;
    a->nursery = nursery;
    const char *const modules[] = { "numbers", NULL };
    tractor_nursery_start_actor(nursery, "worker",
                                &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules }, on_worker, a);
}

int main(int argc, char **argv) {
    tractor_register("numbers", numbers, NULL);
    return tractor_main(argc, argv, NULL, root, NULL);
}
