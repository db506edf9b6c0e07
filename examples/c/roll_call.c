/* Actors that find each other by name, and a watch on who comes and goes. */
#include <stdio.h>

#include <tractor.h>

/* --- in the smith: it serves whoever comes ------------------------------------------------- */

static void forge(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *what;
    char text[80];
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "what", &what) != TRACTOR_OK)
        return;
    snprintf(text, sizeof text, "a %s for the %s", what, tractor_ctx_peer(ctx)->name);
    tractor_ctx_return(ctx, "s", text);
}
static const tractor_endpoint smithy[] = { TRACTOR_FUNC("forge", forge), TRACTOR_ENDPOINTS_END };

/* --- in the rider: it knows nothing of the smith but the name ------------------------------- */

static void on_forged(const tractor_error *err, const tractor_value *value, void *user) {
    tractor_ctx *ctx = user;
    if (err)
        tractor_ctx_raise(ctx, err);
    else
        tractor_ctx_return_value(ctx, tractor_value_bytes(value));
}

static void on_smith(const tractor_error *err, tractor_portal *smith, void *user) {
    tractor_ctx *ctx = user;
    if (err)
        tractor_ctx_raise(ctx, err);
    else
        tractor_portal_run(smith, NULL, "smithy", "forge", TRACTOR_ARGS("{s:s}", "what", "horseshoe"), NULL, on_forged,
                           ctx);
}

static void ride(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args;
    (void)user;
    tractor_find_options patience = { TRACTOR_FIND_OPTIONS, .timeout_ns = 10 * TRACTOR_SECOND };
    tractor_wait_for_actor(tractor_ctx_nursery(ctx), "smith", &patience, on_smith, ctx);
}
static const tractor_endpoint road[] = { TRACTOR_FUNC("rider", ride), TRACTOR_ENDPOINTS_END };

/* --- in the root, which is the registrar ----------------------------------------------------- */

typedef struct {
    tractor_nursery *nursery;
    tractor_op watch;
} app;

static void on_found(const tractor_error *err, tractor_portal *portal, void *user) {
    app *a = user;
    if (err)
        tractor_nursery_fail(a->nursery, err);
    else if (!portal)
        puts("there is no smith any more");
    else
        tractor_portal_cancel_actor(portal, NULL, NULL, NULL, NULL);
}

static void on_rider(const tractor_error *err, const tractor_value *value, void *user) {
    app *a = user;
    const char *text;
    if (err) {
        tractor_nursery_fail(a->nursery, err);
        return;
    }
    if (tractor_unpack(value, "s", &text) == TRACTOR_OK)
        printf("the rider has got %s\n", text);
    tractor_find_actor(a->nursery, "smith", NULL, on_found, a);
}

static void on_event(int event, const tractor_id *id, const char *const *addrs, void *user) {
    app *a = user;
    switch (event) {
        case TRACTOR_WATCH_JOIN:
            printf("the %s is there%s\n", id->name, addrs[0] ? "" : ", nobody knows where");
            break;
        case TRACTOR_WATCH_LEAVE:
            printf("the %s has left\n", id->name);
            tractor_op_cancel(tractor_nursery_actor(a->nursery), a->watch);
            break;
        case TRACTOR_WATCH_SYNCED:
            puts("that were all");
            break;
    }
}

static void on_watch_end(const tractor_error *err, void *user) {
    (void)user;
    printf("the watch is over: %s\n", tractor_error_name(err));
}

static void root(tractor_nursery *nursery, void *user) {
    app *a = user;
    a->nursery = nursery;
    a->watch = tractor_watch_actors(nursery, "smith", NULL, on_event, on_watch_end, a);
    tractor_nursery_run_in_actor(nursery, "road", "rider", TRACTOR_ARGS("{}"), NULL, on_rider, a);

    const char *const modules[] = { "smithy", NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    tractor_nursery_start_actor(nursery, "smith", &options, NULL, NULL);
}

int main(int argc, char **argv) {
    app a = { 0 };
    tractor_register("smithy", smithy, NULL);
    tractor_register("road", road, NULL);
    return tractor_main(argc, argv, NULL, root, &a);
}
