/* children that lose their descriptors, daemonise, or start processes that nobody was told of. All are reaped, whoever
 * has to do it. X-59: many tasks that take their time when they are cancelled. X-13 is in tests/capi/test_nursery.c. */
// ctest: timeout=120
#include "supervise/supervise.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* ---- what goes astray ---- */

static void write_pid(const char *file) {
    char name[4096];
    snprintf(name, sizeof name, "%s~", file);
    int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    dprintf(fd, "%d", (int)getpid());
    close(fd);
    rename(name, file);
}

static void close_all(tractor_ctx *ctx, const char *file) {
    (void)ctx;
    write_pid(file);
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
}

static void close_all_and_stay(tractor_ctx *ctx, const char *file) {
    close_all(ctx, file);
    for (;;)
        pause();
}

static void run_on(const char *file, const char *exec) {
    setsid();
    write_pid(file);
    if (exec)
        execlp(exec, exec, "1000", (char *)NULL);
    for (;;)
        pause();
}

/* Twice forked and in a session of its own, as init scripts do it. */
static void fork_twice(const char *file, const char *exec) {
    pid_t pid = fork();
    if (pid == 0) {
        if (fork() == 0)
            run_on(file, exec);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

static void forks(tractor_ctx *ctx, const char *file) {
    fork_twice(file, NULL);
    tractor_ctx_return(ctx, NULL);
}

static void starts_program(tractor_ctx *ctx, const char *file) {
    fork_twice(file, "sleep");
    tractor_ctx_return(ctx, NULL);
}

/* The process that goes on is not the one that the parent knows. */
static void daemonises(tractor_ctx *ctx, const char *file) {
    (void)ctx;
    if (fork() != 0)
        _exit(0);
    setsid();
    write_pid(file);
}

static void *outlive_first_thread(void *file) {
    char state = 0;
    while (state != 'Z') {
        FILE *f = fopen("/proc/self/stat", "re");
        assert_int_equal(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
        fclose(f);
        sched_yield();
    }
    write_pid(file);
    pause();
    return NULL;
}

/* The kernel shows it as dead, but nobody can reap it. */
static void lose_first_thread(const char *file) {
    pthread_t thread;
    setsid();
    pthread_create(&thread, NULL, outlive_first_thread, (void *)(uintptr_t)file);
    syscall(SYS_exit, 0);
}

static void forks_half_dead(tractor_ctx *ctx, const char *file) {
    if (fork() == 0)
        lose_first_thread(file);
    tractor_ctx_return(ctx, NULL);
}

typedef void (*going)(tractor_ctx *, const char *);
static const going goings[] = { close_all, close_all_and_stay, forks, starts_program, daemonises, forks_half_dead };
enum { CLOSES, CLOSES_AND_STAYS, FORKS, STARTS, DAEMONISES, FORKS_HALF_DEAD };

static void go_astray(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int how;
    const char *file;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i, s:s}", "how", &how, "file", &file) != TRACTOR_OK)
        return;
    goings[how](ctx, file);
}

/* ---- and who looks for it ---- */

typedef struct stray {
    int how;
    bool killed; /* else its nursery is cancelled */
    int code;    /* of the nursery of the child */

    tractor_nursery *nursery;
    kit_outcome up, end;
    const char *file;
    int64_t child, pid, at;
} stray;

static void wait_for_pid(void *user) { assert_true(kit_wait_file(((stray *)user)->file)); }

static void went_astray(const tractor_error *err, void *user) {
    stray *s = user;
    kit_assert_code(err, TRACTOR_OK);
    s->pid = atoi(kit_read_file(s->file));
    s->at = tractor_now();
    if (s->how == FORKS || s->how == STARTS)
        assert_int_equal(kill((pid_t)s->pid, 0), 0);
    if (s->killed)
        kill((pid_t)s->child, SIGKILL);
    else if (s->how == FORKS || s->how == STARTS)
        tractor_nursery_cancel(s->nursery, NULL);
}

static void stray_up(kit_outcome *o) {
    stray *s = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    s->child = kit_pid(o->portal);
    s->file = kit_path("pid");
    static kit_outcome call;
    tractor_portal_run(o->portal, NULL, "strays", "go", TRACTOR_ARGS("{s:i, s:s}", "how", s->how, "file", s->file),
                       NULL, kit_on_value, &call);
    tractor_nursery_run_in_thread(tractor_actor_nursery(kit_actor()), wait_for_pid, went_astray, s);
}

static void stray_body(tractor_nursery *root, void *user) {
    stray *s = user;
    static const char *const modules[] = { "strays", NULL };
    s->nursery = tractor_nursery_open(root, NULL, kit_on_done, &s->end);
    s->up = (kit_outcome){ .then = stray_up, .user = s };
    tractor_nursery_start_actor(s->nursery, "child",
                                &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules }, kit_on_portal,
                                &s->up);
    tractor_nursery_close(s->nursery);
}

static void X_14_stray_is_reaped(void **state) {
    stray s = *(const stray *)*state;
    kit_expect_log("did not end in time: killed");
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .flags = TRACTOR_ROOT_SUBREAPER }, stray_body, &s);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(s.end.err, s.code);
    kit_assert_within_ms(tractor_now() - s.at, s.how == CLOSES_AND_STAYS ? 500 + 1600 + 500 : 1000);
    if (s.how == CLOSES)
        kit_assert_contains(tractor_error_message(s.end.err), "lost its connection");
    kit_assert_gone(s.child);
    kit_assert_gone(s.pid);
}

