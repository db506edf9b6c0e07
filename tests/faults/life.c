#include "faults/life.h"
#include "kit/kit_impl.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

enum { ITEMS = 3 };

/* ---- the child's side ---- */

typedef struct echoer {
    tractor_ctx *ctx;
    tractor_stream *stream;
} echoer;

static void echoed(const tractor_error *err, const tractor_value *value, void *user) {
    echoer *e = user;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        tractor_ctx_return(e->ctx, "s", "done");
    if (err)
        return;
    tractor_stream_send_value(e->stream, NULL, value, NULL, NULL);
    tractor_stream_receive(e->stream, NULL, echoed, e);
}

static void echo(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    echoer *e = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *e);
    e->ctx = ctx;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &e->stream);
    tractor_stream_receive(e->stream, NULL, echoed, e);
}

void life_register(void) {
    static const tractor_endpoint module[] = { TRACTOR_CTX("echo", echo), TRACTOR_ENDPOINTS_END };
    if (tractor_register("life", module, NULL) != TRACTOR_OK)
        abort();
}

/* ---- the root's side ---- */

static tractor_actor *actor;

void life_over(life *l) { tractor_nursery_cancel(l->root, "this life is over"); }

static void on_result(const tractor_error *err, const tractor_value *value, void *user) {
    life *l = user;
    l->ctx = NULL;
    kit_on_value(err, value, &l->context);
    l->streamed = !err && l->received == ITEMS;
    life_over(l);
}

static void received(const tractor_error *err, const tractor_value *value, void *user) {
    life *l = user;
    int n = -1;
    if (err)
        return;
    tractor_unpack(value, "i", &n);
    assert_int_equal(n, l->received++);
    tractor_stream_receive(l->stream, NULL, received, l);
}

static void started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    life *l = user;
    (void)first;
    l->ctx = ctx;
    if (tractor_ctx_open_stream(ctx, NULL, &l->stream) != TRACTOR_OK)
        return;
    for (l->sent = 0; l->sent < ITEMS; l->sent++)
        tractor_stream_sendf(l->stream, "i", l->sent);
    tractor_stream_send_eof(l->stream);
    tractor_stream_receive(l->stream, NULL, received, l);
}

static void called(kit_outcome *o) {
    life *l = o->user;
    if (o->err) {
        life_over(l);
        return;
    }
    tractor_op op = tractor_portal_open_context(l->start.portal, l->root, "life", "echo", tractor_pack("{}"), NULL,
                                                started, on_result, l);
    if (op < 0) {
        l->context.calls = 1;
        life_over(l);
    }
}

static void child_up(kit_outcome *o) {
    life *l = o->user;
    if (o->err) {
        life_over(l);
        return;
    }
    if (l->on_child) {
        l->on_child(l, o->portal);
        return;
    }
    l->call.then = called;
    l->call.user = l;
    tractor_portal_run(o->portal, l->root, "kit", "echo", tractor_pack("{s:i}", "n", 7), NULL, kit_on_value, &l->call);
}

static void body(tractor_nursery *root, void *user) {
    static const char *const modules[] = { "kit", "life", NULL };
    life *l = user;
    l->root = root;
    l->start.then = child_up;
    l->start.user = l;
    tractor_nursery_start_actor(
        root, "child",
        &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = l->modules ? l->modules : modules,
                                  .env = l->child_env, .stderr_mode = TRACTOR_STDERR_CAPTURE,
                                  .boot_timeout_ns = l->boot_timeout },
        kit_on_portal, &l->start);
    if (l->on_root)
        l->on_root(l);
    tractor_actor_close(actor);
}

static void on_end(const tractor_error *err, void *user) {
    life *l = user;
    l->ends++;
    l->end = kit_keep_error(err);
}

void life_run(life *l) {
    tractor_root_options options = kit_root_options(NULL);
    int64_t begin = tractor_now();
    kit_expect_log("no root was opened");
    l->opened = tractor_actor_open(&options, body, on_end, l, &actor);
    if (l->opened == TRACTOR_OK)
        assert_int_equal(tractor_actor_run(actor), TRACTOR_OK);
    l->ns = tractor_now() - begin;
    actor = NULL;
}

/* ---- what is left ---- */

static int descriptors(void) {
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static size_t sockets(void) {
    size_t count = 0;
    const char *folders[] = { getenv("XDG_RUNTIME_DIR"), kit_text("%s/tractor", getenv("XDG_RUNTIME_DIR")) };
    for (int i = 0; i < 2; i++) {
        DIR *folder = opendir(folders[i]);
        for (struct dirent *e; folder && (e = readdir(folder));)
            count += e->d_type == DT_SOCK;
        if (folder)
            closedir(folder);
    }
    return count;
}

/* Zombies, too, and what they have started. */
static int processes(void) {
    int count = 0;
    char *list = kit_descendants();
    for (const char *c = list; c && *c; c++)
        count += *c == '\n';
    free(list);
    return count;
}

static int descriptors_before, processes_before;
static size_t sockets_before;

void life_begin(void) {
    life l = { 0 };
    life_begin_with(&l);
}

void life_begin_with(life *l) {
    processes_before = processes();
    /* What a process makes once is made now. */
    life_run(l);
    assert_true(life_undisturbed(l));
    descriptors_before = descriptors();
    sockets_before = sockets();
}

const char *life_wrong(const life *l) {
    if (l->opened != TRACTOR_OK && (l->ends > 0 || l->start.calls > 0))
        return "refused, and then it ran";
    if (l->opened == TRACTOR_OK && l->ends != 1)
        return kit_text("ended %d times", l->ends);
    if (l->start.calls != (l->root ? 1 : 0))
        return kit_text("the start completed %d times", l->start.calls);
    bool up = l->start.calls > 0 && !l->start.err && !l->on_child;
    if (l->call.calls != (up ? 1 : 0))
        return kit_text("the call completed %d times", l->call.calls);
    if (l->context.calls != (up && !l->call.err ? 1 : 0))
        return kit_text("the context completed %d times", l->context.calls);
    bool alone = waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
    if (processes_before == 0 ? !alone : processes() != processes_before)
        return "a process is left";
    if (descriptors() != descriptors_before)
        return kit_text("%d descriptors, not %d", descriptors(), descriptors_before);
    if (sockets() != sockets_before)
        return "a socket file is left";
    return NULL;
}

static const char *add(const char *text, const char *what, const tractor_error *err) {
    if (!err)
        return text;
    char *more = tractor_error_format(err);
    const char *all = kit_text("%s  %s: %s", text, what, more);
    tractor_free(more);
    return all;
}

const char *life_errors(const life *l) {
    const char *text = l->opened != TRACTOR_OK ? kit_text("  open: %s\n", tractor_strerror(l->opened)) : "";
    text = add(text, "start", l->start.err);
    text = add(text, "call", l->call.err);
    text = add(text, "context", l->context.err);
    return add(text, "end", l->end);
}

bool life_undisturbed(const life *l) {
    return l->opened == TRACTOR_OK && !l->end && !l->start.err && !l->call.err && !l->context.err && l->streamed;
}

/* ---- lives that do not end ---- */

static const char *watched;

static void on_alarm(int number) {
    (void)number;
    fprintf(stderr, "it hangs: %s\n", watched);
    signal(SIGALRM, SIG_DFL);
    raise(SIGALRM);
}

void life_watch(const char *what, int seconds) {
    watched = what;
    signal(SIGALRM, on_alarm);
    alarm((unsigned)(seconds * kit_headroom()));
}
