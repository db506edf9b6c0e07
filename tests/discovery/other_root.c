#include "discovery/scene.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

pid_t other_root(const char *registry, const char *name) {
    int ends[2];
    char up;
    const char *log = kit_path(kit_text("%s-stderr", name));
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(open(log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600), STDERR_FILENO);
        execl(TRACTOR_TEST_BINARY_DIR "/prog_root", "root", registry, name, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    struct pollfd readable = { ends[0], POLLIN, 0 };
    if (poll(&readable, 1, (int)(5000 * kit_headroom())) != 1 || read(ends[0], &up, 1) != 1)
        fail_msg("%s does not come up: %s", name, kit_read_file(log));
    close(ends[0]);
    return pid;
}

int other_root_end(pid_t pid, int signal) {
    int status;
    assert_int_equal(kill(pid, signal), 0);
    while (waitpid(pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return status;
}
