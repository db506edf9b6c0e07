/* Payload types: a child doubles points, and says at once what is wrong with one that is none. */
#include <stdio.h>

#include <tractor.h>

/* What the endpoint starts with, streams and returns. Both sides are this program, so both know it and check what they
 * are sent; a peer in another language may say the same in its own way. docs/types.md has the language. */
#define POINTS "started: {unit: str}; stream: {x: float, y: float}; return: None"

/* --- in the child ------------------------------------------------------------------------- */

static void on_point(const tractor_error *err, const tractor_value *point, void *user) {
    tractor_stream *from = user;
    double x, y;
    if (err)
        return; /* what was no point has failed the task already */
    /* It is a point: that was checked. */
    tractor_unpack(point, "{s:d, s:d}", "x", &x, "y", &y);
    tractor_stream_sendf(from, "{s:d, s:d}", "x", 2 * x, "y", 2 * y);
    tractor_stream_receive(from, NULL, on_point, from);
}

static void double_points(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_stream *from;
    (void)args;
    (void)user;
    tractor_ctx_started(ctx, "{s:s}", "unit", "mm"); /* checked before it leaves */
    tractor_ctx_open_stream(ctx, NULL, &from);
    tractor_stream_receive(from, NULL, on_point, from);
}
static const tractor_endpoint plane[] = { TRACTOR_CTX_TYPED("double_points", double_points, POINTS),
                                          TRACTOR_ENDPOINTS_END };

/* --- in the root -------------------------------------------------------------------------- */

static tractor_stream *stream;

static void on_doubled(const tractor_error *err, const tractor_value *point, void *user) {
    double x, y;
    (void)user;
    if (err || tractor_unpack(point, "{s:d, s:d}", "x", &x, "y", &y) != TRACTOR_OK)
        return; /* on_result is told why */
    printf("(%g, %g)\n", x, y);
    if (x == 4) /* these are no floats */
        tractor_stream_sendf(stream, "{s:s, s:s}", "x", "three", "y", "three");
    tractor_stream_receive(stream, NULL, on_doubled, NULL);
}

static void on_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    (void)first;
    (void)user;
    tractor_ctx_open_stream(ctx, NULL, &stream);
    for (int i = 0; i < 3; i++)
        tractor_stream_sendf(stream, "{s:d, s:d}", "x", (double)i, "y", (double)i);
    tractor_stream_receive(stream, NULL, on_doubled, NULL);
}

static void on_result(const tractor_error *err, const tractor_value *result, void *user) {
    (void)result;
    (void)user;
    if (err)
        printf("%s: %s\n", tractor_error_boxed_type(err), tractor_error_message(err));
}

static void on_child(const tractor_error *err, tractor_portal *portal, void *user) {
    if (err)
        tractor_nursery_fail(user, err);
    else
        tractor_portal_open_context(portal, NULL, "plane", "double_points", TRACTOR_ARGS("{}"), NULL, on_started,
                                    on_result, NULL);
}

static void root(tractor_nursery *nursery, void *user) {
    (void)user;
    const char *const modules[] = { "plane", NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    /* The child serves until it is cancelled; its nursery does that when nothing else is left to do. */
    tractor_nursery_options house = { TRACTOR_NURSERY_OPTIONS, .flags = TRACTOR_NURSERY_CANCEL_DAEMONS };
    tractor_nursery *n = tractor_nursery_open(nursery, &house, NULL, NULL);
    tractor_nursery_start_actor(n, "doubler", &options, on_child, n);
    tractor_nursery_close(n);
}

int main(int argc, char **argv) {
    tractor_register("plane", plane, NULL);
    return tractor_main(argc, argv, NULL, root, NULL);
}
