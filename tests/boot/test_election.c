/* Who keeps the registry: roots that find nobody, a registrar, something else, or each other. */
#include "kit/fault.h"
#include "other.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static tractor_root_options at(const char *const *registries) {
    return (tractor_root_options){ TRACTOR_ROOT_OPTIONS, .registry_addrs = registries, .log_level = "warning" };
}

/* ---- roots that start at the same time ---- */

static int count_entries(const tractor_value *value) {
    uint32_t count = 0;
    tractor_reader *reader = tractor_reader_new(value);
    assert_int_equal(tractor_reader_map(reader, &count), TRACTOR_OK);
    tractor_reader_free(reader);
    return (int)count;
}

typedef struct look {
    kit_outcome registry, entries;
} look;

static void ask_for_entries(kit_outcome *o) {
    look *l = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_portal_run_from_ns(o->portal, NULL, "self", "get_registry", (tractor_bytes){ NULL, 0 }, NULL, kit_on_value,
                               &l->entries);
}
static void look_body(tractor_nursery *root, void *user) {
    look *l = user;
    l->registry.then = ask_for_entries;
    l->registry.user = l;
    tractor_get_registry(root, NULL, NULL, kit_on_portal, &l->registry);
}
static int entries_at(const char *const *registries) {
    look l = { KIT_OUTCOME, KIT_OUTCOME };
    tractor_root_options options = at(registries);
    options.flags = TRACTOR_ROOT_CLIENT;
    kit_assert_code(kit_run_root(&options, look_body, &l).err, TRACTOR_OK);
    kit_assert_code(l.entries.err, TRACTOR_OK);
    return count_entries(l.entries.value);
}

enum { RACERS = 4, ROUNDS = 8 };

static void race(const char *const (*registries)[3]) {
    other racers[RACERS];
    for (int i = 0; i < RACERS; i++) {
        tractor_root_options options = at(registries[i % 2]);
        racers[i] = other_fork(&options, NULL);
    }
    for (int i = 0; i < RACERS; i++)
        other_go(&racers[i]);
    int registrars = 0;
    for (int i = 0; i < RACERS; i++) {
        other_wait(&racers[i]);
        if (!racers[i].up)
            fail_msg("a racer has failed: %s", racers[i].message);
        registrars += racers[i].registrar;
    }
    assert_int_equal(registrars, 1);
    assert_int_equal(entries_at(registries[0]), RACERS);
    for (int i = 0; i < RACERS; i++) /* the registrar last, so that nobody misses it */
        if (!racers[i].registrar)
            other_end(&racers[i]);
    assert_int_equal(entries_at(registries[0]), 1);
    for (int i = 0; i < RACERS; i++)
        if (racers[i].registrar)
            other_end(&racers[i]);
}

static void X_35_one_of_several_becomes_registrar(void **state) {
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        const char *address = kit_fresh_address();
        const char *const registries[2][3] = { { address }, { address } };
        race(registries);
    }
}

/* Nobody gets one address and loses the other. */
static void X_35_several_addresses_in_any_order(void **state) {
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        const char *one = kit_fresh_address_of("tcp"), *two = kit_fresh_address_of("uds");
        const char *const registries[2][3] = { { one, two }, { two, one } };
        race(registries);
    }
}

static void stop_before_bind(void) { kit_fault_begin(&(kit_fault){ KIT_BEFORE_BIND, .signal = SIGSTOP }, 1); }

/* Both have found nobody when one of them takes the address. */
static void X_35_the_loser_of_bind_joins(void **state) {
    (void)state;
    tractor_root_options options = kit_root_options(NULL);
    other slow = other_fork(&options, stop_before_bind);
    other_go(&slow);
    assert_true(kit_wait_state(slow.pid, "T"));
    other quick = other_start(&options);
    assert_true(quick.up && quick.registrar);
    kill(slow.pid, SIGCONT);
    other_wait(&slow);
    assert_true(slow.up && !slow.registrar);
    assert_int_equal(entries_at(options.registry_addrs), 2);
    other_end(&slow);
    other_end(&quick);
}

/* The same, but it must be the registrar. */
static void X_35_the_loser_of_bind_is_told(void **state) {
    (void)state;
    tractor_root_options options = kit_root_options(NULL);
    options.flags = TRACTOR_ROOT_ENSURE_REGISTRY;
    other slow = other_fork(&options, stop_before_bind);
    other_go(&slow);
    assert_true(kit_wait_state(slow.pid, "T"));
    other quick = other_start(&options);
    kill(slow.pid, SIGCONT);
    other_wait(&slow);
    assert_int_equal(slow.code, TRACTOR_EREGISTRY);
    other_end(&slow);
    other_end(&quick);
}

