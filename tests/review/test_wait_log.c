/* API rule 14: whoever wonders why a program does not end finds it in the log. The rest is in tests/scope/test_wait_log.cpp. */
#include "kit/kit.h"

static void answered(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value, (void)user;
    assert_null(err);
    tractor_nursery_cancel(tractor_actor_nursery(kit_actor()), NULL);
}
static void is_up(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_portal_run(o->portal, NULL, "kit", "nap", tractor_pack("{s:i}", "ms", 1700), NULL, answered, NULL);
}
static void wait_for_a_daemon_body(tractor_nursery *root, void *user) {
    tractor_nursery_start_actor(
        root, "daemon", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = kit_modules }, kit_on_portal, user);
}
static void a_root_waits_for_its_daemon(void **state) {
    (void)state;
    kit_outcome up = { .then = is_up };
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .log_level = "info" }, wait_for_a_daemon_body, &up);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(kit_log_count("the nursery of actor 'root' is closed and waits for"), 1);
    assert_int_equal(kit_log_count("child 'daemon'"), 1);
}

/* An endpoint that has answered, and whose answer can't leave yet. */
static tractor_op held;
static void let_go(const tractor_error *err, void *user) {
    (void)err;
    tractor_op_complete(user, held, NULL);
}
static void answers_early(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    held = tractor_nursery_hold(tractor_ctx_nursery(ctx), "cache", NULL, NULL);
    tractor_nursery_sleep(tractor_actor_nursery(kit_actor()), 1700 * TRACTOR_MS, let_go, kit_actor());
    tractor_ctx_return(ctx, "i", 1);
}
/* One that is just at work: nobody expects its end. */
static void takes_long(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    static kit_outcome done;
    done = (kit_outcome)KIT_OUTCOME;
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, kit_on_done, &done);
}
static const tractor_endpoint module[] = { TRACTOR_FUNC("answers_early", answers_early),
                                           TRACTOR_FUNC("takes_long", takes_long), TRACTOR_ENDPOINTS_END };

static void wait_in_endpoints_body(tractor_nursery *root, void *user) {
    kit_outcome *outcomes = user;
    tractor_portal *self = tractor_actor_self(kit_actor());
    tractor_portal_run(self, root, "waits", "answers_early", TRACTOR_ARGS("{}"), NULL, answered, NULL);
    tractor_portal_run(self, root, "waits", "takes_long", TRACTOR_ARGS("{}"), NULL, kit_on_value, &outcomes[0]);
}
static void an_endpoint_waits_with_its_answer(void **state) {
    (void)state;
    kit_outcome outcomes[1] = { KIT_OUTCOME };
    static const char *const modules[] = { "waits", NULL };
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .log_level = "info", .enable_modules = modules },
                     wait_in_endpoints_body, outcomes);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(kit_log_count("endpoint 'answers_early' is closed and waits for hold 'cache'"), 1);
    assert_int_equal(kit_log_count("endpoint 'takes_long' is closed"), 0);
}

int main(int argc, char **argv) {
    tractor_register("waits", module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = { KIT_TEST_ONCE(a_root_waits_for_its_daemon),
                               KIT_TEST_ONCE(an_endpoint_waits_with_its_answer) };
    return kit_run_tests(tests);
}
