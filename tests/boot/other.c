#include "other.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static other self;
static tractor_actor *actor;

static void say(const tractor_error *err) {
    self.up = !err;
    self.registrar = tractor_actor_is_registrar(actor);
    const char *address = tractor_actor_address(actor, 0);
    snprintf(self.address, sizeof self.address, "%s", address ? address : "");
    self.code = tractor_error_code(err);
    snprintf(self.message, sizeof self.message, "%s", tractor_error_message(err));
    if (write(self.said, &self, sizeof self) != sizeof self)
        _exit(3);
}

static void wait_for_end(void *user) {
    char byte;
    (void)user;
    if (read(self.end, &byte, 1) != 1)
        _exit(4);
}
static void on_end_wanted(const tractor_error *err, void *user) {
    (void)err, (void)user;
    tractor_actor_close(actor);
}
static void body(tractor_nursery *root, void *user) {
    (void)user;
    say(NULL);
    tractor_nursery_run_in_thread(root, wait_for_end, on_end_wanted, NULL);
}
static void on_end(const tractor_error *err, void *user) {
    (void)user;
    if (!self.up)
        say(err);
}

static void run_it(const tractor_root_options *options) {
    char byte;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm((unsigned)(KIT_LIMIT_S * kit_headroom()));
    if (read(self.go, &byte, 1) != 1 || tractor_actor_open(options, body, on_end, NULL, &actor) != TRACTOR_OK ||
        tractor_actor_run(actor) != TRACTOR_OK)
        _exit(2);
    _exit(0);
}

other other_fork(const tractor_root_options *options, void (*prepare)(void)) {
    int go[2], said[2], end[2];
    assert_int_equal(pipe(go) | pipe(said) | pipe(end), 0);
    other o = { .go = go[1], .said = said[0], .end = end[1] };
    fflush(NULL);
    o.pid = fork();
    assert_true(o.pid >= 0);
    if (o.pid == 0) {
        self = (other){ .go = go[0], .said = said[1], .end = end[0] };
        if (prepare)
            prepare();
        run_it(options);
    }
    close(go[0]);
    close(said[1]);
    close(end[0]);
    return o;
}

void other_go(other *o) { assert_int_equal(write(o->go, "", 1), 1); }

void other_wait(other *o) {
    other said;
    assert_int_equal(read(o->said, &said, sizeof said), sizeof said);
    said.pid = o->pid;
    said.go = o->go;
    said.said = o->said;
    said.end = o->end;
    *o = said;
}

other other_start(const tractor_root_options *options) {
    other o = other_fork(options, NULL);
    other_go(&o);
    other_wait(&o);
    return o;
}

void other_end(other *o) {
    int status;
    if (o->up)
        assert_int_equal(write(o->end, "", 1), 1);
    assert_int_equal(waitpid(o->pid, &status, 0), o->pid);
    assert_int_equal(status, 0);
    close(o->go);
    close(o->said);
    close(o->end);
}
