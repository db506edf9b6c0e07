/* Calls through a portal that lives as long as the actor, without a nursery given: they wait in the actor's own. */
#include "kit/kit.h"

/* In a child: the parent exposes nothing, so the call fails, and nobody is given for its error. */
static void ask_parent(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_portal *parent = tractor_actor_parent(tractor_ctx_actor(ctx));
    (void)args;
    (void)user;
    tractor_portal_run(parent, NULL, "nosuch", "thing", TRACTOR_ARGS("{}"), NULL, NULL, NULL);
    tractor_ctx_return(ctx, NULL);
}
static const tractor_endpoint asking[] = { TRACTOR_FUNC("ask_parent", ask_parent), TRACTOR_ENDPOINTS_END };

static void self_body(tractor_nursery *root, void *user) {
    tractor_portal *self = tractor_actor_self(tractor_nursery_actor(root));
    (void)user;
    tractor_portal_run(self, NULL, "nosuch", "thing", TRACTOR_ARGS("{}"), NULL, NULL, NULL);
    tractor_nursery_sleep(root, TRACTOR_FOREVER, NULL, NULL); /* ends because the error reaches the nursery */
}

static void default_nursery_of_self_is_the_actors(void **state) {
    (void)state;
    kit_run run = kit_run_root(NULL, self_body, NULL);
    assert_non_null(run.err);
    assert_int_equal(tractor_error_code(run.err), TRACTOR_ENOENDPOINT);
}

static void on_child(const tractor_error *err, tractor_portal *portal, void *user) {
    (void)user;
    assert_null(err);
    tractor_portal_run(portal, NULL, "asking", "ask_parent", TRACTOR_ARGS("{}"), NULL, NULL, NULL);
}

static void parent_body(tractor_nursery *root, void *user) {
    const char *const modules[] = { "asking", NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules,
                                      .stderr_mode = TRACTOR_STDERR_CAPTURE };
    (void)user;
    tractor_nursery_start_actor(root, "asking", &options, on_child, NULL);
}

/* The child's own nursery fails, so the child does, and its parent hears why. */
static void default_nursery_of_parent_is_the_actors(void **state) {
    (void)state;
    kit_run run = kit_run_root(NULL, parent_body, NULL);
    assert_non_null(run.err);
    assert_int_equal(tractor_error_code(run.err), TRACTOR_ECHILD);
    assert_string_equal(tractor_error_source_type(tractor_error_cause(run.err)), "ModuleNotExposed");
}

int main(int argc, char **argv) {
    tractor_register("asking", asking, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(default_nursery_of_self_is_the_actors),
        KIT_TEST(default_nursery_of_parent_is_the_actors),
    };
    return kit_run_tests(tests);
}
