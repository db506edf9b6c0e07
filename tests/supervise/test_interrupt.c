/* CAN-08, CAN-09, ADV-03, MUL-01, X-20: SIGINT and SIGTERM to the root, once and twice; what status the program ends with. */
#include "supervise/program.h"

#include <signal.h>
#include <sys/wait.h>

/* ---- in a host program: an error of the root ---- */

static const tractor_root_options with_signals = { TRACTOR_ROOT_OPTIONS, .flags = TRACTOR_ROOT_SIGNALS };
static int64_t interrupted_at;

static void interrupt_us(void) {
    interrupted_at = tractor_now();
    assert_int_equal(kill(getpid(), SIGINT), 0);
}

static void daemon_up(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    interrupt_us();
}

static void daemon_body(tractor_nursery *root, void *user) {
    kit_outcome *up = user;
    up->then = daemon_up;
    start_daemon(root, "daemon", up);
}

static void CAN_08_cancel_via_SIGINT(void **state) {
    (void)state;
    kit_outcome up = KIT_OUTCOME;
    kit_run run = kit_run_root(&with_signals, daemon_body, &up);
    kit_assert_code(run.err, TRACTOR_EINTERRUPTED);
    assert_string_equal(tractor_error_boxed_type(run.err), INTERRUPT);
    kit_assert_within_ms(tractor_now() - interrupted_at, 1000);
}

/* ---- CAN-09 ---- */

enum { SLEEPERS = 3 };
typedef struct other_task {
    tractor_nursery *nursery;
    kit_outcome sleepers[SLEEPERS], end;
    const char *files;
} other_task;

static void wait_for_sleepers(void *user) {
    for (int i = 0; i < SLEEPERS; i++)
        assert_true(kit_wait_file(kit_text("%s%d", ((other_task *)user)->files, i)));
}

static void all_sleep(const tractor_error *err, void *user) {
    (void)user;
    kit_assert_code(err, TRACTOR_OK);
    interrupt_us();
}

static void other_task_body(tractor_nursery *root, void *user) {
    other_task *t = user;
    t->files = kit_path("asleep");
    t->nursery = tractor_nursery_open(root, NULL, kit_on_done, &t->end);
    for (int i = 0; i < SLEEPERS; i++)
        tractor_nursery_run_in_actor(t->nursery, "interrupt", "sleep",
                                     TRACTOR_ARGS("{s:s}", "touch", kit_text("%s%d", t->files, i)), NULL, kit_on_value,
                                     &t->sleepers[i]);
    tractor_nursery_close(t->nursery);
    tractor_nursery_run_in_thread(root, wait_for_sleepers, all_sleep, t);
}

static void CAN_09_cancel_via_SIGINT_other_task(void **state) {
    (void)state;
    other_task t = { 0 };
    kit_run run = kit_run_root(&with_signals, other_task_body, &t);
    kit_assert_code(run.err, TRACTOR_EINTERRUPTED);
    kit_assert_code(t.end.err, TRACTOR_ECANCELED);
    for (int i = 0; i < SLEEPERS; i++)
        kit_assert_code(t.sleepers[i].err, TRACTOR_ECANCELED);
    kit_assert_within_ms(tractor_now() - interrupted_at, 2000);
}

/* ---- ADV-03 ---- */

typedef struct both_streams {
    tractor_stream *one_way, *both_ways;
    kit_outcome up, one_way_end, result;
    int64_t counted, echoed;
} both_streams;

/* Both are in full swing. */
static void once_both_flow(both_streams *b) {
    if (interrupted_at == 0 && b->counted >= 10 && b->echoed >= 10)
        interrupt_us();
}

static void on_count(const tractor_error *err, const tractor_value *value, void *user) {
    both_streams *b = user;
    (void)value;
    if (err)
        return kit_assert_code(err, TRACTOR_ECANCELED);
    b->counted++;
    once_both_flow(b);
    tractor_stream_receive(b->one_way, NULL, on_count, b);
}

static void on_echo(const tractor_error *err, const tractor_value *value, void *user) {
    both_streams *b = user;
    if (err)
        return kit_assert_code(err, TRACTOR_ECANCELED);
    kit_assert_value(value, "I", b->echoed++);
    once_both_flow(b);
    tractor_stream_sendf(b->both_ways, "I", b->echoed);
    tractor_stream_receive(b->both_ways, NULL, on_echo, b);
}

static void on_one_way(tractor_stream *stream, void *user) {
    both_streams *b = user;
    b->one_way = stream;
    tractor_stream_receive(stream, NULL, on_count, b);
}

static void on_one_way_end(const tractor_error *err, void *user) {
    kit_on_done(err, &((both_streams *)user)->one_way_end);
}

static void on_both_ways(tractor_ctx *ctx, const tractor_value *first, void *user) {
    both_streams *b = user;
    (void)first;
    assert_int_equal(tractor_ctx_open_stream(ctx, NULL, &b->both_ways), TRACTOR_OK);
    assert_int_equal(tractor_stream_sendf(b->both_ways, "I", b->echoed), TRACTOR_OK);
    tractor_stream_receive(b->both_ways, NULL, on_echo, b);
}

