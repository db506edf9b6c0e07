/* What a root or a child is asked to be and can't: refused by name, never ignored. */
#include "kit/kit.h"

/* The answer to such an opening, which the log explains in words with `why` in them. */
static int refused(tractor_root_options options, const char *why) {
    tractor_actor *actor = NULL;
    options = kit_root_options(&options);
    kit_expect_log(why);
    int status = tractor_actor_open(&options, NULL, NULL, NULL, &actor);
    assert_null(actor);
    assert_true(kit_log_count(why) > 0);
    return status;
}

static tractor_root_options by(const char *method) {
    return (tractor_root_options){ TRACTOR_ROOT_OPTIONS, .start_method = method };
}
static tractor_root_options with(uint32_t flags) {
    return (tractor_root_options){ TRACTOR_ROOT_OPTIONS, .flags = flags };
}

/* ---- start_method, TRACTOR_SPAWN_METHOD ---- */

static void run_child(tractor_nursery *root, void *user) {
    tractor_nursery_run_in_actor(root, "kit", "pid", (tractor_bytes){ NULL, 0 }, NULL, kit_on_value, user);
}
static void assert_starts_children(const char *method) {
    kit_outcome o = KIT_OUTCOME;
    tractor_root_options options = by(method);
    kit_assert_code(kit_run_root(&options, run_child, &o).err, TRACTOR_OK);
    kit_assert_code(o.err, TRACTOR_OK);
}

static void start_methods(void **state) {
    (void)state;
    assert_starts_children(NULL);
    assert_starts_children("exec");
    assert_starts_children("trio");
    assert_int_equal(refused(by("mp_spawn"), "tractor_root_options.start_method: 'mp_spawn'"), TRACTOR_ENOTSUP);
    assert_int_equal(refused(by("mp_forkserver"), "'mp_forkserver' is a way to start Python"), TRACTOR_ENOTSUP);
    assert_int_equal(refused(by("thread"), "no start method is called 'thread'"), TRACTOR_EINVAL);
    assert_int_equal(refused(by(""), "no start method is called ''"), TRACTOR_EINVAL);
}

static void start_method_of_the_environment(void **state) {
    (void)state;
    setenv("TRACTOR_SPAWN_METHOD", "exec", 1);
    assert_starts_children(NULL);
    assert_starts_children("trio");
    assert_int_equal(kit_log_count("overrides"), 0);
    kit_expect_log("TRACTOR_SPAWN_METHOD=exec overrides the start method 'mp_spawn'");
    assert_starts_children("mp_spawn");
    assert_int_equal(kit_log_count("overrides"), 1);
    assert_int_equal(refused(by("thread"), "tractor_root_options.start_method: no start method"), TRACTOR_EINVAL);
    setenv("TRACTOR_SPAWN_METHOD", "mp_spawn", 1);
    assert_int_equal(refused(by(NULL), "TRACTOR_SPAWN_METHOD: 'mp_spawn' is a way"), TRACTOR_ENOTSUP);
    setenv("TRACTOR_SPAWN_METHOD", "thread", 1);
    assert_int_equal(refused(by("exec"), "TRACTOR_SPAWN_METHOD: no start method is called 'thread'"), TRACTOR_EINVAL);
    setenv("TRACTOR_SPAWN_METHOD", "", 1);
    assert_starts_children(NULL);
}

/* ---- flags of the original that have a place here, and nothing behind them ---- */

static void root_flags(void **state) {
    (void)state;
    assert_int_equal(refused(with(TRACTOR_ROOT_DEBUG_MODE), "TRACTOR_ROOT_DEBUG_MODE: not yet"), TRACTOR_ENOTSUP);
    assert_int_equal(refused(with(TRACTOR_ROOT_ENABLE_STACK_ON_SIG), "TRACTOR_ROOT_ENABLE_STACK_ON_SIG: not yet"),
                     TRACTOR_ENOTSUP);
    assert_int_equal(refused(with(1u << 30), "unknown bits"), TRACTOR_EINVAL);
}

static const uint32_t spawn_flags[] = { TRACTOR_SPAWN_DEBUG_MODE, TRACTOR_SPAWN_INFECT_ASYNCIO };
static void spawn(tractor_nursery *root, void *user) {
    kit_outcome *o = user;
    for (size_t i = 0; i < 2; i++) {
        tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .flags = spawn_flags[i] };
        tractor_nursery_start_actor(root, "child", &options, kit_on_portal, &o[2 * i]);
        tractor_nursery_run_in_actor(root, "kit", "pid", (tractor_bytes){ NULL, 0 }, &options, kit_on_value,
                                     &o[2 * i + 1]);
    }
}
static void flags_of_children(void **state) {
    (void)state;
    kit_outcome o[4] = { KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME };
    kit_assert_code(kit_run_root(NULL, spawn, o).err, TRACTOR_OK);
    for (size_t i = 0; i < 4; i++) {
        kit_assert_code(o[i].err, TRACTOR_ENOTSUP);
        kit_assert_contains(tractor_error_message(o[i].err),
                            i < 2 ? "TRACTOR_SPAWN_DEBUG_MODE: not yet" : "TRACTOR_SPAWN_INFECT_ASYNCIO: not yet");
    }
}

/* ---- TRACTOR_LOGLEVEL ---- */

static void look_at_level(tractor_nursery *root, void *user) {
    (void)root;
    assert_int_equal(tractor_log_enabled(TRACTOR_LOG_INFO), *(bool *)user);
}
static void log_level_of_the_environment(void **state) {
    (void)state;
    const tractor_root_options quiet = { TRACTOR_ROOT_OPTIONS, .log_level = "warning" },
                               loud = { TRACTOR_ROOT_OPTIONS, .log_level = "info" };
    bool info = false;
    kit_assert_code(kit_run_root(&quiet, look_at_level, &info).err, TRACTOR_OK);
    setenv("TRACTOR_LOGLEVEL", "error", 1);
    kit_assert_code(kit_run_root(&loud, look_at_level, &info).err, TRACTOR_OK);
    setenv("TRACTOR_LOGLEVEL", "info", 1);
    info = true;
    kit_assert_code(kit_run_root(&quiet, look_at_level, &info).err, TRACTOR_OK);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST_ONCE(start_methods),     KIT_TEST_ONCE(start_method_of_the_environment), KIT_TEST_ONCE(root_flags),
        KIT_TEST_ONCE(flags_of_children), KIT_TEST_ONCE(log_level_of_the_environment),
    };
    return kit_run_tests(tests);
}
