/* Arguments that an endpoint reads without tractor_ctx_unpack(): what does not fit is the caller's TypeError all the same. */
#include "kit/kit.h"

static void count(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_reader *reader = tractor_reader_new(args);
    int64_t n;
    uint32_t pairs;
    (void)user;
    tractor_reader_map(reader, &pairs);
    tractor_reader_skip(reader);
    if (tractor_reader_i64(reader, &n) != TRACTOR_OK)
        assert_int_equal(tractor_ctx_refuse(ctx, tractor_reader_error(reader)), TRACTOR_OK);
    else
        tractor_ctx_return(ctx, "I", n);
    tractor_reader_free(reader);
}
static void grumble(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args;
    (void)user;
    tractor_ctx_refuse(ctx, NULL);
}
static const tractor_endpoint reading[] = { TRACTOR_FUNC("count", count), TRACTOR_CTX("count_ctx", count),
                                            TRACTOR_FUNC("grumble", grumble), TRACTOR_ENDPOINTS_END };

static void call(tractor_nursery *root, void *user) {
    tractor_nursery_run_in_actor(root, "reading", "count", TRACTOR_ARGS("{s:s}", "n", "seven"), NULL, kit_on_value,
                                 user);
}

static void call_without_text(tractor_nursery *root, void *user) {
    tractor_nursery_run_in_actor(root, "reading", "grumble", TRACTOR_ARGS("{}"), NULL, kit_on_value, user);
}

static void open_context(kit_outcome *o) {
    kit_outcome *result = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_portal_open_context(o->portal, NULL, "reading", "count_ctx", TRACTOR_ARGS("{s:s}", "n", "seven"), NULL,
                                NULL, kit_on_value, result);
}
static void cancel_all(kit_outcome *o) { tractor_nursery_cancel(o->user, NULL); }

typedef struct {
    kit_outcome child, result;
} context_case;

static void start(tractor_nursery *root, void *user) {
    context_case *c = user;
    static const char *const modules[] = { "reading", NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    c->child.then = open_context;
    c->child.user = &c->result;
    c->result.then = cancel_all;
    c->result.user = root;
    tractor_nursery_start_actor(root, "reader", &options, kit_on_portal, &c->child);
}

static void expect_type_error(const kit_outcome *o, const char *text) {
    kit_assert_code(o->err, TRACTOR_EREMOTE);
    assert_string_equal(tractor_error_boxed_type(o->err), "TypeError");
    assert_non_null(strstr(tractor_error_message(o->err), text));
}

static void refused_call_is_a_type_error(void **state) {
    (void)state;
    kit_outcome o = KIT_OUTCOME;
    kit_assert_code(kit_run_root(NULL, call, &o).err, TRACTOR_OK);
    expect_type_error(&o, "at .n: expected int");
}

static void refused_context_is_a_type_error(void **state) {
    (void)state;
    context_case c = { KIT_OUTCOME, KIT_OUTCOME };
    kit_assert_code(kit_run_root(NULL, start, &c).err, TRACTOR_OK);
    expect_type_error(&c.result, "at .n: expected int");
}

static void refusal_without_text(void **state) {
    (void)state;
    kit_outcome o = KIT_OUTCOME;
    kit_assert_code(kit_run_root(NULL, call_without_text, &o).err, TRACTOR_OK);
    expect_type_error(&o, "TypeError");
}

static void nobody_to_refuse(void **state) {
    (void)state;
    assert_int_equal(tractor_ctx_refuse(NULL, "why"), TRACTOR_ECLOSED);
}

int main(int argc, char **argv) {
    tractor_register("reading", reading, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = { KIT_TEST(refused_call_is_a_type_error), KIT_TEST(refused_context_is_a_type_error),
                               KIT_TEST(refusal_without_text), KIT_TEST_ONCE(nobody_to_refuse) };
    return kit_run_tests(tests);
}
