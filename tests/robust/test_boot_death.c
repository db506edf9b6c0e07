/* a child that dies, or falls silent, at each step of its boot. Its start fails at once, or at its time limit, with an
 * error that names how it ended and what it said last; and nothing of it is left. */
// ctest: timeout=240
#include "robust/script.h"

#include <signal.h>

typedef struct death {
    const char *step, *how;
    const char *status;   /* in the message; NULL: its parent had to end it */
    int64_t boot_timeout; /* of those that fall silent */
    kit_outcome start;
    int64_t begin;
} death;

/* ---- one start ---- */

static const char *foreign(void) { return TRACTOR_TEST_BINARY_DIR "/prog_foreign"; }

static void start_foreign(tractor_nursery *root, void *user) {
    death *d = user;
    const char *argv[] = { "foreign", d->step, d->how, NULL };
    d->begin = tractor_now();
    tractor_nursery_start_actor(
        root, "doomed",
        &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .program = foreign(), .argv = argv,
                                  .boot_timeout_ns = d->boot_timeout, .stderr_mode = TRACTOR_STDERR_CAPTURE },
        kit_on_portal, &d->start);
}

static void assert_failed(const death *d) {
    assert_int_equal(d->start.calls, 1);
    assert_null(d->start.portal);
    kit_assert_code(d->start.err, TRACTOR_ESPAWN);
    const char *message = tractor_error_message(d->start.err);
    kit_assert_contains(message, "'doomed'");
    if (d->boot_timeout) {
        assert_true(d->start.at - d->begin >= d->boot_timeout);
        kit_assert_within_ms(d->start.at - d->begin - d->boot_timeout, 500);
    } else {
        kit_assert_within_ms(d->start.at - d->begin, 1000);
    }
    if (d->status)
        kit_assert_contains(message, d->status);
    kit_assert_contains(message, kit_text("foreign: ending by %s at %s", d->how, d->step));
    kit_assert_contains(tractor_error_traceback(d->start.err), "the line before the last");
}

static void cancel_root(kit_outcome *o) {
    (void)o;
    tractor_nursery_cancel(tractor_actor_nursery(kit_actor()), "all is known");
}

static void fail_to_start(const char *step, const char *how, const char *status, int64_t boot_timeout) {
    death d = { step, how, status, boot_timeout, KIT_OUTCOME, 0 };
    kit_run run = kit_run_root(NULL, start_foreign, &d);
    assert_failed(&d);
    kit_assert_code(run.err, TRACTOR_OK); /* the completion has received it */
}

typedef struct how_to_die {
    const char *how, *status;
} how_to_die;
static const how_to_die ways[] = {
    { "exit2", "exit status 2" }, { "exit0", "exit status 0" }, { "abort", "signal 6" },
    { "segv", "signal 11" },      { "kill", "signal 9" },
};

static void test_dies(void **state) {
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        fail_to_start(*state, ways[i].how, ways[i].status, 0);
}

/* It is given as much time as it takes to get there. */
static void test_falls_silent(void **state) {
    death d = { .boot_timeout = 150 * TRACTOR_MS };
    do {
        d = (death){ *state, "hang", "in time", 2 * d.boot_timeout, KIT_OUTCOME, 0 };
        kit_assert_code(kit_run_root(NULL, start_foreign, &d).err, TRACTOR_OK);
    } while (!strstr(tractor_error_message(d.start.err), "foreign: ending by"));
    assert_failed(&d);
}

/* Its process lives on, but nobody can reach it: that is a failure too, and it is killed. */
static void lose_connection(const char *step, const char *how) {
    bool named = strcmp(step, "before_aid") != 0;
    fail_to_start(step, how, named ? "closed its connection during its boot" : "before it said who it is", 0);
}
static void test_hangs_up(void **state) {
    lose_connection(*state, "close");
    lose_connection(*state, "shutdown");
}
static void test_sends_garbage(void **state) { lose_connection(*state, "garbage"); }

/* A second try counts, if it comes soon. */
static void test_connects_again(void **state) {
    (void)state;
    death d = { "serve", "again", NULL, 0, { .then = cancel_root }, 0 };
    kit_run run = kit_run_root(NULL, start_foreign, &d);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(d.start.err, TRACTOR_OK);
    assert_int_equal(d.start.calls, 1);
}

/* Somebody else's lost connection is none of the child's. */
static void hang_up_beside(tractor_nursery *root, void *user) {
    start_foreign(root, user);
    for (int i = 0; i < 3; i++) {
        raw_peer *p = raw_open(tractor_actor_address(kit_actor(), 0), "passer-by");
        assert_non_null(p);
        raw_close(p);
    }
}
static void test_others_hang_up(void **state) {
    (void)state;
    death d = { "before_aid", "hang", "in time", 700 * TRACTOR_MS, KIT_OUTCOME, 0 };
    kit_run run = kit_run_root(NULL, hang_up_beside, &d);
    assert_failed(&d);
    kit_assert_code(run.err, TRACTOR_OK);
}

