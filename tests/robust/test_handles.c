/* handles are released, closed and cancelled in every order, inside and outside of callbacks. Nothing is called after it
 * was abandoned, nothing is freed twice or never, and a handle whose work has ended answers ECLOSED. */
// ctest: timeout=240
#include "robust/script.h"

/* ---- what a run leaves in our hands ---- */

enum { ACTOR, NURSERY, PORTAL, ERROR, VALUE, HANDLES };

typedef struct keepsakes {
    tractor_actor *actor;
    tractor_nursery *nursery, *nested;
    tractor_portal *portal;
    const tractor_error *error;
    tractor_value *value;
    tractor_op op, hold;
    int answers;
} keepsakes;

static void finish(keepsakes *k) {
    if (++k->answers == 2)
        tractor_nursery_cancel(k->nursery, "all is kept");
}

static void keep_value(const tractor_error *err, const tractor_value *value, void *user) {
    keepsakes *k = user;
    assert_null(err);
    k->value = tractor_value_keep(value);
    finish(k);
}

static void keep_error(const tractor_error *err, const tractor_value *value, void *user) {
    keepsakes *k = user;
    assert_null(value);
    k->error = tractor_error_ref(err);
    finish(k);
}

static void keep_portal(const tractor_error *err, tractor_portal *portal, void *user) {
    keepsakes *k = user;
    kit_assert_code(err, TRACTOR_OK);
    k->portal = tractor_portal_ref(portal);
    k->op =
        tractor_portal_run(portal, NULL, "kit", "echo", tractor_pack("{s:s}", "text", "keep me"), NULL, keep_value, k);
    tractor_portal_run(portal, NULL, "kit", "fail",
                       tractor_pack("{s:s, s:s}", "type", "KeyError", "message", "keep me"), NULL, keep_error, k);
}

static void hold_is_cancelled(void *user) {
    keepsakes *k = user;
    assert_int_equal(tractor_op_complete(k->actor, k->hold, NULL), TRACTOR_OK);
}

static void keep_all(tractor_nursery *root, void *user) {
    keepsakes *k = user;
    k->actor = tractor_actor_ref(kit_actor());
    k->nursery = tractor_nursery_ref(root);
    k->nested = tractor_nursery_ref(tractor_nursery_open(root, NULL, NULL, NULL));
    k->hold = tractor_nursery_hold(root, "hold", hold_is_cancelled, k);
    tractor_nursery_start_actor(
        root, "child", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = kit_modules }, keep_portal, k);
}

static void never_done(const tractor_error *err, void *user) {
    (void)err, (void)user;
    fail_msg("a completion after the end");
}
static void never_value(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value;
    never_done(err, user);
}
static void never_portal(const tractor_error *err, tractor_portal *portal, void *user) {
    (void)portal;
    never_done(err, user);
}
static void never_cancelled(void *user) { never_done(NULL, user); }

static void assert_nursery_is_dead(tractor_nursery *n, const tractor_error *some) {
    assert_int_equal(tractor_nursery_cancel(n, NULL), TRACTOR_ECLOSED);
    assert_int_equal(tractor_nursery_fail(n, some), TRACTOR_ECLOSED);
    assert_int_equal(tractor_nursery_set_timeout(n, 1), TRACTOR_ECLOSED);
    assert_int_equal(tractor_nursery_op(n), TRACTOR_ECLOSED);
    assert_int_equal(tractor_nursery_on_end(n, never_done, NULL), TRACTOR_ECLOSED);
    assert_null(tractor_nursery_alloc(n, 16));
    assert_null(tractor_nursery_actor(n));
    assert_int_equal(tractor_nursery_hold(n, "x", never_cancelled, NULL), TRACTOR_ECLOSED);
    assert_int_equal(tractor_nursery_sleep(n, 0, never_done, NULL), TRACTOR_ECLOSED);
    assert_int_equal(tractor_nursery_run_in_thread(n, never_cancelled, never_done, NULL), TRACTOR_ECLOSED);
    assert_int_equal(tractor_nursery_start_actor(n, "x", NULL, never_portal, NULL), TRACTOR_ECLOSED);
    assert_int_equal(tractor_nursery_run_in_actor(n, "kit", "echo", tractor_pack("{}"), NULL, never_value, NULL),
                     TRACTOR_ECLOSED);
    assert_int_equal(tractor_find_actor(n, "x", NULL, never_portal, NULL), TRACTOR_ECLOSED);
    assert_int_equal(tractor_wait_for_actor(n, "x", NULL, never_portal, NULL), TRACTOR_ECLOSED);
    assert_int_equal(tractor_get_registry(n, NULL, NULL, never_portal, NULL), TRACTOR_ECLOSED);
    tractor_nursery *inner = tractor_nursery_open(n, NULL, never_done, NULL);
    assert_non_null(inner);
    assert_int_equal(tractor_nursery_cancel(inner, NULL), TRACTOR_ECLOSED);
    tractor_nursery_close(n);
    tractor_nursery_close(n);
}

