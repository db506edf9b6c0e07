/* What children are asked to do in tests. */
#include "kit/kit_impl.h"

#include <fcntl.h>
#include <signal.h>

const char *const kit_modules[] = { "kit", NULL };

static void echo(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)user;
    tractor_ctx_return_value(ctx, tractor_value_bytes(args));
}

static void own_pid(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_return(ctx, "I", (int64_t)getpid());
}

static void fail_with(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *type, *message;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s, s:s}", "type", &type, "message", &message) == TRACTOR_OK)
        tractor_ctx_raisef(ctx, type, "%s", message);
}

/* The state of an endpoint lives in its nursery. */
typedef struct task {
    tractor_ctx *ctx;
    tractor_op hold;
    char *touch, *type, *message;
    tractor_bytes then;
} task;

static char *copy(tractor_nursery *owner, const char *text) {
    if (!text)
        return NULL;
    char *memory = tractor_nursery_alloc(owner, strlen(text) + 1);
    return memory ? strcpy(memory, text) : NULL;
}

static task *new_task(tractor_ctx *ctx) {
    task *t = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *t);
    t->ctx = ctx;
    return t;
}

static void touch(const char *path) { close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); }

static void forever_cancelled(void *user) {
    task *t = user;
    if (t->touch)
        touch(t->touch);
    tractor_op_complete(tractor_ctx_actor(t->ctx), t->hold, NULL);
}

static void forever(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *touch = NULL;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s?:s}", "touch", &touch) != TRACTOR_OK)
        return;
    task *t = new_task(ctx);
    t->touch = copy(tractor_ctx_nursery(ctx), touch);
    t->hold = tractor_nursery_hold(tractor_ctx_nursery(ctx), "forever", forever_cancelled, t);
}

static void napped(const tractor_error *err, void *user) {
    task *t = user;
    if (!err)
        tractor_ctx_return_value(t->ctx, t->then);
}

static void nap(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int ms;
    tractor_bytes then = { NULL, 0 };
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i, s?:v}", "ms", &ms, "then", &then) != TRACTOR_OK)
        return;
    task *t = new_task(ctx);
    if (then.len) {
        void *memory = tractor_nursery_alloc(tractor_ctx_nursery(ctx), then.len);
        t->then = (tractor_bytes){ memcpy(memory, then.data, then.len), then.len };
    }
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), ms * TRACTOR_MS, napped, t);
}

static void napped_badly(const tractor_error *err, void *user) {
    task *t = user;
    if (!err)
        tractor_ctx_raisef(t->ctx, t->type, "%s", t->message);
}

static void nap_fail(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int ms;
    const char *type, *message;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i, s:s, s:s}", "ms", &ms, "type", &type, "message", &message) != TRACTOR_OK)
        return;
    task *t = new_task(ctx);
    t->type = copy(tractor_ctx_nursery(ctx), type);
    t->message = copy(tractor_ctx_nursery(ctx), message);
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), ms * TRACTOR_MS, napped_badly, t);
}

static void signal_self(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int number;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i}", "number", &number) != TRACTOR_OK)
        return;
    kill(getpid(), number);
    tractor_ctx_return(ctx, NULL);
}

static void exit_with(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int status;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i}", "status", &status) == TRACTOR_OK)
        _exit(status);
}

static void spin(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *made;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "touch", &made) != TRACTOR_OK)
        return;
    touch(made);
    for (;;)
        pause();
}

static void print_line(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *text;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "text", &text) != TRACTOR_OK)
        return;
    fprintf(stderr, "%s\n", text);
    tractor_ctx_return(ctx, NULL);
}

void kit_register_endpoints(void) {
    static const tractor_endpoint list[] = {
        TRACTOR_FUNC("echo", echo),          TRACTOR_FUNC("pid", own_pid),    TRACTOR_FUNC("fail", fail_with),
        TRACTOR_FUNC("forever", forever),    TRACTOR_FUNC("nap", nap),        TRACTOR_FUNC("nap_fail", nap_fail),
        TRACTOR_FUNC("signal", signal_self), TRACTOR_FUNC("exit", exit_with), TRACTOR_FUNC("spin", spin),
        TRACTOR_FUNC("print", print_line),   TRACTOR_ENDPOINTS_END,
    };
    if (tractor_register("kit", list, NULL) != TRACTOR_OK)
        abort();
}
