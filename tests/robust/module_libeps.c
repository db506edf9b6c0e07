/* The module that the Python actors of the records had. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tractor.h>

/* What an endpoint is in the middle of. */
typedef struct task {
    tractor_ctx *ctx;
    tractor_stream *stream;
    tractor_nursery *children;
    int64_t count;
} task;

static task *begin(tractor_ctx *ctx) {
    task *t = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *t);
    if (t)
        t->ctx = ctx;
    return t;
}

static task *begin_stream(tractor_ctx *ctx) {
    task *t = begin(ctx);
    if (t)
        tractor_ctx_open_stream(ctx, NULL, &t->stream);
    return t;
}

static void sleep_on(tractor_ctx *ctx) { tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL); }

/* ---- functions ---- */

static void add(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int64_t a, b;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:I, s:I}", "a", &a, "b", &b) == TRACTOR_OK)
        tractor_ctx_return(ctx, "I", a + b);
}

static void echo(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)user;
    tractor_ctx_return_value(ctx, tractor_value_bytes(args));
}

static void raises_value_error(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *msg;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "msg", &msg) == TRACTOR_OK)
        tractor_ctx_raisef(ctx, "ValueError", "%s", msg);
}

static void sleep_forever(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    sleep_on(ctx);
}

static void unencodable(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_return(ctx, "s", "\xff");
}

/* ---- contexts without a stream ---- */

static void started_return(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *first, *last;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s, s:s}", "first", &first, "last", &last) != TRACTOR_OK)
        return;
    tractor_ctx_started(ctx, "s", first);
    tractor_ctx_return(ctx, "s", last);
}

static void error_before_started(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_raisef(ctx, "KeyError", "before started");
}

static void error_after_started(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, "s", "grandchild up");
    tractor_ctx_raisef(ctx, "ValueError", "after started");
}

static void never_starts(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_return(ctx, "s", "returned without started()");
}

static void ctx_sleeper(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, "s", "sleeping");
    sleep_on(ctx);
}

static void bad_started(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, "s", "not an int");
}

static void bad_return(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, "i", 1);
    tractor_ctx_return(ctx, "s", "not an int");
}

/* ---- contexts with a stream ---- */

static void echo_item(const tractor_error *err, const tractor_value *item, void *user) {
    task *t = user;
    int64_t n;
    if (err) {
        if (tractor_error_code(err) == TRACTOR_EEOF)
            tractor_ctx_return(t->ctx, "s", "echoed 3");
    } else if (tractor_ctx_unpack(t->ctx, item, "I", &n) == TRACTOR_OK) {
        tractor_stream_sendf(t->stream, "I", 10 * n);
        tractor_stream_receive(t->stream, NULL, echo_item, t);
    }
}

static void echo_stream(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, "s", "ready");
    task *t = begin_stream(ctx);
    tractor_stream_receive(t->stream, NULL, echo_item, t);
}

static void child_stops_first(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    task *t = begin_stream(ctx);
    for (int i = 0; i < 3; i++)
        tractor_stream_sendf(t->stream, "i", i);
    tractor_stream_close(t->stream);
    tractor_ctx_return(ctx, "s", "child done");
}

static void sink_item(const tractor_error *err, const tractor_value *item, void *user) {
    task *t = user;
    (void)item;
    if (!err) {
        t->count++;
        tractor_stream_receive(t->stream, NULL, sink_item, t);
    } else if (tractor_error_code(err) == TRACTOR_EEOF) {
        tractor_ctx_return(t->ctx, "I", t->count);
    }
}

static void sink(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    task *t = begin_stream(ctx);
    tractor_stream_receive(t->stream, NULL, sink_item, t);
}

static task *one_two(tractor_ctx *ctx) {
    tractor_ctx_started(ctx, "i", 1);
    task *t = begin_stream(ctx);
    tractor_stream_sendf(t->stream, "s", "one");
    tractor_stream_sendf(t->stream, "s", "two");
    return t;
}

static void child_cancels(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    one_two(ctx);
    tractor_ctx_cancel(ctx, NULL, NULL, NULL, NULL);
}

static void child_errors(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    one_two(ctx);
    tractor_ctx_raisef(ctx, "RuntimeError", "mid-stream");
}