static void assert_portal_is_dead(tractor_portal *p) {
    assert_false(tractor_portal_connected(p));
    assert_string_equal(tractor_portal_id(p)->name, "child");
    assert_non_null(tractor_portal_address(p));
    assert_int_equal(tractor_portal_run(p, NULL, "kit", "echo", tractor_pack("{}"), NULL, never_value, NULL),
                     TRACTOR_ECLOSED);
    assert_int_equal(tractor_portal_run_from_ns(p, NULL, "self", "x", tractor_pack("{}"), NULL, never_value, NULL),
                     TRACTOR_ECLOSED);
    assert_int_equal(tractor_portal_cancel_actor(p, NULL, NULL, never_done, NULL), TRACTOR_ECLOSED);
    tractor_portal_close(p);
    tractor_portal_close(p);
}

static void assert_actor_is_dead(tractor_actor *a, const keepsakes *k) {
    assert_int_equal(tractor_actor_post(a, never_done, NULL), TRACTOR_ECLOSED);
    assert_int_equal(tractor_actor_run(a), TRACTOR_ECLOSED);
    assert_non_null(tractor_actor_nursery(a));
    assert_int_equal(tractor_nursery_cancel(tractor_actor_nursery(a), NULL), TRACTOR_ECLOSED);
    assert_non_null(tractor_actor_id(a)->name);
    assert_int_equal(tractor_op_cancel(a, k->op), TRACTOR_ECLOSED);
    assert_int_equal(tractor_op_abandon(a, k->op), TRACTOR_ECLOSED);
    assert_int_equal(tractor_op_complete(a, k->hold, NULL), TRACTOR_ECLOSED);
    assert_non_null(tractor_actor_self(a));
    assert_int_equal(
        tractor_portal_run(tractor_actor_self(a), NULL, "kit", "echo", tractor_pack("{}"), NULL, never_value, NULL),
        TRACTOR_ECLOSED);
    tractor_actor_close(a);
    tractor_actor_close(a);
}

static void release(keepsakes *k, int which) {
    switch (which) {
        case ACTOR:
            tractor_actor_unref(k->actor);
            break;
        case NURSERY:
            tractor_nursery_unref(k->nursery);
            tractor_nursery_unref(k->nested);
            break;
        case PORTAL:
            tractor_portal_unref(k->portal);
            break;
        case ERROR:
            tractor_error_unref(k->error);
            break;
        case VALUE:
            tractor_value_unref(k->value);
            break;
    }
}

/* What is left in our hands after each release still works, as far as dead handles do. */
static void assert_still(const keepsakes *k, unsigned released) {
    if (!(released & 1 << ACTOR))
        assert_string_equal(tractor_actor_id(k->actor)->name, "root");
    if (!(released & 1 << NURSERY)) {
        assert_int_equal(tractor_nursery_cancel(k->nursery, NULL), TRACTOR_ECLOSED);
        assert_true(tractor_nursery_cancel_called(k->nursery));
        assert_true(*tractor_nursery_stop_flag(k->nursery));
    }
    if (!(released & 1 << PORTAL))
        assert_string_equal(tractor_portal_id(k->portal)->name, "child");
    if (!(released & 1 << ERROR)) {
        kit_assert_contains(tractor_error_message(k->error), "keep me");
        assert_string_equal(tractor_error_source(k->error)->name, "child");
    }
    if (!(released & 1 << VALUE))
        kit_assert_value(k->value, "{s:s}", "text", "keep me");
}

