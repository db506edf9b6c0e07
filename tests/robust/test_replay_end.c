/* The recorded dialogs of ends: an actor is cancelled, busy or idle, a nursery is, a child is killed, the root is interrupted.
 * With an actor of ours in the place of each of those in them: the same messages in the same order. replay.h says what is not
 * compared, replay_better.c where ours say more. */
// ctest: timeout=120
#include "robust/python_parent.h"
#include "robust/replay.h"

#include <signal.h>

#define VECTORS TRACTOR_TEST_SOURCE_DIR "/../vectors/"

/* ---- we are the root ---- */

typedef struct play play;

typedef struct dialog {
    const char *name, *how;
    const char *children[3];
    void (*go)(play *p); /* when they are up */
    int code;            /* of the root */
} dialog;

struct play {
    const dialog *dialog;
    kit_outcome up[2], pid, sleeper, result, acked;
    tractor_portal *portals[2];
    size_t count;
    const char *verdicts[2];
};

static void cancel_actor(play *p) { tractor_portal_cancel_actor(p->portals[0], NULL, NULL, kit_on_done, &p->acked); }

static void cancel_nursery(play *p) {
    (void)p;
    tractor_nursery_cancel(tractor_actor_nursery(kit_actor()), NULL);
}

static void interrupt(play *p) {
    (void)p;
    kill(getpid(), SIGINT);
}

static void on_result(const tractor_error *err, const tractor_value *value, void *user) {
    kit_on_value(err, value, &((play *)user)->result);
}

static void sleeping_then_cancel(tractor_ctx *ctx, const tractor_value *first, void *user) {
    (void)ctx;
    kit_assert_value(first, "s", "sleeping");
    cancel_actor(user);
}

static void be_busy_then_cancel(play *p) {
    tractor_portal_run(p->portals[0], NULL, "eps", "sleep_forever", TRACTOR_ARGS("{}"), NULL, kit_on_value,
                       &p->sleeper);
    tractor_portal_open_context(p->portals[0], NULL, "eps", "ctx_sleeper", TRACTOR_ARGS("{}"), NULL,
                                sleeping_then_cancel, on_result, p);
}

/* The child kills itself when it has said so. */
static void sleeping(tractor_ctx *ctx, const tractor_value *first, void *user) {
    (void)ctx, (void)user;
    kit_assert_value(first, "s", "sleeping");
}

static void pid_is_known(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_portal_open_context(p->portals[0], NULL, "eps", "ctx_sleeper", TRACTOR_ARGS("{}"), NULL, sleeping,
                                on_result, p);
}

static void ask_its_pid(play *p) {
    p->pid = (kit_outcome){ .then = pid_is_known, .user = p };
    tractor_portal_run(p->portals[0], NULL, "eps", "get_pid", TRACTOR_ARGS("{}"), NULL, kit_on_value, &p->pid);
}

static void start_next(play *p);

/* What was recorded of the registration is said by then. */
static void rested(const tractor_error *err, void *user) {
    play *p = user;
    if (err)
        return;
    if (p->dialog->children[p->count])
        start_next(p);
    else
        p->dialog->go(p);
}

static void child_is_up(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    p->portals[p->count++] = o->portal;
    bool busy = p->dialog->go == be_busy_then_cancel || p->dialog->go == ask_its_pid;
    tractor_nursery_sleep(tractor_actor_nursery(kit_actor()), busy ? 0 : 200 * TRACTOR_MS * kit_headroom(), rested, p);
}

static void start_next(play *p) {
    static const char *const modules[] = { "eps=/home/dev/app/eps.py", NULL };
    size_t i = p->count;
    p->verdicts[i] = kit_path(kit_text("verdict%zu", i));
    const char *argv[] = { "replay",       kit_text(VECTORS "%s.jsonl", p->dialog->name),
                           "root",         p->verdicts[i],
                           p->dialog->how, NULL };
    p->up[i] = (kit_outcome){ .then = child_is_up, .user = p };
    tractor_nursery_start_actor(
        tractor_actor_nursery(kit_actor()), p->dialog->children[i],
        &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .program = TRACTOR_TEST_BINARY_DIR "/prog_replay",
                                  .argv = argv, .modules = modules },
        kit_on_portal, &p->up[i]);
}

static void be_the_root(tractor_nursery *root, void *user) {
    (void)root;
    start_next(user);
}

static const dialog dialogs[] = {
    { "12_cancel_actor_busy", "whole", { "child" }, be_busy_then_cancel, TRACTOR_OK },
    { "12b_cancel_actor_idle", "whole", { "child" }, cancel_actor, TRACTOR_OK },
    { "12c_nursery_cancel", "alone", { "a", "b" }, cancel_nursery, TRACTOR_OK },
    { "15b_child_killed", "killed", { "child" }, ask_its_pid, TRACTOR_ECHILD },
    { "15c_sigint_root", "whole", { "child" }, interrupt, TRACTOR_EINTERRUPTED },
};
enum { BUSY, IDLE, NURSERY, KILLED, INTERRUPTED };

static void test_as_root(void **state) {
    play p = { .dialog = *state };
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .name = "root", .flags = TRACTOR_ROOT_SIGNALS },
                     be_the_root, &p);
    for (size_t i = 0; i < p.count; i++)
        assert_string_equal(kit_read_file(p.verdicts[i]), "good");
    kit_assert_code(run.err, p.dialog->code);
    if (p.dialog == &dialogs[BUSY]) {
        kit_assert_code(p.result.err, TRACTOR_ECTXCANCELED);
        assert_string_equal(tractor_error_canceller(p.result.err)->name, "root");
        kit_assert_code(p.sleeper.err, TRACTOR_ECHILD); /* Python's plain functions are silent to their end */
    }
    if (p.dialog == &dialogs[KILLED])
        assert_ptr_equal(p.result.err, run.err);
}

/* ---- we are a child ---- */

static void be_a_child(const dialog *d, const char *us) {
    python_parent parent = python_parent_start(us);
    replay r = { .us = us,
                 .me = "root",
                 .transport = kit_transport(),
                 .address = parent.listener.multiaddr,
                 .listener = &parent.listener };
    if (!replay_run(&r, kit_text(VECTORS "%s.jsonl", d->name)))
        fail_msg("%s\nThe child said:\n%s", r.wrong[0] ? r.wrong : "stopped", kit_read_file(parent.log));
    replay_close(&r);
    python_parent_finish(&parent, 0);
}

static void test_as_child(void **state) { be_a_child(*state, "child"); }
static void test_as_a(void **state) { be_a_child(*state, "a"); }
static void test_as_b(void **state) { be_a_child(*state, "b"); }

#define ONE(test, number, name) KIT_TEST_WITH(test, name, (void *)(uintptr_t)&dialogs[number])

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        ONE(test_as_root, BUSY, "12_cancel_actor_busy"),   ONE(test_as_child, BUSY, "12_cancel_actor_busy"),
        ONE(test_as_root, IDLE, "12b_cancel_actor_idle"),  ONE(test_as_child, IDLE, "12b_cancel_actor_idle"),
        ONE(test_as_root, NURSERY, "12c_nursery_cancel"),  ONE(test_as_a, NURSERY, "12c_nursery_cancel"),
        ONE(test_as_b, NURSERY, "12c_nursery_cancel"),     ONE(test_as_root, KILLED, "15b_child_killed"),
        ONE(test_as_root, INTERRUPTED, "15c_sigint_root"), ONE(test_as_child, INTERRUPTED, "15c_sigint_root"),
    };
    return kit_run_tests(tests);
}
