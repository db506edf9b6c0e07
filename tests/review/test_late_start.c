/* A call that reaches an actor between the end of its tasks and its own. Found by ./dev chaos. */
#include "kit/kit.h"

/* ---- an actor that has to wait for a child which does not return to its loop ---- */

typedef struct burdened {
    tractor_ctx *ctx;
    tractor_op hold;
    char *touch;
} burdened;

static void on_child(const tractor_error *err, tractor_portal *portal, void *user) {
    burdened *b = user;
    if (!err)
        tractor_portal_run(portal, NULL, "kit", "spin", tractor_pack("{s:s}", "touch", b->touch), NULL, NULL, NULL);
    tractor_ctx_return(b->ctx, NULL);
    tractor_op_complete(tractor_ctx_actor(b->ctx), b->hold, err);
}

static void burden(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *touch;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "touch", &touch) != TRACTOR_OK)
        return;
    burdened *b = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *b);
    *b = (burdened){ ctx, tractor_nursery_hold(tractor_ctx_nursery(ctx), "child", NULL, NULL), NULL };
    b->touch = tractor_nursery_alloc(tractor_ctx_nursery(ctx), strlen(touch) + 1);
    strcpy(b->touch, touch);
    tractor_nursery_start_actor(tractor_actor_nursery(tractor_ctx_actor(ctx)), "busy",
                                &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = kit_modules }, on_child, b);
}

static const tractor_endpoint late_module[] = { TRACTOR_FUNC("burden", burden), TRACTOR_ENDPOINTS_END };

/* ---- the caller ---- */

typedef struct late {
    tractor_nursery *root;
    const char *touch;
    kit_outcome up, burden, cancel, call;
    char canceller[32];
} late;

static void on_call(kit_outcome *o) {
    late *l = o->user;
    const tractor_id *by = tractor_error_canceller(o->err);
    snprintf(l->canceller, sizeof l->canceller, "%s", by ? by->name : "nobody");
}

/* It acknowledges when its tasks have ended. */
static void on_cancelled(kit_outcome *o) {
    late *l = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_portal_run(l->up.portal, l->root, "kit", "echo", TRACTOR_ARGS("{}"), NULL, kit_on_value, &l->call);
}

static void on_burden(kit_outcome *o) {
    late *l = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    assert_true(kit_wait_file(l->touch));
    tractor_portal_cancel_actor(l->up.portal, l->root, NULL, kit_on_done, &l->cancel);
}

static void on_up(kit_outcome *o) {
    late *l = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_portal_run(o->portal, l->root, "late", "burden", TRACTOR_ARGS("{s:s}", "touch", l->touch), NULL,
                       kit_on_value, &l->burden);
}

static void late_body(tractor_nursery *root, void *user) {
    late *l = user;
    static const char *const modules[] = { "late", "kit", NULL };
    l->root = root;
    tractor_nursery_start_actor(root, "mid", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules },
                                kit_on_portal, &l->up);
}

static void a_call_after_the_tasks_is_cancelled(void **state) {
    (void)state;
    kit_expect_log("did not end in time");
    kit_expect_log("was cancelled and then ended");
    late l = { .touch = kit_path("spins") };
    l.up = (kit_outcome){ .then = on_up, .user = &l };
    l.burden = (kit_outcome){ .then = on_burden, .user = &l };
    l.cancel = (kit_outcome){ .then = on_cancelled, .user = &l };
    l.call = (kit_outcome){ .then = on_call, .user = &l };
    kit_run run = kit_run_root(NULL, late_body, &l);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(l.call.err, TRACTOR_ECTXCANCELED);
    assert_string_equal(l.canceller, "root");
}

int main(int argc, char **argv) {
    tractor_register("late", late_module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = { KIT_TEST(a_call_after_the_tasks_is_cancelled) };
    return kit_run_tests(tests);
}
