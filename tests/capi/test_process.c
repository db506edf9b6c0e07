/* Programs that are no actors: their output, their end, and that nothing of them stays. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include "kit.h"

#define SH(script) \
    (const char *const[]) { "sh", "-c", (script), NULL }

/* One program, run by a root that does nothing else. */
typedef struct job {
    tractor_process_options options;
    kit_outcome outcome;
    const char *until; /* cancel the root when this file is there */
} job;

#define JOB(command, ...)                                                                                            \
    {                                                                                                                \
        { TRACTOR_PROCESS_OPTIONS, .argv = (command), .label = "it", .relay_level = TRACTOR_LOG_INFO, __VA_ARGS__ }, \
            KIT_OUTCOME, NULL                                                                                        \
    }

static void cancel_when_there(const tractor_error *err, void *user) {
    job *j = user;
    tractor_nursery *root = tractor_actor_nursery(kit_actor());
    if (err)
        return;
    if (access(j->until, F_OK) == 0)
        tractor_nursery_cancel(root, "enough");
    else
        tractor_nursery_sleep(root, 2 * TRACTOR_MS, cancel_when_there, j);
}

static void body(tractor_nursery *root, void *user) {
    job *j = user;
    assert_true(tractor_nursery_run_process(root, &j->options, kit_on_value, &j->outcome) > 0);
    assert_int_equal(j->outcome.calls, 0); /* never inside the call */
    if (j->until)
        cancel_when_there(NULL, j);
}

static kit_run run_job(job *j) {
    return kit_run_root(
        &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .flags = TRACTOR_ROOT_SUBREAPER, .log_level = "info" }, body, j);
}

/* It succeeded, with this. */
static void assert_result(const job *j, int returncode, const char *out, const char *err) {
    assert_int_equal(j->outcome.calls, 1);
    assert_null(j->outcome.err);
    kit_assert_value(j->outcome.value, "{s:i,s:y,s:y}", "returncode", returncode, "stdout", out, strlen(out), "stderr",
                     err, strlen(err));
}

static void test_output_is_kept(void **state) {
    (void)state;
    job j = JOB(SH("printf 'a\\n\\000b'; printf 'c\\n' >&2"));
    assert_null(run_job(&j).err);
    kit_assert_value(j.outcome.value, "{s:i,s:y,s:y}", "returncode", 0, "stdout", "a\n\0b", (size_t)4, "stderr", "c\n",
                     (size_t)2);
}

/* SUB-04, SUB-05 */
static void test_a_failure_says_how(void **state) {
    (void)state;
    job j = JOB(SH("echo out; echo first >&2; echo last >&2; exit 3"));
    assert_null(run_job(&j).err);
    kit_assert_code(j.outcome.err, TRACTOR_EPROCESS);
    assert_int_equal(tractor_error_kind(j.outcome.err), TRACTOR_KIND_REMOTE);
    assert_string_equal(tractor_error_name(j.outcome.err), "EPROCESS");
    assert_string_equal(tractor_error_boxed_type(j.outcome.err), "CalledProcessError");
    assert_int_equal(tractor_error_exit_status(j.outcome.err), 3);
    assert_string_equal(tractor_error_traceback(j.outcome.err), "first\nlast");
    kit_assert_contains(tractor_error_message(j.outcome.err), "process 'it' (pid ");
    kit_assert_contains(tractor_error_message(j.outcome.err), "exit status 3; its last line on stderr: last");
    kit_assert_value(tractor_error_process_result(j.outcome.err), "{s:i,s:y,s:y}", "returncode", 3, "stdout", "out\n",
                     (size_t)4, "stderr", "first\nlast\n", (size_t)11);
    assert_null(tractor_error_process_result(NULL));
}

static void test_a_signal_is_a_failure(void **state) {
    (void)state;
    job j = JOB(SH("kill -USR2 $$"));
    assert_null(run_job(&j).err);
    kit_assert_code(j.outcome.err, TRACTOR_EPROCESS);
    assert_int_equal(tractor_error_exit_status(j.outcome.err), -SIGUSR2);
    kit_assert_contains(tractor_error_message(j.outcome.err), "was killed by signal 12 (SIGUSR2)");
}

