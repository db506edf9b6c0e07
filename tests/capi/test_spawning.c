/* Children: started, asked, told how to run, gone. */
#include "kit/kit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests.h"

/* ---- SPN-01: one function, in the root and in its child ---- */

static void same_in_child(tractor_ctx *ctx, const tractor_value *args, void *user) {
    bool child;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:b}", "child", &child) != TRACTOR_OK)
        return;
    tractor_actor *self = tractor_ctx_actor(ctx);
    if (!child || tractor_actor_is_root(self) || tractor_actor_is_registrar(self))
        tractor_ctx_raisef(ctx, "AssertionError", "this is no child");
    else
        forward(ctx, tractor_actor_parent(self), "spawning", "look",
                TRACTOR_ARGS("{s:s}", "uuid", tractor_actor_id(self)->uuid));
}

/* In the root, while the child's call runs. */
static void look(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *uuid, *child, *peer;
    (void)user;
    assert_int_equal(tractor_ctx_unpack(ctx, args, "{s:s}", "uuid", &uuid), TRACTOR_OK);
    tractor_actor *self = tractor_ctx_actor(ctx);
    assert_true(tractor_actor_is_root(self));
    assert_true(tractor_actor_is_registrar(self));
    tractor_value *stats = tractor_value_new(tractor_actor_stats(self));
    assert_int_equal(
        tractor_unpack(stats, "{s:[{s:s*}], s:[[s,s]], *}", "children", "uuid", &child, "peers", NULL, &peer),
        TRACTOR_OK);
    assert_string_equal(child, uuid);
    assert_string_equal(peer, uuid);
    tractor_value_unref(stats);
    tractor_ctx_return(ctx, "i", 10);
}

static void run_same(tractor_nursery *root, void *user) {
    tractor_nursery_run_in_actor(root, "spawning", "same", TRACTOR_ARGS("{s:b}", "child", true), NULL, kit_on_value,
                                 user);
}

static void SPN_01_run_in_actor_same_func_in_child(void **state) {
    (void)state;
    const char *const served[] = { "spawning", NULL };
    kit_outcome answer = KIT_OUTCOME;
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .enable_modules = served }, run_same, &answer);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(answer.err, TRACTOR_OK);
    kit_assert_value(answer.value, "i", 10);
    assert_int_equal(answer.calls, 1);
}

/* ---- SPN-02: a daemon is asked twice and then cancelled ---- */

typedef struct convo {
    kit_outcome started, first, second, cancelled;
} convo;

static void convo_end(kit_outcome *o) {
    convo *c = o->user;
    kit_assert_value(o->value, "{s:s}", "line", "hi");
    tractor_portal_cancel_actor(c->started.portal, NULL, NULL, kit_on_done, &c->cancelled);
}

static void convo_again(kit_outcome *o) {
    convo *c = o->user;
    kit_assert_value(o->value, "{s:s}", "line", "hi");
    c->second.then = convo_end;
    c->second.user = c;
    tractor_portal_run(c->started.portal, NULL, "kit", "echo", TRACTOR_ARGS("{s:s}", "line", "hi"), NULL, kit_on_value,
                       &c->second);
}

static void convo_start(kit_outcome *o) {
    convo *c = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    kit_assert_portal(o->portal);
    assert_string_equal(tractor_portal_id(o->portal)->name, "some_linguist");
    c->first.then = convo_again;
    c->first.user = c;
    tractor_portal_run(o->portal, NULL, "kit", "echo", TRACTOR_ARGS("{s:s}", "line", "hi"), NULL, kit_on_value,
                       &c->first);
}

static void convo_body(tractor_nursery *root, void *user) {
    convo *c = user;
    c->started.then = convo_start;
    c->started.user = c;
    tractor_nursery_start_actor(root, "some_linguist",
                                &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = kit_modules },
                                kit_on_portal, &c->started);
}