/* Every order of releasing the five, after the end of everything. */
static void test_every_order_of_release(void **state) {
    (void)state;
    tractor_root_options root = { TRACTOR_ROOT_OPTIONS, .name = "root" };
    for (int order = 0; order < 120; order++) {
        keepsakes k = { .answers = 0 };
        kit_run run = kit_run_root(&root, keep_all, &k);
        kit_assert_code(run.err, TRACTOR_OK);
        assert_int_equal(k.answers, 2);
        if (order == 0) {
            assert_nursery_is_dead(k.nursery, k.error);
            assert_nursery_is_dead(k.nested, k.error);
            assert_portal_is_dead(k.portal);
            assert_actor_is_dead(k.actor, &k);
        }
        int left[HANDLES] = { ACTOR, NURSERY, PORTAL, ERROR, VALUE }, number = order;
        unsigned released = 0;
        for (int count = HANDLES; count > 0; count--) {
            int pick = number % count;
            number /= count;
            released |= 1u << left[pick];
            release(&k, left[pick]);
            memmove(&left[pick], &left[pick + 1], (size_t)(HANDLES - 1 - pick) * sizeof *left);
            assert_still(&k, released);
        }
    }
}

/* The same, while a second root lives: tombstones of the first one don't mistake it for theirs. */
static void look_at_tombstones(tractor_nursery *root, void *user) {
    keepsakes *old = user;
    (void)root;
    assert_nursery_is_dead(old->nursery, old->error);
    assert_portal_is_dead(old->portal);
    assert_int_equal(tractor_op_cancel(kit_actor(), old->op), TRACTOR_ECLOSED);
    assert_int_equal(tractor_op_complete(kit_actor(), old->hold, NULL), TRACTOR_ECLOSED);
    assert_actor_is_dead(old->actor, old);
    for (int i = 0; i < HANDLES; i++)
        release(old, i);
}

static void test_tombstones_beside_a_new_root(void **state) {
    (void)state;
    keepsakes k = { .answers = 0 };
    kit_run run = kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .name = "root" }, keep_all, &k);
    kit_assert_code(run.err, TRACTOR_OK);
    run = kit_run_root(NULL, look_at_tombstones, &k);
    kit_assert_code(run.err, TRACTOR_OK);
}

/* ---- while it lives, and from other threads ---- */

static void drop_all(void *user) {
    keepsakes *k = user;
    for (int i = HANDLES - 1; i >= 0; i--)
        release(k, i);
}

static void drop_on_a_thread(tractor_nursery *root, void *user) {
    tractor_nursery_run_in_thread(root, drop_all, NULL, user);
}

typedef struct churn {
    keepsakes k;
    int rounds;
} churn;

static void churn_refs(void *user) {
    churn *c = user;
    for (int i = 0; i < c->rounds; i++) {
        tractor_actor *a = tractor_actor_ref(c->k.actor);
        tractor_nursery *n = tractor_nursery_ref(c->k.nursery);
        tractor_portal *p = tractor_portal_ref(c->k.portal);
        const tractor_error *e = tractor_error_ref(c->k.error);
        tractor_value *v = tractor_value_keep(c->k.value);
        tractor_value_unref(v);
        tractor_error_unref(e);
        tractor_portal_unref(p);
        tractor_nursery_unref(n);
        tractor_actor_unref(a);
    }
}

static void churn_body(tractor_nursery *root, void *user) {
    for (int i = 0; i < 4; i++)
        tractor_nursery_run_in_thread(root, churn_refs, NULL, user);
}