/* What its own code forks is the program's as long as it lives, and so is the exit status. */
static void reaped(const tractor_error *err, void *user) {
    tractor_ctx *ctx = user;
    int status = 0;
    if (err)
        return;
    pid_t pid = waitpid(-1, &status, 0);
    tractor_ctx_return(ctx, "i", pid > 0 ? WEXITSTATUS(status) : -1);
}

static void fork_once(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    if (fork() == 0)
        _exit(3);
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), 100 * TRACTOR_MS, reaped, ctx);
}

static void fork_once_body(tractor_nursery *root, void *user) {
    tractor_nursery_run_in_actor(root, "strays", "fork_once", TRACTOR_ARGS("{}"), NULL, kit_on_value, user);
}

static void X_14_own_forks_are_left_alone(void **state) {
    (void)state;
    kit_outcome o = KIT_OUTCOME;
    kit_run run = kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .flags = TRACTOR_ROOT_SUBREAPER },
                               fork_once_body, &o);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_value(o.value, "i", 3);
}

/* ---- X-59 ---- */

enum { TASKS = 5 };

typedef struct task {
    tractor_ctx *ctx;
    tractor_op hold;
    char file[4096];
} task;

static void tidied_up(const tractor_error *err, void *user) {
    task *t = user;
    if (!err)
        write_pid(t->file);
    tractor_op_complete(tractor_ctx_actor(t->ctx), t->hold, NULL);
}

static void tidy_up(void *user) {
    task *t = user;
    tractor_nursery *shielded =
        tractor_nursery_open(tractor_ctx_nursery(t->ctx),
                             &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .timeout_ns = 5 * TRACTOR_SECOND,
                                                         .flags = TRACTOR_NURSERY_SHIELD },
                             NULL, NULL);
    tractor_nursery_sleep(shielded, TRACTOR_SECOND / 2, tidied_up, t);
}

static void tidy_task(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *file;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "file", &file) != TRACTOR_OK)
        return;
    task *t = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *t);
    t->ctx = ctx;
    snprintf(t->file, sizeof t->file, "%s", file);
    t->hold = tractor_nursery_hold(tractor_ctx_nursery(ctx), "until it is cancelled", tidy_up, t);
    tractor_ctx_started(ctx, NULL);
}

typedef struct tidy {
    kit_outcome up, acked, results[TASKS];
    tractor_portal *portal;
    int started;
    int64_t cancelled_at;
    const char *files;
} tidy;