static void on_both_ways_end(const tractor_error *err, const tractor_value *value, void *user) {
    kit_on_value(err, value, &((both_streams *)user)->result);
}

static void streams_up(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_portal_open_stream_from(o->portal, NULL, "interrupt", "count", TRACTOR_ARGS("{}"), NULL, on_one_way,
                                    on_one_way_end, o->user);
    tractor_portal_open_context(o->portal, NULL, "interrupt", "echo", TRACTOR_ARGS("{}"), NULL, on_both_ways,
                                on_both_ways_end, o->user);
}

static void streams_body(tractor_nursery *root, void *user) {
    both_streams *b = user;
    static const char *const modules[] = { "interrupt", NULL };
    b->up.then = streams_up;
    b->up.user = b;
    tractor_nursery_start_actor(root, "streamer", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules },
                                kit_on_portal, &b->up);
}

static void ADV_03_sigint_both_stream_types(void **state) {
    (void)state;
    both_streams b = { 0 };
    kit_run run = kit_run_root(&with_signals, streams_body, &b);
    kit_assert_code(run.err, TRACTOR_EINTERRUPTED);
    kit_assert_code(b.one_way_end.err, TRACTOR_ECANCELED);
    kit_assert_code(b.result.err, TRACTOR_ECANCELED);
    kit_assert_within_ms(tractor_now() - interrupted_at, 2000);
}

/* ---- as a program ---- */

static int64_t said_at;

/* Says the pid of its one daemon when that is up. */
static void program_daemon_up(kit_outcome *o) {
    if (o->err)
        abort();
    program_say(kit_pid(o->portal));
}

static void program_body(tractor_nursery *root, void *user) {
    static kit_outcome up;
    (void)user;
    up.then = program_daemon_up;
    start_daemon(root, "daemon", &up);
}

/* CAN-08 as a shell sees it, MUL-01: the daemon program is a root that serves; its own registrar too. */
static void CAN_08_MUL_01_program_dies_of_the_signal(void **state) {
    int signo = *(const int *)*state;
    program p = program_start(NULL, program_body, NULL);
    int64_t daemon = program_hear(&p);
    assert_int_equal(kill((pid_t)daemon, 0), 0);
    said_at = tractor_now();
    assert_int_equal(kill(p.pid, signo), 0);
    int status = program_end(&p);
    kit_assert_within_ms(tractor_now() - said_at, 1000);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), signo);
    kit_assert_contains(program_stderr(&p), signo == SIGINT ? "interrupted by SIGINT" : "interrupted by SIGTERM");
    assert_null(strstr(program_stderr(&p), "did not end in time"));
    kit_assert_gone(daemon);
}

/* ---- X-20 ---- */

enum { CANCELLED = -7 };

/* The first one has been heard. */
static void on_cancelled(void *user) {
    (void)user;
    program_say(CANCELLED);
}

static void on_spinning(const tractor_error *err, void *user) {
    (void)user;
    if (err)
        return;
    program_say(0);
}

static void wait_for_spin(void *file) { kit_wait_file(file); }

static void stubborn_up(kit_outcome *o) {
    static const char *file;
    file = kit_path("spinning");
    program_say(kit_pid(o->portal));
    tractor_nursery *root = tractor_actor_nursery(tractor_nursery_actor(o->user));
    tractor_nursery_hold(root, "tell the test", on_cancelled, NULL);
    call_kit(o->portal, NULL, "spin", TRACTOR_ARGS("{s:s}", "touch", file), NULL);
    tractor_nursery_run_in_thread(root, wait_for_spin, on_spinning, (void *)(uintptr_t)file);
}

static void stubborn_body(tractor_nursery *root, void *user) {
    static kit_outcome up;
    (void)user;
    up.then = stubborn_up;
    up.user = root;
    start_daemon(root, "stubborn", &up);
}

static void X_20_second_SIGINT_escalates(void **state) {
    int second = *(const int *)*state;
    program p = program_start(NULL, stubborn_body, NULL);
    int64_t daemon = program_hear(&p);
    assert_int_equal(program_hear(&p), 0);
    said_at = tractor_now();
    assert_int_equal(kill(p.pid, SIGINT), 0);
    assert_int_equal(program_hear(&p), CANCELLED);
    assert_int_equal(kill((pid_t)daemon, 0), 0); /* it does not hear, and has 2.1 s */
    assert_int_equal(kill(p.pid, second), 0);
    int status = program_end(&p);
    kit_assert_within_ms(tractor_now() - said_at, 500);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), second);
    assert_true(kit_wait_state(daemon, "ZX"));
}

static void quiet_body(tractor_nursery *root, void *user) { (void)root, (void)user; }