static void flood(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int64_t n;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:I}", "n", &n) != TRACTOR_OK)
        return;
    tractor_ctx_started(ctx, "I", n);
    task *t = begin_stream(ctx);
    for (int64_t i = 0; i < n; i++)
        tractor_stream_sendf(t->stream, "I", i);
    sleep_on(ctx);
}

static void typed_item(const tractor_error *err, const tractor_value *item, void *user) {
    task *t = user;
    int64_t n;
    if (!err && tractor_ctx_unpack(t->ctx, item, "I", &n) == TRACTOR_OK) {
        tractor_stream_sendf(t->stream, "I", 2 * n);
        tractor_stream_receive(t->stream, NULL, typed_item, t);
    }
}

static void typed_int(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, "i", 1);
    task *t = begin_stream(ctx);
    tractor_stream_receive(t->stream, NULL, typed_item, t);
}

static void bad_yield(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, "i", 1);
    task *t = begin_stream(ctx);
    tractor_stream_sendf(t->stream, "s", "not an int");
    sleep_on(ctx);
}

/* ---- generators ---- */

static void agen(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int64_t n;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:I}", "n", &n) != TRACTOR_OK)
        return;
    task *t = begin_stream(ctx);
    for (int64_t i = 0; i < n; i++)
        tractor_stream_sendf(t->stream, "I", i);
    tractor_ctx_return(ctx, NULL);
}

static void agen_next(const tractor_error *err, void *user) {
    task *t = user;
    if (err)
        return;
    tractor_stream_sendf(t->stream, "I", t->count++);
    /* The consumer leaves after the third one. */
    tractor_nursery_sleep(tractor_ctx_nursery(t->ctx), t->count < 3 ? 50 * TRACTOR_MS : TRACTOR_FOREVER, agen_next, t);
}

static void agen_forever(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    agen_next(NULL, begin_stream(ctx));
}

/* ---- with a child, which is played as it was recorded ---- */

static void on_grandchild_error(const tractor_error *err, const tractor_value *value, void *user) {
    task *t = user;
    (void)value;
    if (err)
        tractor_nursery_fail(t->children, err);
}

static void on_grandchild_started(tractor_ctx *of, const tractor_value *first, void *user) {
    (void)first, (void)user;
    sleep_on(of);
}

static void call_grandchild(const tractor_error *err, tractor_portal *portal, void *user) {
    task *t = user;
    if (err)
        tractor_nursery_fail(t->children, err);
    else
        tractor_portal_run(portal, t->children, "eps", "raises_value_error",
                           TRACTOR_ARGS("{s:s}", "msg", "from the grandchild"), NULL, on_grandchild_error, t);
}

static void open_grandchild(const tractor_error *err, tractor_portal *portal, void *user) {
    task *t = user;
    if (err)
        tractor_nursery_fail(t->children, err);
    else
        tractor_portal_open_context(portal, t->children, "eps", "error_after_started", TRACTOR_ARGS("{}"), NULL,
                                    on_grandchild_started, on_grandchild_error, t);
}

static void spawn(tractor_ctx *ctx, tractor_portal_fn then) {
    static const char *const modules[] = { "eps=/home/dev/app/eps.py", NULL };
    const char *argv[] = { "replay", getenv("TRACTOR_TEST_RECORD"), "middle", getenv("TRACTOR_TEST_VERDICT"), NULL };
    task *t = begin(ctx);
    t->children = tractor_nursery_open(tractor_ctx_nursery(ctx), NULL, NULL, NULL);
    tractor_nursery_start_actor(
        t->children, "grandchild",
        &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .program = TRACTOR_TEST_BINARY_DIR "/prog_replay",
                                  .argv = argv, .modules = modules },
        then, t);
}

static void spawn_grandchild_and_raise(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    spawn(ctx, call_grandchild);
}

static void ctx_spawn_grandchild(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, "s", "middle up");
    spawn(ctx, open_grandchild);
}

/* ---- that look for others ---- */

static void on_cancelled(const tractor_error *err, void *user) { tractor_ctx_return(user, "b", err == NULL); }

