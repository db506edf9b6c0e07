/* Who this process is in its tree, and who has asked it to end. */
#include "kit/kit.h"

#include <unistd.h>

/* ---- the actor of this process ---- */

static void describe(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_actor *actor = tractor_current_actor();
    tractor_ctx_return(ctx, "{s:s,s:b,s:s,s:s,s:b}", "name", tractor_actor_id(actor)->name, "root",
                       tractor_is_root_process(), "registrar", tractor_actor_registry_address(actor, 0), "here",
                       tractor_portal_local_address(tractor_actor_parent(actor)), "more",
                       tractor_actor_registry_address(actor, 1) != NULL);
}

static const tractor_actor *seen_elsewhere;
static bool root_elsewhere;
static void on_another_thread(void *user) {
    (void)user;
    seen_elsewhere = tractor_current_actor();
    root_elsewhere = tractor_is_root_process();
}
static void describe_all(tractor_nursery *root, void *user) {
    tractor_actor *actor = tractor_current_actor();
    assert_ptr_equal(actor, kit_actor());
    assert_true(tractor_is_root_process());
    assert_string_equal(tractor_actor_registry_address(actor, 0), kit_registry());
    assert_null(tractor_actor_registry_address(actor, 1));
    assert_string_equal(tractor_portal_local_address(tractor_actor_self(actor)), "");
    seen_elsewhere = actor;
    root_elsewhere = true;
    tractor_nursery_run_in_thread(root, on_another_thread, NULL, NULL);
    tractor_nursery_run_in_actor(root, "identity", "describe", TRACTOR_ARGS("{}"), NULL, kit_on_value, user);
}

static void the_actor_of_this_process(void **state) {
    (void)state;
    assert_null(tractor_current_actor());
    assert_false(tractor_is_root_process());
    kit_outcome child = KIT_OUTCOME;
    kit_assert_code(kit_run_root(NULL, describe_all, &child).err, TRACTOR_OK);
    assert_null(tractor_current_actor());
    assert_false(tractor_is_root_process());
    assert_null(seen_elsewhere);
    assert_false(root_elsewhere);

    const char *name, *registrar, *here;
    bool root, more;
    kit_assert_code(child.err, TRACTOR_OK);
    assert_int_equal(tractor_unpack(child.value, "{s:s,s:b,s:s,s:s,s:b}", "name", &name, "root", &root, "registrar",
                                    &registrar, "here", &here, "more", &more),
                     TRACTOR_OK);
    assert_string_equal(name, "describe");
    assert_false(root);
    assert_string_equal(registrar, kit_registry());
    assert_false(more);
    const bool uds = strcmp(kit_transport(), "uds") == 0;
    kit_assert_contains(here, uds ? "/unix/" : "/ip4/127.0.0.1/tcp/");
    assert_int_equal(strcmp(here, kit_registry()) == 0, uds); /* over TCP it has a port of its own */
}

static void a_dead_handle_knows_nobody(void **state) {
    (void)state;
    assert_null(tractor_actor_registry_address(NULL, 0));
    assert_string_equal(tractor_portal_local_address(NULL), "");
    assert_false(tractor_actor_cancel_called(NULL));
    assert_null(tractor_actor_cancel_caller(NULL));
    tractor_actor_cancel_soon(NULL);
}

/* ---- cancel_soon, cancel_called, cancel_caller ---- */

static void on_forever(const tractor_error *err, void *user) {
    kit_on_done(err, user);
    assert_true(tractor_actor_cancel_called(kit_actor()));
    assert_string_equal(tractor_actor_cancel_caller(kit_actor())->uuid, tractor_actor_id(kit_actor())->uuid);
}
static void end_oneself(tractor_nursery *root, void *user) {
    assert_false(tractor_actor_cancel_called(kit_actor()));
    assert_null(tractor_actor_cancel_caller(kit_actor()));
    tractor_nursery_sleep(root, TRACTOR_FOREVER, on_forever, user);
    tractor_actor_cancel_soon(kit_actor());
    tractor_actor_cancel_soon(kit_actor()); /* again is not more */
    assert_int_equal(((kit_outcome *)user)->calls, 0);
}
static void a_root_cancels_itself(void **state) {
    (void)state;
    kit_outcome sleep = KIT_OUTCOME;
    kit_run run = kit_run_root(NULL, end_oneself, &sleep);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_within_ms(run.ns, 1000);
    kit_assert_code(sleep.err, TRACTOR_ECANCELED);
}

