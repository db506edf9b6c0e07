/* What the tests of the command call: end points that succeed, fail, wait, and start actors. */
#include <stdio.h>
#include <string.h>
#include <tractor.h>

static char own_path[512];

static void echo(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)user;
    tractor_ctx_return_value(ctx, tractor_value_bytes(args));
}

static void odd_values(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_bytes bin = tractor_pack("y", "\x00\xff", (size_t)2);
    tractor_ctx_return(ctx, "[v,n,d,s]", &bin, 0.5, "\"quoted\"");
}

static void fail(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_raisef(ctx, "ValueError", "the harvest is lost");
}

/* Until somebody cancels it. */
static void wait(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL);
}

/* --- actors ------------------------------------------------------------------------------- */

typedef struct {
    tractor_ctx *ctx;
    tractor_op hold;
} hiring;

static void on_hired(const tractor_error *err, tractor_portal *portal, void *user) {
    hiring *h = user;
    if (err)
        tractor_ctx_raise(h->ctx, err);
    else
        tractor_ctx_return(h->ctx, "I", tractor_portal_id(portal)->pid);
    tractor_op_complete(tractor_ctx_actor(h->ctx), h->hold, NULL);
}

/* The actor's nursery owns the child, which so outlives this task; a hold keeps the task until there is an answer. */
static void hire(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *name;
    char module[600];
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "name", &name) != TRACTOR_OK)
        return;
    snprintf(module, sizeof module, "farm=%s", own_path);
    const char *const modules[] = { module, NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    options.flags = TRACTOR_SPAWN_IGNORE_DEATH;
    hiring *h = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *h);
    h->ctx = ctx;
    h->hold = tractor_nursery_hold(tractor_ctx_nursery(ctx), "hire", NULL, NULL);
    tractor_nursery_start_actor(tractor_actor_nursery(tractor_ctx_actor(ctx)), name, &options, on_hired, h);
}

/* --- generators --------------------------------------------------------------------------- */

typedef struct {
    tractor_ctx *ctx;
    tractor_stream *stream;
    int64_t next;
} ticks;

static void on_tick(const tractor_error *err, void *user) {
    ticks *t = user;
    if (!err)
        tractor_stream_send_wait(t->stream, NULL, tractor_pack("I", t->next++), on_tick, t);
}

static ticks *open_ticks(tractor_ctx *ctx) {
    ticks *t = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *t);
    t->ctx = ctx;
    tractor_ctx_open_stream(ctx, NULL, &t->stream);
    return t;
}

/* Without an end. */
static void count(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    on_tick(NULL, open_ticks(ctx));
}

/* One value, then nothing. */
static void one(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_stream_send_wait(open_ticks(ctx)->stream, NULL, tractor_pack("s", "one"), NULL, NULL);
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL);
}

static void on_spoiled(const tractor_error *err, void *user) {
    if (!err)
        tractor_ctx_raisef(user, "ValueError", "the rest is spoiled");
}

static void spoil(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_stream_send_wait(open_ticks(ctx)->stream, NULL, tractor_pack("i", 1), on_spoiled, ctx);
}

static const tractor_endpoint farm[] = { TRACTOR_FUNC("echo", echo), TRACTOR_FUNC("odd_values", odd_values),
                                         TRACTOR_FUNC("fail", fail), TRACTOR_FUNC("wait", wait),
                                         TRACTOR_FUNC("hire", hire), TRACTOR_GEN("count", count),
                                         TRACTOR_GEN("one", one),    TRACTOR_GEN("spoil", spoil),
                                         TRACTOR_ENDPOINTS_END };

__attribute__((visibility("default"))) int tractor_module_init(const char *module) {
    snprintf(own_path, sizeof own_path, "%s", TRACTOR_TEST_BINARY_DIR "/farm.so");
    return tractor_register(module, farm, NULL);
}
