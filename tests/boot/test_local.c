/* TRACTOR_ROOT_LOCAL: a root that begins without a runtime, and tractor_actor_boot(), which gives it one. */
#include "other.h"

static tractor_root_options local(void) {
    return kit_root_options(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .flags = TRACTOR_ROOT_LOCAL });
}

typedef struct life {
    kit_outcome slept, found, child, boot, second, answer, self;
    const tractor_root_options *late;
    const char *bound;
} life;
#define LIFE \
    { KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME, NULL, NULL }

static void without_runtime_body(tractor_nursery *root, void *user) {
    life *l = user;
    assert_false(tractor_actor_has_runtime(kit_actor()));
    assert_true(tractor_actor_is_root(kit_actor()));
    assert_false(tractor_actor_is_registrar(kit_actor()));
    assert_null(tractor_actor_address(kit_actor(), 0));
    tractor_nursery_sleep(root, 0, kit_on_done, &l->slept);
    tractor_find_actor(root, "anybody", NULL, kit_on_portal, &l->found);
    tractor_nursery_start_actor(root, "child", NULL, kit_on_portal, &l->child);
    tractor_portal_run(tractor_actor_self(kit_actor()), root, "kit", "echo", TRACTOR_ARGS("{s:i}", "n", 1), NULL,
                       kit_on_value, &l->self);
}

static void it_works_without_a_runtime(void **state) {
    (void)state;
    tractor_root_options options = local();
    options.enable_modules = kit_modules;
    life l = LIFE;
    kit_run run = kit_run_root(&options, without_runtime_body, &l);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(l.slept.err, TRACTOR_OK);
    kit_assert_code(l.found.err, TRACTOR_ERUNTIME);
    kit_assert_contains(tractor_error_message(l.found.err), "tractor_actor_boot()");
    kit_assert_code(l.child.err, TRACTOR_ESPAWN);
    kit_assert_code(tractor_error_cause(l.child.err), TRACTOR_ERUNTIME);
    kit_assert_value(l.self.value, "{s:i}", "n", 1);
    kit_assert_within_ms(run.ns, 100);
}

/* ---- a runtime, when it is wanted ---- */

static void booted(kit_outcome *o) {
    life *l = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    assert_true(tractor_actor_has_runtime(kit_actor()));
    assert_true(tractor_actor_is_registrar(kit_actor()));
    assert_string_equal(tractor_actor_id(kit_actor())->name, "root");
    for (size_t i = 0; tractor_actor_address(kit_actor(), i); i++)
        if (l->bound && strcmp(tractor_actor_address(kit_actor(), i), l->bound) == 0)
            l->bound = NULL;
    tractor_nursery_run_in_actor(tractor_actor_nursery(kit_actor()), "kit", "echo", TRACTOR_ARGS("{s:i}", "n", 7),
                                 &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = kit_modules },
                                 kit_on_value, &l->answer);
    tractor_actor_boot(tractor_actor_nursery(kit_actor()), NULL, kit_on_done, &l->second);
}
static void boot_body(tractor_nursery *root, void *user) {
    life *l = user;
    l->boot.then = booted;
    l->boot.user = l;
    tractor_actor_boot(root, l->late, kit_on_done, &l->boot);
}

static void it_gets_one_when_it_is_wanted(void **state) {
    (void)state;
    tractor_root_options options = local();
    life l = LIFE;
    kit_run run = kit_run_root(&options, boot_body, &l);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_value(l.answer.value, "{s:i}", "n", 7);
    assert_int_equal(l.second.calls, 1);
    kit_assert_code(l.second.err, TRACTOR_OK);
}

static void the_boot_has_options_of_its_own(void **state) {
    (void)state;
    tractor_root_options options = local();
    const char *registry = kit_fresh_address(), *bind = kit_fresh_address();
    tractor_root_options late = { TRACTOR_ROOT_OPTIONS, .registry_addrs = (const char *[]){ registry, NULL },
                                  .tpt_bind_addrs = (const char *[]){ bind, NULL } };
    life l = LIFE;
    l.late = &late;
    l.bound = bind;
    kit_run run = kit_run_root(&options, boot_body, &l);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_value(l.answer.value, "{s:i}", "n", 7);
    assert_null(l.bound);
}

/* ---- what goes wrong ---- */

static void late_options_body(tractor_nursery *root, void *user) {
    life *l = user;
    tractor_actor_boot(root, &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .name = "late" }, kit_on_done, &l->boot);
    tractor_actor_boot(root, &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .flags = TRACTOR_ROOT_SIGNALS },
                       kit_on_done, &l->second);
}