static void cancel_it(const tractor_error *err, tractor_portal *portal, void *user) {
    if (err || !portal)
        tractor_ctx_return(user, "b", 0);
    else
        tractor_portal_cancel_actor(portal, tractor_ctx_nursery(user), NULL, on_cancelled, user);
}

static void cancel_by_name(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *name;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "name", &name) == TRACTOR_OK)
        tractor_find_actor(tractor_ctx_nursery(ctx), name, NULL, cancel_it, ctx);
}

static void get_pid(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_return(ctx, "I", (int64_t)getpid());
}

/* The answer of another one is ours. */
static void on_sum(const tractor_error *err, const tractor_value *sum, void *user) {
    if (err)
        tractor_ctx_raise(user, err);
    else
        tractor_ctx_return_value(user, tractor_value_bytes(sum));
}

static void add_there(const tractor_error *err, tractor_portal *portal, void *user) {
    if (err)
        tractor_ctx_raise(user, err);
    else
        tractor_portal_run(portal, tractor_ctx_nursery(user), "eps", "add", TRACTOR_ARGS("{s:i, s:i}", "a", 1, "b", 1),
                           NULL, on_sum, user);
}

static void wait_for_name(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *name;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "name", &name) == TRACTOR_OK)
        tractor_wait_for_actor(tractor_ctx_nursery(ctx), name, NULL, add_there, ctx);
}

static void show_it(const tractor_error *err, tractor_portal *portal, void *user) {
    if (err)
        tractor_ctx_raise(user, err);
    else
        tractor_ctx_return(user, "s", portal ? tractor_portal_address(portal) : "None");
}

static void find_name(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *name;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "name", &name) == TRACTOR_OK)
        tractor_find_actor(tractor_ctx_nursery(ctx), name, NULL, show_it, ctx);
}

/* Everything that can be asked of a registrar, one after the other. */
typedef struct search {
    tractor_ctx *ctx;
    tractor_nursery *in;
    tractor_portal *portal;
    char name[32];
    bool nobody;
    tractor_value *place;
    int64_t found, waited;
} search;

static bool failed(search *s, const tractor_error *err) {
    if (err)
        tractor_ctx_raise(s->ctx, err);
    return err != NULL;
}

static void ask_sum(search *s, tractor_portal *portal, int a, int b, tractor_value_fn fn) {
    s->portal = portal;
    tractor_portal_run(portal, s->in, "eps", "add", TRACTOR_ARGS("{s:i, s:i}", "a", a, "b", b), NULL, fn, s);
}

static void on_registry(const tractor_error *err, const tractor_value *registry, void *user) {
    search *s = user;
    if (failed(s, err))
        return;
    tractor_bytes place = tractor_value_bytes(s->place), all = tractor_value_bytes(registry);
    tractor_ctx_return(s->ctx, "{s:b, s:v, s:I, s:I, s:v}", "nobody", (int)s->nobody, "query", &place, "find", s->found,
                       "wait", s->waited, "registry", &all);
    tractor_value_unref(s->place);
}

static void on_registrar(const tractor_error *err, tractor_portal *portal, void *user) {
    search *s = user;
    if (!failed(s, err))
        tractor_portal_run_from_ns(portal, s->in, "self", "get_registry", TRACTOR_ARGS("{}"), NULL, on_registry, s);
}

static void on_waited_sum(const tractor_error *err, const tractor_value *sum, void *user) {
    search *s = user;
    if (failed(s, err) || tractor_ctx_unpack(s->ctx, sum, "I", &s->waited) != TRACTOR_OK)
        return;
    tractor_portal_close(s->portal);
    tractor_get_registry(s->in, NULL, NULL, on_registrar, s);
}

static void on_waited(const tractor_error *err, tractor_portal *portal, void *user) {
    if (!failed(user, err))
        ask_sum(user, portal, 3, 4, on_waited_sum);
}

static void on_found_sum(const tractor_error *err, const tractor_value *sum, void *user) {
    search *s = user;
    if (failed(s, err) || tractor_ctx_unpack(s->ctx, sum, "I", &s->found) != TRACTOR_OK)
        return;
    tractor_portal_close(s->portal);
    tractor_wait_for_actor(s->in, s->name, NULL, on_waited, s);
}

