/* Two streams at a time through one portal. Each is a task of its own in the child, and neither waits for the other. */
#include <stdio.h>

#include <tractor.h>

/* --- in the child ------------------------------------------------------------------------- */

typedef struct {
    tractor_ctx *ctx;
    tractor_stream *stream;
    int left;
    int64_t pause;
} counter;

static void count_down(const tractor_error *err, void *user) {
    counter *c = user;
    if (err)
        return; /* nobody listens any more */
    if (c->left == 0) {
        tractor_ctx_return(c->ctx, NULL); /* a generator ends with nil: the consumer sees the end of the stream */
        return;
    }
    tractor_stream_sendf(c->stream, "i", c->left--);
    tractor_nursery_sleep(tractor_ctx_nursery(c->ctx), c->pause, count_down, c);
}

static void countdown(tractor_ctx *ctx, const tractor_value *args, void *user) {
    counter *c = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *c);
    int pause_ms;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i, s:i}", "from", &c->left, "pause_ms", &pause_ms) != TRACTOR_OK)
        return;
    c->ctx = ctx;
    c->pause = pause_ms * TRACTOR_MS;
    tractor_ctx_open_stream(ctx, NULL, &c->stream);
    count_down(NULL, c);
}
static const tractor_endpoint counting[] = { TRACTOR_GEN("countdown", countdown), TRACTOR_ENDPOINTS_END };

/* --- in the root -------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    int from, pause_ms;
    tractor_stream *stream;
} clock_face;
static clock_face clocks[] = { { "slow", 3, 100, NULL }, { "fast", 4, 10, NULL } };

static void on_number(const tractor_error *err, const tractor_value *value, void *user) {
    clock_face *c = user;
    int n;
    if (err) {
        if (tractor_error_code(err) == TRACTOR_EEOF)
            printf("%s: lift-off\n", c->name);
    } else if (tractor_unpack(value, "i", &n) == TRACTOR_OK) {
        printf("%s: %d\n", c->name, n);
        tractor_stream_receive(c->stream, NULL, on_number, c);
    }
}

static void on_open(tractor_stream *stream, void *user) {
    clock_face *c = user;
    c->stream = stream;
    tractor_stream_receive(stream, NULL, on_number, c);
}

static void on_child(const tractor_error *err, tractor_portal *portal, void *user) {
    if (err) {
        tractor_nursery_fail(user, err);
        return;
    }
    for (clock_face *c = clocks; c < clocks + 2; c++) /* nobody is given for their ends: errors go to the nursery */
        tractor_portal_open_stream_from(portal, NULL, "counting", "countdown",
                                        TRACTOR_ARGS("{s:i, s:i}", "from", c->from, "pause_ms", c->pause_ms), NULL,
                                        on_open, NULL, c);
}

static void root(tractor_nursery *nursery, void *user) {
    (void)user;
    const char *const modules[] = { "counting", NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    /* The child serves until it is cancelled; its nursery does that when nothing else is left to do. */
    tractor_nursery_options house = { TRACTOR_NURSERY_OPTIONS, .flags = TRACTOR_NURSERY_CANCEL_DAEMONS };
    tractor_nursery *n = tractor_nursery_open(nursery, &house, NULL, NULL);
    tractor_nursery_start_actor(n, "counter", &options, on_child, n);
    tractor_nursery_close(n);
}

int main(int argc, char **argv) {
    tractor_register("counting", counting, NULL);
    return tractor_main(argc, argv, NULL, root, NULL);
}
