/* The work that is asked of an actor, as its own side sees it. */
#include "chaos.h"

#include <string.h>
#include <time.h>
#include <tractor/discovery.h>
#include <unistd.h>

/* ---- functions ---- */

static void echo(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int number;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i}", "number", &number) == TRACTOR_OK)
        tractor_ctx_return(ctx, "i", number);
}

static bool read_number(tractor_ctx *ctx, const tractor_value *args, int *number) {
    return tractor_ctx_unpack(ctx, args, "{s:i}", "number", number) == TRACTOR_OK;
}

static void answer_nil(const tractor_error *err, void *user) {
    if (!err)
        tractor_ctx_return(user, NULL);
}

static void nap(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int ms;
    (void)user;
    if (read_number(ctx, args, &ms))
        tractor_nursery_sleep(tractor_ctx_nursery(ctx), ms < 0 ? TRACTOR_FOREVER : ms * TRACTOR_MS, answer_nil, ctx);
}

/* Takes its time when it is cancelled. */
typedef struct tidying {
    tractor_ctx *ctx;
    int ms;
    tractor_op hold;
} tidying;

static void on_tidy(const tractor_error *err, void *user) {
    tidying *t = user;
    (void)err;
    tractor_op_complete(tractor_ctx_actor(t->ctx), t->hold, NULL);
}

static void begin_to_tidy(void *user) {
    tidying *t = user;
    tractor_nursery_options options = { TRACTOR_NURSERY_OPTIONS, .timeout_ns = TRACTOR_SECOND,
                                        .flags = TRACTOR_NURSERY_SHIELD };
    tractor_nursery *shield = tractor_nursery_open(tractor_ctx_nursery(t->ctx), &options, on_tidy, t);
    tractor_nursery_sleep(shield, t->ms * TRACTOR_MS, NULL, NULL);
    tractor_nursery_close(shield);
}

static void tidy(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int ms;
    (void)user;
    if (!read_number(ctx, args, &ms))
        return;
    tidying *t = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *t);
    *t = (tidying){ .ctx = ctx, .ms = ms };
    t->hold = tractor_nursery_hold(tractor_ctx_nursery(ctx), "tidying", begin_to_tidy, t);
}

/* Computes, and the loop stands still. */
static void spin(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int ms;
    (void)user;
    if (!read_number(ctx, args, &ms))
        return;
    for (int64_t end = ms < 0 ? INT64_MAX : tractor_now() + ms * TRACTOR_MS; tractor_now() < end;) {
    }
    tractor_ctx_return(ctx, NULL);
}

static void nanoseconds(int64_t ns) {
    struct timespec t = { ns / TRACTOR_SECOND, ns % TRACTOR_SECOND };
    nanosleep(&t, NULL);
}

/* Waits for the kernel, and the loop stands still. */
static void block(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int ms;
    (void)user;
    if (!read_number(ctx, args, &ms))
        return;
    while (ms < 0)
        nanoseconds(TRACTOR_SECOND);
    nanoseconds(ms * TRACTOR_MS);
    tractor_ctx_return(ctx, NULL);
}

static void work_in_thread(void *user) { nanoseconds(20 * TRACTOR_MS), (void)user; }

static void in_thread(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_nursery_run_in_thread(tractor_ctx_nursery(ctx), work_in_thread, answer_nil, ctx);
}

/* Starts a process that nobody is told of; it leaves the process group and closes what it inherited. */
static void start_stranger(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    if (fork() == 0) {
        setsid();
        for (int fd = 0; fd < 256; fd++)
            close(fd);
        execlp("sleep", "sleep", "77", (char *)NULL);
        _exit(127);
    }
    tractor_ctx_return(ctx, NULL);
}

/* ---- calls to others ---- */

static void on_echo_up(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value;
    if (err)
        tractor_ctx_raise(user, err);
    else
        tractor_ctx_return(user, NULL);
}

/* Calls the parent back. */
static void up(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_portal_run(tractor_actor_parent(tractor_ctx_actor(ctx)), tractor_ctx_nursery(ctx), "chaos", "echo",
                       tractor_pack("{s:i}", "number", 1), NULL, on_echo_up, ctx);
}