static void on_found(const tractor_error *err, tractor_portal *portal, void *user) {
    if (!failed(user, err))
        ask_sum(user, portal, 1, 2, on_found_sum);
}

/* As it stood in the record: [host, port] or [directory, file]. */
static tractor_bytes wire_address(const char *multiaddr) {
    char host[64];
    int port;
    if (sscanf(multiaddr, "/ip4/%63[^/]/tcp/%d", host, &port) == 2)
        return tractor_pack("[s, i]", host, port);
    char directory[200];
    const char *path = multiaddr + strlen("/unix"), *slash = strrchr(path, '/');
    snprintf(directory, sizeof directory, "%.*s", (int)(slash - path), path);
    return tractor_pack("[s, s]", directory, slash + 1);
}

static void on_query(const tractor_error *err, const tractor_value *places, void *user) {
    search *s = user;
    const char *nearest;
    if (failed(s, err) || tractor_ctx_unpack(s->ctx, places, "[s*]", &nearest) != TRACTOR_OK)
        return;
    s->place = tractor_value_new(wire_address(nearest));
    tractor_find_actor(s->in, s->name, NULL, on_found, s);
}

static void on_nobody(const tractor_error *err, tractor_portal *portal, void *user) {
    search *s = user;
    if (failed(s, err))
        return;
    s->nobody = portal == NULL;
    tractor_query_actor(s->in, s->name, NULL, on_query, s);
}

static void find_things(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *name;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "name", &name) != TRACTOR_OK)
        return;
    search *s = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *s);
    s->ctx = ctx;
    s->in = tractor_ctx_nursery(ctx);
    snprintf(s->name, sizeof s->name, "%s", name);
    tractor_ctx_started(ctx, NULL);
    tractor_find_actor(s->in, "nobody_here", NULL, on_nobody, s);
}

__attribute__((visibility("default"))) int tractor_module_init(const char *module) {
    static const tractor_endpoint list[] = { TRACTOR_FUNC("add", add),
                                             TRACTOR_FUNC("echo", echo),
                                             TRACTOR_FUNC("raises_value_error", raises_value_error),
                                             TRACTOR_FUNC("sleep_forever", sleep_forever),
                                             TRACTOR_FUNC("unencodable", unencodable),
                                             TRACTOR_FUNC("spawn_grandchild_and_raise", spawn_grandchild_and_raise),
                                             TRACTOR_FUNC("cancel_by_name", cancel_by_name),
                                             TRACTOR_FUNC("get_pid", get_pid),
                                             TRACTOR_FUNC("wait_for_name", wait_for_name),
                                             TRACTOR_FUNC("find_name", find_name),
                                             TRACTOR_CTX("find_things", find_things),
                                             TRACTOR_CTX("ctx_spawn_grandchild", ctx_spawn_grandchild),
                                             TRACTOR_CTX("started_return", started_return),
                                             TRACTOR_CTX("error_before_started", error_before_started),
                                             TRACTOR_CTX("error_after_started", error_after_started),
                                             TRACTOR_CTX("never_starts", never_starts),
                                             TRACTOR_CTX("ctx_sleeper", ctx_sleeper),
                                             TRACTOR_CTX("echo_stream", echo_stream),
                                             TRACTOR_CTX("child_stops_first", child_stops_first),
                                             TRACTOR_CTX("sink", sink),
                                             TRACTOR_CTX("child_cancels", child_cancels),
                                             TRACTOR_CTX("child_errors", child_errors),
                                             TRACTOR_CTX("flood", flood),
                                             TRACTOR_CTX_TYPED("typed_int", typed_int, "int"),
                                             TRACTOR_CTX_TYPED("bad_started", bad_started, "int"),
                                             TRACTOR_CTX_TYPED("bad_return", bad_return, "int"),
                                             TRACTOR_CTX_TYPED("bad_yield", bad_yield, "int"),
                                             TRACTOR_GEN("agen", agen),
                                             TRACTOR_GEN("agen_forever", agen_forever),
                                             TRACTOR_GEN("legacy_stream", agen),
                                             TRACTOR_ENDPOINTS_END };
    return tractor_register(module, list, NULL);
}