static void test_unchecked(void **state) {
    (void)state;
    job j = JOB(SH("echo no; exit 9"), .flags = TRACTOR_PROCESS_NO_CHECK);
    assert_null(run_job(&j).err);
    assert_result(&j, 9, "no\n", "");
}

static void forgotten(tractor_nursery *root, void *user) {
    (void)user;
    tractor_nursery_run_process(root, &(tractor_process_options){ TRACTOR_PROCESS_OPTIONS, .argv = SH("exit 4") }, NULL,
                                NULL);
    tractor_nursery_sleep(root, TRACTOR_FOREVER, NULL, NULL); /* cancelled by the failure */
}

static void test_a_failure_without_a_completion_fails_the_nursery(void **state) {
    (void)state;
    kit_run run = kit_run_root(NULL, forgotten, NULL);
    kit_assert_code(run.err, TRACTOR_EPROCESS);
    kit_assert_contains(tractor_error_message(run.err), "process 'sh' (pid ");
}

/* SUB-02 */
static void test_it_has_nothing_of_ours(void **state) {
    (void)state;
    job j = JOB(SH("readlink /proc/$$/fd/0; readlink /proc/$$/fd/1 | cut -d: -f1; readlink /proc/$$/fd/2 | cut -d: -f1;"
                   "test -t 0 || test -t 1 || test -t 2 || echo no terminal;"
                   "for f in /proc/$$/fd/*; do test -e $f && printf '%s ' ${f##*/}; done; echo $LIKE; pwd"),
                .env = (const char *const[]){ "PATH=/bin:/usr/bin", "LIKE=this", NULL }, .cwd = "/");
    assert_null(run_job(&j).err);
    assert_result(&j, 0, "/dev/null\npipe\npipe\nno terminal\n0 1 2 this\n/\n", "");
}

/* SUB-01, SUB-04 */
static void test_lines_are_relayed(void **state) {
    (void)state;
    job j = JOB(SH("printf 'one\\n\\ntwo\\r\\n\\tthree \\377\\000.'; printf 'first\\nlast\\n' >&2"),
                .flags = TRACTOR_PROCESS_RELAY_STDOUT | TRACTOR_PROCESS_RELAY_STDERR);
    assert_null(run_job(&j).err);
    assert_int_equal(kit_log_count("] tractor.process [it:out] "), 4);
    assert_int_equal(kit_log_count("[it:out] one"), 1);
    assert_int_equal(kit_log_count("[it:out] two"), 1);
    assert_int_equal(kit_log_count("[it:out] \tthree \xef\xbf\xbd ."), 1);
    assert_int_equal(kit_log_count("[it:err] "), 2);
    assert_int_equal(kit_log_count("[it:err] last"), 1);
    assert_int_equal(kit_log_count("[INFO]"), 6);
}

/* A line is in the log while the program still runs. */
static void live_line(const tractor_error *err, void *user) {
    job *j = user;
    tractor_nursery *root = tractor_actor_nursery(kit_actor());
    if (err)
        return;
    if (kit_log_count("[it:err] ready") == 1) {
        assert_int_equal(j->outcome.calls, 0);
        tractor_nursery_cancel(root, NULL);
    } else {
        tractor_nursery_sleep(root, 2 * TRACTOR_MS, live_line, j);
    }
}
static void live(tractor_nursery *root, void *user) {
    job *j = user;
    tractor_nursery_run_process(root, &j->options, kit_on_value, &j->outcome);
    live_line(NULL, j);
}
static void test_lines_are_live(void **state) {
    (void)state;
    job j = JOB(SH("echo ready >&2; exec sleep 60"), .flags = TRACTOR_PROCESS_RELAY_STDERR);
    kit_run run = kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .log_level = "info" }, live, &j);
    assert_null(run.err);
    kit_assert_code(j.outcome.err, TRACTOR_ECANCELED);
    kit_assert_within_ms(run.ns, 1000);
}

/* Relayed text in order, as the log has it. */
static struct { size_t x, pieces; } relayed;
static void count_line(int level, const char *line, void *user) {
    (void)user;
    const char *text = strstr(line, "[it:out] ");
    if (level != TRACTOR_LOG_INFO || !text)
        return;
    relayed.pieces++;
    relayed.x += strspn(text + 9, "x");
    assert_int_equal(text[9 + strspn(text + 9, "x")], '\0');
}