static void test_refs_on_other_threads(void **state) {
    (void)state;
    churn c = { .rounds = 5000 };
    kit_run run = kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .name = "root" }, keep_all, &c.k);
    kit_assert_code(run.err, TRACTOR_OK);
    run = kit_run_root(NULL, churn_body, &c);
    kit_assert_code(run.err, TRACTOR_OK);
    run = kit_run_root(NULL, drop_on_a_thread, &c.k);
    kit_assert_code(run.err, TRACTOR_OK);
}

/* ---- inside of callbacks ---- */

typedef struct reentry {
    tractor_op op, second, hold;
    tractor_nursery *nursery;
    tractor_portal *portal;
    int calls;
} reentry;

/* The very handle that is reported is closed, cancelled and given back. */
static void nursery_ends(const tractor_error *err, void *user) {
    reentry *r = user;
    assert_null(err);
    r->calls++;
    assert_int_equal(tractor_nursery_cancel(r->nursery, NULL), TRACTOR_ECLOSED);
    tractor_nursery_close(r->nursery);
    tractor_nursery_unref(r->nursery);
}

static void sleep_ends(const tractor_error *err, void *user) {
    reentry *r = user;
    kit_assert_code(err, TRACTOR_OK);
    r->calls++;
    assert_int_equal(tractor_op_cancel(kit_actor(), r->op), TRACTOR_ECLOSED);
    assert_int_equal(tractor_op_abandon(kit_actor(), r->op), TRACTOR_ECLOSED);
    assert_int_equal(tractor_op_complete(kit_actor(), r->op, NULL), TRACTOR_ECLOSED);
    assert_int_equal(tractor_nursery_cancel(r->nursery, NULL), TRACTOR_OK);
    assert_int_equal(tractor_nursery_cancel(r->nursery, NULL), TRACTOR_EALREADY);
    tractor_nursery_close(r->nursery);
    assert_int_equal(tractor_actor_run(kit_actor()), TRACTOR_EDEADLK);
}

static void reenter(tractor_nursery *root, void *user) {
    reentry *r = user;
    r->nursery = tractor_nursery_ref(tractor_nursery_open(root, NULL, nursery_ends, r));
    r->op = tractor_nursery_sleep(r->nursery, 0, sleep_ends, r);
    r->hold = tractor_nursery_hold(root, NULL, never_cancelled, NULL);
    assert_int_equal(tractor_op_complete(kit_actor(), r->op, NULL), TRACTOR_EINVAL); /* is no hold */
    assert_int_equal(tractor_op_complete(kit_actor(), r->hold, NULL), TRACTOR_OK);
    assert_int_equal(tractor_op_complete(kit_actor(), r->hold, NULL), TRACTOR_ECLOSED);
    assert_int_equal(tractor_op_cancel(kit_actor(), r->hold), TRACTOR_ECLOSED);
    assert_int_equal(tractor_op_cancel(kit_actor(), 0), TRACTOR_ECLOSED);
    assert_int_equal(tractor_op_cancel(kit_actor(), INT64_MAX), TRACTOR_ECLOSED);
    assert_int_equal(tractor_op_cancel(kit_actor(), -1), TRACTOR_ECLOSED);
    assert_int_equal(tractor_op_cancel(NULL, r->op), TRACTOR_ECLOSED);
}

static void test_reentry(void **state) {
    (void)state;
    reentry r = { .calls = 0 };
    kit_run run = kit_run_root(NULL, reenter, &r);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(r.calls, 2);
}

/* A portal that discovery made, closed twice in the completion of its own call, with another call under way. */
static void other_call(const tractor_error *err, const tractor_value *value, void *user) {
    assert_null(value);
    kit_assert_code(err, TRACTOR_ECANCELED);
    ((reentry *)user)->calls++;
}

static void close_in_answer(const tractor_error *err, const tractor_value *value, void *user) {
    reentry *r = user;
    (void)value;
    kit_assert_code(err, TRACTOR_OK);
    r->calls++;
    tractor_portal_close(r->portal);
    tractor_portal_close(r->portal);
    assert_false(tractor_portal_connected(r->portal));
    tractor_portal_unref(r->portal);
}

