/* Runs tests in processes of their own and looks at what they leave. */
#include "kit/kit_impl.h"

#include <errno.h>
#include <execinfo.h>
#include <fnmatch.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

typedef struct one {
    const kit_test *test;
    const char *transport;
    char *name;
    kit_belongings before;
} one;

static bool inside, passed; /* the process of a test; its function has returned */
static char executable[4096];

void kit_begin(int argc, char **argv) {
    ssize_t n = readlink("/proc/self/exe", executable, sizeof executable - 1);
    executable[n > 0 ? n : 0] = '\0';
    kit_register_endpoints();
    tractor_child_main(argc, argv);
}

const char *kit_program(void) { return executable; }

static void *const *end_frames(int *count) {
    static void *frames[64];
    *count = backtrace(frames, 64);
    return frames;
}

/* The test hangs: what is said here is for people, and the process ends in any case. */
static void on_alarm(int number) {
    (void)number;
    static const char message[] = "kit: the test takes too long; it is at\n";
    if (write(STDERR_FILENO, message, sizeof message - 1) < 0)
        abort();
    int count;
    void *const *frames = end_frames(&count);
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
    char *running = kit_descendants();
    fprintf(stderr, "kit: children:\n%s", running ? running : "none\n");
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void run_inside(one *o) {
    inside = true;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int frames;
    end_frames(&frames); /* loads what it needs while that is still allowed */
    signal(SIGALRM, on_alarm);
    alarm((unsigned)(KIT_LIMIT_S * kit_headroom()));
    kit_set_test(o->transport);
    kit_log_begin();
    o->before = kit_look();
    void *state = o->test->user;
    o->test->fn(&state);
    kit_release_all();
    char *left = kit_leftovers(&o->before);
    if (left)
        fail_msg("left behind:\n%s", left);
    free(o->before.descriptors);
    char *surprises = kit_log_surprises();
    if (surprises)
        fail_msg("unexpected in the log:\n%s", surprises);
    alarm(0);
    passed = true;
}

/* Orphans come to us. What dies with its parent may need a moment for it. */
static char *collect_orphans(void) {
    struct timespec pause = { 0, 2000000 };
    for (int64_t end = tractor_now() + 500 * TRACTOR_MS * kit_headroom();; nanosleep(&pause, NULL)) {
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
        char *running = kit_descendants();
        if (!running || tractor_now() > end)
            return running;
        free(running);
    }
}

static void in_own_process(void **state) {
    one *o = *state;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        run_inside(o);
        return;
    }
    int status;
    while (waitpid(pid, &status, 0) != pid)
        assert_int_equal(errno, EINTR);
    char *orphans = collect_orphans();
    static char described[4096]; /* a failure returns no more, and frees nothing */
    snprintf(described, sizeof described, "%s", orphans ? orphans : "");
    /* No test pays for another one's. */
    kit_remove_socket_files();
    if (orphans) {
        kit_kill_descendants();
        free(collect_orphans());
    }
    free(orphans);
    if (WIFSIGNALED(status))
        fail_msg("killed by signal %d, %s", WTERMSIG(status), strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0)
        fail_msg("exit status %d; what is wrong stands above", WEXITSTATUS(status));
    if (described[0])
        fail_msg("left orphans:\n%s", described);
}

/* The test's process must not go on with the next test. If its own has failed, cmocka has yet to say so: it does that
 * before the next setup. */
static int after_test(void **state) {
    (void)state;
    if (inside && passed)
        exit(0);
    return 0;
}

static int leave_after_failure(void **state) {
    (void)state;
    if (inside) {
        fflush(NULL);
        _exit(1);
    }
    return 0;
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SANITIZES_THREADS
#endif
#elif defined(__SANITIZE_THREAD__)
#define SANITIZES_THREADS
#endif
#ifdef SANITIZES_THREADS
static void *return_at_once(void *user) { return user; }

/* With the first thread of a process the sanitizer starts one of its own, and keeps it: a test would be told that it left
 * it behind. What is forked later has it from the start. */
static void start_sanitizer(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, return_at_once, NULL) != 0 || pthread_join(thread, NULL) != 0)
        abort();
}
#else
static void start_sanitizer(void) {}
#endif

int kit_run_tests_(const kit_test *tests, size_t count) {
    const char *only = getenv("KIT_ONLY");
    struct CMUnitTest *units = calloc(2 * count, sizeof *units);
    one *ones = calloc(2 * count, sizeof *ones);
    size_t used = 0;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    start_sanitizer();
    for (size_t i = 0; i < count; i++) {
        for (int uds = 0; uds < (tests[i].once ? 1 : 2); uds++) {
            one *o = &ones[used];
            *o = (one){ .test = &tests[i], .transport = uds ? "uds" : "tcp" };
            size_t size = strlen(tests[i].name) + 16;
            o->name = malloc(size);
            snprintf(o->name, size, "%s%s%s%s", tests[i].name, tests[i].once ? "" : " [",
                     tests[i].once ? "" : o->transport, tests[i].once ? "" : "]");
            if (only && fnmatch(only, o->name, 0) != 0) {
                free(o->name);
                continue;
            }
            units[used++] = (struct CMUnitTest){ o->name, in_own_process, leave_after_failure, after_test, o };
        }
    }
    int failed = used ? _cmocka_run_group_tests("kit", units, used, NULL, leave_after_failure) : 1;
    for (size_t i = 0; i < used; i++)
        free(ones[i].name);
    free(ones);
    free(units);
    return failed;
}