/* Somebody has bound the address, and never listens there. */
static void X_35_does_not_go_on_for_ever(void **state) {
    (void)state;
    kit_registry();
    kit_fault_begin(&(kit_fault){ .call = KIT_BIND, .length = 1000000, .error = EADDRINUSE }, 1);
    kit_run run = kit_run_root(NULL, NULL, NULL);
    assert_true(kit_fault_end());
    kit_assert_code(run.err, TRACTOR_ETRANSPORT);
    kit_assert_contains(tractor_error_message(run.err), "Address already in use");
    assert_true(run.ns >= 3 * TRACTOR_SECOND);
    kit_assert_within_ms(run.ns, 3500);
}

/* ---- the three outcomes ---- */

static void is_registrar(tractor_nursery *root, void *user) {
    (void)root;
    assert_true(tractor_actor_is_registrar(kit_actor()));
    assert_string_equal(tractor_actor_address(kit_actor(), 0), user);
}
static void is_none(tractor_nursery *root, void *user) {
    (void)root;
    assert_false(tractor_actor_is_registrar(kit_actor()));
    assert_string_not_equal(tractor_actor_address(kit_actor(), 0), user);
}

static void nobody_is_there_or_a_registrar(void **state) {
    (void)state;
    const char *address = kit_fresh_address();
    const char *const registries[] = { address, NULL };
    tractor_root_options options = at(registries);
    kit_assert_code(kit_run_root(&options, is_registrar, (void *)(uintptr_t)address).err, TRACTOR_OK);
    other o = other_start(&options);
    assert_true(o.up && o.registrar);
    kit_assert_code(kit_run_root(&options, is_none, (void *)(uintptr_t)address).err, TRACTOR_OK);
    options.flags = TRACTOR_ROOT_ENSURE_REGISTRY;
    kit_run run = kit_run_root(&options, NULL, NULL);
    kit_assert_code(run.err, TRACTOR_EREGISTRY);
    kit_assert_contains(tractor_error_message(run.err), address);
    kit_assert_contains(tractor_error_message(run.err), "answers");
    other_end(&o);
    kit_assert_code(kit_run_root(&options, is_registrar, (void *)(uintptr_t)address).err, TRACTOR_OK);
}

/* One of two answers: it is the only registrar. */
static void the_registrars_that_answer_count(void **state) {
    (void)state;
    const char *const registries[] = { kit_fresh_address(), kit_fresh_address(), NULL };
    tractor_root_options second = at(registries + 1), both = at(registries);
    other o = other_start(&second);
    kit_assert_code(kit_run_root(&both, is_none, (void *)(uintptr_t)registries[0]).err, TRACTOR_OK);
    assert_int_equal(entries_at(registries), 1);
    other_end(&o);
}

static int listen_at(const char *multiaddr) {
    int port, fd;
    if (sscanf(multiaddr, "/ip4/127.0.0.1/tcp/%d", &port) == 1) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    } else {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        snprintf(a.sun_path, sizeof a.sun_path, "%s", multiaddr + strlen("/unix"));
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    }
    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

static void BND_03_transport_only_listener_is_not_registrar(void **state) {
    (void)state;
    const char *const registries[] = { kit_fresh_address(), NULL };
    tractor_root_options options = at(registries);
    int fd = listen_at(registries[0]);
    kit_run run = kit_run_root(&options, NULL, NULL);
    kit_assert_code(run.err, TRACTOR_EREGISTRY);
    kit_assert_contains(tractor_error_message(run.err), "occupied, and no registrar answers");
    kit_assert_contains(tractor_error_message(run.err), registries[0]);
    assert_true(run.ns >= 2900 * TRACTOR_MS);
    kit_assert_within_ms(run.ns, 3200);
    close(fd);
    if (strcmp(kit_transport(), "uds") == 0)
        unlink(registries[0] + strlen("/unix"));
}

