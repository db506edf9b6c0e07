/* tractor_get_runtime_vars(), tractor_set_runtime_vars(). */
#include "kit/kit.h"

static char *as_text(tractor_bytes vars) {
    tractor_value *value = tractor_value_new(vars);
    char *json = tractor_value_json(value);
    char *text = kit_text("%s", json);
    free(json);
    tractor_value_unref(value);
    return text;
}
static char *now(void) { return as_text(tractor_get_runtime_vars()); }

/* ---- what every actor has ---- */

static void without_a_runtime(void **state) {
    (void)state;
    assert_string_equal(
        now(),
        "{\"_is_root\":false,\"_root_mailbox\":[null,null],\"_root_addrs\":[],\"_enable_tpts\":[\"tcp\"],"
        "\"_registry_addrs\":[],\"_debug_mode\":false,\"repl_fixture\":false,\"use_greenback\":false,"
        "\"use_stackscope\":false,\"_is_infected_aio\":false}");
    char why[80];
    assert_int_equal(tractor_set_runtime_vars(tractor_pack("{}"), why, sizeof why), TRACTOR_ERUNTIME);
    assert_string_equal(why, "there is no runtime");
}

static void tell(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_return_value(ctx, tractor_get_runtime_vars());
}
static void on_told(const tractor_error *err, const tractor_value *value, void *ctx) {
    if (err)
        tractor_nursery_fail(tractor_ctx_nursery(ctx), err);
    else
        tractor_ctx_return_value(ctx, tractor_value_bytes(value));
}
static void tell_of_child(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_nursery_run_in_actor(tractor_ctx_nursery(ctx), "vars", "tell", TRACTOR_ARGS("{}"), NULL, on_told, ctx);
}

/* An address as its variable has it. */
static const char *pair(const char *address) {
    if (strcmp(kit_transport(), "tcp") == 0)
        return kit_text("[\"127.0.0.1\",%s]", strrchr(address, '/') + 1);
    const char *path = address + strlen("/unix"), *slash = strrchr(path, '/');
    return kit_text("[\"%.*s\",\"%s\"]", (int)(slash - path), path, slash + 1);
}
static void expect_own(const char *vars, bool root) {
    const char *registry = pair(kit_registry());
    kit_assert_contains(vars,
                        kit_text("\"_is_root\":%s,\"_root_mailbox\":%s,\"_root_addrs\":[%s],\"_enable_tpts\":[\"%s\"],"
                                 "\"_registry_addrs\":[%s],\"_debug_mode\":false,",
                                 root ? "true" : "false", registry, registry, kit_transport(), registry));
}
static void ask_child(tractor_nursery *root, void *user) {
    expect_own(now(), true);
    tractor_nursery_run_in_actor(root, "vars", "tell", TRACTOR_ARGS("{}"), NULL, kit_on_value, user);
}
/* ROOT-03: its debug mode is refused, see test_options.c; the variable is false before, in and after. */
static void of_a_root_and_its_child(void **state) {
    (void)state;
    kit_assert_contains(now(), "\"_debug_mode\":false");
    kit_outcome child = KIT_OUTCOME;
    kit_assert_code(kit_run_root(NULL, ask_child, &child).err, TRACTOR_OK);
    kit_assert_code(child.err, TRACTOR_OK);
    expect_own(as_text(tractor_value_bytes(child.value)), false);
    kit_assert_contains(now(), "\"_debug_mode\":false");
}

/* ---- what a program sets ---- */

