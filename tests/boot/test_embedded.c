/* MUL-02: an actor inside a program that has more to do. Another actor cancels it; the program goes on without it. */
#include "raw_address.h"

#include "kit/kit.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* ---- the program ---- */

typedef struct program {
    pid_t pid;
    int said, asked; /* it says "u" when its actor is up, "e" when that has ended, then gives back what it is asked */
} program;

static program self;
static tractor_actor *actor;

static void say(char what) {
    if (write(self.said, &what, 1) != 1)
        _exit(2);
}
static void on_up(tractor_nursery *root, void *user) {
    (void)root, (void)user;
    say('u');
}
static void on_end(const tractor_error *err, void *user) { *(int *)user = tractor_error_code(err); }
static int its_main(const tractor_root_options *options) {
    int code = TRACTOR_OK;
    char work;
    if (tractor_actor_open(options, on_up, on_end, &code, &actor) != TRACTOR_OK)
        return 3;
    if (tractor_actor_run(actor) != TRACTOR_OK)
        return 4;
    say('e');
    while (read(self.asked, &work, 1) == 1)
        say(work);
    return code == TRACTOR_OK ? 0 : 5;
}

static program start_program(const tractor_root_options *options) {
    int said[2], asked[2];
    assert_int_equal(pipe(said) | pipe(asked), 0);
    program p = { .said = said[0], .asked = asked[1] };
    fflush(NULL);
    p.pid = fork();
    assert_true(p.pid >= 0);
    if (p.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm((unsigned)(KIT_LIMIT_S * kit_headroom()));
        close(said[0]);
        close(asked[1]);
        self = (program){ .said = said[1], .asked = asked[0] };
        _exit(its_main(options));
    }
    close(said[1]);
    close(asked[0]);
    return p;
}
static void expect_said(const program *p, char what) {
    char said = 0;
    assert_int_equal(read(p->said, &said, 1), 1);
    assert_int_equal(said, what);
}

/* ---- who cancels its actor ---- */

typedef struct visit {
    kit_outcome registry, cancelled;
} visit;

static void cancel_it(kit_outcome *o) {
    visit *v = o->user;
    kit_assert_portal(o->portal);
    tractor_portal_cancel_actor(o->portal, NULL, NULL, kit_on_done, &v->cancelled);
}
static void visit_body(tractor_nursery *root, void *user) {
    visit *v = user;
    v->registry.then = cancel_it;
    v->registry.user = v;
    tractor_get_registry(root, NULL, NULL, kit_on_portal, &v->registry);
}

static void MUL_02_cancel_remote_registrar(void **state) {
    (void)state;
    tractor_root_options options = kit_root_options(NULL);
    program p = start_program(&options);
    expect_said(&p, 'u');
    assert_int_equal(raw_connect(kit_registry()), 0);

    tractor_root_options client = options;
    client.flags = TRACTOR_ROOT_CLIENT;
    visit v = { KIT_OUTCOME, KIT_OUTCOME };
    kit_assert_code(kit_run_root(&client, visit_body, &v).err, TRACTOR_OK);
    kit_assert_code(v.cancelled.err, TRACTOR_OK);

    expect_said(&p, 'e');
    assert_int_equal(raw_connect(kit_registry()), strcmp(kit_transport(), "uds") == 0 ? ENOENT : ECONNREFUSED);
    for (const char *work = "on"; *work; work++) {
        assert_int_equal(write(p.asked, work, 1), 1);
        expect_said(&p, *work);
    }
    int status;
    close(p.asked);
    assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
    assert_int_equal(status, 0);
    close(p.said);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = { KIT_TEST(MUL_02_cancel_remote_registrar) };
    return kit_run_tests(tests);
}