/* Whatever becomes of the other one is not the business of this task. */
static void on_peer_answer(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value;
    if (tractor_error_code(err) != TRACTOR_ECANCELED)
        tractor_ctx_return(user, NULL);
}

static void on_peer(const tractor_error *err, tractor_portal *portal, void *user) {
    tractor_ctx *ctx = user;
    if (err || !portal)
        on_peer_answer(err, NULL, ctx);
    else
        tractor_portal_run(portal, tractor_ctx_nursery(ctx), "chaos", "echo", tractor_pack("{s:i}", "number", 1), NULL,
                           on_peer_answer, ctx);
}

/* Looks for another actor of the tree and calls it. */
static void peer(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int index;
    (void)user;
    if (!read_number(ctx, args, &index))
        return;
    tractor_find_options options = { TRACTOR_FIND_OPTIONS, .timeout_ns = TRACTOR_SECOND };
    tractor_wait_for_actor(tractor_ctx_nursery(ctx), the_plan()->nodes[index].name, &options, on_peer, ctx);
}

/* ---- contexts and generators ---- */

typedef struct flow {
    tractor_ctx *ctx;
    tractor_stream *stream;
    int sent, number;
    bool generator;
} flow;

static flow *open_flow(tractor_ctx *ctx, const tractor_value *args) {
    int number;
    if (!read_number(ctx, args, &number))
        return NULL;
    flow *f = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *f);
    *f = (flow){ .ctx = ctx, .number = number };
    tractor_ctx_started(ctx, "i", number);
    if (tractor_ctx_open_stream(ctx, NULL, &f->stream) != TRACTOR_OK)
        return NULL;
    return f;
}

/* Sends back what it receives. */
static void on_ball(const tractor_error *err, const tractor_value *value, void *user) {
    flow *f = user;
    if (tractor_error_code(err) == TRACTOR_EEOF) {
        tractor_ctx_return(f->ctx, "i", f->sent);
        return;
    }
    if (err)
        return;
    f->sent++;
    tractor_stream_send_value(f->stream, NULL, value, NULL, NULL);
    tractor_stream_receive(f->stream, NULL, on_ball, f);
}

static void pingpong(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)user;
    flow *f = open_flow(ctx, args);
    if (f)
        tractor_stream_receive(f->stream, NULL, on_ball, f);
}

/* Sends as much as it can. */
static void pour_on(const tractor_error *err, void *user) {
    static const char ballast[4096];
    flow *f = user;
    if (err)
        return;
    if (f->number >= 0 && f->sent == f->number) {
        tractor_ctx_return(f->ctx, f->generator ? NULL : "i", f->sent);
        return;
    }
    tractor_bytes item = tractor_pack("[iy]", f->sent++, ballast, sizeof ballast);
    tractor_stream_send_wait(f->stream, NULL, item, pour_on, f);
}

static void pour(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)user;
    flow *f = open_flow(ctx, args);
    if (f)
        pour_on(NULL, f);
}

static void generate(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int number;
    (void)user;
    if (!read_number(ctx, args, &number))
        return;
    flow *f = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *f);
    *f = (flow){ .ctx = ctx, .number = number, .generator = true };
    if (tractor_ctx_open_stream(ctx, NULL, &f->stream) == TRACTOR_OK)
        pour_on(NULL, f);
}

void register_working(void) {
    static const tractor_endpoint endpoints[] = {
        TRACTOR_FUNC("echo", echo),
        TRACTOR_FUNC("nap", nap),
        TRACTOR_FUNC("tidy", tidy),
        TRACTOR_FUNC("spin", spin),
        TRACTOR_FUNC("block", block),
        TRACTOR_FUNC("in_thread", in_thread),
        TRACTOR_FUNC("stranger", start_stranger),
        TRACTOR_FUNC("up", up),
        TRACTOR_FUNC("peer", peer),
        TRACTOR_CTX("pingpong", pingpong),
        TRACTOR_CTX("pour", pour),
        TRACTOR_GEN("generate", generate),
        TRACTOR_ENDPOINTS_END,
    };
    tractor_register("chaos", endpoints, NULL);
}