static void set(tractor_bytes vars) {
    char why[200] = "x";
    int status = tractor_set_runtime_vars(vars, why, sizeof why);
    if (status != TRACTOR_OK)
        fail_msg("%s: %s", tractor_strerror(status), why);
    assert_string_equal(why, "");
}
static void set_and_ask(tractor_nursery *root, void *user) {
    set(tractor_pack("{s:i,s:[is],s:b}", "mine", 7, "other", 1, "x", "use_greenback", 1));
    set((tractor_bytes){ NULL, 0 });
    set(tractor_pack("{s:i}", "mine", 8));
    set(tractor_get_runtime_vars());
    expect_own(now(), true);
    tractor_nursery_run_in_actor(root, "vars", "tell_of_child", TRACTOR_ARGS("{}"), NULL, kit_on_value, user);
}
static void grandchildren_inherit_what_is_set(void **state) {
    (void)state;
    kit_outcome grandchild = KIT_OUTCOME;
    kit_assert_code(kit_run_root(NULL, set_and_ask, &grandchild).err, TRACTOR_OK);
    kit_assert_code(grandchild.err, TRACTOR_OK);
    const char *vars = as_text(tractor_value_bytes(grandchild.value));
    expect_own(vars, false);
    kit_assert_contains(vars, "\"use_greenback\":true");
    kit_assert_contains(vars, "\"mine\":8,\"other\":[1,\"x\"]}");
    assert_null(strstr(now(), "mine")); /* it was the actor's */
}

static void listens(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_actor *actor = tractor_current_actor();
    tractor_ctx_return(ctx, "[ssb]", tractor_actor_address(actor, 0), tractor_actor_address(actor, 1),
                       tractor_actor_address(actor, 2) != NULL);
}
static void listen_another_way(tractor_nursery *root, void *user) {
    const bool uds = strcmp(kit_transport(), "uds") == 0;
    set(tractor_pack("{s:[ss]}", "_enable_tpts", uds ? "tcp" : "uds", kit_transport()));
    tractor_nursery_run_in_actor(root, "vars", "listens", TRACTOR_ARGS("{}"), NULL, kit_on_value, user);
}
static void later_children_listen_by_other_transports(void **state) {
    (void)state;
    kit_outcome child = KIT_OUTCOME;
    const char *first, *second;
    bool more;
    const bool uds = strcmp(kit_transport(), "uds") == 0;
    kit_assert_code(kit_run_root(NULL, listen_another_way, &child).err, TRACTOR_OK);
    kit_assert_code(child.err, TRACTOR_OK);
    assert_int_equal(tractor_unpack(child.value, "[ssb]", &first, &second, &more), TRACTOR_OK);
    kit_assert_contains(first, uds ? "/ip4/127.0.0.1/tcp/" : "/unix/");
    kit_assert_contains(second, uds ? "/unix/" : "/ip4/127.0.0.1/tcp/");
    assert_false(more);
}

/* ---- what they can't be ---- */