/* SUB-03 */
static void test_much_without_a_newline(void **state) {
    (void)state;
    const char *const *shout = SH("head -c 200000 /dev/zero | tr '\\000' x; printf y >&2");
    job j = JOB(shout, .flags = TRACTOR_PROCESS_RELAY_STDOUT);
    tractor_log_set_sink(count_line, NULL, NULL);
    kit_run run = run_job(&j);
    assert_null(run.err);
    assert_int_equal(relayed.x, 200000);
    assert_int_equal(relayed.pieces, 4); /* of 64 KiB */
    kit_assert_within_ms(run.ns, 2000);
    size_t kept = 0;
    assert_int_equal(tractor_unpack(j.outcome.value, "{s:y,*}", "stdout", NULL, &kept), TRACTOR_OK);
    assert_true(kept >= 16 * 1024 && kept <= 64 * 1024);

    job k = JOB(shout);
    run = run_job(&k);
    assert_null(run.err);
    kit_assert_within_ms(run.ns, 2000);
    const void *bytes;
    assert_int_equal(tractor_unpack(k.outcome.value, "{s:y,*}", "stdout", &bytes, &kept), TRACTOR_OK);
    assert_int_equal(kept, 200000);
    for (size_t i = 0; i < kept; i++)
        assert_int_equal(((const char *)bytes)[i], 'x');
}

/* Pieces of a long line end where a character does. */
static void count_bytes(int level, const char *line, void *user) {
    const char *text = strstr(line, "[it:out] ");
    if (level != TRACTOR_LOG_INFO || !text)
        return;
    *(size_t *)user += strlen(text + 9);
    assert_null(strstr(text, "\xef\xbf\xbd"));
}
static void test_a_long_line_is_cut_between_characters(void **state) {
    (void)state;
    size_t bytes = 0;
    job j = JOB(SH("printf x; yes '\342\202\254' | head -n 60000 | tr -d '\n'"), .flags = TRACTOR_PROCESS_RELAY_STDOUT);
    tractor_log_set_sink(count_bytes, &bytes, NULL);
    assert_null(run_job(&j).err);
    assert_null(j.outcome.err);
    assert_int_equal(bytes, 1 + 3 * 60000);
}

static void test_more_than_may_be_kept(void **state) {
    (void)state;
    job j = JOB(((const char *const[]){ "yes", NULL }), .capture_limit = 1000);
    kit_run run = run_job(&j);
    assert_null(run.err);
    kit_assert_code(j.outcome.err, TRACTOR_EPROCESS);
    kit_assert_contains(tractor_error_message(j.outcome.err),
                        "wrote more to its stdout than the 1000 bytes that may be kept");
    kit_assert_within_ms(run.ns, 1000);
}