static void SPN_02_movie_theatre_convo(void **state) {
    (void)state;
    convo c = { 0 };
    kit_run run = kit_run_root(NULL, convo_body, &c);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(c.second.calls, 1);
    assert_int_equal(c.cancelled.calls, 1);
    kit_assert_code(c.cancelled.err, TRACTOR_OK);
    kit_assert_within_ms(run.ns, 1000);
}

/* ---- SPN-03: the answer of a one-shot, there and later ---- */

static void word_arrived(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    if (o->user)
        kit_assert_value(o->value, "s", (const char *)o->user);
    else
        kit_assert_value(o->value, "n");
}

static void word_body(tractor_nursery *root, void *user) {
    kit_outcome *o = user;
    tractor_bytes word = o->user ? tractor_pack("s", (const char *)o->user) : tractor_pack("n");
    tractor_nursery_run_in_actor(root, "kit", "nap", TRACTOR_ARGS("{s:i, s:v}", "ms", 0, "then", &word), NULL,
                                 kit_on_value, o);
}

static void SPN_03_most_beautiful_word(void **state) {
    kit_outcome o = KIT_OUTCOME;
    o.then = word_arrived;
    o.user = *state;
    kit_run run = kit_run_root(NULL, word_body, &o);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(o.calls, 1);
    word_arrived(&o);
    kit_assert_within_ms(run.ns, 1000);
}

/* ---- SPN-04: a child has its parent's log level, and its lines come out on the program's stderr ---- */

static void log_critically(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *level;
    (void)args, (void)user;
    tractor_log(TRACTOR_LOG_CRITICAL, "yoyoyo from the child");
    tractor_value *stats = tractor_value_new(tractor_actor_stats(tractor_ctx_actor(ctx)));
    if (tractor_unpack(stats, "{s:s, *}", "log_level", &level) == TRACTOR_OK)
        tractor_ctx_return(ctx, "i", tractor_log_level_by_name(level));
    tractor_value_unref(stats);
}

static void log_body(tractor_nursery *root, void *user) {
    tractor_nursery_run_in_actor(root, "spawning", "log", TRACTOR_ARGS("{}"), NULL, kit_on_value, user);
}

static void SPN_04_loglevel_propagated_to_subactor(void **state) {
    const char *level = *state;
    kit_outcome o = KIT_OUTCOME;
    capture c = capture_stderr();
    kit_run run = kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .log_level = level }, log_body, &o);
    const char *said = capture_end(&c);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_value(o.value, "i", tractor_log_level_by_name(level));
    kit_assert_contains(said, "[CRITICAL]");
    kit_assert_contains(said, "yoyoyo from the child");
}

/* ---- options of a start ---- */

static void surroundings(tractor_ctx *ctx, const tractor_value *args, void *user) {
    char cwd[4096];
    const char *color = getenv("COLOR"), *home = getenv("HOME");
    (void)args, (void)user;
    tractor_ctx_return(ctx, "{s:s, s:s, s:b}", "cwd", getcwd(cwd, sizeof cwd) ? cwd : "", "color", color ? color : "",
                       "home", home != NULL);
}

/* ---- who waits ---- */

typedef struct waiters {
    kit_outcome started, called, slept, named;
    tractor_nursery *waits;
} waiters;

static void give_up(kit_outcome *o) { tractor_nursery_cancel(((waiters *)o->user)->waits, NULL); }

static void my_name(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_return(ctx, "s", tractor_actor_id(tractor_ctx_actor(ctx))->name);
}

static void waiters_body(tractor_nursery *root, void *user) {
    waiters *w = user;
    w->slept.then = give_up;
    w->slept.user = w;
    w->waits = tractor_nursery_open(root, NULL, NULL, NULL);
    tractor_spawn_options never = { TRACTOR_SPAWN_OPTIONS, .program = "sh",
                                    .argv = (const char *[]){ "sh", "-c", "exec sleep 100", NULL },
                                    .wait_in = w->waits };
    tractor_nursery_start_actor(root, "never_boots", &never, kit_on_portal, &w->started);
    tractor_nursery_run_in_actor(root, "kit", "forever", TRACTOR_ARGS("{}"),
                                 &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .wait_in = w->waits }, kit_on_value,
                                 &w->called);
    tractor_nursery_close(w->waits);
    tractor_nursery_sleep(root, 20000000, kit_on_done, &w->slept);
    tractor_nursery_run_in_actor(root, "spawning", "my_name", TRACTOR_ARGS("{}"),
                                 &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .name = "ann" }, kit_on_value,
                                 &w->named);
}

