/* Where a root listens: what it was given, its registry addresses, or somewhere near the registrar. */
#include "other.h"

#include <sys/stat.h>

enum { MOST = 4 };

/* What a root is opened with, and what it then said of itself. */
typedef struct binding {
    const char *registries[MOST], *binds[MOST];
    bool registrar;
    size_t count;
    const char *bound[MOST], *known[MOST]; /* its addresses; the registrars that it asks */
    const char *vars;
} binding;

static void look(tractor_nursery *root, void *user) {
    binding *b = user;
    const char *a;
    (void)root;
    b->registrar = tractor_actor_is_registrar(kit_actor());
    for (b->count = 0; (a = tractor_actor_address(kit_actor(), b->count)); b->count++) {
        assert_true(b->count < MOST);
        b->bound[b->count] = kit_text("%s", a);
    }
    for (size_t i = 0; (a = tractor_actor_registry_address(kit_actor(), i)); i++)
        b->known[i] = kit_text("%s", a);
    tractor_value *vars = tractor_value_new(tractor_get_runtime_vars());
    char *json = tractor_value_json(vars);
    b->vars = kit_text("%s", json);
    free(json);
    tractor_value_unref(vars);
}

/* Without registries: at kit_registry(). */
static void open_root(binding *b) {
    if (!b->registries[0])
        b->registries[0] = kit_registry();
    const tractor_root_options options = { TRACTOR_ROOT_OPTIONS, .registry_addrs = b->registries,
                                           .tpt_bind_addrs = b->binds[0] ? b->binds : NULL };
    kit_assert_code(kit_run_root(&options, look, b).err, TRACTOR_OK);
}

static bool is_bound(const binding *b, const char *address) {
    for (size_t i = 0; i < b->count; i++)
        if (strcmp(b->bound[i], address) == 0)
            return true;
    return false;
}
static void assert_bound_all(const binding *b, const char *const *addresses) {
    for (; *addresses; addresses++)
        if (!is_bound(b, *addresses))
            fail_msg("%s is not bound", *addresses);
}

/* The port of "/ip4/127.0.0.1/tcp/PORT"; the test fails for any other address. */
static int port_of(const char *address) {
    static const char host[] = "/ip4/127.0.0.1/tcp/";
    assert_int_equal(strncmp(address, host, strlen(host)), 0);
    return atoi(address + strlen(host));
}
static const char *no_port(void) { return "/ip4/127.0.0.1/tcp/0"; }

/* ---- pairs, as the original has them ---- */

static void addresses_as_pairs(void **state) {
    (void)state;
    const char *dir = kit_text("%s/pairs", getenv("XDG_RUNTIME_DIR"));
    binding b = { .registries = { strcmp(kit_transport(), "tcp") == 0 ? "('127.0.0.1', 0)"
                                                                      : kit_text("('%s', 'registry.sock')", dir) },
                  .binds = { "[\"127.0.0.1\", 0]" } };
    open_root(&b);
    assert_true(b.registrar);
    assert_int_equal(b.count, strcmp(kit_transport(), "uds") == 0 ? 2 : 1); /* over tcp both are the same */
    if (b.count == 2)
        assert_true(is_bound(&b, kit_text("/unix%s/registry.sock", dir)));
    assert_true(port_of(b.bound[b.count - 1]) > 0);
}

/* ---- a registrar ---- */

static void assert_binds_union(binding b, size_t count) {
    open_root(&b);
    assert_true(b.registrar);
    assert_bound_all(&b, b.registries);
    assert_bound_all(&b, b.binds);
    assert_int_equal(b.count, count);
}
/* BND-05: equal, one within the other, and disjoint. */
static void BND_05_registrar_root_tpt_bind_addrs(void **state) {
    (void)state;
    const char *one = kit_fresh_address(), *two = kit_fresh_address();
    assert_binds_union((binding){ .registries = { one }, .binds = { one } }, 1);
    assert_binds_union((binding){ .registries = { one }, .binds = { one, two } }, 2);
    assert_binds_union((binding){ .registries = { one, two }, .binds = { two } }, 2);
    assert_binds_union((binding){ .registries = { one }, .binds = { two } }, 2);
}

/* BND-08: over Unix sockets too, where such an address is one of another transport. */
static void BND_08_tpt_bind_addrs_as_maddr_str(void **state) {
    (void)state;
    binding b = { .binds = { no_port() } };
    open_root(&b);
    assert_true(b.registrar);
    assert_int_equal(b.count, 2);
    assert_string_equal(b.bound[0], kit_registry());
    assert_true(port_of(b.bound[1]) > 0);
}

