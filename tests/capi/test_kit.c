/* The kit notices what a test leaves behind: it runs this program again with tests that all do something wrong. */
#include "kit/kit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static void leaves_a_descriptor(void **state) {
    (void)state;
    assert_true(open("/dev/null", O_RDONLY) > 2);
}

static void *wait_for_ever(void *user) {
    pause();
    return user;
}
static void leaves_a_thread(void **state) {
    pthread_t thread;
    (void)state;
    pthread_create(&thread, NULL, wait_for_ever, NULL);
}

static void leaves_a_child(void **state) {
    (void)state;
    if (fork() == 0) {
        pause();
        _exit(0);
    }
}

static void leaves_a_zombie(void **state) {
    (void)state;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    kit_wait_state(pid, "Z");
}

static void leaves_an_orphan(void **state) {
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        if (fork() == 0)
            pause();
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

static void leaves_a_socket(void **state) {
    (void)state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s/left.sock", getenv("XDG_RUNTIME_DIR"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static void logs_a_warning(void **state) {
    (void)state;
    tractor_log_set_level(TRACTOR_LOG_WARNING);
    tractor_log(TRACTOR_LOG_WARNING, "a surprise");
}

static void broken_body(tractor_nursery *root, void *user) {
    (void)root, (void)user;
    fail_msg("inside a callback");
}
static void fails_in_a_callback(void **state) {
    (void)state;
    kit_run_root(NULL, broken_body, NULL);
}

static void crashes(void **state) {
    (void)state;
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void leaves_nothing(void **state) { (void)state; }

static void what_is_wrong_is_noticed(void **state) {
    (void)state;
    char output[64 * 1024] = "", command[4200];
    snprintf(command, sizeof command, "%s bad 2>&1", kit_program());
    FILE *run = popen(command, "re");
    size_t n = fread(output, 1, sizeof output - 1, run);
    output[n] = '\0';
    assert_int_not_equal(pclose(run), 0);
    static const char *const expected[] = {
        "/dev/null\n",
        "1 more thread(s) than before",
        "a child process that runs",
        "zombie ",
        "left orphans:",
        "/left.sock",
        "unexpected in the log:",
        "inside a callback",
        "killed by signal 6",
        "[  FAILED  ] leaves_a_descriptor",
        "[  FAILED  ] leaves_a_thread",
        "[  FAILED  ] leaves_a_child",
        "[  FAILED  ] leaves_a_zombie",
        "[  FAILED  ] leaves_an_orphan",
        "[  FAILED  ] leaves_a_socket",
        "[  FAILED  ] logs_a_warning",
        "[  FAILED  ] fails_in_a_callback",
        "[  FAILED  ] crashes",
        "[       OK ] leaves_nothing",
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        kit_assert_contains(output, expected[i]);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test good[] = { KIT_TEST_ONCE(what_is_wrong_is_noticed) };
    const kit_test bad[] = {
        KIT_TEST_ONCE(leaves_a_descriptor), KIT_TEST_ONCE(leaves_a_thread),     KIT_TEST_ONCE(leaves_a_child),
        KIT_TEST_ONCE(leaves_a_zombie),     KIT_TEST_ONCE(leaves_an_orphan),    KIT_TEST_ONCE(leaves_a_socket),
        KIT_TEST_ONCE(logs_a_warning),      KIT_TEST_ONCE(fails_in_a_callback), KIT_TEST_ONCE(crashes),
        KIT_TEST_ONCE(leaves_nothing),
    };
    return argc > 1 ? kit_run_tests(bad) : kit_run_tests(good);
}
