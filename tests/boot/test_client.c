/* TRACTOR_ROOT_CLIENT: a root that asks others, and that nobody can come to. */
#include "other.h"

static tractor_root_options client(void) {
    return kit_root_options(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .flags = TRACTOR_ROOT_CLIENT });
}

typedef struct visit {
    kit_outcome found, asked, registry, entries, child, one_shot;
} visit;

static void looked(kit_outcome *o) {
    visit *v = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_portal_run(v->found.portal, NULL, "kit", "echo", TRACTOR_ARGS("{s:i}", "n", 7), NULL, kit_on_value,
                       &v->asked);
}
static void ask(kit_outcome *o) {
    visit *v = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    kit_assert_portal(o->portal);
    tractor_portal_run_from_ns(v->registry.portal, NULL, "self", "get_registry", (tractor_bytes){ NULL, 0 }, NULL,
                               kit_on_value, &v->entries);
}
static void find(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_find_actor(tractor_actor_nursery(kit_actor()), "host", NULL, kit_on_portal, &((visit *)o->user)->found);
}
static void visit_body(tractor_nursery *root, void *user) {
    visit *v = user;
    assert_true(tractor_actor_is_root(kit_actor()));
    assert_false(tractor_actor_is_registrar(kit_actor()));
    assert_null(tractor_actor_address(kit_actor(), 0));
    v->registry.then = find;
    v->found.then = ask;
    v->entries.then = looked;
    v->registry.user = v->found.user = v->entries.user = v;
    tractor_get_registry(root, NULL, NULL, kit_on_portal, &v->registry);
    tractor_nursery_start_actor(root, "child", NULL, kit_on_portal, &v->child);
    tractor_nursery_run_in_actor(root, "kit", "pid", (tractor_bytes){ NULL, 0 }, NULL, kit_on_value, &v->one_shot);
}

static void it_finds_and_calls_and_is_not_found(void **state) {
    (void)state;
    tractor_root_options host = kit_root_options(
        &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .name = "host", .enable_modules = kit_modules });
    tractor_root_options options = client();
    other o = other_start(&host);
    visit v = { KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME };
    kit_run run = kit_run_root(&options, visit_body, &v);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_within_ms(run.ns, 1000);
    kit_assert_value(v.asked.value, "{s:i}", "n", 7);
    char *entries = tractor_value_json(v.entries.value);
    kit_assert_contains(entries, "\"host.");
    assert_null(strstr(entries, "root."));
    free(entries);
    kit_assert_code(v.child.err, TRACTOR_ESPAWN);
    kit_assert_code(v.one_shot.err, TRACTOR_ESPAWN);
    kit_assert_code(tractor_error_cause(v.child.err), TRACTOR_ENOTSUP);
    kit_assert_contains(tractor_error_message(v.child.err), "is a client");
    other_end(&o);
}

static void without_a_registrar_it_does_not_boot(void **state) {
    (void)state;
    tractor_root_options options = client();
    kit_run run = kit_run_root(&options, NULL, NULL);
    kit_assert_code(run.err, TRACTOR_EREGISTRY);
    kit_assert_contains(tractor_error_message(run.err), "no registrar answers at ");
    kit_assert_contains(tractor_error_message(run.err), options.registry_addrs[0]);
    kit_assert_within_ms(run.ns, 500);
}

/* Nothing can be raised in the nursery of an actor that is not there; that of one that did not boot is. */
static void fail_late(tractor_actor *actor, void *user) {
    *(tractor_nursery **)user = tractor_actor_nursery(actor);
    tractor_error *err = tractor_error_newf(TRACTOR_EUSER, NULL, "as it must");
    assert_int_equal(tractor_nursery_fail(tractor_actor_nursery(actor), err), TRACTOR_OK);
    tractor_error_unref(err);
}
static const tractor_error *end;
static void on_end(const tractor_error *err, void *user) {
    (void)user;
    end = kit_keep_error(err);
}
static void its_exit_stack_is_run(void **state) {
    (void)state;
    tractor_root_options options = client();
    tractor_actor *actor;
    tractor_nursery *seen = NULL;
    assert_int_equal(tractor_actor_open(&options, NULL, on_end, NULL, &actor), TRACTOR_OK);
    assert_int_equal(tractor_actor_on_exit(actor, fail_late, &seen), TRACTOR_OK);
    assert_int_equal(tractor_actor_run(actor), TRACTOR_OK);
    kit_assert_code(end, TRACTOR_EGROUP);
}

static void what_it_can_not_have_is_refused(void **state) {
    (void)state;
    tractor_actor *actor = NULL;
    static const char *const binds[] = { "/ip4/127.0.0.1/tcp/0", NULL };
    tractor_root_options o = client();
    kit_expect_log("contradicts TRACTOR_ROOT_CLIENT");
    o.enable_modules = kit_modules;
    assert_int_equal(tractor_actor_open(&o, NULL, NULL, NULL, &actor), TRACTOR_EINVAL);
    o = client();
    o.tpt_bind_addrs = binds;
    assert_int_equal(tractor_actor_open(&o, NULL, NULL, NULL, &actor), TRACTOR_EINVAL);
    o = client();
    o.flags |= TRACTOR_ROOT_ENSURE_REGISTRY;
    assert_int_equal(tractor_actor_open(&o, NULL, NULL, NULL, &actor), TRACTOR_EINVAL);
    assert_null(actor);
    assert_int_equal(kit_log_count("contradicts TRACTOR_ROOT_CLIENT"), 3);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(it_finds_and_calls_and_is_not_found),
        KIT_TEST(without_a_registrar_it_does_not_boot),
        KIT_TEST_ONCE(its_exit_stack_is_run),
        KIT_TEST_ONCE(what_it_can_not_have_is_refused),
    };
    return kit_run_tests(tests);
}
