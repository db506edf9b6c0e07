#include "robust/python_parent.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

python_parent python_parent_start(const char *child_name) {
    python_parent p = { .log = kit_text("%s", kit_path("child-stderr")) };
    raw_arena arena = { NULL };
    raw_uuid(p.uuid);
    bool uds = strcmp(kit_transport(), "uds") == 0;
    assert_true(raw_listen(&p.listener, uds ? kit_fresh_address() : "/ip4/127.0.0.1/tcp/0"));
    const char *wire = raw_wire_address(&arena, p.listener.multiaddr);
    /* ['a','b'] as Python prints a tuple */
    char *address = kit_text("(%.*s)", (int)strlen(wire) - 2, wire + 1);
    char *uid = kit_text("('%s', '%s')", child_name, p.uuid);
    raw_release(&arena);
    p.pid = fork();
    assert_true(p.pid >= 0);
    if (p.pid == 0) {
        int fd = open(p.log, O_CREAT | O_WRONLY | O_TRUNC, 0600);
        dup2(fd, STDERR_FILENO);
        setenv("LD_LIBRARY_PATH", TRACTOR_TEST_BINARY_DIR, 1);
        execl(getenv("TRACTOR_TEST_ACTOR"), "python3", "-m", "tractor._child", "--uid", uid, "--parent_addr", address,
              "--loglevel", "ERROR", (char *)NULL);
        _exit(127);
    }
    return p;
}

void python_parent_finish(python_parent *p, int expected) {
    int status;
    int64_t begin = tractor_now();
    while (waitpid(p->pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    kit_assert_within_ms(tractor_now() - begin, 1600);
    if ((WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status)) != expected)
        fail_msg("wait status %x; it said:\n%s", (unsigned)status, kit_read_file(p->log));
    raw_unlisten(&p->listener);
}
