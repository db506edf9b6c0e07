/* Two actors that know nothing of each other but the name: each finds the other one and says hello. */
#include <stdio.h>

#include <tractor.h>

/* --- in each of the two ------------------------------------------------------------------- */

static void hello(tractor_ctx *ctx, const tractor_value *args, void *user) {
    char text[80];
    (void)args;
    (void)user;
    snprintf(text, sizeof text, "Hi %s, I am %s", tractor_ctx_peer(ctx)->name,
             tractor_actor_id(tractor_ctx_actor(ctx))->name);
    tractor_ctx_return(ctx, "s", text);
}

static void on_hello(const tractor_error *err, const tractor_value *value, void *user) {
    tractor_ctx *ctx = user;
    if (err)
        tractor_ctx_raise(ctx, err);
    else
        tractor_ctx_return_value(ctx, tractor_value_bytes(value));
}

static void on_partner(const tractor_error *err, tractor_portal *partner, void *user) {
    tractor_ctx *ctx = user;
    if (err)
        tractor_ctx_raise(ctx, err);
    else
        tractor_portal_run(partner, NULL, "scene", "hello", TRACTOR_ARGS("{}"), NULL, on_hello, ctx);
}

/* The other one may not have registered yet: so it waits for it. What it finds belongs to this task. */
static void act(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *partner;
    (void)user;
    tractor_find_options patience = { TRACTOR_FIND_OPTIONS, .timeout_ns = 10 * TRACTOR_SECOND };
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "with", &partner) == TRACTOR_OK)
        tractor_wait_for_actor(tractor_ctx_nursery(ctx), partner, &patience, on_partner, ctx);
}
static const tractor_endpoint scene[] = { TRACTOR_FUNC("hello", hello), TRACTOR_FUNC("act", act),
                                          TRACTOR_ENDPOINTS_END };

/* --- in the root, which is the registrar --------------------------------------------------- */

typedef struct {
    tractor_nursery *nursery;
    int acting;
} stage;

typedef struct {
    stage *stage;
    const char *name, *partner;
} actor;

static void on_line(const tractor_error *err, const tractor_value *value, void *user) {
    stage *s = ((actor *)user)->stage;
    const char *line;
    if (err)
        tractor_nursery_fail(s->nursery, err);
    else if (tractor_unpack(value, "s", &line) == TRACTOR_OK)
        puts(line);
    /* Each has to stay until the other one has called it. */
    if (--s->acting == 0)
        tractor_nursery_cancel(s->nursery, "the scene is over");
}

static void on_actor(const tractor_error *err, tractor_portal *portal, void *user) {
    actor *a = user;
    if (err)
        tractor_nursery_fail(a->stage->nursery, err);
    else
        tractor_portal_run(portal, NULL, "scene", "act", TRACTOR_ARGS("{s:s}", "with", a->partner), NULL, on_line, a);
}

static void root(tractor_nursery *nursery, void *user) {
    static stage s;
    static actor pair[] = { { &s, "donny", "gretchen" }, { &s, "gretchen", "donny" } };
    const char *const modules[] = { "scene", NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    (void)user;
    s.nursery = nursery;
    for (; s.acting < 2; s.acting++)
        tractor_nursery_start_actor(nursery, pair[s.acting].name, &options, on_actor, &pair[s.acting]);
}

int main(int argc, char **argv) {
    tractor_register("scene", scene, NULL);
    return tractor_main(argc, argv, NULL, root, NULL);
}
