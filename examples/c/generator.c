/* A generator: a child yields as long as somebody listens. */
#include <inttypes.h>
#include <stdio.h>

#include <tractor.h>

/* --- in the child ------------------------------------------------------------------------- */

typedef struct {
    tractor_stream *stream;
    uint64_t a, b;
} fib;

/* It has no end of its own. A slow consumer stops it here: a send completes when there is room for its value. When the
 * consumer leaves, the task is cancelled, the send ends with ECANCELED, and that is all. */
static void yield_next(const tractor_error *err, void *user) {
    fib *f = user;
    if (err)
        return;
    uint64_t next = f->a;
    f->a = f->b;
    f->b += next;
    tractor_stream_send_wait(f->stream, NULL, tractor_pack("U", next), yield_next, f);
}

static void fibonacci(tractor_ctx *ctx, const tractor_value *args, void *user) {
    fib *f = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *f);
    (void)args;
    (void)user;
    f->b = 1;
    tractor_ctx_open_stream(ctx, NULL, &f->stream);
    yield_next(NULL, f);
}
static const tractor_endpoint numbers[] = { TRACTOR_GEN("fibonacci", fibonacci), TRACTOR_ENDPOINTS_END };

/* --- in the root -------------------------------------------------------------------------- */

static tractor_stream *stream;

static void on_number(const tractor_error *err, const tractor_value *value, void *user) {
    uint64_t n;
    (void)user;
    if (err || tractor_unpack(value, "U", &n) != TRACTOR_OK)
        return;
    printf("%" PRIu64 "\n", n);
    if (n < 100)
        tractor_stream_receive(stream, NULL, on_number, NULL);
    else
        tractor_stream_close(stream); /* we have seen enough: this ends the generator */
}

static void on_open(tractor_stream *opened, void *user) {
    (void)user;
    stream = opened;
    tractor_stream_receive(stream, NULL, on_number, NULL);
}

static void on_end(const tractor_error *err, void *user) {
    if (err)
        tractor_nursery_fail(user, err);
    else
        puts("that will do");
}

static void on_child(const tractor_error *err, tractor_portal *portal, void *user) {
    if (err)
        tractor_nursery_fail(user, err);
    else
        tractor_portal_open_stream_from(portal, NULL, "numbers", "fibonacci", TRACTOR_ARGS("{}"), NULL, on_open, on_end,
                                        user);
}

static void root(tractor_nursery *nursery, void *user) {
    (void)user;
    const char *const modules[] = { "numbers", NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    /* The child serves until it is cancelled; its nursery does that when nothing else is left to do. */
    tractor_nursery_options house = { TRACTOR_NURSERY_OPTIONS, .flags = TRACTOR_NURSERY_CANCEL_DAEMONS };
    tractor_nursery *n = tractor_nursery_open(nursery, &house, NULL, NULL);
    tractor_nursery_start_actor(n, "leonardo", &options, on_child, n);
    tractor_nursery_close(n);
}

int main(int argc, char **argv) {
    tractor_register("numbers", numbers, NULL);
    return tractor_main(argc, argv, NULL, root, NULL);
}
