#include "discovery/scene.h"

#include <fcntl.h>
#include <sys/socket.h>

static tractor_nursery *in(tractor_ctx *ctx) { return tractor_ctx_nursery(ctx); }

/* ---- searches ---- */

static void answer_whom(const tractor_error *err, tractor_portal *portal, void *user) {
    tractor_ctx *ctx = user;
    if (err)
        tractor_ctx_raise(ctx, err);
    else if (!portal)
        tractor_ctx_return(ctx, NULL);
    else
        tractor_ctx_return(ctx, "s", tractor_portal_id(portal)->uuid);
}

static void answer_value(const tractor_error *err, const tractor_value *value, void *user) {
    tractor_ctx *ctx = user;
    if (err)
        tractor_ctx_raise(ctx, err);
    else
        tractor_ctx_return_value(ctx, tractor_value_bytes(value));
}

static void call_hi(const tractor_error *err, tractor_portal *portal, void *user) {
    tractor_ctx *ctx = user;
    if (err)
        tractor_ctx_raise(ctx, err);
    else
        tractor_portal_run(portal, in(ctx), "seeker", "hi", TRACTOR_ARGS("{}"), NULL, answer_value, ctx);
}

static void find(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *name;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "name", &name) == TRACTOR_OK)
        tractor_find_actor(in(ctx), name, NULL, answer_whom, ctx);
}

static void wait(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *name;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "name", &name) == TRACTOR_OK)
        tractor_wait_for_actor(in(ctx), name, NULL, answer_whom, ctx);
}

static void query(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *name;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "name", &name) == TRACTOR_OK)
        tractor_query_actor(in(ctx), name, NULL, answer_value, ctx);
}

static void call(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *name;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "name", &name) == TRACTOR_OK)
        tractor_wait_for_actor(in(ctx), name, NULL, call_hi, ctx);
}

static void hi(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    char text[80];
    snprintf(text, sizeof text, "Hi my name is %s", tractor_actor_id(tractor_ctx_actor(ctx))->name);
    tractor_ctx_return(ctx, "s", text);
}

static void root(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_get_root(in(ctx), NULL, answer_whom, ctx);
}

static void ask_root(const tractor_error *err, tractor_portal *portal, void *user) {
    tractor_ctx *ctx = user;
    if (err)
        tractor_ctx_raise(ctx, err);
    else
        tractor_portal_run(portal, in(ctx), "seeker", "root", TRACTOR_ARGS("{}"), NULL, answer_value, ctx);
}

static void grandchild_root(tractor_ctx *ctx, const tractor_value *args, void *user) {
    static const char *const modules[] = { "seeker", NULL };
    (void)args, (void)user;
    tractor_nursery *children = tractor_nursery_open(
        in(ctx), &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .flags = TRACTOR_NURSERY_CANCEL_DAEMONS }, NULL,
        NULL);
    tractor_nursery_start_actor(children, "grandchild",
                                &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules }, ask_root, ctx);
    tractor_nursery_close(children);
}

/* ---- a watch ---- */

/* Who is there, as far as this actor has been told, and who asks for somebody who is not. */
static struct {
    char names[16][32];
    size_t count;
    char awaited[32];
    tractor_ctx *asker;
    tractor_op hold;
} seen;

static void answer_seen(void) {
    char text[sizeof seen.names] = "";
    bool there = false;
    for (size_t i = 0; i < seen.count; i++) {
        there = there || strcmp(seen.names[i], seen.awaited) == 0;
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", used ? " " : "", seen.names[i]);
    }
    if (!there)
        return;
    tractor_ctx *asker = seen.asker;
    seen.asker = NULL;
    tractor_ctx_return(asker, "s", text);
    tractor_op_complete(tractor_ctx_actor(asker), seen.hold, NULL);
}

static void on_event(int event, const tractor_id *id, const char *const *addrs, void *user) {
    (void)addrs, (void)user;
    if (event == TRACTOR_WATCH_JOIN && seen.count < sizeof seen.names / sizeof *seen.names)
        snprintf(seen.names[seen.count++], sizeof *seen.names, "%s", id->name);
    for (size_t i = 0; event == TRACTOR_WATCH_LEAVE && i < seen.count; i++)
        if (strcmp(seen.names[i], id->name) == 0) {
            seen.count--;
            memmove(seen.names[i], seen.names[i + 1], (seen.count - i) * sizeof *seen.names);
        }
    if (seen.asker)
        answer_seen();
}

static void watch(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_watch_actors(tractor_actor_nursery(tractor_ctx_actor(ctx)), NULL, NULL, on_event, NULL, NULL);
    tractor_ctx_return(ctx, NULL);
}

static void forget_asker(void *user) {
    seen.asker = NULL;
    tractor_op_complete(tractor_ctx_actor(user), seen.hold, NULL);
}

static void seen_by_now(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *name;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "name", &name) != TRACTOR_OK)
        return;
    snprintf(seen.awaited, sizeof seen.awaited, "%s", name);
    seen.asker = ctx;
    seen.hold = tractor_nursery_hold(in(ctx), "seen", forget_asker, ctx);
    answer_seen();
}

/* ---- what is found ---- */

typedef struct generator {
    tractor_ctx *ctx;
    tractor_stream *stream;
    int64_t next;
} generator;

static void send_next(const tractor_error *err, void *user) {
    generator *g = user;
    if (err)
        return;
    tractor_stream_sendf(g->stream, "I", g->next++);
    tractor_nursery_sleep(in(g->ctx), TRACTOR_MS, send_next, g);
}

static void numbers(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    generator *g = tractor_nursery_alloc(in(ctx), sizeof *g);
    g->ctx = ctx;
    tractor_ctx_open_stream(ctx, NULL, &g->stream);
    send_next(NULL, g);
}

/* The listeners are closed behind the back of the library. */
static void deafen(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    for (int fd = 3; fd < 256; fd++) {
        int listens = 0;
        socklen_t len = sizeof listens;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0 || !listens)
            continue;
        int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        dup3(other, fd, O_CLOEXEC);
        close(other);
    }
    tractor_ctx_return(ctx, NULL);
}

void seeker_register(void) {
    static const tractor_endpoint list[] = { TRACTOR_FUNC("find", find),
                                             TRACTOR_FUNC("wait", wait),
                                             TRACTOR_FUNC("query", query),
                                             TRACTOR_FUNC("call", call),
                                             TRACTOR_FUNC("hi", hi),
                                             TRACTOR_GEN("numbers", numbers),
                                             TRACTOR_FUNC("deafen", deafen),
                                             TRACTOR_FUNC("root", root),
                                             TRACTOR_FUNC("grandchild_root", grandchild_root),
                                             TRACTOR_FUNC("watch", watch),
                                             TRACTOR_FUNC("seen", seen_by_now),
                                             TRACTOR_ENDPOINTS_END };
    tractor_register("seeker", list, NULL);
}
