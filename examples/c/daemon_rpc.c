/* A child that serves: it is called twice, then cancelled. */
#include <stdio.h>

#include <tractor.h>

/* --- in the child ------------------------------------------------------------------------- */

/* State of a daemon is ordinary state of its process. */
static int visits;

static void greet(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *who;
    char text[80];
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "who", &who) != TRACTOR_OK)
        return; /* the caller gets a TypeError that names `who` */
    snprintf(text, sizeof text, "hello %s, you are visitor %d of %s", who, ++visits,
             tractor_actor_id(tractor_ctx_actor(ctx))->name);
    tractor_ctx_return(ctx, "s", text);
}
static const tractor_endpoint desk[] = { TRACTOR_FUNC("greet", greet), TRACTOR_ENDPOINTS_END };

/* --- in the root -------------------------------------------------------------------------- */

typedef struct {
    tractor_nursery *nursery;
    tractor_portal *doorman;
} app;

static bool show(const tractor_error *err, const tractor_value *value, app *a) {
    const char *text;
    if (err)
        tractor_nursery_fail(a->nursery, err);
    else if (tractor_unpack(value, "s", &text) == TRACTOR_OK)
        puts(text);
    return !err;
}

static void on_cancelled(const tractor_error *err, void *user) {
    (void)user;
    printf("the doorman %s\n", err ? tractor_error_message(err) : "says good bye");
}

static void on_second(const tractor_error *err, const tractor_value *value, void *user) {
    app *a = user;
    if (show(err, value, a))
        tractor_portal_cancel_actor(a->doorman, NULL, NULL, on_cancelled, NULL);
}

static void on_first(const tractor_error *err, const tractor_value *value, void *user) {
    app *a = user;
    if (show(err, value, a))
        tractor_portal_run(a->doorman, NULL, "desk", "greet", TRACTOR_ARGS("{s:s}", "who", "bob"), NULL, on_second, a);
}

static void on_doorman(const tractor_error *err, tractor_portal *portal, void *user) {
    app *a = user;
    if (err) {
        tractor_nursery_fail(a->nursery, err);
        return;
    }
    a->doorman = portal;
    tractor_portal_run(portal, NULL, "desk", "greet", TRACTOR_ARGS("{s:s}", "who", "alice"), NULL, on_first, a);
}

static void root(tractor_nursery *nursery, void *user) {
    app *a = user;
    a->nursery = nursery;
    const char *const modules[] = { "desk", NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    tractor_nursery_start_actor(nursery, "doorman", &options, on_doorman, a);
} /* the nursery waits for the daemon: without the cancel above, this program would serve for ever */

int main(int argc, char **argv) {
    app a = { 0 };
    tractor_register("desk", desk, NULL);
    return tractor_main(argc, argv, NULL, root, &a);
}
