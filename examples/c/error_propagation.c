/* One error, and a whole tree ends in order: three daemons are busy, the child of a fourth one fails. */
#include <stdio.h>

#include <tractor.h>

/* --- in the children ---------------------------------------------------------------------- */

/* Busy until somebody cancels it. */
static void serve(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args;
    (void)user;
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL);
}

static void divide(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int a, b;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i, s:i}", "a", &a, "b", &b) != TRACTOR_OK)
        return;
    if (b == 0)
        tractor_ctx_raisef(ctx, "ZeroDivisionError", "%d shall be divided by nothing", a);
    else
        tractor_ctx_return(ctx, "i", a / b);
}

/* Has a child of its own divide, and has not a line about errors: what the child raises is raised here. */
static void compute(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_bytes same = tractor_value_bytes(args);
    (void)user;
    tractor_nursery_run_in_actor(tractor_ctx_nursery(ctx), "jobs", "divide", same, NULL, NULL, NULL);
}
static const tractor_endpoint jobs[] = { TRACTOR_FUNC("serve", serve), TRACTOR_FUNC("compute", compute),
                                         TRACTOR_FUNC("divide", divide), TRACTOR_ENDPOINTS_END };

/* --- in the root -------------------------------------------------------------------------- */

enum { SERVERS = 3 };
typedef struct app app;
typedef struct {
    app *app;
    const char *name;
} server;
struct app {
    tractor_nursery *nursery;
    server servers[SERVERS];
    int up;
};

/* None of them did anything wrong: their calls end with ECANCELED, and the message says why. */
static void on_served(const tractor_error *err, const tractor_value *value, void *user) {
    const server *s = user;
    (void)value;
    printf("%s: %s, %s\n", s->name, tractor_error_name(err), tractor_error_message(err));
}

static void on_server(const tractor_error *err, tractor_portal *portal, void *user) {
    server *s = user;
    app *a = s->app;
    if (err) {
        tractor_nursery_fail(a->nursery, err);
        return;
    }
    tractor_portal_run(portal, NULL, "jobs", "serve", TRACTOR_ARGS("{}"), NULL, on_served, s);
    if (++a->up == SERVERS) /* nobody is given for its error: the nursery gets it, and cancels the rest */
        tractor_nursery_run_in_actor(a->nursery, "jobs", "compute", TRACTOR_ARGS("{s:i, s:i}", "a", 7, "b", 0), NULL,
                                     NULL, NULL);
}

/* All children are reaped now. */
static void on_end(const tractor_error *err, void *user) {
    (void)user;
    printf("the nursery ended with %s: %s\n", tractor_error_name(err), tractor_error_message(err));
    printf("a %s, raised in", tractor_error_source_type(err));
    for (size_t i = 0; i < tractor_error_relay_count(err); i++)
        printf("%s '%s'", i == 0 ? "" : ", passed on by", tractor_error_relay(err, i)->name);
    puts("");
}

static void root(tractor_nursery *nursery, void *user) {
    app *a = user;
    const char *const names[SERVERS] = { "server-1", "server-2", "server-3" };
    const char *const modules[] = { "jobs", NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    a->nursery = tractor_nursery_open(nursery, NULL, on_end, a);
    for (int i = 0; i < SERVERS; i++) {
        server *s = &a->servers[i];
        s->app = a;
        s->name = names[i];
        tractor_nursery_start_actor(a->nursery, s->name, &options, on_server, s);
    }
    tractor_nursery_close(a->nursery);
}

int main(int argc, char **argv) {
    app a = { 0 };
    tractor_register("jobs", jobs, NULL);
    return tractor_main(argc, argv, NULL, root, &a);
}
