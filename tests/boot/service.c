#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void on_line(int level, const char *line, void *user) {
    if (strstr(line, " is up at "))
        close(open(user, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    if (level >= TRACTOR_LOG_WARNING)
        fprintf(stderr, "%s\n", line);
}

service service_start(const tractor_root_options *options) {
    static int count;
    service s = { .ready = kit_path(kit_text("service-%d-ready", count)),
                  .log = kit_path(kit_text("service-%d-stderr", count)) };
    ++count;
    fflush(NULL);
    s.pid = fork();
    assert_true(s.pid >= 0);
    if (s.pid != 0)
        return s;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(s.log, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    dup2(fd, STDERR_FILENO);
    tractor_log_set_sink(on_line, (void *)(uintptr_t)s.ready, NULL);
    tractor_root_options own = *options;
    own.log_level = "runtime";
    char *argv[] = { (char *)(uintptr_t) "service", NULL };
    _exit(tractor_run_daemon(1, argv, &own));
}

void service_wait(service *s) {
    if (!kit_wait_file(s->ready))
        fail_msg("the service does not get ready; on stderr: %s", service_stderr(s));
}

int service_end(service *s) {
    int status;
    while (waitpid(s->pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return status;
}

const char *service_stderr(const service *s) { return kit_read_file(s->log); }