static void registry_found(const tractor_error *err, tractor_portal *portal, void *user) {
    reentry *r = user;
    kit_assert_code(err, TRACTOR_OK);
    r->portal = tractor_portal_ref(portal);
    tractor_portal_run_from_ns(portal, NULL, "self", "wait_for_actor", tractor_pack("{s:s}", "name", "nobody"), NULL,
                               other_call, r);
    tractor_portal_run_from_ns(portal, NULL, "self", "get_registry", tractor_pack("{}"), NULL, close_in_answer, r);
}

/* A registrar that answers one question and not the other. */
static void be_registrar(void *user) {
    raw_peer *p = raw_accept(user, raw_patience(RAW_WAIT), "registrar", NULL);
    if (!p)
        return;
    p->registrar = true;
    raw_greet(p);
    for (const raw_node *start; (start = raw_receive(p, raw_patience(RAW_WAIT)));) {
        const char *cid = raw_str(start, "cid");
        if (strcmp(raw_str(start, "msg_type"), "Start") == 0 && raw_send_ack(p, cid, "asyncfunc") &&
            strcmp(raw_str(start, "func"), "get_registry") == 0)
            raw_send_return(p, cid, "{}");
    }
    raw_close(p);
}

static raw_listener listener;

static void find_registry(tractor_nursery *root, void *user) {
    tractor_nursery_run_in_thread(root, be_registrar, NULL, &listener);
    tractor_get_registry(root, listener.multiaddr, NULL, registry_found, user);
}

static void test_portal_closed_in_its_callback(void **state) {
    (void)state;
    assert_true(
        raw_listen(&listener, strcmp(kit_transport(), "uds") == 0 ? kit_fresh_address() : "/ip4/127.0.0.1/tcp/0"));
    reentry r = { .calls = 0 };
    kit_run run = kit_run_root(NULL, find_registry, &r);
    raw_unlisten(&listener);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(r.calls, 2);
}

/* ---- abandon ---- */

/* What is abandoned has its `user` freed at once: a callback would show, to a sanitizer at least. */
typedef struct abandoned {
    tractor_op op;
    int *canary;
} abandoned;
enum { MANY = 40 };

typedef struct abandoning {
    abandoned all[MANY];
    int when, count, delivered;
    tractor_portal *portal;
} abandoning;

static bool all_abandoned;

/* Until then it may: where the child gets no time to answer, another one that was started later may be up before. */
static void must_not_run(void *user) {
    if (all_abandoned)
        fail_msg("called after it was abandoned");
    *(int *)user = 1;
}
static void must_not_done(const tractor_error *err, void *user) {
    (void)err;
    must_not_run(user);
}
static void must_not_value(const tractor_error *err, const tractor_value *value, void *user) {
    (void)err, (void)value;
    must_not_run(user);
}
static void must_not_portal(const tractor_error *err, tractor_portal *portal, void *user) {
    (void)err, (void)portal;
    must_not_run(user);
}

static void abandon(abandoned *a) {
    assert_int_equal(tractor_op_abandon(kit_actor(), a->op), *a->canary ? TRACTOR_ECLOSED : TRACTOR_OK);
    free(a->canary);
    a->canary = NULL;
}

static void abandon_all(abandoning *a) {
    for (int i = 0; i < a->count; i++)
        if (a->all[i].canary)
            abandon(&a->all[i]);
    all_abandoned = true;
    tractor_nursery_cancel(tractor_actor_nursery(kit_actor()), "enough");
}

/* At the first answer the others' are on their way, or decided already and only not delivered. */
static void first_answer(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value;
    assert_null(err);
    abandon_all(user);
}

static void first_slept(const tractor_error *err, void *user) {
    assert_null(err);
    abandon_all(user);
}

static abandoned *one_more(abandoning *a) {
    abandoned *one = &a->all[a->count++];
    one->canary = malloc(sizeof *one->canary);
    *one->canary = 0;
    return one;
}

