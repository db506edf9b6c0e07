/* Questions at the edges of the rules, as endpoints of a child that the root calls one after the other. Prints what came
 * out. */
#include <assert.h>
#include <stdio.h>

#include <tractor.h>

static const char *const modules[] = { "edges", NULL };

static tractor_nursery *open_shielded(tractor_ctx *ctx, int64_t timeout) {
    tractor_nursery_options options = { TRACTOR_NURSERY_OPTIONS, .name = "shielded", .flags = TRACTOR_NURSERY_SHIELD,
                                        .timeout_ns = timeout };
    return tractor_nursery_open(tractor_ctx_nursery(ctx), &options, NULL, NULL);
}

/* In a nested nursery that nobody closes but the answer. */
static void start_child(tractor_ctx *ctx, const char *name, tractor_portal_fn fn) {
    tractor_nursery_options options = { TRACTOR_NURSERY_OPTIONS, .name = name,
                                        .flags = TRACTOR_NURSERY_CANCEL_DAEMONS };
    tractor_nursery *nested = tractor_nursery_open(tractor_ctx_nursery(ctx), &options, NULL, NULL);
    tractor_nursery_start_actor(nested, name, &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules }, fn,
                                ctx);
}

/* --- answered: and then cancelled, while a call into a nested nursery's child still runs ----- */

static void stubborn_wakes(const tractor_error *err, void *user) {
    (void)err;
    tractor_ctx_return(user, NULL);
}

static void stubborn(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_nursery *shielded = open_shielded(ctx, 5 * TRACTOR_SECOND);
    tractor_nursery_sleep(shielded, TRACTOR_SECOND, stubborn_wakes, ctx);
    tractor_nursery_close(shielded);
}

static void stubborn_up(const tractor_error *err, tractor_portal *portal, void *user) {
    tractor_ctx *ctx = user;
    if (err)
        return;
    tractor_portal_run(portal, tractor_ctx_nursery(ctx), "edges", "stubborn", TRACTOR_ARGS("{}"), NULL, NULL, NULL);
    tractor_ctx_return(ctx, "s", "answer");
}

static void answered(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    start_child(ctx, "stubborn", stubborn_up);
}

/* --- cleanup: when it is cancelled, a hold tells us; a shielded nursery does one more step -- */

typedef struct {
    tractor_ctx *ctx;
    tractor_op hold;
} cleaner;

static void cleaned(const tractor_error *err, void *user) {
    cleaner *c = user;
    printf("  cleanup %s\n", err ? "failed" : "done");
    tractor_op_complete(tractor_ctx_actor(c->ctx), c->hold, NULL);
}

static void begin_cleanup(void *user) {
    cleaner *c = user;
    tractor_nursery *shielded = open_shielded(c->ctx, TRACTOR_SECOND);
    tractor_nursery_sleep(shielded, 100 * TRACTOR_MS, cleaned, c);
    tractor_nursery_close(shielded);
}

static void cleanup(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    cleaner *c = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *c);
    c->ctx = ctx;
    c->hold = tractor_nursery_hold(tractor_ctx_nursery(ctx), "cleanup", begin_cleanup, c);
}

/* --- late: work that is started in a cancelled scope completes, later, with ECANCELED -------- */

static void late_second(const tractor_error *err, void *user) {
    *(bool *)user = true;
    printf("  started after the cancel: %s\n", tractor_error_name(err));
}

static void late_first(const tractor_error *err, void *user) {
    tractor_ctx *ctx = user;
    (void)err;
    bool *told = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *told);
    tractor_op op = tractor_nursery_sleep(tractor_ctx_nursery(ctx), 1, late_second, told);
    printf("  %s\n", op > 0 && !*told ? "taken" : "refused, or told at once");
}

static void late(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, late_first, ctx);
}

/* --- abandoned: its completion never runs, the scope still waits, a real error still surfaces  */

typedef struct {
    tractor_actor *actor;
    tractor_op call;
} abandoning;

static void boom_now(const tractor_error *err, void *user) {
    (void)err;
    tractor_ctx_raisef(user, "KeyError", "late and real");
}

static void boom(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_nursery *shielded = open_shielded(ctx, TRACTOR_SECOND);
    tractor_nursery_sleep(shielded, 100 * TRACTOR_MS, boom_now, ctx);
    tractor_nursery_close(shielded);
}

static void never(const tractor_error *err, const tractor_value *value, void *user) {
    (void)err, (void)value, (void)user;
    printf("  an abandoned completion ran\n");
}

static void abandon(const tractor_error *err, void *user) {
    abandoning *a = user;
    (void)err;
    tractor_op_abandon(a->actor, a->call);
}