static void refuse(tractor_bytes vars, int status, const char *because) {
    char why[200];
    const char *before = now();
    assert_int_equal(tractor_set_runtime_vars(vars, why, sizeof why), status);
    assert_string_equal(why, because);
    assert_int_equal(tractor_set_runtime_vars(vars, NULL, 0), status);
    assert_string_equal(now(), before);
}
static void set_wrong_ones(tractor_nursery *root, void *user) {
    (void)root, (void)user;
    refuse(tractor_pack("i", 5), TRACTOR_EINVAL, "runtime variables: expected a map, found int 5");
    refuse((tractor_bytes){ "\x81\x01\x02", 3 }, TRACTOR_EINVAL, "runtime variables: a key is no text but int 1");
    refuse((tractor_bytes){ "\x81\xa1\xff\x02", 4 }, TRACTOR_EINVAL,
           "runtime variables: a key is no text but str '\xef\xbf\xbd'");
    refuse((tractor_bytes){ "\x81", 1 }, TRACTOR_EINVAL,
           "payload ends too early: 81; it has to be one value: nil, bool, int, float, str, bytes, list, dict or ext");
    refuse(tractor_pack("{s:i,s:i}", "mine", 1, "_is_root", 1), TRACTOR_EINVAL,
           "runtime variable '_is_root': expected bool, found int 1");
    refuse(tractor_pack("{s:b}", "_is_root", 0), TRACTOR_EINVAL,
           "runtime variable '_is_root': it is true in this process, and stays so");
    refuse(tractor_pack("{s:b}", "_debug_mode", 1), TRACTOR_ENOTSUP,
           "runtime variable '_debug_mode': true is not yet supported");
    refuse(tractor_pack("{s:b}", "_is_infected_aio", 1), TRACTOR_ENOTSUP,
           "runtime variable '_is_infected_aio': true is not yet supported");
    refuse(tractor_pack("{s:n}", "_debug_mode"), TRACTOR_EINVAL,
           "runtime variable '_debug_mode': expected bool, found nil");
    for (int i = 0; i < 3; ++i) {
        static const char *const flags[] = { "repl_fixture", "use_greenback", "use_stackscope" };
        refuse(tractor_pack("{s:s}", flags[i], "yes"), TRACTOR_EINVAL,
               kit_text("runtime variable '%s': expected bool, found str 'yes'", flags[i]));
    }
    refuse(tractor_pack("{s:s}", "_root_mailbox", "/ip4/127.0.0.1/tcp/1"), TRACTOR_EINVAL,
           "runtime variable '_root_mailbox': expected an address: [host, port] or [directory, file], found str "
           "'/ip4/127.0.0.1/tcp/1'");
    refuse(tractor_pack("{s:[si]}", "_root_mailbox", "localhost", 1), TRACTOR_EINVAL,
           "runtime variable '_root_mailbox': 'localhost' is not a literal IPv4 or IPv6 address");
    refuse(tractor_pack("{s:[[ni]]}", "_root_addrs", 1), TRACTOR_EINVAL,
           "runtime variable '_root_addrs': expected an array of addresses: [host, port] or [directory, file], found "
           "array of 1");
    refuse(tractor_pack("{s:[[si]]}", "_registry_addrs", "127.0.0.1", 65536), TRACTOR_EINVAL,
           "runtime variable '_registry_addrs': port 65536 is not between 0 and 65535");
    refuse(tractor_pack("{s:s}", "_enable_tpts", "tcp"), TRACTOR_EINVAL,
           "runtime variable '_enable_tpts': expected an array of transports, found str 'tcp'");
    refuse(tractor_pack("{s:[]}", "_enable_tpts"), TRACTOR_EINVAL,
           "runtime variable '_enable_tpts': at least one transport has to be enabled");
    refuse(tractor_pack("{s:[i]}", "_enable_tpts", 4), TRACTOR_EINVAL,
           "runtime variable '_enable_tpts': expected the name of a transport, found int 4");
    refuse(tractor_pack("{s:[s]}", "_enable_tpts", "quic"), TRACTOR_EINVAL,
           "runtime variable '_enable_tpts': no transport is called 'quic': there are 'tcp' and 'uds'");
    char why[10];
    assert_int_equal(tractor_set_runtime_vars(tractor_pack("i", 5), why, sizeof why), TRACTOR_EINVAL);
    assert_string_equal(why, "runtime v");
}
static void a_wrong_value_is_refused_with_its_key(void **state) {
    (void)state;
    kit_assert_code(kit_run_root(NULL, set_wrong_ones, NULL).err, TRACTOR_OK);
}

static void not_while_it_boots(void **state) {
    (void)state;
    tractor_actor *actor;
    tractor_root_options options = kit_root_options(NULL);
    assert_int_equal(tractor_actor_open(&options, NULL, NULL, NULL, &actor), TRACTOR_OK);
    assert_int_equal(tractor_set_runtime_vars(tractor_pack("{}"), NULL, 0), TRACTOR_EBUSY);
    tractor_actor_close(actor);
    assert_int_equal(tractor_actor_run(actor), TRACTOR_OK);
}

static const tractor_endpoint module[] = { TRACTOR_FUNC("tell", tell), TRACTOR_FUNC("tell_of_child", tell_of_child),
                                           TRACTOR_FUNC("listens", listens), TRACTOR_ENDPOINTS_END };

int main(int argc, char **argv) {
    tractor_register("vars", module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST_ONCE(without_a_runtime),
        KIT_TEST(of_a_root_and_its_child),
        KIT_TEST(grandchildren_inherit_what_is_set),
        KIT_TEST(later_children_listen_by_other_transports),
        KIT_TEST_ONCE(a_wrong_value_is_refused_with_its_key),
        KIT_TEST_ONCE(not_while_it_boots),
    };
    return kit_run_tests(tests);
}