static void test_its_output_to_a_file(void **state) {
    (void)state;
    int fd = open(kit_path("out"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    job j = JOB(SH("echo text"), .stdout_fd = fd);
    assert_null(run_job(&j).err);
    close(fd);
    assert_result(&j, 0, "", "");
    assert_string_equal(kit_read_file(kit_path("out")), "text\n");
}

static void test_a_cancel_terminates(void **state) {
    (void)state;
    job j = JOB(SH("trap 'echo bye; exit 5' TERM; touch \"$0\"; while :; do sleep 0.01; done"));
    j.until = kit_path("ready");
    const char *const argv[] = { j.options.argv[0], j.options.argv[1], j.options.argv[2], j.until, NULL };
    j.options.argv = argv;
    kit_run run = run_job(&j);
    assert_null(run.err);
    kit_assert_code(j.outcome.err, TRACTOR_ECANCELED); /* whatever it said in the end */
    kit_assert_within_ms(run.ns, 1000);
}

static void test_who_does_not_listen_is_killed(void **state) {
    (void)state;
    kit_expect_log("did not end in time: killed");
    job j = JOB(SH("trap '' TERM; touch \"$0\"; exec sleep 60"), .kill_timeout_ns = 100 * TRACTOR_MS);
    j.until = kit_path("ready");
    const char *const argv[] = { j.options.argv[0], j.options.argv[1], j.options.argv[2], j.until, NULL };
    j.options.argv = argv;
    kit_run run = run_job(&j);
    assert_null(run.err);
    kit_assert_code(j.outcome.err, TRACTOR_ECANCELED);
    assert_true(run.ns >= 100 * TRACTOR_MS);
    kit_assert_within_ms(run.ns, 1500);
    assert_int_equal(kit_log_count("did not end in time: killed"), 1);
}

/* What it has left behind has its pipe, and its own session. The kit finds whoever is left. */
static void test_nothing_is_left_behind(void **state) {
    (void)state;
    job j =
        JOB(SH("setsid sh -c 'touch \"$0\"; sleep 60; sleep 60' \"$0\" & while ! test -e \"$0\"; do :; done; echo $!"));
    const char *const argv[] = { j.options.argv[0], j.options.argv[1], j.options.argv[2], kit_path("ready"), NULL };
    j.options.argv = argv;
    kit_run run = run_job(&j);
    assert_null(run.err);
    assert_null(j.outcome.err);
    kit_assert_within_ms(run.ns, 1000);
}

/* An orphan that has to be killed had a dead child that it did not wait for: that one has no environment to be known by. */
static void test_nothing_dead_is_left_behind(void **state) {
    (void)state;
    job j =
        JOB(SH("sh -c 'true & exec sleep 60' & until read -r child </proc/$!/task/$!/children;"
               " grep -qs '^State:.Z' /proc/$child/status; do :; done; echo $!"));
    kit_run run = run_job(&j);
    assert_null(run.err);
    assert_null(j.outcome.err);
    kit_assert_within_ms(run.ns, 1000);
}

/* An actor that is no subreaper leaves such a one to the program, and does not wait for it. */
static void test_who_keeps_the_pipe_is_not_waited_for(void **state) {
    (void)state;
    const char *file = kit_path("pid");
    job j = JOB(SH(kit_text("sleep 1000 & echo $! >%s; echo here", file)));
    kit_run run = kit_run_root(NULL, body, &j);
    assert_null(run.err);
    assert_result(&j, 0, "here\n", "");
    kit_assert_within_ms(run.ns, 400);
    assert_int_equal(kill((pid_t)atoi(kit_read_file(file)), SIGKILL), 0);
}

static void test_what_can_not_be_started(void **state) {
    (void)state;
    job none = JOB(((const char *const[]){ "there-is-no-such-program", NULL }));
    assert_null(run_job(&none).err);
    kit_assert_code(none.outcome.err, TRACTOR_ESPAWN);
    assert_string_equal(tractor_error_boxed_type(none.outcome.err), "FileNotFoundError");

    job folder = JOB(SH(":"), .cwd = "/there/is/no/such/folder");
    assert_null(run_job(&folder).err);
    kit_assert_code(folder.outcome.err, TRACTOR_ESPAWN);
    kit_assert_contains(tractor_error_message(folder.outcome.err), "cannot enter folder '/there/is/no/such/folder'");
}

static void bad_options(tractor_nursery *root, void *user) {
    kit_outcome *o = user;
    const char *const none[] = { NULL }, *const empty[] = { "", NULL }, *const sh[] = { "sh", NULL };
#define TRY(...) tractor_nursery_run_process(root, &(tractor_process_options){ __VA_ARGS__ }, kit_on_value, o++)
    tractor_nursery_run_process(root, NULL, kit_on_value, o++);
    TRY(.struct_size = 3);
    TRY(TRACTOR_PROCESS_OPTIONS, .argv = none);
    TRY(TRACTOR_PROCESS_OPTIONS, .argv = empty);
    TRY(TRACTOR_PROCESS_OPTIONS, .argv = sh, .flags = 8);
    TRY(TRACTOR_PROCESS_OPTIONS, .argv = sh, .reserved0 = 1);
    TRY(TRACTOR_PROCESS_OPTIONS, .argv = sh, .kill_timeout_ns = -1);
    TRY(TRACTOR_PROCESS_OPTIONS, .argv = sh, .relay_level = -1);
    TRY(TRACTOR_PROCESS_OPTIONS, .argv = sh, .capture_limit = UINT64_MAX);
    TRY(TRACTOR_PROCESS_OPTIONS, .argv = sh, .stdout_fd = 1023);
    TRY(TRACTOR_PROCESS_OPTIONS, .argv = sh, .stdout_fd = 2, .flags = TRACTOR_PROCESS_RELAY_STDOUT);
#undef TRY
}

static void test_bad_options(void **state) {
    (void)state;
    static const char *const names[] = { "argv names",    "struct_size",     "argv names",      "argv names",
                                         "flags",         "reserved0",       "kill_timeout",    "relay_level",
                                         "capture_limit", "stdout_fd: 1023", "stdout_fd leaves" };
    enum { N = sizeof names / sizeof *names };
    kit_outcome o[N] = { { 0 } };
    assert_null(kit_run_root(NULL, bad_options, o).err);
    for (int i = 0; i < N; i++) {
        kit_assert_code(o[i].err, TRACTOR_EINVAL);
        kit_assert_contains(tractor_error_message(o[i].err), names[i]);
    }
}

static void abandoned(tractor_nursery *root, void *user) {
    job *j = user;
    tractor_op op = tractor_nursery_run_process(root, &j->options, kit_on_value, &j->outcome);
    assert_int_equal(tractor_op_abandon(kit_actor(), op), TRACTOR_OK);
    op = tractor_nursery_run_process(root, &j->options, NULL, NULL);
    assert_int_equal(tractor_op_cancel(kit_actor(), op), TRACTOR_OK);
    tractor_nursery_cancel(root, NULL);
    assert_true(tractor_nursery_run_process(root, &j->options, NULL, NULL) > 0); /* is not even started */
}

static void test_abandoned(void **state) {
    (void)state;
    job j = JOB(SH("exec sleep 60"));
    kit_run run = kit_run_root(NULL, abandoned, &j);
    assert_null(run.err);
    assert_int_equal(j.outcome.calls, 0);
    kit_assert_within_ms(run.ns, 1000);
    assert_int_equal(tractor_nursery_run_process(NULL, &j.options, NULL, NULL), TRACTOR_ECLOSED);
}

static void many(tractor_nursery *root, void *user) {
    kit_outcome *o = user;
    for (int i = 0; i < 50; i++)
        tractor_nursery_run_process(
            root, &(tractor_process_options){ TRACTOR_PROCESS_OPTIONS, .argv = SH("echo $0; echo $$ >&2; exit 0") },
            kit_on_value, &o[i]);
}

static void test_many_at_once(void **state) {
    (void)state;
    kit_outcome o[50] = { { 0 } };
    assert_null(
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .flags = TRACTOR_ROOT_SUBREAPER }, many, o).err);
    for (int i = 0; i < 50; i++)
        assert_null(o[i].err);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST_ONCE(test_output_is_kept),
        KIT_TEST_ONCE(test_a_failure_says_how),
        KIT_TEST_ONCE(test_a_signal_is_a_failure),
        KIT_TEST_ONCE(test_unchecked),
        KIT_TEST_ONCE(test_a_failure_without_a_completion_fails_the_nursery),
        KIT_TEST_ONCE(test_it_has_nothing_of_ours),
        KIT_TEST_ONCE(test_lines_are_relayed),
        KIT_TEST_ONCE(test_lines_are_live),
        KIT_TEST_ONCE(test_much_without_a_newline),
        KIT_TEST_ONCE(test_a_long_line_is_cut_between_characters),
        KIT_TEST_ONCE(test_more_than_may_be_kept),
        KIT_TEST_ONCE(test_its_output_to_a_file),
        KIT_TEST_ONCE(test_a_cancel_terminates),
        KIT_TEST_ONCE(test_who_does_not_listen_is_killed),
        KIT_TEST_ONCE(test_nothing_is_left_behind),
        KIT_TEST_ONCE(test_nothing_dead_is_left_behind),
        KIT_TEST_ONCE(test_who_keeps_the_pipe_is_not_waited_for),
        KIT_TEST_ONCE(test_what_can_not_be_started),
        KIT_TEST_ONCE(test_bad_options),
        KIT_TEST_ONCE(test_abandoned),
        KIT_TEST_ONCE(test_many_at_once),
    };
    return kit_run_tests(tests);
}