/* An older child never says that it is ready: it counts as started when it has its SpawnSpec. If it dies then, the nursery
 * hears of it. */
static void test_older_child_dies(void **state) {
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        death d = { *state, ways[i].how, ways[i].status, 0, KIT_OUTCOME, 0 };
        kit_run run = kit_run_root(NULL, start_foreign, &d);
        assert_int_equal(d.start.calls, 1);
        if (d.start.err) { /* it was faster than its SpawnSpec */
            assert_failed(&d);
            kit_assert_code(run.err, TRACTOR_OK);
            continue;
        }
        kit_assert_within_ms(run.ns, 1500);
        if (strcmp(ways[i].how, "exit0") == 0) {
            kit_assert_code(run.err, TRACTOR_OK); /* it left in order */
            continue;
        }
        kit_assert_code(run.err, TRACTOR_ECHILD);
        kit_assert_contains(tractor_error_message(run.err), ways[i].status);
        kit_assert_contains(tractor_error_message(run.err), "foreign: ending by");
    }
}

/* ---- our own children, seen from inside ---- */

static const char *die_where(void) {
    const char *where = getenv("ROBUST_DIE");
    return where ? where : "";
}

/* Before it knows that it is a child, and what happens in this process while its actor boots. */
static void die_if_told(const char *here) {
    if (strcmp(die_where(), here) != 0)
        return;
    fprintf(stderr, "native: dying at %s\n", here);
    signal(SIGABRT, SIG_DFL);
    abort();
}

typedef struct native {
    const char *const *modules;
    const char *program;
    const char *const *argv;
    kit_outcome start;
    int64_t begin, boot_timeout;
} native;

static void start_native(tractor_nursery *root, void *user) {
    native *n = user;
    n->begin = tractor_now();
    tractor_nursery_start_actor(
        root, "doomed",
        &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = n->modules, .program = n->program, .argv = n->argv,
                                  .boot_timeout_ns = n->boot_timeout, .stderr_mode = TRACTOR_STDERR_CAPTURE },
        kit_on_portal, &n->start);
}

static void fail_natively(const char *where, const char *module, const char *status, int64_t boot_timeout) {
    const char *modules[] = { module, NULL };
    native n = { modules, module ? getenv("TRACTOR_TEST_ACTOR") : NULL, NULL, KIT_OUTCOME, 0, boot_timeout };
    setenv("ROBUST_DIE", where, 1);
    kit_run run = kit_run_root(NULL, start_native, &n);
    unsetenv("ROBUST_DIE");
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(n.start.calls, 1);
    kit_assert_code(n.start.err, TRACTOR_ESPAWN);
    kit_assert_within_ms(n.start.at - n.begin - boot_timeout, 1000);
    const char *message = tractor_error_message(n.start.err);
    kit_assert_contains(message, status);
    kit_assert_contains(message, kit_text("native: dying at %s", where));
}

static void test_native_before_connect(void **state) {
    (void)state;
    fail_natively("before_connect", NULL, "signal 6", 0);
}

static void test_native_while_loading(void **state) {
    (void)state;
    const char *module = "dying=" TRACTOR_TEST_BINARY_DIR "/dying.so";
    fail_natively("constructor", module, "signal 6", 0);
    fail_natively("init", module, "exit status 2", 0);
    fail_natively("segv", module, "signal 11", 0);
    fail_natively("hang", module, "in time", TRACTOR_SECOND * kit_headroom()); /* to get there */
}

/* It can still say itself why it is not coming. */
static void test_native_raises_while_loading(void **state) {
    (void)state;
    const char *modules[] = { "dying=" TRACTOR_TEST_BINARY_DIR "/dying.so", NULL };
    native n = { modules, getenv("TRACTOR_TEST_ACTOR"), NULL, KIT_OUTCOME, 0, 0 };
    setenv("ROBUST_DIE", "refuse", 1);
    kit_run run = kit_run_root(NULL, start_native, &n);
    unsetenv("ROBUST_DIE");
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(n.start.err, TRACTOR_ESPAWN);
    assert_non_null(tractor_error_find(n.start.err, TRACTOR_EREMOTE));
    assert_string_equal(tractor_error_boxed_type(tractor_error_find(n.start.err, TRACTOR_EREMOTE)), "ImportError");
}

/* ---- what was never started ---- */

static void fail_to_exec(const char *program, const char *type) {
    native n = { NULL, program, NULL, KIT_OUTCOME, 0, 0 };
    kit_run run = kit_run_root(NULL, start_native, &n);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(n.start.err, TRACTOR_ESPAWN);
    kit_assert_contains(tractor_error_message(n.start.err), program);
    if (type)
        assert_string_equal(tractor_error_boxed_type(n.start.err), type);
}

