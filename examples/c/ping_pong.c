/* A stream in both directions: the root pings, its child pongs, and both count. */
#include <stdio.h>

#include <tractor.h>

/* --- in the child ------------------------------------------------------------------------- */

typedef struct {
    tractor_stream *stream;
    int pings;
} table;

static void on_ping(const tractor_error *err, const tractor_value *ping, void *user) {
    table *t = user;
    (void)ping;
    if (!err) {
        t->pings++;
        tractor_stream_sendf(t->stream, "s", "pong");
        tractor_stream_receive(t->stream, NULL, on_ping, t);
    } else if (tractor_error_code(err) == TRACTOR_EEOF) {
        tractor_ctx_return(tractor_stream_ctx(t->stream), "i", t->pings);
    } /* else the caller is gone or has cancelled: the runtime answers for us */
}

/* A context first says that it is ready; after that both sides may open their stream. What belongs to the task lives in
 * its nursery, so nothing has to be freed. */
static void play(tractor_ctx *ctx, const tractor_value *args, void *user) {
    table *t = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *t);
    (void)args;
    (void)user;
    tractor_ctx_started(ctx, "i", 11);
    tractor_ctx_open_stream(ctx, NULL, &t->stream);
    tractor_stream_receive(t->stream, NULL, on_ping, t);
}
static const tractor_endpoint games[] = { TRACTOR_CTX("play", play), TRACTOR_ENDPOINTS_END };

/* --- in the root -------------------------------------------------------------------------- */

static tractor_stream *stream;
static int pongs;

static void on_pong(const tractor_error *err, const tractor_value *pong, void *user) {
    (void)pong;
    (void)user;
    if (err)
        return; /* on_result is told why */
    if (++pongs == 10) {
        tractor_stream_close(stream); /* the child is told, and answers */
        return;
    }
    tractor_stream_sendf(stream, "s", "ping");
    tractor_stream_receive(stream, NULL, on_pong, NULL);
}

static void on_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    int lucky;
    (void)user;
    if (tractor_unpack(first, "i", &lucky) == TRACTOR_OK)
        printf("the child has started with %d\n", lucky);
    tractor_ctx_open_stream(ctx, NULL, &stream);
    tractor_stream_sendf(stream, "s", "ping");
    tractor_stream_receive(stream, NULL, on_pong, NULL);
}

static void on_result(const tractor_error *err, const tractor_value *result, void *user) {
    int pings;
    if (err)
        tractor_nursery_fail(user, err);
    else if (tractor_unpack(result, "i", &pings) == TRACTOR_OK)
        printf("%d pongs here, %d pings there\n", pongs, pings);
}

static void on_child(const tractor_error *err, tractor_portal *portal, void *user) {
    if (err)
        tractor_nursery_fail(user, err);
    else
        tractor_portal_open_context(portal, NULL, "games", "play", TRACTOR_ARGS("{}"), NULL, on_started, on_result,
                                    user);
}

static void root(tractor_nursery *nursery, void *user) {
    (void)user;
    const char *const modules[] = { "games", NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    /* The child serves until it is cancelled; its nursery does that when nothing else is left to do. */
    tractor_nursery_options house = { TRACTOR_NURSERY_OPTIONS, .flags = TRACTOR_NURSERY_CANCEL_DAEMONS };
    tractor_nursery *n = tractor_nursery_open(nursery, &house, NULL, NULL);
    tractor_nursery_start_actor(n, "player", &options, on_child, n);
    tractor_nursery_close(n);
}

int main(int argc, char **argv) {
    tractor_register("games", games, NULL);
    return tractor_main(argc, argv, NULL, root, NULL);
}
