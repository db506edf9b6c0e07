/* Calls: what is exposed, what is not, and modules that can't be loaded. RPC-01 and RPC-02 are in tests/rpc. */
#include "kit/kit.h"

#include <fcntl.h>

#include "tests.h"

/* ---- RPC-03 a-c: a child calls back into the root ---- */

static void call_back(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *module, *func;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s, s:s}", "module", &module, "func", &func) == TRACTOR_OK)
        forward(ctx, tractor_actor_parent(tractor_ctx_actor(ctx)), module, func, TRACTOR_ARGS("{s:i}", "n", 1));
}

typedef struct back {
    const char *exposed, *func, *type; /* what the root serves, what is called, what is raised */
    kit_outcome answer;
} back;

static void back_body(tractor_nursery *root, void *user) {
    back *b = user;
    tractor_nursery_run_in_actor(root, "rpc", "call_back", TRACTOR_ARGS("{s:s, s:s}", "module", "kit", "func", b->func),
                                 NULL, kit_on_value, &b->answer);
}

static void RPC_03_rpc_errors(void **state) {
    back b = *(back *)*state;
    const char *const served[] = { b.exposed, NULL };
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .enable_modules = served }, back_body, &b);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(b.answer.calls, 1);
    if (!b.type) {
        kit_assert_code(b.answer.err, TRACTOR_OK);
        kit_assert_value(b.answer.value, "{s:i}", "n", 1);
        return;
    }
    kit_assert_code(b.answer.err, TRACTOR_EREMOTE);
    assert_string_equal(tractor_error_source_type(b.answer.err), b.type);
    assert_int_equal(tractor_error_relay_count(b.answer.err), 2);
    assert_string_equal(tractor_error_relay(b.answer.err, 0)->name, "root");
    assert_string_equal(tractor_error_relay(b.answer.err, 1)->name, "call_back");
}

/* The same without the way back: the caller itself is told. */
static void not_exposed_body(tractor_nursery *root, void *user) {
    back *b = user;
    tractor_portal_run(tractor_actor_self(kit_actor()), root, b->exposed, b->func, TRACTOR_ARGS("{}"), NULL,
                       kit_on_value, &b->answer);
}

static void not_served(void **state) {
    back b = *(back *)*state;
    const char *const served[] = { "kit", NULL };
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .enable_modules = served }, not_exposed_body, &b);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_string_equal(tractor_error_boxed_type(b.answer.err), b.type);
    kit_assert_code(b.answer.err, strcmp(b.type, "ModuleNotExposed") == 0 ? TRACTOR_ENOENDPOINT : TRACTOR_EREMOTE);
}

/* ---- RPC-03 d, e: a module that can't be loaded fails the start, in the parent ---- */

typedef struct unloadable {
    const char *module, *type;
    bool stock; /* by tractor-actor instead of this program */
    kit_outcome started;
} unloadable;

static void unloadable_body(tractor_nursery *root, void *user) {
    unloadable *u = user;
    const char *const modules[] = { u->module, NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    if (u->stock)
        options.program = getenv("TRACTOR_TEST_ACTOR");
    tractor_nursery_start_actor(root, "importer", &options, kit_on_portal, &u->started);
}

static void RPC_03_module_errors(void **state) {
    unloadable u = *(unloadable *)*state;
    if (strcmp(u.type, "ImportError") == 0) {
        const char *file = kit_path("corrupt.so");
        int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, "def broken(:\n", 13), 13);
        close(fd);
        u.module = kit_text("corrupt=%s", file);
    }
    kit_run run = kit_run_root(NULL, unloadable_body, &u);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(u.started.calls, 1);
    kit_assert_code(u.started.err, TRACTOR_ESPAWN);
    const tractor_error *cause = tractor_error_cause(u.started.err);
    kit_assert_remote(cause, u.type);
    assert_string_equal(tractor_error_source(cause)->name, "importer");
    kit_assert_within_ms(run.ns, 1000);
}

/* ---- arguments ---- */

