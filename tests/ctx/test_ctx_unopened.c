/* Contexts that can't be opened: each says why, once, and nothing runs. */
#include "dialog.h"

#define MODULE "unopened"
#define WITH(...) \
    (tractor_call_options) { TRACTOR_CALL_OPTIONS, __VA_ARGS__ }

static void waits_for_go(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    stay(tractor_ctx_nursery(ctx));
}
static void is_no_context(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_return(ctx, "s", "ok");
}

enum { BAD = 11 };
typedef struct unopened {
    kit_outcome results[BAD];
    int starts, left;
    stage *stage;
} unopened;
static void unopened_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    (void)ctx, (void)first, (void)user;
    fail_msg("it has started");
}
static void unopened_over(kit_outcome *result) {
    unopened *u = result->user;
    if (--u->left == 0)
        stage_end(u->stage);
}
static void unopened_up(stage *s) {
    unopened *u = s->user;
    u->stage = s;
    struct {
        tractor_call_options known;
        int64_t unknown;
    } newer = { { .struct_size = sizeof newer }, 1 };
    tractor_call_options flags = WITH(.flags = 2), timeout = WITH(.timeout_ns = -1), schema = WITH(.schema = "???");
    tractor_bytes none = TRACTOR_ARGS("{}");
    struct {
        const char *module, *func;
        tractor_bytes args;
        const tractor_call_options *options;
    } const bad[BAD] = {
        { MODULE, "waits_for_go", none, &newer.known },
        { MODULE, "waits_for_go", none, &flags },
        { MODULE, "waits_for_go", none, &timeout },
        { MODULE, "waits_for_go", none, &schema },
        { MODULE, "waits_for_go", TRACTOR_ARGS("[i]", 1), NULL },
        { MODULE, "waits_for_go", TRACTOR_ARGS("{s:"), NULL },
        { "", "waits_for_go", none, NULL },
        { "self", "waits_for_go", none, NULL },
        { MODULE, "is_no_context", none, NULL },
        { MODULE, "no_such_endpoint", none, NULL },
        { "not_exposed", "waits_for_go", none, NULL },
    };
    u->left = BAD;
    for (int i = 0; i < BAD; i++) {
        u->results[i].then = unopened_over;
        u->results[i].user = u;
        assert_true(tractor_portal_open_context(FIRST(s), s->root, bad[i].module, bad[i].func, bad[i].args,
                                                bad[i].options, unopened_started, kit_on_value, &u->results[i]) > 0);
        assert_int_equal(u->results[i].calls, 0);
    }
}
static void cant_be_opened(void **state) {
    (void)state;
    unopened u = { 0 };
    stage s = { .module = MODULE, .when_up = unopened_up, .user = &u };
    kit_run run = stage_play(&s, NULL);
    kit_assert_code(run.err, TRACTOR_OK);
    static const int codes[BAD] = { TRACTOR_E2BIG,    TRACTOR_EINVAL,  TRACTOR_EINVAL,     TRACTOR_EINVAL,
                                    TRACTOR_EINVAL,   TRACTOR_EINVAL,  TRACTOR_EINVAL,     TRACTOR_EINVAL,
                                    TRACTOR_ERUNTIME, TRACTOR_EREMOTE, TRACTOR_ENOENDPOINT };
    for (int i = 0; i < BAD; i++) {
        assert_int_equal(u.results[i].calls, 1);
        kit_assert_code(u.results[i].err, codes[i]);
    }
    kit_assert_remote(u.results[BAD - 2].err, "AttributeError");
    kit_assert_within_ms(run.ns, 1000);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_CTX("waits_for_go", waits_for_go),
                                               TRACTOR_FUNC("is_no_context", is_no_context), TRACTOR_ENDPOINTS_END };
    tractor_register(MODULE, module, NULL);
    kit_begin(argc, argv);
    ADD_TEST(cant_be_opened);
    return run_added_tests();
}