static void blocked_body(tractor_nursery *root, void *user) {
    static kit_outcome up;
    (void)user;
    up.then = NULL;
    start_daemon(root, "daemon", &up);
    program_say(0);
    for (;;)
        pause();
}

static bool has_taken_it(void *user) {
    const char *at = strstr(kit_read_file(kit_text("/proc/%d/status", (int)*(pid_t *)user)), "ShdPnd:");
    return at && !(strtoull(at + strlen("ShdPnd:"), NULL, 16) & 1ull << (SIGINT - 1));
}

/* Nobody hears the first one: the root is in code that does not return to its loop. */
static void X_20_two_SIGINTs_end_a_blocked_root(void **state) {
    (void)state;
    program p = program_start(NULL, blocked_body, NULL);
    program_hear(&p);
    said_at = tractor_now();
    assert_int_equal(kill(p.pid, SIGINT), 0);
    assert_true(kit_wait_until(has_taken_it, NULL, &p.pid)); /* while it is pending, two are one */
    assert_int_equal(kill(p.pid, SIGINT), 0);
    int status = program_end(&p);
    kit_assert_within_ms(tractor_now() - said_at, 500);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
    /* What it left, the next root at that address takes away. */
    kit_assert_code(kit_run_root(NULL, quiet_body, NULL).err, TRACTOR_OK);
}

/* ---- exit statuses ---- */

static void failing_body(tractor_nursery *root, void *user) { fail_with(root, user); }
static void cancelled_body(tractor_nursery *root, void *user) { tractor_nursery_cancel(root, user); }

typedef struct ending {
    tractor_root_fn body;
    const char *user, *transport, *says;
    int status;
} ending;

static void exit_status(void **state) {
    const ending *e = *state;
    program p = program_start(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .enable_transports = e->transport },
                              e->body, (void *)(uintptr_t)e->user);
    int status = program_end(&p);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), e->status);
    if (e->says)
        kit_assert_contains(program_stderr(&p), e->says);
    else
        assert_string_equal(program_stderr(&p), "");
}

/* ---- what children do here ---- */

static void sleep_and_say(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *file;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "touch", &file) != TRACTOR_OK)
        return;
    fclose(fopen(file, "w"));
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL);
}

typedef struct task {
    tractor_stream *stream;
    int64_t n;
} task;

static void count_on(const tractor_error *err, void *user) {
    task *t = user;
    if (!err)
        tractor_stream_send_wait(t->stream, NULL, tractor_pack("I", t->n++), count_on, t);
}

static void count(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    task *t = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *t);
    if (tractor_ctx_open_stream(ctx, NULL, &t->stream) == TRACTOR_OK)
        count_on(NULL, t);
}

static void echo_on(const tractor_error *err, const tractor_value *value, void *user) {
    task *t = user;
    if (err)
        return;
    tractor_stream_send(t->stream, tractor_value_bytes(value));
    tractor_stream_receive(t->stream, NULL, echo_on, t);
}

static void echo(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    task *t = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *t);
    tractor_ctx_started(ctx, NULL);
    if (tractor_ctx_open_stream(ctx, NULL, &t->stream) == TRACTOR_OK)
        tractor_stream_receive(t->stream, NULL, echo_on, t);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_FUNC("sleep", sleep_and_say), TRACTOR_GEN("count", count),
                                               TRACTOR_CTX("echo", echo), TRACTOR_ENDPOINTS_END };
    tractor_register("interrupt", module, NULL);
    kit_begin(argc, argv);
    int sigint = SIGINT, sigterm = SIGTERM;
    ending well = { quiet_body, NULL, NULL, NULL, 0 };
    ending cancelled = { cancelled_body, "enough", NULL, NULL, 0 };
    ending failed = { failing_body, "ValueError", NULL, "ValueError", 1 };
    ending bad = { quiet_body, NULL, "pigeon", "pigeon", 2 };
    const kit_test tests[] = {
        KIT_TEST(CAN_08_cancel_via_SIGINT),
        KIT_TEST(CAN_09_cancel_via_SIGINT_other_task),
        KIT_TEST(ADV_03_sigint_both_stream_types),
        KIT_TEST_WITH(CAN_08_MUL_01_program_dies_of_the_signal, "SIGINT", &sigint),
        KIT_TEST_WITH(CAN_08_MUL_01_program_dies_of_the_signal, "SIGTERM", &sigterm),
        KIT_TEST_WITH(X_20_second_SIGINT_escalates, "SIGINT", &sigint),
        KIT_TEST_WITH(X_20_second_SIGINT_escalates, "SIGTERM", &sigterm),
        KIT_TEST(X_20_two_SIGINTs_end_a_blocked_root),
        KIT_TEST_WITH(exit_status, "well", &well),
        KIT_TEST_WITH(exit_status, "cancelled by itself", &cancelled),
        KIT_TEST_WITH(exit_status, "failed", &failed),
        KIT_TEST_WITH(exit_status, "bad options", &bad),
    };
    return kit_run_tests(tests);
}