/* An actor, but not the one that is wanted. */
static void BND_03_another_actor_is_not_registrar(void **state) {
    (void)state;
    const char *const registries[] = { kit_fresh_address(), NULL };
    tractor_root_options options = at(registries);
    other registrar = other_start(&options);
    options.name = "guest";
    other guest = other_start(&options);
    assert_true(guest.up && !guest.registrar);
    const char *const wrong[] = { guest.address, NULL };
    tractor_root_options mistaken = at(wrong);
    kit_run run = kit_run_root(&mistaken, NULL, NULL);
    kit_assert_code(run.err, TRACTOR_EREGISTRY);
    kit_assert_contains(tractor_error_message(run.err), "actor 'guest' listens at");
    kit_assert_within_ms(run.ns, 500);
    other_end(&guest);
    other_end(&registrar);
}

/* ---- BND-04 ---- */

static void wait_for_prober(void *prober) {
    other_go(prober);
    other_wait(prober);
}
/* Its connection may be seen to end a moment later than it. */
static void after_visit(const tractor_error *err, void *prober) {
    kit_assert_code(err, TRACTOR_OK);
    tractor_bytes peers;
    tractor_value *stats = tractor_value_new(tractor_actor_stats(kit_actor()));
    assert_int_equal(tractor_unpack(stats, "{s:v, *}", "peers", &peers), TRACTOR_OK);
    bool none = peers.len == 1 && memcmp(peers.data, tractor_pack("[]").data, 1) == 0;
    tractor_value_unref(stats);
    if (!none)
        tractor_nursery_sleep(tractor_actor_nursery(kit_actor()), TRACTOR_MS, after_visit, prober);
}
static void be_visited(tractor_nursery *root, void *prober) {
    tractor_nursery_run_in_thread(root, wait_for_prober, after_visit, prober);
}
static void BND_04_registry_probe_preserves_no_peers_state(void **state) {
    (void)state;
    tractor_root_options options = kit_root_options(NULL);
    options.flags = TRACTOR_ROOT_ENSURE_REGISTRY; /* it looks and leaves */
    other prober = other_fork(&options, NULL);
    kit_assert_code(kit_run_root(NULL, be_visited, &prober).err, TRACTOR_OK);
    assert_false(prober.up);
    assert_int_equal(prober.code, TRACTOR_EREGISTRY);
    other_end(&prober);
}

/* ---- sockets of other users ---- */

static void become_another_user(void) {
    if (setgid(12345) != 0 || setuid(12345) != 0)
        _exit(5);
}

/* One user's registrar, and a root of the other's that wants its address. */
static void expect_occupied(void (*who_has)(void), void (*who_wants)(void), const char *why) {
    char folder[] = "/tmp/election-XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chown(folder, who_has ? 12345 : 0, (gid_t)-1) | chmod(folder, 0777), 0);
    const char *const registries[] = { kit_text("/unix%s/registry.sock", folder), NULL };
    tractor_root_options options = at(registries);
    other has = other_fork(&options, who_has), wants = other_fork(&options, who_wants);
    other_go(&has);
    other_wait(&has);
    if (!has.up)
        fail_msg("the registrar has failed: %s", has.message);
    other_go(&wants);
    other_wait(&wants);
    assert_int_equal(wants.code, TRACTOR_EREGISTRY);
    kit_assert_contains(wants.message, "a registry address is occupied, and no registrar answers: connect to ");
    kit_assert_contains(wants.message, why);
    other_end(&wants);
    other_end(&has);
    assert_int_equal(rmdir(folder), 0);
}

static void a_registrar_of_another_user(void **state) {
    (void)state;
    if (geteuid() != 0) {
        print_message("             (skipped: cannot become another user)\n");
        return;
    }
    expect_occupied(become_another_user, NULL, "user 12345 listens there, and only this user and root are trusted");
    expect_occupied(NULL, become_another_user, "Permission denied");
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(X_35_one_of_several_becomes_registrar), KIT_TEST_ONCE(X_35_several_addresses_in_any_order),
        KIT_TEST(X_35_the_loser_of_bind_joins),          KIT_TEST(X_35_the_loser_of_bind_is_told),
        KIT_TEST(X_35_does_not_go_on_for_ever),          KIT_TEST(nobody_is_there_or_a_registrar),
        KIT_TEST(the_registrars_that_answer_count),      KIT_TEST(BND_03_transport_only_listener_is_not_registrar),
        KIT_TEST(BND_03_another_actor_is_not_registrar), KIT_TEST(BND_04_registry_probe_preserves_no_peers_state),
        KIT_TEST_ONCE(a_registrar_of_another_user),
    };
    return kit_run_tests(tests);
}
