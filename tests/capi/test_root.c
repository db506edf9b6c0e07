/* ROOT-01: one root, one actor, in a process. */
#include "kit/kit.h"

#include "tests.h"

static int open_second(void) {
    tractor_actor *second = NULL;
    tractor_root_options options = kit_root_options(NULL);
    kit_expect_log("this process has an actor already: 'root'");
    int status = tractor_actor_open(&options, NULL, NULL, NULL, &second);
    assert_null(second);
    return status;
}

static void second_here(tractor_nursery *root, void *user) {
    (void)root, (void)user;
    assert_int_equal(open_second(), TRACTOR_ERUNTIME);
}

static void ROOT_01_only_one_root_actor_in_root(void **state) {
    (void)state;
    kit_assert_code(kit_run_root(NULL, second_here, NULL).err, TRACTOR_OK);
}

static void open_root_in_child(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_actor *second = NULL;
    kit_expect_log("this process has an actor already: 'open'"); /* and on its stderr, so that it comes out on ours */
    tractor_error *err = tractor_error_newf(tractor_actor_open(NULL, NULL, NULL, NULL, &second), NULL, NULL);
    tractor_ctx_raise(ctx, err);
    tractor_error_unref(err);
}

static void second_there(tractor_nursery *root, void *user) {
    tractor_nursery_run_in_actor(root, "root", "open", TRACTOR_ARGS("{}"), NULL, kit_on_value, user);
}

static void ROOT_01_only_one_root_actor_in_sub(void **state) {
    (void)state;
    kit_outcome o = KIT_OUTCOME;
    kit_assert_code(kit_run_root(NULL, second_there, &o).err, TRACTOR_OK);
    kit_assert_remote(o.err, "RuntimeFailure");
}

/* ---- what else an opening can be refused for ---- */

static void never(const tractor_error *err, void *user) {
    (void)err, (void)user;
    fail_msg("an actor that was not opened does not end");
}

/* The log says which option it is about. */
static int try_open(tractor_root_options options, const char *why) {
    tractor_actor *actor = NULL;
    options.struct_size = options.struct_size ? options.struct_size : sizeof options;
    kit_expect_log("no root was opened: ");
    int status = tractor_actor_open(&options, NULL, never, NULL, &actor);
    assert_null(actor);
    assert_int_equal(kit_log_count(why), 1);
    return status;
}

static void bad_options(void **state) {
    (void)state;
    static const char *const half[] = { "/ip4/127.0.0.1", NULL };
    static const char *const tcp[] = { "/ip4/127.0.0.1/tcp/0", NULL };
    assert_int_equal(try_open((tractor_root_options){ .struct_size = 3 }, "struct_size is 3"), TRACTOR_EINVAL);
    assert_int_equal(try_open((tractor_root_options){ .flags = 1u << 31 }, "unknown bits: 2147483648"), TRACTOR_EINVAL);
    assert_int_equal(try_open((tractor_root_options){ .reserved0 = 1 }, "reserved0"), TRACTOR_EINVAL);
    assert_int_equal(try_open((tractor_root_options){ .enable_transports = "carrier pigeon" }, "carrier pigeon"),
                     TRACTOR_EINVAL);
    assert_int_equal(try_open((tractor_root_options){ .log_level = "loudly" }, "loudly"), TRACTOR_EINVAL);
    assert_int_equal(try_open((tractor_root_options){ .registry_addrs = half }, "'/ip4/127.0.0.1'"), TRACTOR_EINVAL);
    assert_int_equal(try_open((tractor_root_options){ .registry_addrs = tcp, .enable_transports = "uds" },
                              "/ip4/127.0.0.1/tcp/0 is not in"),
                     TRACTOR_EINVAL);
    assert_int_equal(try_open((tractor_root_options){ .handshake_timeout_ns = -1 }, "handshake_timeout_ns"),
                     TRACTOR_EINVAL);
    assert_int_equal(tractor_actor_open(NULL, NULL, NULL, NULL, NULL), TRACTOR_EINVAL);
    kit_assert_code(kit_run_root(NULL, NULL, NULL).err, TRACTOR_OK); /* and a good one still works */
}

static void port_zero_body(tractor_nursery *root, void *user) {
    int port = 0;
    (void)root, (void)user;
    assert_int_equal(sscanf(tractor_actor_address(kit_actor(), 0), "/ip4/127.0.0.1/tcp/%d", &port), 1);
    assert_true(port > 0);
    assert_null(tractor_actor_address(kit_actor(), 1));
}

static void port_zero_becomes_a_real_one(void **state) {
    (void)state;
    static const char *const any[] = { "/ip4/127.0.0.1/tcp/0", NULL };
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .registry_addrs = any }, port_zero_body, NULL);
    kit_assert_code(run.err, TRACTOR_OK);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_FUNC("open", open_root_in_child), TRACTOR_ENDPOINTS_END };
    tractor_register("root", module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(ROOT_01_only_one_root_actor_in_root),
        KIT_TEST(ROOT_01_only_one_root_actor_in_sub),
        KIT_TEST_ONCE(bad_options),
        KIT_TEST_ONCE(port_zero_becomes_a_real_one),
    };
    return kit_run_tests(tests);
}