static void test_cannot_exec(void **state) {
    (void)state;
    fail_to_exec("/nowhere/at/all", "FileNotFoundError");
    fail_to_exec("no-such-program-in-the-path", "FileNotFoundError");
    fail_to_exec("/etc", "PermissionError");
    fail_to_exec("/etc/passwd", "PermissionError");
}

/* A program that knows nothing of all this: it exits by itself, or never says a word. */
static void test_not_an_actor(void **state) {
    (void)state;
    native n = { NULL, "/bin/false", NULL, KIT_OUTCOME, 0, 0 };
    kit_run run = kit_run_root(NULL, start_native, &n);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(n.start.err, TRACTOR_ESPAWN);
    kit_assert_contains(tractor_error_message(n.start.err), "exit status 1");
    const char *argv[] = { "sh", "-c", "exec sleep 1000", NULL };
    n = (native){ NULL, "/bin/sh", argv, KIT_OUTCOME, 0, 300 * TRACTOR_MS };
    run = kit_run_root(NULL, start_native, &n);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(n.start.err, TRACTOR_ESPAWN);
    kit_assert_contains(tractor_error_message(n.start.err), "in time");
}

/* Several at once, each with its own fate, beside one that is well: nobody hears of another's. */
typedef struct crowd {
    death dying[4];
    kit_outcome well;
    int ended;
} crowd;

static void one_ended(kit_outcome *o) {
    crowd *c = o->user;
    if (++c->ended == 5)
        tractor_nursery_cancel(tractor_actor_nursery(kit_actor()), "all is known");
}

static void start_crowd(tractor_nursery *root, void *user) {
    crowd *c = user;
    for (int i = 0; i < 4; i++) {
        c->dying[i].start.then = one_ended;
        c->dying[i].start.user = c;
        start_foreign(root, &c->dying[i]);
    }
    c->well.then = one_ended;
    c->well.user = c;
    tractor_nursery_start_actor(root, "well", NULL, kit_on_portal, &c->well);
}

static void test_side_by_side(void **state) {
    (void)state;
    crowd c = { { { "before_connect", "exit2", "exit status 2", 0, KIT_OUTCOME, 0 },
                  { "native_before_load", "kill", "signal 9", 0, KIT_OUTCOME, 0 },
                  { "native_before_register", "abort", "signal 6", 0, KIT_OUTCOME, 0 },
                  { "before_aid", "hang", "in time", TRACTOR_SECOND * kit_headroom(), KIT_OUTCOME, 0 } },
                KIT_OUTCOME,
                0 };
    kit_run run = kit_run_root(NULL, start_crowd, &c);
    kit_assert_code(run.err, TRACTOR_OK);
    for (int i = 0; i < 4; i++)
        assert_failed(&c.dying[i]);
    kit_assert_code(c.well.err, TRACTOR_OK);
}

#define STEPS(test)                                                                  \
    KIT_TEST_WITH(test, "before connect", (void *)"before_connect"),                 \
        KIT_TEST_WITH(test, "before Aid", (void *)"before_aid"),                     \
        KIT_TEST_WITH(test, "after Aid", (void *)"native_before_spec"),              \
        KIT_TEST_WITH(test, "with SpawnSpec", (void *)"native_before_load"),         \
        KIT_TEST_WITH(test, "before registering", (void *)"native_before_register"), \
        KIT_TEST_WITH(test, "while registering", (void *)"native_in_register"),      \
        KIT_TEST_WITH(test, "before ready", (void *)"native_before_ready")

int main(int argc, char **argv) {
    if (argc > 1 && strncmp(argv[1], "--", 2) == 0)
        die_if_told("before_connect");
    kit_begin(argc, argv);
    const kit_test tests[] = {
        STEPS(test_dies),
        STEPS(test_falls_silent),
        KIT_TEST_WITH(test_hangs_up, "before Aid", (void *)"before_aid"),
        KIT_TEST_WITH(test_hangs_up, "with SpawnSpec", (void *)"native_before_load"),
        KIT_TEST(test_connects_again),
        KIT_TEST(test_others_hang_up),
        KIT_TEST_WITH(test_sends_garbage, "before Aid", (void *)"before_aid"),
        KIT_TEST_WITH(test_sends_garbage, "before ready", (void *)"native_before_ready"),
        KIT_TEST_WITH(test_older_child_dies, "after Aid", (void *)"before_spec"),
        KIT_TEST_WITH(test_older_child_dies, "with SpawnSpec", (void *)"before_load"),
        KIT_TEST_WITH(test_older_child_dies, "before registering", (void *)"before_register"),
        KIT_TEST_WITH(test_older_child_dies, "while registering", (void *)"in_register"),
        KIT_TEST(test_native_before_connect),
        KIT_TEST(test_native_while_loading),
        KIT_TEST(test_native_raises_while_loading),
        KIT_TEST(test_cannot_exec),
        KIT_TEST(test_not_an_actor),
        KIT_TEST(test_side_by_side),
    };
    return kit_run_tests(tests);
}
