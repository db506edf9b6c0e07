/* Actors of one transport and of several: what they listen at, and by which one a child comes back. */
#include "kit/kit.h"

/* Answers the addresses it listens at, ended by an empty text, and where its parent is. */
static void addresses(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *a[3] = { "", "", "" };
    (void)args, (void)user;
    for (size_t i = 0; i < 3 && tractor_actor_address(tractor_ctx_actor(ctx), i); i++)
        a[i] = tractor_actor_address(tractor_ctx_actor(ctx), i);
    tractor_ctx_return(ctx, "[s,s,s,s]", a[0], a[1], a[2],
                       tractor_portal_address(tractor_actor_parent(tractor_ctx_actor(ctx))));
}

static bool is_of(const char *address, const char *transport) {
    return strncmp(address, strcmp(transport, "tcp") == 0 ? "/ip4/127.0.0.1/tcp/" : "/unix/",
                   strcmp(transport, "tcp") == 0 ? 19 : 6) == 0;
}

/* A child, and its child; the latter's word. */
typedef struct family {
    const char *enabled;     /* of the child; NULL: as its root */
    const char *expected[3]; /* the transports of what it listens at */
    const char *by;          /* of its connection to the root */
    kit_outcome child, said;
} family;

static void asked(kit_outcome *o) {
    family *f = o->user;
    const char *a[4];
    kit_assert_code(o->err, TRACTOR_OK);
    assert_int_equal(tractor_unpack(o->value, "[s,s,s,s]", &a[0], &a[1], &a[2], &a[3]), TRACTOR_OK);
    for (int i = 0; i < 3; i++)
        assert_true(f->expected[i] ? is_of(a[i], f->expected[i]) : *a[i] == '\0');
    assert_true(is_of(a[3], f->by));
    assert_true(tractor_portal_cancel_actor(f->child.portal, NULL, NULL, NULL, NULL) > 0);
}

static void ask_child(kit_outcome *o) {
    family *f = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_portal_run(o->portal, NULL, "transports", "addresses", (tractor_bytes){ NULL, 0 }, NULL, kit_on_value,
                       &f->said);
}

static void start_child(tractor_nursery *root, void *user) {
    static const char *const modules[] = { "transports", NULL };
    family *f = user;
    f->child = (kit_outcome)KIT_OUTCOME;
    f->said = (kit_outcome)KIT_OUTCOME;
    f->child.then = ask_child;
    f->said.then = asked;
    f->child.user = f->said.user = f;
    tractor_nursery_start_actor(
        root, "child",
        &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules, .enable_transports = f->enabled },
        kit_on_portal, &f->child);
}

static void run_family(const tractor_root_options *options, family *f) {
    kit_assert_code(kit_run_root(options, start_child, f).err, TRACTOR_OK);
    assert_int_equal(f->said.calls, 1);
}

/* MTP-01: what the root has, its child has, and nothing else. */
static void MTP_01_root_passes_transport_to_sub(void **state) {
    (void)state;
    family f = { .expected = { kit_transport() }, .by = kit_transport() };
    run_family(NULL, &f);
}

static void a_child_has_the_transports_it_is_given(void **state) {
    (void)state;
    const char *other = strcmp(kit_transport(), "tcp") == 0 ? "uds" : "tcp";
    run_family(NULL, &(family){ .enabled = other, .expected = { other }, .by = kit_transport() });
    run_family(NULL, &(family){ .enabled = "tcp,uds", .expected = { "tcp", "uds" }, .by = kit_transport() });
    run_family(NULL, &(family){ .enabled = "uds,tcp", .expected = { "uds", "tcp" }, .by = kit_transport() });
}

static void several_are_inherited_and_the_first_leads_home(void **state) {
    (void)state;
    const tractor_root_options uds = { TRACTOR_ROOT_OPTIONS, .enable_transports = "uds,tcp" };
    run_family(&uds, &(family){ .expected = { "uds", "tcp" }, .by = "uds" });
    const tractor_root_options tcp = { TRACTOR_ROOT_OPTIONS, .enable_transports = "tcp,uds" };
    run_family(&tcp, &(family){ .expected = { "tcp", "uds" }, .by = "tcp" });
}

/* Its registry addresses say it, if nothing else does. */
static void transports_of_the_registry_addresses(void **state) {
    (void)state;
    const char *registries[] = { kit_fresh_address_of("tcp"), kit_fresh_address_of("uds"), NULL };
    const tractor_root_options both = { TRACTOR_ROOT_OPTIONS, .registry_addrs = registries };
    run_family(&both, &(family){ .expected = { "tcp", "uds" }, .by = "tcp" });
    const tractor_root_options second = { TRACTOR_ROOT_OPTIONS, .registry_addrs = registries + 1 };
    run_family(&second, &(family){ .expected = { "uds" }, .by = "uds" });
}

/* ---- a registrar and what joins it, in one go ---- */

static void look_at_registrar(tractor_nursery *root, void *user) {
    const char *const *registries = user;
    (void)root;
    assert_true(tractor_actor_is_registrar(kit_actor()));
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(tractor_actor_address(kit_actor(), i), registries[i]);
    assert_null(tractor_actor_address(kit_actor(), 2));
}

static void a_registrar_binds_one_address_of_each(void **state) {
    (void)state;
    const char *registries[] = { kit_fresh_address_of("uds"), kit_fresh_address_of("tcp"), NULL };
    const tractor_root_options options = { TRACTOR_ROOT_OPTIONS, .registry_addrs = registries,
                                           .enable_transports = "tcp,uds" };
    kit_assert_code(kit_run_root(&options, look_at_registrar, registries).err, TRACTOR_OK);
}

static void MTP_01_registry_of_another_transport(void **state) {
    (void)state;
    const char *other = strcmp(kit_transport(), "tcp") == 0 ? "uds" : "tcp";
    const char *registries[] = { kit_fresh_address(), kit_fresh_address_of(other), NULL };
    const tractor_root_options options = { TRACTOR_ROOT_OPTIONS, .registry_addrs = registries,
                                           .enable_transports = kit_transport() };
    tractor_actor *actor = NULL;
    kit_expect_log("is not in tractor_root_options.enable_transports");
    assert_int_equal(tractor_actor_open(&options, NULL, NULL, NULL, &actor), TRACTOR_EINVAL);
    assert_null(actor);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_FUNC("addresses", addresses), TRACTOR_ENDPOINTS_END };
    tractor_register("transports", module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(MTP_01_root_passes_transport_to_sub),
        KIT_TEST(a_child_has_the_transports_it_is_given),
        KIT_TEST_ONCE(several_are_inherited_and_the_first_leads_home),
        KIT_TEST_ONCE(transports_of_the_registry_addresses),
        KIT_TEST_ONCE(a_registrar_binds_one_address_of_each),
        KIT_TEST(MTP_01_registry_of_another_transport),
    };
    return kit_run_tests(tests);
}