static void tidy_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    (void)ctx, (void)first;
    tidy *t = ((kit_outcome *)user)->user;
    if (++t->started < TASKS)
        return;
    t->cancelled_at = tractor_now();
    tractor_portal_cancel_actor(t->portal, tractor_actor_nursery(kit_actor()), NULL, kit_on_done, &t->acked);
}

static void tidy_up_all(kit_outcome *o) {
    tidy *t = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    t->portal = o->portal;
    t->files = kit_path("tidied");
    for (int i = 0; i < TASKS; i++) {
        t->results[i].user = t;
        tractor_portal_open_context(o->portal, NULL, "strays", "tidy",
                                    TRACTOR_ARGS("{s:s}", "file", kit_text("%s%d", t->files, i)), NULL, tidy_started,
                                    kit_on_value, &t->results[i]);
    }
}

static void tidy_body(tractor_nursery *root, void *user) {
    tidy *t = user;
    static const char *const modules[] = { "strays", NULL };
    t->up = (kit_outcome){ .then = tidy_up_all, .user = t };
    tractor_nursery_start_actor(root, "tidy", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules },
                                kit_on_portal, &t->up);
}

static void X_59_tasks_tidy_up_at_the_same_time(void **state) {
    (void)state;
    tidy t = { 0 };
    kit_run run = kit_run_root(NULL, tidy_body, &t);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(t.acked.err, TRACTOR_OK);
    kit_assert_within_ms(t.acked.at - t.cancelled_at, 800);
    for (int i = 0; i < TASKS; i++) {
        kit_assert_code(t.results[i].err, TRACTOR_ECTXCANCELED);
        assert_string_equal(tractor_error_canceller(t.results[i].err)->name, "root");
        assert_true(t.results[i].at - t.cancelled_at >= TRACTOR_SECOND / 2);
        kit_assert_within_ms(t.results[i].at - t.cancelled_at, 800);
        assert_non_null(kit_read_file(kit_text("%s%d", t.files, i))); /* and it was done */
    }
    kit_assert_within_ms(tractor_now() - t.cancelled_at, 1000);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_FUNC("go", go_astray), TRACTOR_FUNC("fork_once", fork_once),
                                               TRACTOR_CTX("tidy", tidy_task), TRACTOR_ENDPOINTS_END };
    tractor_register("strays", module, NULL);
    kit_begin(argc, argv);
    stray closes = { .how = CLOSES, .code = TRACTOR_ETRANSPORT };
    stray stays = { .how = CLOSES_AND_STAYS, .code = TRACTOR_ETRANSPORT };
    stray forking = { .how = FORKS }, forking_killed = { .how = FORKS, .killed = true, .code = TRACTOR_ECHILD };
    stray starting = { .how = STARTS }, starting_killed = { .how = STARTS, .killed = true, .code = TRACTOR_ECHILD };
    stray daemon = { .how = DAEMONISES };
    stray half_dead = { .how = FORKS_HALF_DEAD, .killed = true, .code = TRACTOR_ECHILD };
    const kit_test tests[] = {
        KIT_TEST_WITH(X_14_stray_is_reaped, "closes its descriptors", &closes),
        KIT_TEST_WITH(X_14_stray_is_reaped, "closes its descriptors and stays", &stays),
        KIT_TEST_WITH(X_14_stray_is_reaped, "forks, is cancelled", &forking),
        KIT_TEST_WITH(X_14_stray_is_reaped, "forks, is killed", &forking_killed),
        KIT_TEST_WITH(X_14_stray_is_reaped, "starts a program, is cancelled", &starting),
        KIT_TEST_WITH(X_14_stray_is_reaped, "starts a program, is killed", &starting_killed),
        KIT_TEST_WITH(X_14_stray_is_reaped, "daemonises", &daemon),
        KIT_TEST_WITH(X_14_stray_is_reaped, "forks who loses its first thread, is killed", &half_dead),
        KIT_TEST(X_14_own_forks_are_left_alone),
        KIT_TEST(X_59_tasks_tidy_up_at_the_same_time),
    };
    return kit_run_tests(tests);
}