static void some_options_come_too_late(void **state) {
    (void)state;
    tractor_root_options options = local();
    life l = LIFE;
    kit_assert_code(kit_run_root(&options, late_options_body, &l).err, TRACTOR_OK);
    kit_assert_code(l.boot.err, TRACTOR_EINVAL);
    kit_assert_contains(tractor_error_message(l.boot.err), "tractor_root_options.name");
    kit_assert_code(l.second.err, TRACTOR_EINVAL);
    kit_assert_contains(tractor_error_message(l.second.err), "tractor_root_options.flags");
}

static void again(kit_outcome *o) {
    tractor_actor_boot(tractor_actor_nursery(kit_actor()), NULL, kit_on_done, &((life *)o->user)->second);
}
static void failing_body(tractor_nursery *root, void *user) {
    life *l = user;
    l->boot.then = again;
    l->boot.user = l;
    tractor_actor_boot(root, l->late, kit_on_done, &l->boot);
}

static void a_boot_that_fails_is_told_to_each_who_asks(void **state) {
    (void)state;
    tractor_root_options options = local();
    tractor_root_options late = { TRACTOR_ROOT_OPTIONS, .registry_addrs = options.registry_addrs,
                                  .flags = TRACTOR_ROOT_CLIENT };
    life l = LIFE;
    l.late = &late;
    kit_run run = kit_run_root(&options, failing_body, &l);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(l.boot.err, TRACTOR_EREGISTRY);
    kit_assert_contains(tractor_error_message(l.boot.err), "no registrar answers");
    assert_ptr_equal(l.second.err, l.boot.err);
}

static void unheard_body(tractor_nursery *root, void *user) {
    life *l = user;
    tractor_op op = tractor_actor_boot(root, l->late, kit_on_done, &l->boot);
    tractor_op_abandon(kit_actor(), op);
}

static void one_that_nobody_hears_of_is_the_actors(void **state) {
    (void)state;
    tractor_root_options options = local();
    tractor_root_options late = { TRACTOR_ROOT_OPTIONS, .registry_addrs = options.registry_addrs,
                                  .flags = TRACTOR_ROOT_CLIENT };
    life l = LIFE;
    l.late = &late;
    kit_run run = kit_run_root(&options, unheard_body, &l);
    kit_assert_code(run.err, TRACTOR_EREGISTRY);
    assert_int_equal(l.boot.calls, 0);
}

static void cancelled_body(tractor_nursery *root, void *user) {
    life *l = user;
    tractor_nursery *waits = tractor_nursery_open(root, NULL, NULL, NULL);
    tractor_actor_boot(waits, NULL, kit_on_done, &l->second);
    tractor_nursery_cancel(waits, NULL);
    tractor_nursery_close(waits);
    boot_body(root, user);
}

/* The boot is not cut short with those who wait for it. */
static void others_still_wait_for_it(void **state) {
    (void)state;
    tractor_root_options options = local();
    life l = LIFE;
    kit_run run = kit_run_root(&options, cancelled_body, &l);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_value(l.answer.value, "{s:i}", "n", 7);
}

static void end_body(tractor_nursery *root, void *user) {
    tractor_actor_boot(root, NULL, kit_on_done, &((life *)user)->boot);
    tractor_actor_cancel_soon(kit_actor());
}

static void it_ends_with_the_actor(void **state) {
    (void)state;
    tractor_root_options options = local();
    life l = LIFE;
    kit_run run = kit_run_root(&options, end_body, &l);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(l.boot.err, TRACTOR_ECANCELED);
    kit_assert_within_ms(run.ns, 200);
}

static void any_body(tractor_nursery *root, void *user) {
    assert_true(tractor_actor_has_runtime(kit_actor()));
    tractor_actor_boot(root, NULL, kit_on_done, &((life *)user)->boot);
}

static void any_other_actor_has_it(void **state) {
    (void)state;
    life l = LIFE;
    kit_assert_code(kit_run_root(NULL, any_body, &l).err, TRACTOR_OK);
    assert_int_equal(l.boot.calls, 1);
    kit_assert_code(l.boot.err, TRACTOR_OK);
    assert_false(tractor_actor_has_runtime(NULL));
    assert_int_equal(tractor_actor_boot(NULL, NULL, NULL, NULL), TRACTOR_ERUNTIME);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(it_works_without_a_runtime),
        KIT_TEST(it_gets_one_when_it_is_wanted),
        KIT_TEST(the_boot_has_options_of_its_own),
        KIT_TEST_ONCE(some_options_come_too_late),
        KIT_TEST(a_boot_that_fails_is_told_to_each_who_asks),
        KIT_TEST_ONCE(one_that_nobody_hears_of_is_the_actors),
        KIT_TEST(others_still_wait_for_it),
        KIT_TEST(it_ends_with_the_actor),
        KIT_TEST_ONCE(any_other_actor_has_it),
    };
    return kit_run_tests(tests);
}