/* The nursery that waits is cancelled: the starts end, with their children, and their owner goes on. */
static void a_start_waits_in_another_nursery(void **state) {
    (void)state;
    waiters w = { KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME, NULL };
    kit_run run = kit_run_root(NULL, waiters_body, &w);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(w.started.calls, 1);
    kit_assert_code(w.started.err, TRACTOR_ECANCELED);
    assert_int_equal(w.called.calls, 1);
    kit_assert_code(w.called.err, TRACTOR_ECANCELED);
    kit_assert_value(w.named.value, "s", "ann");
}

/* Who says where from elsewhere is not heard: the owner waits, which ends before that. */
static void elsewhere_body(tractor_nursery *root, void *user) {
    waiters *w = user;
    tractor_nursery *owner = tractor_nursery_open(root, NULL, NULL, NULL);
    w->waits = tractor_nursery_open(root, NULL, NULL, NULL);
    tractor_nursery_run_in_actor(owner, "spawning", "my_name", TRACTOR_ARGS("{}"),
                                 &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .wait_in = w->waits }, kit_on_value,
                                 &w->called);
    tractor_nursery_start_actor(owner, "child", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .name = "other" },
                                kit_on_portal, &w->started);
    tractor_nursery_cancel(w->waits, NULL);
    tractor_nursery_close(w->waits);
    tractor_nursery_close(owner);
}

static void a_start_does_not_wait_elsewhere(void **state) {
    (void)state;
    waiters w = { KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME, NULL };
    kit_assert_code(kit_run_root(NULL, elsewhere_body, &w).err, TRACTOR_OK);
    kit_assert_value(w.called.value, "s", "my_name");
    kit_assert_code(w.started.err, TRACTOR_EINVAL);
    kit_assert_contains(tractor_error_message(w.started.err), "tractor_spawn_options.name");
}

static void surroundings_body(tractor_nursery *root, void *user) {
    const char *xdg = kit_text("XDG_RUNTIME_DIR=%s", getenv("XDG_RUNTIME_DIR"));
    const char *id = kit_text("TRACTOR_TEST_ID=%s", getenv("TRACTOR_TEST_ID") ? getenv("TRACTOR_TEST_ID") : "");
    const char *const env[] = { "COLOR=green", xdg, id, NULL };
    tractor_nursery_run_in_actor(root, "spawning", "surroundings", TRACTOR_ARGS("{}"),
                                 &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .env = env, .cwd = getenv("TMPDIR") },
                                 kit_on_value, user);
}

static void env_and_cwd(void **state) {
    (void)state;
    kit_outcome o = KIT_OUTCOME;
    kit_assert_code(kit_run_root(NULL, surroundings_body, &o).err, TRACTOR_OK);
    kit_assert_code(o.err, TRACTOR_OK);
    char real[4096];
    assert_non_null(realpath(getenv("TMPDIR"), real));
    kit_assert_value(o.value, "{s:s, s:s, s:b}", "cwd", real, "color", "green", "home", false);
}

static void write_to(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int fd;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i}", "fd", &fd) == TRACTOR_OK)
        tractor_ctx_return(ctx, "i", (int)write(fd, "through the pipe", 16));
}

static int ends[2];
static void pipe_body(tractor_nursery *root, void *user) {
    const int32_t pass[] = { ends[1] };
    tractor_nursery_run_in_actor(
        root, "spawning", "write_to", TRACTOR_ARGS("{s:i}", "fd", ends[1]),
        &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .pass_fds = pass, .pass_fds_count = 1 }, kit_on_value, user);
}
static void no_pipe_body(tractor_nursery *root, void *user) {
    tractor_nursery_run_in_actor(root, "spawning", "write_to", TRACTOR_ARGS("{s:i}", "fd", ends[1]), NULL, kit_on_value,
                                 user);
}

