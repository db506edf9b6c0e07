/* A root alone: itself in the registry, its own portal, sleeps. */
#include "kit/kit.h"

/* ---- LOC-01: without a runtime a search fails at once ---- */

static void never_called(const tractor_error *err, tractor_portal *portal, void *user) {
    (void)err, (void)portal, (void)user;
    fail_msg("nobody is there to call this");
}

static void LOC_01_no_runtime(void **state) {
    (void)state;
    int64_t start = tractor_now();
    assert_int_equal(tractor_find_actor(NULL, "arbiter", NULL, never_called, NULL), TRACTOR_ERUNTIME);
    assert_int_equal(tractor_wait_for_actor(NULL, "arbiter", NULL, never_called, NULL), TRACTOR_ERUNTIME);
    assert_int_equal(tractor_get_registry(NULL, NULL, NULL, never_called, NULL), TRACTOR_ERUNTIME);
    kit_assert_within_ms(tractor_now() - start, 50);
}

/* ---- LOC-02: a root finds itself ---- */

typedef struct found {
    kit_outcome portal, addresses;
    int64_t started;
} found;

static void wait_for_oneself(tractor_nursery *root, void *user) {
    found *f = user;
    f->started = tractor_now();
    assert_true(tractor_actor_is_registrar(kit_actor()));
    assert_true(tractor_wait_for_actor(root, "root", NULL, kit_on_portal, &f->portal) > 0);
}

static void look_at_oneself(kit_outcome *o) {
    found *f = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    kit_assert_within_ms(o->at - f->started, 200);
    assert_string_equal(tractor_portal_id(o->portal)->name, "root");
    assert_string_equal(tractor_portal_id(o->portal)->uuid, tractor_actor_id(kit_actor())->uuid);
}

static void LOC_02_self_is_registered(void **state) {
    (void)state;
    found f = { KIT_OUTCOME, KIT_OUTCOME, 0 };
    f.portal.then = look_at_oneself;
    f.portal.user = &f;
    kit_assert_code(kit_run_root(NULL, wait_for_oneself, &f).err, TRACTOR_OK);
    assert_int_equal(f.portal.calls, 1);
}

/* ---- LOC-03: the registrar's portal to the registry is the one to itself ---- */

static void ask_oneself(kit_outcome *o) {
    found *f = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    assert_string_equal(tractor_portal_address(o->portal), "");
    assert_string_equal(tractor_portal_id(o->portal)->uuid, tractor_actor_id(kit_actor())->uuid);
    assert_true(tractor_portal_connected(o->portal));
    f->started = tractor_now();
    assert_true(tractor_portal_run_from_ns(o->portal, NULL, "self", "wait_for_actor",
                                           TRACTOR_ARGS("{s:s}", "name", "root"), NULL, kit_on_value,
                                           &f->addresses) > 0);
}

static void get_own_registry(tractor_nursery *root, void *user) {
    found *f = user;
    assert_true(tractor_get_registry(root, NULL, NULL, kit_on_portal, &f->portal) > 0);
}

static void LOC_03_self_is_registered_localportal(void **state) {
    (void)state;
    found f = { KIT_OUTCOME, KIT_OUTCOME, 0 };
    f.portal.then = ask_oneself;
    f.portal.user = &f;
    kit_assert_code(kit_run_root(NULL, get_own_registry, &f).err, TRACTOR_OK);
    assert_int_equal(f.addresses.calls, 1);
    kit_assert_code(f.addresses.err, TRACTOR_OK);
    kit_assert_within_ms(f.addresses.at - f.started, 200);
    /* A list of pairs: host and port, or folder and file. */
    const char *first, *second;
    int port;
    if (strcmp(kit_transport(), "tcp") == 0) {
        assert_int_equal(tractor_unpack(f.addresses.value, "[[s,i]*]", &first, &port), TRACTOR_OK);
        assert_string_equal(kit_registry(), kit_text("/ip4/%s/tcp/%d", first, port));
    } else {
        assert_int_equal(tractor_unpack(f.addresses.value, "[[s,s]*]", &first, &second), TRACTOR_OK);
        assert_string_equal(kit_registry(), kit_text("/unix%s/%s", first, second));
    }
}

/* ---- LOC-04: work of the root itself, without children ---- */

typedef struct steps {
    tractor_nursery *root;
    int done;
} steps;

static void next_step(const tractor_error *err, void *user) {
    steps *s = user;
    kit_assert_code(err, TRACTOR_OK);
    if (++s->done < 10)
        tractor_nursery_sleep(s->root, 100 * TRACTOR_MS, next_step, s);
}

static void ten_steps(tractor_nursery *root, void *user) {
    steps *s = user;
    s->root = root;
    assert_true(tractor_actor_is_root(kit_actor()));
    assert_true(tractor_actor_is_registrar(kit_actor()));
    assert_null(tractor_actor_parent(kit_actor()));
    tractor_nursery_sleep(root, 100 * TRACTOR_MS, next_step, s);
}

static void LOC_04_local_actor_async_func(void **state) {
    (void)state;
    steps s = { NULL, 0 };
    kit_run run = kit_run_root(NULL, ten_steps, &s);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(s.done, 10);
    assert_true(run.ns >= TRACTOR_SECOND);
    kit_assert_within_ms(run.ns, 2000);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST_ONCE(LOC_01_no_runtime),
        KIT_TEST(LOC_02_self_is_registered),
        KIT_TEST(LOC_03_self_is_registered_localportal),
        KIT_TEST(LOC_04_local_actor_async_func),
    };
    return kit_run_tests(tests);
}