static void boomer_up(const tractor_error *err, tractor_portal *portal, void *user) {
    tractor_ctx *ctx = user;
    tractor_nursery *in = tractor_ctx_nursery(ctx);
    if (err)
        return;
    abandoning *a = tractor_nursery_alloc(in, sizeof *a);
    a->actor = tractor_ctx_actor(ctx);
    a->call = tractor_portal_run(portal, in, "edges", "boom", TRACTOR_ARGS("{}"), NULL, never, NULL);
    tractor_nursery_sleep(in, 20 * TRACTOR_MS, abandon, a);
}

static void abandoned(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    start_child(ctx, "boomer", boomer_up);
}

/* --- limited: a nursery with a deadline, whose end tells why ---------------------------------- */

static void limit_over(const tractor_error *err, void *user) {
    tractor_ctx_return(user, "s", tractor_error_code(err) == TRACTOR_ETIMEDOUT ? "partial" : "whole");
}

static void slept(const tractor_error *err, void *user) { (void)err, (void)user; }

static void limited(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_nursery_options options = { TRACTOR_NURSERY_OPTIONS, .name = "limit", .timeout_ns = 10 * TRACTOR_MS };
    tractor_nursery *n = tractor_nursery_open(tractor_ctx_nursery(ctx), &options, limit_over, ctx);
    tractor_nursery_sleep(n, TRACTOR_SECOND, slept, NULL);
    tractor_nursery_close(n);
}

/* --- swallowed: a completion drops the error, and nothing is answered ------------------------- */

static void swallow(const tractor_error *err, const tractor_value *value, void *user) {
    (void)err, (void)value, (void)user;
}

static void swallower_up(const tractor_error *err, tractor_portal *portal, void *user) {
    if (!err)
        tractor_portal_run(portal, tractor_ctx_nursery(user), "edges", "missing", TRACTOR_ARGS("{}"), NULL, swallow,
                           NULL);
}

static void swallowed(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    start_child(ctx, "swallower", swallower_up);
}

static const tractor_endpoint edges[] = {
    TRACTOR_FUNC("answered", answered), TRACTOR_FUNC("stubborn", stubborn),   TRACTOR_FUNC("cleanup", cleanup),
    TRACTOR_FUNC("late", late),         TRACTOR_FUNC("abandoned", abandoned), TRACTOR_FUNC("boom", boom),
    TRACTOR_FUNC("limited", limited),   TRACTOR_FUNC("swallowed", swallowed), TRACTOR_ENDPOINTS_END
};

/* --- root: every case in a nursery of its own, some with a deadline ---------------------------- */

static const struct {
    const char *func;
    int64_t limit;
} cases[] = { { "answered", 0 },
              { "answered", 300 * TRACTOR_MS },
              { "cleanup", 50 * TRACTOR_MS },
              { "late", 50 * TRACTOR_MS },
              { "abandoned", 0 },
              { "limited", 0 },
              { "swallowed", 0 } };

typedef struct {
    tractor_nursery *root, *nursery;
    tractor_portal *portal;
    size_t at;
} driver;

static void next(driver *d);

static void on_result(const tractor_error *err, const tractor_value *value, void *user) {
    const char *text;
    (void)user;
    if (err)
        printf("  -> %s, %s\n", tractor_error_name(err), tractor_error_message(err));
    else if (tractor_unpack(value, "s", &text) == TRACTOR_OK)
        printf("  -> %s\n", text);
}

static void on_end(const tractor_error *err, void *user) {
    driver *d = user;
    if (err)
        printf("  nursery: %s\n", tractor_error_name(err));
    d->at++;
    next(d);
}

static void next(driver *d) {
    if (d->at == sizeof cases / sizeof *cases) {
        tractor_nursery_cancel(d->root, "done");
        return;
    }
    const char *func = cases[d->at].func;
    printf("%s%s\n", func, cases[d->at].limit ? ", cancelled by a deadline" : "");
    tractor_nursery_options options = { TRACTOR_NURSERY_OPTIONS, .name = func, .timeout_ns = cases[d->at].limit };
    d->nursery = tractor_nursery_open(d->root, &options, on_end, d);
    tractor_portal_run(d->portal, d->nursery, "edges", func, TRACTOR_ARGS("{}"), NULL, on_result, d);
    tractor_nursery_close(d->nursery);
}

static void on_child(const tractor_error *err, tractor_portal *portal, void *user) {
    driver *d = user;
    if (err) {
        tractor_nursery_fail(d->root, err);
        return;
    }
    d->portal = portal;
    next(d);
}

static void root(tractor_nursery *nursery, void *user) {
    driver *d = tractor_nursery_alloc(nursery, sizeof *d);
    (void)user;
    d->root = nursery;
    tractor_nursery_start_actor(nursery, "child", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules },
                                on_child, d);
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0); /* the processes share it */
    tractor_register("edges", edges, NULL);
    return tractor_main(argc, argv, NULL, root, NULL);
}
