/* Errors on their way: types that are registered, and one that is not. */
#include "kit/kit.h"

#include "tests.h"

typedef struct raised {
    const char *type;
    bool registered;
    kit_outcome answer, second;
} raised;

static void raise_body(tractor_nursery *root, void *user) {
    raised *r = user;
    tractor_nursery_run_in_actor(root, "kit", "fail",
                                 TRACTOR_ARGS("{s:s, s:s}", "type", r->type, "message", "the app is out of tea"), NULL,
                                 kit_on_value, &r->answer);
}

static void check(const raised *r) {
    kit_assert_remote(r->answer.err, r->type);
    assert_string_equal(tractor_error_source_type(r->answer.err), r->type);
    assert_int_equal(tractor_error_type_known(r->type), r->registered);
    assert_string_equal(tractor_error_message(r->answer.err), kit_text("%s: the app is out of tea", r->type));
    assert_string_equal(tractor_error_source(r->answer.err)->name, "fail");
    assert_int_equal(tractor_error_relay_count(r->answer.err), 1);
    const char *traceback = tractor_error_traceback(r->answer.err);
    kit_assert_contains(traceback, "the app is out of tea");
    kit_assert_contains(traceback, r->type);
}

static void ERR_07_to_09_custom_errors_are_relayed(void **state) {
    raised r = *(raised *)*state;
    kit_assert_code(kit_run_root(NULL, raise_body, &r).err, TRACTOR_OK);
    check(&r);
}

/* Over two hops a registered type keeps its name; of an unregistered one only the text is left, as the protocol has it. */
static void raise_below(tractor_ctx *ctx, const tractor_value *args, void *user);

static void relay_body(tractor_nursery *root, void *user) {
    raised *r = user;
    static const char *const modules[] = { "errors", "kit", NULL };
    tractor_nursery_run_in_actor(root, "errors", "raise_below", TRACTOR_ARGS("{s:s}", "type", r->type),
                                 &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules }, kit_on_value,
                                 &r->answer);
}

static void raise_below(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *type;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "type", &type) != TRACTOR_OK)
        return;
    /* Its nursery gets the error and makes it the answer. */
    tractor_nursery_run_in_actor(tractor_ctx_nursery(ctx), "kit", "fail",
                                 TRACTOR_ARGS("{s:s, s:s}", "type", type, "message", "the app is out of tea"), NULL,
                                 NULL, NULL);
}

static void errors_over_two_hops(void **state) {
    raised r = *(raised *)*state;
    kit_assert_code(kit_run_root(NULL, relay_body, &r).err, TRACTOR_OK);
    kit_assert_code(r.answer.err, TRACTOR_EREMOTE);
    assert_string_equal(tractor_error_source_type(r.answer.err), r.registered ? r.type : "RemoteActorError");
    assert_int_equal(tractor_error_relay_count(r.answer.err), 2);
    assert_string_equal(tractor_error_relay(r.answer.err, 0)->name, "fail");
    assert_string_equal(tractor_error_relay(r.answer.err, 1)->name, "raise_below");
    kit_assert_contains(tractor_error_traceback(r.answer.err), "the app is out of tea");
    kit_assert_contains(tractor_error_traceback(r.answer.err), r.type);
}

/* What is raised here arrives at the root as it is. */
static int payload_tag, released;
static void release_payload(void *user) {
    (void)user;
    released++;
}
static void payload_body(tractor_nursery *root, void *user) {
    tractor_error *err = tractor_error_new(&(tractor_error_options){ TRACTOR_ERROR_OPTIONS, .message = "mine",
                                                                     .payload_tag = &payload_tag, .payload = user,
                                                                     .payload_release = release_payload });
    tractor_nursery_fail(root, err);
    tractor_error_unref(err);
}
static void payload_survives_the_root(void **state) {
    int payload = 0;
    (void)state;
    kit_run run = kit_run_root(NULL, payload_body, &payload);
    kit_assert_code(run.err, TRACTOR_EUSER);
    assert_ptr_equal(tractor_error_payload(run.err, &payload_tag), &payload);
    assert_null(tractor_error_payload(run.err, &released));
    assert_int_equal(released, 0);
}

/* An error that nobody looks at is in the log. */
/* ---- groups ---- */

