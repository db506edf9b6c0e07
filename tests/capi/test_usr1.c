/* SIGUSR1 is what a whole tree is sent to dump itself: it kills no actor, at no time. */
#include <signal.h>

#include "kit/kit.h"

static void on_child(kit_outcome *started) {
    assert_null(started->err);
    assert_int_equal(kill((pid_t)tractor_portal_id(started->portal)->pid, SIGUSR1), 0);
    tractor_portal_run(started->portal, NULL, "kit", "pid", TRACTOR_ARGS("{}"), NULL, kit_on_value, started->user);
}

typedef struct {
    kit_outcome started, answer;
} serving;

static void serving_body(tractor_nursery *root, void *user) {
    serving *s = user;
    const char *const modules[] = { "kit", NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    s->started.then = on_child;
    s->started.user = &s->answer;
    tractor_nursery *n = tractor_nursery_open(
        root, &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .flags = TRACTOR_NURSERY_CANCEL_DAEMONS }, NULL,
        NULL);
    tractor_nursery_start_actor(n, "serving", &options, kit_on_portal, &s->started);
    tractor_nursery_close(n);
    raise(SIGUSR1); /* an embedded root that has left signals to its host */
}

static void root_and_child_survive(void **state) {
    serving s = { KIT_OUTCOME, KIT_OUTCOME };
    (void)state;
    kit_run run = kit_run_root(NULL, serving_body, &s);
    assert_null(run.err);
    assert_int_equal(s.answer.calls, 1);
    assert_null(s.answer.err);
    struct sigaction after;
    assert_int_equal(sigaction(SIGUSR1, NULL, &after), 0);
    assert_true(after.sa_handler == SIG_DFL);
}

static void booting_body(tractor_nursery *root, void *user) {
    const char *const argv[] = { "sh", "-c", "kill -USR1 $$; exit 7", NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .program = "/bin/sh", .argv = argv };
    tractor_nursery_start_actor(root, "booting", &options, kit_on_portal, user);
}

/* Before it has run a line of ours. */
static void program_that_boots_survives(void **state) {
    kit_outcome started = KIT_OUTCOME;
    (void)state;
    kit_run run = kit_run_root(NULL, booting_body, &started);
    assert_null(run.err);
    kit_assert_code(started.err, TRACTOR_ESPAWN);
    kit_assert_contains(tractor_error_message(started.err), "exit status 7");
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = { KIT_TEST(root_and_child_survive), KIT_TEST(program_that_boots_survives) };
    return kit_run_tests(tests);
}
