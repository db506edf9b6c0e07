#include "supervise/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static int to_test = -1;

program program_start(const tractor_root_options *more, tractor_root_fn body, void *user) {
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    program p = { .from = ends[0], .log = kit_path("program-stderr") };
    tractor_root_options options = kit_root_options(more);
    fflush(NULL);
    p.pid = fork();
    assert_true(p.pid >= 0);
    if (p.pid != 0) {
        close(ends[1]);
        return p;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    to_test = ends[1];
    int fd = open(p.log, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    dup2(fd, STDERR_FILENO);
    char *argv[] = { (char *)(uintptr_t) "program", NULL };
    _exit(tractor_main(1, argv, &options, body, user));
}

void program_say(int64_t word) {
    if (write(to_test, &word, sizeof word) != sizeof word)
        abort();
}

int64_t program_hear(program *p) {
    int64_t word = -1;
    struct pollfd readable = { p->from, POLLIN, 0 };
    if (poll(&readable, 1, (int)(5000 * kit_headroom())) != 1 || read(p->from, &word, sizeof word) != sizeof word)
        fail_msg("the program does not say it; on stderr: %s", program_stderr(p));
    return word;
}

int program_end(program *p) {
    int status;
    while (waitpid(p->pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    close(p->from);
    return status;
}

const char *program_stderr(const program *p) { return kit_read_file(p->log); }