static void errors_are_made_a_group(void **state) {
    (void)state;
    tractor_error *one = tractor_error_newf(TRACTOR_EUSER, "KeyError", "the one");
    tractor_error *two = tractor_error_newf(TRACTOR_ETIMEDOUT, NULL, "the other");
    tractor_error *both = tractor_error_group(NULL, (const tractor_error *const[]){ one, two }, 2);
    tractor_error *sole = tractor_error_group("not needed", (const tractor_error *const[]){ one }, 1);
    tractor_error *none = tractor_error_group(NULL, NULL, 1);
    tractor_error *gap = tractor_error_group(NULL, (const tractor_error *const[]){ one, NULL }, 2);
    tractor_error_unref(two);
    assert_int_equal(tractor_error_code(both), TRACTOR_EGROUP);
    assert_int_equal(tractor_error_child_count(both), 2);
    assert_string_equal(tractor_error_message(tractor_error_child(both, 1)), "the other");
    kit_assert_contains(tractor_error_message(both), "2 errors, first: ");
    assert_ptr_equal(sole, one);
    assert_int_equal(tractor_error_code(none), TRACTOR_EINVAL);
    assert_int_equal(tractor_error_code(gap), TRACTOR_EINVAL);
    tractor_error *all[] = { one, both, sole, none, gap };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        tractor_error_unref(all[i]);
}

static void fail_twice_body(tractor_nursery *root, void *user) {
    tractor_error_options options = { TRACTOR_ERROR_OPTIONS, .type = "KeyError", .message = "one failure",
                                      .payload_tag = "tag", .payload = user };
    for (int i = 0; i < 2; i++) {
        tractor_error *err = tractor_error_new(&options);
        tractor_nursery_fail(root, err);
        tractor_error_unref(err);
    }
}

/* The same exception of a language, made an error twice. */
static void one_payload_is_one_failure(void **state) {
    (void)state;
    int exception;
    kit_run run = kit_run_root(NULL, fail_twice_body, &exception);
    kit_assert_code(run.err, TRACTOR_EUSER);
    run = kit_run_root(NULL, fail_twice_body, NULL);
    kit_assert_code(run.err, TRACTOR_EGROUP);
}

static void ignore(const tractor_error *err, const tractor_value *value, void *user) {
    (void)err, (void)value;
    ++*(int *)user;
}
static void ignored_body(tractor_nursery *root, void *user) {
    tractor_portal_run(tractor_actor_self(kit_actor()), root, "kit", "fail",
                       TRACTOR_ARGS("{s:s, s:s}", "type", "ValueError", "message", "hear me"), NULL, ignore, user);
}
static void ignored_errors_are_logged(void **state) {
    int calls = 0;
    (void)state;
    kit_expect_log("a completion ignored its error");
    kit_run run = kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .enable_modules = kit_modules },
                               ignored_body, &calls);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(calls, 1);
    assert_int_equal(kit_log_count("hear me"), 1);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_FUNC("raise_below", raise_below), TRACTOR_ENDPOINTS_END };
    tractor_register("errors", module, NULL);
    tractor_error_type_register("CustomAppError");
    tractor_error_type_register("AnotherAppError");
    kit_begin(argc, argv);
    raised custom = { "CustomAppError", true, KIT_OUTCOME, KIT_OUTCOME };
    raised another = { "AnotherAppError", true, KIT_OUTCOME, KIT_OUTCOME };
    raised unknown = { "UnregisteredAppError", false, KIT_OUTCOME, KIT_OUTCOME };
    const kit_test tests[] = {
        KIT_TEST_WITH(ERR_07_to_09_custom_errors_are_relayed, "ERR-07 registered", &custom),
        KIT_TEST_WITH(ERR_07_to_09_custom_errors_are_relayed, "ERR-08 another", &another),
        KIT_TEST_WITH(ERR_07_to_09_custom_errors_are_relayed, "ERR-09 unregistered", &unknown),
        KIT_TEST_WITH(errors_over_two_hops, "registered", &custom),
        KIT_TEST_WITH(errors_over_two_hops, "unregistered", &unknown),
        KIT_TEST(payload_survives_the_root),
        KIT_TEST_ONCE(errors_are_made_a_group),
        KIT_TEST_ONCE(one_payload_is_one_failure),
        KIT_TEST(ignored_errors_are_logged),
    };
    return kit_run_tests(tests);
}