static void abandon_calls(kit_outcome *o) {
    abandoning *a = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_nursery *root = tractor_actor_nursery(kit_actor());
    if (a->when == 1)
        tractor_portal_run(o->portal, NULL, "kit", "echo", tractor_pack("{}"), NULL, first_answer, a);
    if (a->when == 2)
        tractor_nursery_sleep(root, 0, first_slept, a);
    /* None of them fails: an error would go to the nursery. */
    static const char *const funcs[] = { "echo", "forever", "nap", "pid" };
    while (a->count < MANY - 8) {
        const char *func = funcs[a->count % 4];
        tractor_bytes args = strcmp(func, "nap") == 0 ? tractor_pack("{s:i}", "ms", 1) : tractor_pack("{}");
        abandoned *one = one_more(a);
        one->op = tractor_portal_run(o->portal, NULL, "kit", func, args, NULL, must_not_value, one->canary);
        assert_true(one->op > 0);
    }
    abandoned *one = one_more(a);
    one->op = tractor_nursery_sleep(root, a->when == 2 ? 0 : TRACTOR_SECOND, must_not_done, one->canary);
    one = one_more(a);
    one->op = tractor_nursery_start_actor(root, "unwanted", NULL, must_not_portal, one->canary);
    one = one_more(a);
    one->op = tractor_nursery_run_in_actor(root, "kit", "echo", tractor_pack("{}"), NULL, must_not_value, one->canary);
    one = one_more(a);
    one->op = tractor_wait_for_actor(root, "nobody", NULL, must_not_portal, one->canary);
    if (a->when !=
        1) { /* else some calls have failed of it before they are abandoned, and the nursery has to hear of that */
        one = one_more(a);
        one->op = tractor_portal_cancel_actor(o->portal, NULL, NULL, must_not_done, one->canary);
    }
    one = one_more(a);
    one->op = tractor_nursery_op(tractor_nursery_open(root, NULL, must_not_done, one->canary));
    for (int i = 0; i < a->count; i++)
        assert_true(a->all[i].op > 0);
    if (a->when == 0)
        abandon_all(a);
}

static void abandon_body(tractor_nursery *root, void *user) {
    static kit_outcome up;
    up = (kit_outcome){ .then = abandon_calls, .user = user };
    tractor_nursery_start_actor(
        root, "child", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = kit_modules }, kit_on_portal, &up);
}

static void test_abandon(void **state) {
    abandoning a = { .when = *(const int *)*state };
    kit_run run = kit_run_root(NULL, abandon_body, &a);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_within_ms(run.ns, 5000);
}

/* The program's part of an abandoned hold is over: its nursery waits no longer, and its on_cancel is gone. */
static void abandon_hold(tractor_nursery *root, void *user) {
    kit_outcome *end = user;
    tractor_nursery *inner = tractor_nursery_open(root, NULL, kit_on_done, end);
    tractor_op hold = tractor_nursery_hold(inner, "abandoned", never_cancelled, NULL);
    tractor_nursery_cancel(inner, NULL); /* on_cancel is on its way */
    assert_int_equal(tractor_op_abandon(kit_actor(), hold), TRACTOR_OK);
    assert_int_equal(tractor_op_abandon(kit_actor(), hold), TRACTOR_ECLOSED);
    assert_int_equal(tractor_op_complete(kit_actor(), hold, NULL), TRACTOR_ECLOSED);
}

static void test_abandoned_hold(void **state) {
    (void)state;
    kit_outcome end = KIT_OUTCOME;
    kit_run run = kit_run_root(NULL, abandon_hold, &end);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(end.calls, 1);
    kit_assert_code(end.err, TRACTOR_OK);
}

/* ---- a ctx, seen from its own actor ---- */

typedef struct inside {
    tractor_ctx *ctx;
    tractor_nursery *nursery;
    int ended, answers;
} inside;
static inside in;

static void ctx_ends(const tractor_error *err, void *user) {
    (void)user;
    assert_null(err);
    in.ended++;
    assert_int_equal(tractor_ctx_return(in.ctx, NULL), TRACTOR_ECLOSED);
    assert_non_null(tractor_ctx_nursery(in.ctx));
    assert_non_null(tractor_ctx_peer(in.ctx)->name);
    assert_int_equal(strlen(tractor_ctx_cid(in.ctx)), 36);
}

