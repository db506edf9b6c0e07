/* a child of this same program that is killed, leaves, or is stopped at each step of its boot: its start fails at once
 * or in its time and says how it ended; one that is stopped and goes on again in time is none the worse for it. */
// ctest: timeout=120
#include "faults/life.h"
#include "kit/fault.h"

typedef struct step {
    const char *name;
    kit_fault fault;
    bool imports;
} step;
static const step steps[] = {
    { "before connect", { KIT_BEFORE_CONNECT }, false },
    { "after connect", { KIT_AFTER_CONNECT }, false },
    { "before Aid", { KIT_BEFORE_AID }, false },
    { "after Aid", { KIT_AFTER_AID }, false },
    { "with SpawnSpec", { KIT_WITH_SPEC }, false },
    { "while importing", { KIT_WHILE_IMPORTING }, true },
    { "before it binds", { KIT_BEFORE_BIND }, false },
    { "before registering", { KIT_BEFORE_REGISTER }, false },
    { "while registering", { KIT_WHILE_REGISTERING }, false },
    { "registered", { KIT_REGISTERED }, false },
    { "before ready", { KIT_BEFORE_READY }, false },
};
enum { STEPS = sizeof steps / sizeof *steps };

static const char *const importing[] = { "kit", "life", "imported=" TRACTOR_TEST_BINARY_DIR "/imported.so", NULL };

static life one_life(const step *s, kit_fault *fault) {
    life l = { .modules = s->imports ? importing : NULL, .child_env = kit_fault_env(fault, 1) };
    return l;
}

static void assert_over(const life *l) {
    const char *wrong = life_wrong(l);
    if (wrong)
        fail_msg("%s\n%s", wrong, life_errors(l));
    kit_assert_code(l->end, TRACTOR_OK); /* the start has told it */
}

static void fail_to_start(const step *s, kit_fault how, const char *status) {
    kit_fault fault = s->fault;
    fault.signal = how.signal;
    fault.leave = how.leave;
    life l = one_life(s, &fault);
    life_run(&l);
    assert_int_equal(access(fault.struck, F_OK), 0);
    assert_over(&l);
    kit_assert_code(l.start.err, TRACTOR_ESPAWN);
    kit_assert_contains(tractor_error_message(l.start.err), status);
    kit_assert_within_ms(l.ns, 1000);
}

static void X_15_dies(void **state) {
    const step *s = *state;
    life_begin();
    fail_to_start(s, (kit_fault){ .signal = SIGKILL }, "signal 9");
    fail_to_start(s, (kit_fault){ .signal = SIGABRT }, SANITIZED ? "" : "signal 6");
    fail_to_start(s, (kit_fault){ .leave = 2 }, "exit status 2");
}

/* ---- stopped ---- */

typedef struct stopped {
    kit_fault fault;
    life l;
    int64_t pid;
} stopped;

/* Once it has stopped it is left like that for a moment. */
static void resume(const tractor_error *err, void *user) {
    stopped *s = user;
    if (err)
        return;
    const char *pid = kit_read_file(s->fault.struck);
    if (pid && *pid && s->pid == 0) {
        s->pid = atoll(pid);
        assert_true(kit_wait_state(s->pid, "T"));
        tractor_nursery_sleep(s->l.root, 20 * TRACTOR_MS, resume, s);
    } else if (s->pid > 0) {
        assert_int_equal(s->l.start.calls, 0);
        assert_int_equal(kill((pid_t)s->pid, SIGCONT), 0);
    } else {
        tractor_nursery_sleep(s->l.root, TRACTOR_MS, resume, s);
    }
}

static void begin_to_watch(life *l) { resume(NULL, (char *)l - offsetof(stopped, l)); }

static void X_15_stops_and_goes_on(void **state) {
    const step *s = *state;
    life_begin();
    stopped it = { .fault = s->fault };
    it.fault.signal = SIGSTOP;
    it.l = one_life(s, &it.fault);
    it.l.on_root = begin_to_watch;
    life_run(&it.l);
    assert_true(it.pid > 0);
    assert_over(&it.l);
    if (!life_undisturbed(&it.l))
        fail_msg("it was to be none the worse for it\n%s", life_errors(&it.l));
    kit_assert_within_ms(it.l.ns, 1000);
}

/* At all steps at once. */
static kit_outcome starts[STEPS];
static kit_fault silent[STEPS];
static int64_t begun;

static void start_all(tractor_nursery *root, void *user) {
    (void)user;
    begun = tractor_now();
    for (int i = 0; i < STEPS; i++) {
        silent[i] = steps[i].fault;
        silent[i].signal = SIGSTOP;
        tractor_nursery_start_actor(
            root, kit_text("stopped %s", steps[i].name),
            &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = importing, .env = kit_fault_env(&silent[i], 1),
                                      .boot_timeout_ns = 400 * TRACTOR_MS * kit_headroom() },
            kit_on_portal, &starts[i]);
    }
}

static void X_15_stops_for_good(void **state) {
    (void)state;
    kit_run run = kit_run_root(NULL, start_all, NULL);
    kit_assert_code(run.err, TRACTOR_OK);
    for (int i = 0; i < STEPS; i++) {
        assert_int_equal(starts[i].calls, 1);
        kit_assert_code(starts[i].err, TRACTOR_ESPAWN);
        kit_assert_contains(tractor_error_message(starts[i].err), "did not become ready in time");
        kit_assert_within_ms(starts[i].at - begun, 900);
    }
}

static const char *named(const char *test, const step *s) {
    static char names[2 * STEPS][64];
    static int count;
    snprintf(names[count], sizeof names[count], "%s: %s", test, s->name);
    return names[count++];
}

int main(int argc, char **argv) {
    life_register();
    kit_begin(argc, argv);
    static kit_test tests[2 * STEPS + 1];
    size_t count = 0;
    for (size_t i = 0; i < STEPS; i++) {
        void *one = (void *)(uintptr_t)&steps[i];
        tests[count++] = (kit_test){ named("X_15_dies", &steps[i]), X_15_dies, false, one };
        tests[count++] = (kit_test){ named("X_15_stops_and_goes_on", &steps[i]), X_15_stops_and_goes_on, false, one };
    }
    tests[count++] = (kit_test)KIT_TEST(X_15_stops_for_good);
    return kit_run_tests_(tests, count);
}