/* BND-09: a registry address with a port or file of its own, and another one to listen at. */
static void BND_09_registrar_merge_binds_union(void **state) {
    (void)state;
    const char *registry = kit_fresh_address(), *bind = kit_fresh_address();
    binding b = { .registries = { registry }, .binds = { bind } };
    open_root(&b);
    assert_true(b.registrar);
    assert_int_equal(b.count, 2);
    assert_string_equal(b.bound[0], registry);
    assert_string_equal(b.bound[1], bind);
    assert_string_equal(b.known[0], registry);
    assert_null(b.known[1]);
}

/* The number that a registry address without one got is what everybody is told. */
static void BND_09_random_registry(void **state) {
    (void)state;
    binding b = { .registries = { no_port() }, .binds = { no_port() } };
    open_root(&b);
    assert_true(b.registrar);
    assert_true(b.count >= 1);
    assert_true(port_of(b.bound[0]) > 0);
    assert_string_equal(b.known[0], b.bound[0]);
}

/* TPT-11: at Unix sockets alone. */
static void TPT_11_uds_bindspace_created_implicitly(void **state) {
    (void)state;
    const char *beside = kit_fresh_address_of("uds") + strlen("/unix");
    const char *folder = kit_text("%.*s/sub", (int)(strrchr(beside, '/') - beside), beside);
    const char *address = kit_text("/unix%s/deeper/registry.sock", folder);
    struct stat is;
    assert_int_equal(stat(folder, &is), -1);
    binding b = { .registries = { address } };
    open_root(&b);
    assert_true(b.registrar);
    assert_int_equal(b.count, 1);
    assert_string_equal(b.bound[0], address);
    assert_string_equal(b.known[0], address);
    const char *pair = kit_text("[[\"%s/deeper\",\"registry.sock\"]]", folder);
    kit_assert_contains(b.vars, kit_text("\"_registry_addrs\":%s", pair));
    kit_assert_contains(b.vars, kit_text("\"_root_addrs\":%s", pair));
    const char *deeper = kit_text("%s/deeper", folder);
    assert_int_equal(stat(deeper, &is), 0);
    assert_int_equal(is.st_mode & 0777, 0700);
    assert_int_equal(rmdir(deeper) | rmdir(folder), 0);
}

/* ---- who joins one ---- */

static void join(binding *b) {
    tractor_root_options options = kit_root_options(NULL);
    other registrar = other_start(&options);
    assert_true(registrar.registrar);
    open_root(b);
    assert_false(b->registrar);
    assert_false(is_bound(b, kit_registry()));
    assert_string_equal(b->known[0], kit_registry());
    other_end(&registrar);
}

static void BND_06_non_registrar_root_tpt_bind_addrs(void **state) {
    (void)state;
    const char *given = kit_fresh_address();
    binding b = { .binds = { given, no_port() } };
    join(&b);
    assert_int_equal(b.count, 2);
    assert_string_equal(b.bound[0], given);
    assert_true(port_of(b.bound[1]) > 0);
}

/* BND-07: on the same host, or in the same folder. */
static void BND_07_non_registrar_default_random_bind(void **state) {
    (void)state;
    binding b = { .registrar = false };
    join(&b);
    assert_int_equal(b.count, 1);
    const char *registry = kit_registry();
    size_t space = (size_t)(strrchr(registry, '/') + 1 - registry);
    assert_int_equal(strncmp(b.bound[0], registry, space), 0);
    assert_null(strchr(b.bound[0] + space, '/'));
    assert_string_not_equal(b.bound[0] + space, "0");
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(addresses_as_pairs),
        KIT_TEST(BND_05_registrar_root_tpt_bind_addrs),
        KIT_TEST(BND_06_non_registrar_root_tpt_bind_addrs),
        KIT_TEST(BND_07_non_registrar_default_random_bind),
        KIT_TEST(BND_08_tpt_bind_addrs_as_maddr_str),
        KIT_TEST(BND_09_registrar_merge_binds_union),
        KIT_TEST_ONCE(BND_09_random_registry),
        KIT_TEST_ONCE(TPT_11_uds_bindspace_created_implicitly),
    };
    return kit_run_tests(tests);
}