static void pass_fds(void **state) {
    (void)state;
    char text[64] = "";
    kit_outcome passed = KIT_OUTCOME, closed = KIT_OUTCOME;
    assert_int_equal(pipe(ends), 0); /* not close-on-exec, so that only the library can keep it from a child */
    kit_assert_code(kit_run_root(NULL, pipe_body, &passed).err, TRACTOR_OK);
    kit_assert_value(passed.value, "i", 16);
    assert_int_equal(read(ends[0], text, sizeof text), 16);
    assert_string_equal(text, "through the pipe");
    kit_assert_code(kit_run_root(NULL, no_pipe_body, &closed).err, TRACTOR_OK);
    kit_assert_value(closed.value, "i", -1);
    close(ends[0]);
    close(ends[1]);
}

typedef struct stderr_case {
    uint32_t mode;
    bool on_ours, in_error;
    kit_outcome started, printed, died;
} stderr_case;

static void then_die(kit_outcome *o) {
    stderr_case *c = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_portal_run(c->started.portal, NULL, "kit", "exit", TRACTOR_ARGS("{s:i}", "status", 7), NULL, kit_on_value,
                       &c->died);
}
static void then_print(kit_outcome *o) {
    stderr_case *c = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    c->printed.then = then_die;
    c->printed.user = c;
    tractor_portal_run(o->portal, NULL, "kit", "print", TRACTOR_ARGS("{s:s}", "text", "famous last words"), NULL,
                       kit_on_value, &c->printed);
}
static void stderr_body(tractor_nursery *root, void *user) {
    stderr_case *c = user;
    c->started.then = then_print;
    c->started.user = c;
    tractor_nursery_start_actor(
        root, "speaker",
        &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = kit_modules, .stderr_mode = c->mode },
        kit_on_portal, &c->started);
}

static void stderr_modes(void **state) {
    stderr_case c = *(stderr_case *)*state;
    capture own = capture_stderr();
    kit_run run = kit_run_root(NULL, stderr_body, &c);
    const char *said = capture_end(&own);
    kit_assert_code(run.err, TRACTOR_ECHILD);
    kit_assert_contains(tractor_error_message(run.err), "speaker");
    kit_assert_contains(tractor_error_message(run.err), "exit status 7");
    assert_int_equal(strstr(said, "famous last words") != NULL, c.on_ours);
    char *text = tractor_error_format(run.err);
    assert_int_equal(strstr(text, "famous last words") != NULL, c.in_error);
    tractor_free(text);
    assert_ptr_equal(c.died.err, run.err);
}

/* ---- starts that fail ---- */

typedef struct failing {
    tractor_spawn_options options;
    const char *says;
    int code;
    kit_outcome started;
} failing;

static void failing_body(tractor_nursery *root, void *user) {
    failing *f = user;
    assert_true(tractor_nursery_start_actor(root, "stillborn", &f->options, kit_on_portal, &f->started) > 0);
    assert_int_equal(f->started.calls, 0);
}

static void start_fails(void **state) {
    failing f = *(failing *)*state;
    f.options.struct_size = sizeof f.options;
    kit_run run = kit_run_root(NULL, failing_body, &f);
    kit_assert_code(run.err, TRACTOR_OK); /* the completion was told */
    assert_int_equal(f.started.calls, 1);
    kit_assert_code(f.started.err, f.code);
    char *text = tractor_error_format(f.started.err);
    kit_assert_contains(text, f.says);
    tractor_free(text);
    kit_assert_within_ms(run.ns, 1000);
}

