/* One stream, several consumers in this process: each subscriber gets every value. */
#include <stdio.h>

#include <tractor.h>

/* --- in the child ------------------------------------------------------------------------- */

/* The root says when to begin: a subscriber gets what is received after its subscription. */
static void on_go(const tractor_error *err, const tractor_value *go, void *user) {
    tractor_stream *stream = user;
    (void)go;
    if (err)
        return;
    for (int i = 0; i < 5; i++)
        tractor_stream_send_wait(stream, NULL, tractor_pack("i", i), NULL, NULL);
    tractor_ctx_return(tractor_stream_ctx(stream), NULL); /* this also ends the stream */
}

static void quotes(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_stream *stream;
    (void)args;
    (void)user;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &stream);
    tractor_stream_receive(stream, NULL, on_go, stream);
}
static const tractor_endpoint market[] = { TRACTOR_CTX("quotes", quotes), TRACTOR_ENDPOINTS_END };

/* --- in the root -------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    tractor_stream *stream;
    int count, sum;
} consumer;
static consumer consumers[] = { { .name = "ann" }, { .name = "bob" }, { .name = "cat" } };

static void on_quote(const tractor_error *err, const tractor_value *value, void *user) {
    consumer *c = user;
    int n;
    if (err) {
        if (tractor_error_code(err) == TRACTOR_EEOF) /* the end reaches all of them */
            printf("%s has got %d quotes, their sum is %d\n", c->name, c->count, c->sum);
    } else if (tractor_unpack(value, "i", &n) == TRACTOR_OK) {
        printf("%s: %d\n", c->name, n);
        c->count++;
        c->sum += n;
        tractor_stream_receive(c->stream, NULL, on_quote, c);
    }
}

static void on_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    tractor_stream *stream;
    (void)first;
    (void)user;
    tractor_ctx_open_stream(ctx, NULL, &stream);
    for (size_t i = 0; i < sizeof consumers / sizeof *consumers; i++) {
        consumer *c = &consumers[i];
        tractor_stream_subscribe(stream, 0, &c->stream);
        tractor_stream_receive(c->stream, NULL, on_quote, c);
    }
    tractor_stream_sendf(stream, "s", "go");
}

static void on_child(const tractor_error *err, tractor_portal *portal, void *user) {
    if (err)
        tractor_nursery_fail(user, err);
    else /* nobody is given for its result: an error goes to the nursery */
        tractor_portal_open_context(portal, NULL, "market", "quotes", TRACTOR_ARGS("{}"), NULL, on_started, NULL, NULL);
}

static void root(tractor_nursery *nursery, void *user) {
    (void)user;
    const char *const modules[] = { "market", NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    /* The child serves until it is cancelled; its nursery does that when nothing else is left to do. */
    tractor_nursery_options house = { TRACTOR_NURSERY_OPTIONS, .flags = TRACTOR_NURSERY_CANCEL_DAEMONS };
    tractor_nursery *n = tractor_nursery_open(nursery, &house, NULL, NULL);
    tractor_nursery_start_actor(n, "ticker", &options, on_child, n);
    tractor_nursery_close(n);
}

int main(int argc, char **argv) {
    tractor_register("market", market, NULL);
    return tractor_main(argc, argv, NULL, root, NULL);
}