static void answer_twice(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    in.ctx = ctx;
    in.nursery = tractor_nursery_ref(tractor_ctx_nursery(ctx));
    assert_int_equal(tractor_nursery_on_end(in.nursery, ctx_ends, NULL), TRACTOR_OK);
    assert_int_equal(tractor_nursery_op(in.nursery), TRACTOR_EINVAL);
    assert_int_equal(tractor_ctx_return(ctx, "i", 1), TRACTOR_OK);
    assert_int_equal(tractor_ctx_return(ctx, "i", 2), TRACTOR_EALREADY);
    tractor_nursery_close(in.nursery);
}
static const tractor_endpoint endpoints[] = { TRACTOR_FUNC("answer_twice", answer_twice), TRACTOR_ENDPOINTS_END };

static void own_answer(kit_outcome *o) {
    kit_assert_value(o->value, "i", 1);
    in.answers++;
    assert_int_equal(tractor_nursery_sleep(in.nursery, 0, never_done, NULL), TRACTOR_ECLOSED);
    tractor_nursery_unref(in.nursery);
}

static void call_oneself(tractor_nursery *root, void *user) {
    kit_outcome *o = user;
    o->then = own_answer;
    tractor_portal_run(tractor_actor_self(kit_actor()), root, "handles", "answer_twice", tractor_pack("{}"), NULL,
                       kit_on_value, o);
}

static void test_ctx(void **state) {
    (void)state;
    static const char *const modules[] = { "handles", NULL };
    in = (inside){ NULL, NULL, 0, 0 };
    kit_outcome o = KIT_OUTCOME;
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .enable_modules = modules }, call_oneself, &o);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(in.ended, 1);
    assert_int_equal(in.answers, 1);
}

/* ---- nothing at all ---- */

static void test_null_handles(void **state) {
    (void)state;
    tractor_actor_unref(NULL);
    tractor_nursery_unref(NULL);
    tractor_portal_unref(NULL);
    tractor_error_unref(NULL);
    tractor_value_unref(NULL);
    tractor_actor_close(NULL);
    tractor_nursery_close(NULL);
    tractor_portal_close(NULL);
    tractor_free(NULL);
    assert_int_equal(tractor_nursery_cancel(NULL, NULL), TRACTOR_ECLOSED);
    assert_true(tractor_nursery_sleep(NULL, 0, never_done, NULL) < 0);
    assert_true(tractor_portal_run(NULL, NULL, "m", "f", tractor_pack("{}"), NULL, never_value, NULL) < 0);
    assert_true(tractor_actor_post(NULL, never_done, NULL) < 0);
    assert_false(tractor_portal_connected(NULL));
    assert_non_null(tractor_actor_nursery(NULL));
    assert_int_equal(tractor_op_abandon(NULL, 1), TRACTOR_ECLOSED);
}

int main(int argc, char **argv) {
    tractor_register("handles", endpoints, NULL);
    kit_begin(argc, argv);
    static const int whens[] = { 0, 1, 2 };
    const kit_test tests[] = {
        KIT_TEST(test_every_order_of_release),
        KIT_TEST(test_tombstones_beside_a_new_root),
        KIT_TEST(test_refs_on_other_threads),
        KIT_TEST(test_reentry),
        KIT_TEST(test_portal_closed_in_its_callback),
        KIT_TEST_WITH(test_abandon, "at once", (void *)(uintptr_t)&whens[0]),
        KIT_TEST_WITH(test_abandon, "in an answer", (void *)(uintptr_t)&whens[1]),
        KIT_TEST_WITH(test_abandon, "in the same turn", (void *)(uintptr_t)&whens[2]),
        KIT_TEST(test_abandoned_hold),
        KIT_TEST(test_ctx),
        KIT_TEST_ONCE(test_null_handles),
    };
    return kit_run_tests(tests);
}