static void never(tractor_nursery *root, void *user) {
    (void)root, (void)user;
    fail_msg("the body of an actor that was cancelled while it booted");
}
static void while_it_boots(void **state) {
    (void)state;
    tractor_actor *actor;
    kit_outcome end = KIT_OUTCOME;
    tractor_root_options options = kit_root_options(NULL);
    assert_int_equal(tractor_actor_open(&options, never, kit_on_done, &end, &actor), TRACTOR_OK);
    tractor_actor_ref(actor);
    tractor_actor_cancel_soon(actor);
    assert_int_equal(tractor_actor_run(actor), TRACTOR_OK);
    assert_int_equal(end.calls, 1);
    kit_assert_code(end.err, TRACTOR_OK);
    tractor_actor_cancel_soon(actor);
    assert_true(tractor_actor_cancel_called(actor));
    tractor_actor_unref(actor);
}

/* The child writes down who has cancelled it when it ends. */
static void write_canceller(tractor_actor *actor, void *user) {
    FILE *file = fopen(user, "we");
    const tractor_id *who = tractor_actor_cancel_caller(actor);
    fprintf(file, "%s %d", who ? who->name : "nobody", tractor_actor_cancel_called(actor));
    fclose(file);
    free(user);
}
static void note_canceller(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *path;
    bool itself;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s,s:b}", "path", &path, "itself", &itself) != TRACTOR_OK)
        return;
    tractor_actor_on_exit(tractor_current_actor(), write_canceller, strdup(path));
    if (itself)
        tractor_actor_cancel_soon(tractor_current_actor());
    else
        tractor_ctx_return(ctx, NULL);
}

typedef struct ending {
    const char *path;
    const char *how;
    tractor_nursery *nursery;
    kit_outcome started, noted, end, canceled;
} ending;

static void end_it(kit_outcome *o) {
    ending *e = o->user;
    if (strcmp(e->how, "nursery") == 0)
        tractor_nursery_cancel(e->nursery, NULL);
    else if (strcmp(e->how, "itself") != 0)
        tractor_portal_cancel_actor(e->started.portal, NULL, NULL, kit_on_done, &e->canceled);
}
static void note_it(kit_outcome *o) {
    ending *e = o->user;
    tractor_portal_run(o->portal, tractor_actor_nursery(kit_actor()), "identity", "note_canceller",
                       TRACTOR_ARGS("{s:s,s:b}", "path", e->path, "itself", strcmp(e->how, "itself") == 0), NULL,
                       kit_on_value, &e->noted);
}
static void start_it(tractor_nursery *root, void *user) {
    static const char *const modules[] = { "identity", NULL };
    tractor_spawn_options spawn = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    ending *e = user;
    e->started.then = note_it;
    e->noted.then = end_it;
    e->started.user = e->noted.user = e;
    e->nursery = tractor_nursery_open(root, NULL, kit_on_done, &e->end);
    tractor_nursery_start_actor(e->nursery, "child", &spawn, kit_on_portal, &e->started);
    tractor_nursery_close(e->nursery);
}

static void who_cancelled(const char *how, const char *expected, int call) {
    ending e = { .path = kit_path(how), .how = how };
    kit_run run = kit_run_root(NULL, start_it, &e);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_within_ms(run.ns, 1000);
    kit_assert_code(e.end.err, TRACTOR_OK);
    kit_assert_code(e.canceled.err, TRACTOR_OK);
    assert_int_equal(tractor_error_code(e.noted.err), call);
    assert_string_equal(kit_read_file(e.path), expected);
}
static void a_child_knows_who_cancelled_it(void **state) {
    (void)state;
    who_cancelled("portal", "root 1", TRACTOR_OK);
    who_cancelled("nursery", "root 1", TRACTOR_OK);
    who_cancelled("itself", "child 1", TRACTOR_ECTXCANCELED);
}

/* ---- the log's level ---- */

static void the_level_of_the_log(void **state) {
    (void)state;
    const int before = tractor_log_get_level();
    assert_int_equal(tractor_log_set_level(TRACTOR_LOG_CRITICAL), TRACTOR_OK);
    assert_int_equal(tractor_log_get_level(), TRACTOR_LOG_CRITICAL);
    assert_int_equal(tractor_log_set_level(-1), TRACTOR_EINVAL);
    assert_int_equal(tractor_log_get_level(), TRACTOR_LOG_CRITICAL);
    assert_int_equal(tractor_log_set_level(before), TRACTOR_OK);
}

static const tractor_endpoint module[] = { TRACTOR_FUNC("describe", describe),
                                           TRACTOR_FUNC("note_canceller", note_canceller), TRACTOR_ENDPOINTS_END };

int main(int argc, char **argv) {
    tractor_register("identity", module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(the_actor_of_this_process),      KIT_TEST_ONCE(a_dead_handle_knows_nobody),
        KIT_TEST(a_root_cancels_itself),          KIT_TEST(while_it_boots),
        KIT_TEST(a_child_knows_who_cancelled_it), KIT_TEST_ONCE(the_level_of_the_log),
    };
    return kit_run_tests(tests);
}