static const char *const sh_exit[] = { "sh", "-c", "echo I would rather not >&2; exit 3", NULL };
static const char *const sh_hang[] = { "sh", "-c", "exec sleep 100", NULL };
static const char *const bad_addr[] = { "/ip4/127.0.0.1", NULL };
static const int32_t bad_fds[] = { 2 };

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = {
        TRACTOR_FUNC("same", same_in_child),
        TRACTOR_FUNC("look", look),
        TRACTOR_FUNC("log", log_critically),
        TRACTOR_FUNC("my_name", my_name),
        TRACTOR_FUNC("surroundings", surroundings),
        TRACTOR_FUNC("write_to", write_to),
        TRACTOR_ENDPOINTS_END,
    };
    tractor_register("spawning", module, NULL);
    kit_begin(argc, argv);
    stderr_case relay = { TRACTOR_STDERR_RELAY, true, true, KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME };
    stderr_case capturing = { TRACTOR_STDERR_CAPTURE, false, true, KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME };
    stderr_case inherit = { TRACTOR_STDERR_INHERIT, true, false, KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME };
    failing exits = { { .program = "/bin/sh", .argv = sh_exit }, "exit status 3", TRACTOR_ESPAWN, KIT_OUTCOME };
    failing speaks = { { .program = "/bin/sh", .argv = sh_exit }, "I would rather not", TRACTOR_ESPAWN, KIT_OUTCOME };
    failing hangs = { { .program = "/bin/sh", .argv = sh_hang, .boot_timeout_ns = 200 * TRACTOR_MS },
                      "in time",
                      TRACTOR_ESPAWN,
                      KIT_OUTCOME };
    failing absent = { { .program = "/nonexistent/program" }, "/nonexistent/program", TRACTOR_ESPAWN, KIT_OUTCOME };
    failing nowhere = { { .cwd = "/nonexistent/folder" }, "/nonexistent/folder", TRACTOR_ESPAWN, KIT_OUTCOME };
    failing unlistenable = { { .bind_addrs = bad_addr }, "/ip4/127.0.0.1", TRACTOR_EINVAL, KIT_OUTCOME };
    failing standard_fd = { { .pass_fds = bad_fds, .pass_fds_count = 1 }, "pass_fds", TRACTOR_EINVAL, KIT_OUTCOME };
    failing level = { { .log_level = "loudly" }, "loudly", TRACTOR_EINVAL, KIT_OUTCOME };
    const kit_test tests[] = {
        KIT_TEST(SPN_01_run_in_actor_same_func_in_child),
        KIT_TEST(SPN_02_movie_theatre_convo),
        KIT_TEST_WITH(SPN_03_most_beautiful_word, "a string", "tractor"),
        KIT_TEST_WITH(SPN_03_most_beautiful_word, "nil", NULL),
        KIT_TEST_WITH(SPN_04_loglevel_propagated_to_subactor, "debug", "debug"),
        KIT_TEST_WITH(SPN_04_loglevel_propagated_to_subactor, "cancel", "cancel"),
        KIT_TEST_WITH(SPN_04_loglevel_propagated_to_subactor, "critical", "critical"),
        KIT_TEST(a_start_waits_in_another_nursery),
        KIT_TEST(a_start_does_not_wait_elsewhere),
        KIT_TEST(env_and_cwd),
        KIT_TEST(pass_fds),
        KIT_TEST_WITH(stderr_modes, "relay", &relay),
        KIT_TEST_WITH(stderr_modes, "capture", &capturing),
        KIT_TEST_WITH(stderr_modes, "inherit", &inherit),
        KIT_TEST_WITH(start_fails, "exits", &exits),
        KIT_TEST_WITH(start_fails, "says why", &speaks),
        KIT_TEST_WITH(start_fails, "hangs", &hangs),
        KIT_TEST_WITH(start_fails, "no such program", &absent),
        KIT_TEST_WITH(start_fails, "no such folder", &nowhere),
        KIT_TEST_WITH(start_fails, "bad address", &unlistenable),
        KIT_TEST_WITH(start_fails, "standard descriptor", &standard_fd),
        KIT_TEST_WITH(start_fails, "bad level", &level),
    };
    return kit_run_tests(tests);
}