static void wrong_call_body(tractor_nursery *root, void *user) {
    kit_outcome *answers = user;
    tractor_portal *self = tractor_actor_self(kit_actor());
    /* Wrong at the callee. */
    tractor_portal_run(self, root, "kit", "nap", TRACTOR_ARGS("{s:s}", "ms", "long"), NULL, kit_on_value, &answers[0]);
    tractor_portal_run(self, root, "kit", "nap", TRACTOR_ARGS("{s:i, s:i}", "ms", 1, "zzz", 2), NULL, kit_on_value,
                       &answers[1]);
    /* Wrong here: they never leave. */
    tractor_portal_run(self, root, "kit", "nap", TRACTOR_ARGS("{s:"), NULL, kit_on_value, &answers[2]);
    tractor_portal_run(self, root, "kit", "nap", TRACTOR_ARGS("[i]", 1), NULL, kit_on_value, &answers[3]);
    tractor_portal_run(self, root, "", "nap", TRACTOR_ARGS("{}"), NULL, kit_on_value, &answers[4]);
    tractor_portal_run(self, root, "self", "nap", TRACTOR_ARGS("{}"), NULL, kit_on_value, &answers[5]);
    for (int i = 0; i < 6; i++)
        assert_int_equal(answers[i].calls, 0);
}

static void wrong_arguments(void **state) {
    (void)state;
    kit_outcome answers[6] = { KIT_OUTCOME };
    const char *const served[] = { "kit", NULL };
    kit_run run = kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .enable_modules = served },
                               wrong_call_body, answers);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_remote(answers[0].err, "TypeError");
    kit_assert_contains(tractor_error_message(answers[0].err), "ms");
    kit_assert_remote(answers[1].err, "TypeError");
    kit_assert_contains(tractor_error_message(answers[1].err), "zzz");
    for (int i = 2; i < 6; i++)
        kit_assert_code(answers[i].err, TRACTOR_EINVAL);
    for (int i = 0; i < 6; i++)
        assert_int_equal(answers[i].calls, 1);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_FUNC("call_back", call_back), TRACTOR_ENDPOINTS_END };
    tractor_register("rpc", module, NULL);
    kit_begin(argc, argv);
    back nothing = { NULL, "echo", "ModuleNotExposed", KIT_OUTCOME };
    back served = { "kit", "echo", NULL, KIT_OUTCOME };
    back missing = { "kit", "ech0", "AttributeError", KIT_OUTCOME };
    back not_here = { "rpc", "call_back", "ModuleNotExposed", KIT_OUTCOME };
    back no_such = { "kit", "nope", "AttributeError", KIT_OUTCOME };
    unloadable absent = { "nonexistent_module", "ModuleNotFoundError", false, KIT_OUTCOME };
    unloadable corrupt = { NULL, "ImportError", false, KIT_OUTCOME };
    unloadable absent_stock = { "nonexistent_module", "ModuleNotFoundError", true, KIT_OUTCOME };
    unloadable corrupt_stock = { NULL, "ImportError", true, KIT_OUTCOME };
    const kit_test tests[] = {
        KIT_TEST_WITH(RPC_03_rpc_errors, "a, nothing exposed", &nothing),
        KIT_TEST_WITH(RPC_03_rpc_errors, "b, exposed", &served),
        KIT_TEST_WITH(RPC_03_rpc_errors, "c, no such function", &missing),
        KIT_TEST_WITH(not_served, "module", &not_here),
        KIT_TEST_WITH(not_served, "function", &no_such),
        KIT_TEST_WITH(RPC_03_module_errors, "d, missing", &absent),
        KIT_TEST_WITH(RPC_03_module_errors, "e, corrupt", &corrupt),
        KIT_TEST_WITH(RPC_03_module_errors, "d, missing, tractor-actor", &absent_stock),
        KIT_TEST_WITH(RPC_03_module_errors, "e, corrupt, tractor-actor", &corrupt_stock),
        KIT_TEST(wrong_arguments),
    };
    return kit_run_tests(tests);
}
