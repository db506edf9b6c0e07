#include "discovery/scene.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

other_root other_root_start(const char *registry, const char *name) {
    int ends[2];
    other_root other = { .name = name, .log = kit_text("%s", kit_path(kit_text("%s-stderr", name))) };
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    other.pid = fork();
    assert_true(other.pid >= 0);
    if (other.pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(open(other.log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600), STDERR_FILENO);
        execl(TRACTOR_TEST_BINARY_DIR "/prog_root", "root", registry, name, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    other.says = ends[0];
    return other;
}

void other_root_wait(void *other) {
    other_root *o = other;
    char byte;
    struct pollfd readable = { o->says, POLLIN, 0 };
    o->up = poll(&readable, 1, raw_patience(RAW_WAIT)) == 1 && read(o->says, &byte, 1) == 1;
}

other_root other_root_open(const char *registry, const char *name) {
    other_root other = other_root_start(registry, name);
    other_root_wait(&other);
    if (!other.up)
        fail_msg("%s does not come up: %s", name, kit_read_file(other.log));
    return other;
}

int other_root_end(other_root *other, int signal) {
    int status = 0;
    kill(other->pid, signal);
    while (waitpid(other->pid, &status, 0) < 0 && errno == EINTR) {
    }
    close(other->says);
    return status;
}

void other_root_leave(void *other) { other_root_end(other, SIGINT); }

void remove_socket(const char *multiaddr) {
    if (strncmp(multiaddr, "/unix/", 6) == 0)
        unlink(multiaddr + strlen("/unix"));
}
