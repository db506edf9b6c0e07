/* CLU-01, CLU-02, MUL-03, MUL-04, SVC-01: several children of one nursery, and a nursery that several tasks share. */
#include "supervise/supervise.h"

#include <sys/sysinfo.h>

/* ---- a cluster: as many workers as there are processors ---- */

enum { MOST = 8 };

static int worker_count(void) {
    int n = get_nprocs();
    return n < 2 ? 2 : n > MOST ? MOST : n;
}

typedef struct cluster cluster;

typedef struct worker {
    cluster *cluster;
    tractor_portal *portal;
    tractor_stream *stream;
    int64_t pid, sent, counted;
} worker;

struct cluster {
    tractor_nursery *nursery;
    worker workers[MOST];
    int count, up, streaming, ended, next;
    kit_outcome started[MOST], end;
    int64_t until;
    const tractor_error *raised;
    void (*when_up)(cluster *);
};

static void worker_up(kit_outcome *o) {
    cluster *c = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    worker *w = &c->workers[o - c->started];
    w->cluster = c;
    w->portal = o->portal;
    w->pid = kit_pid(o->portal);
    if (++c->up == c->count)
        c->when_up(c);
}

static void cluster_body(tractor_nursery *root, void *user) {
    cluster *c = user;
    static const char *const modules[] = { "groups", NULL };
    c->nursery = tractor_nursery_open(root,
                                      &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .name = "cluster",
                                                                  .flags = TRACTOR_NURSERY_CANCEL_DAEMONS },
                                      kit_on_done, &c->end);
    for (int i = 0; i < c->count; i++) {
        c->started[i] = (kit_outcome){ .then = worker_up, .user = c };
        tractor_nursery_start_actor(c->nursery, kit_text("root.worker_%d", i),
                                    &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules },
                                    kit_on_portal, &c->started[i]);
    }
}

static void assert_cluster_gone(cluster *c) {
    for (int i = 0; i < c->count; i++)
        kit_assert_gone(c->workers[i].pid);
}

/* What is gathered is a loop of the program, so to gather nothing is its own error. */
static void gather_nothing(cluster *c) { c->raised = fail_with(c->nursery, "ValueError"); }

static void CLU_01_empty_gather_raises(void **state) {
    (void)state;
    cluster c = { .count = worker_count(), .when_up = gather_nothing };
    kit_run run = kit_run_root(NULL, cluster_body, &c);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_non_null(c.raised);
    assert_ptr_equal(c.end.err, c.raised);
    assert_cluster_gone(&c);
    kit_assert_within_ms(run.ns, 3000);
}

/* ---- CLU-02 ---- */

static void on_counted(const tractor_error *err, const tractor_value *value, void *user) {
    worker *w = user;
    kit_assert_code(err, TRACTOR_OK);
    assert_int_equal(tractor_unpack(value, "I", &w->counted), TRACTOR_OK);
    w->cluster->ended++;
    if (w->cluster->ended == w->cluster->count)
        tractor_nursery_close(w->cluster->nursery);
}

static void send_next(const tractor_error *err, void *user) {
    cluster *c = user;
    kit_assert_code(err, TRACTOR_OK);
    worker *w = &c->workers[c->next++ % c->count];
    if (tractor_now() < c->until) {
        tractor_stream_send_wait(w->stream, NULL, tractor_pack("I", w->sent++), send_next, c);
        return;
    }
    for (int i = 0; i < c->count; i++)
        assert_int_equal(tractor_stream_send_eof(c->workers[i].stream), TRACTOR_OK);
}

static void worker_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    worker *w = user;
    cluster *c = w->cluster;
    (void)first;
    assert_int_equal(
        tractor_ctx_open_stream(
            ctx, &(tractor_call_options){ TRACTOR_CALL_OPTIONS, .flags = TRACTOR_CALL_ALLOW_OVERRUNS }, &w->stream),
        TRACTOR_OK);
    if (++c->streaming < c->count)
        return;
    c->until = tractor_now() + TRACTOR_SECOND;
    send_next(NULL, c);
}

static void open_contexts(cluster *c) {
    for (int i = 0; i < c->count; i++)
        tractor_portal_open_context(
            c->workers[i].portal, NULL, "groups", "worker", TRACTOR_ARGS("{}"),
            &(tractor_call_options){ TRACTOR_CALL_OPTIONS, .flags = TRACTOR_CALL_ALLOW_OVERRUNS }, worker_started,
            on_counted, &c->workers[i]);
}

static void CLU_02_streaming_to_actor_cluster(void **state) {
    (void)state;
    cluster c = { .count = worker_count(), .when_up = open_contexts };
    kit_run run = kit_run_root(NULL, cluster_body, &c);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(c.end.err, TRACTOR_OK);
    assert_cluster_gone(&c);
    for (int i = 0; i < c.count; i++) {
        assert_true(c.workers[i].sent > 0);
        assert_int_equal(c.workers[i].counted, c.workers[i].sent);
    }
    kit_assert_within_ms(run.ns - TRACTOR_SECOND, 2000);
}

typedef struct counter {
    tractor_ctx *ctx;
    tractor_stream *stream;
    int64_t count;
} counter;

static void count_one(const tractor_error *err, const tractor_value *value, void *user) {
    counter *t = user;
    int64_t n;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        tractor_ctx_return(t->ctx, "I", t->count);
    if (err)
        return;
    if (tractor_unpack(value, "I", &n) != TRACTOR_OK || n != t->count++)
        tractor_ctx_raisef(t->ctx, "AssertionError", "not in order");
    tractor_stream_receive(t->stream, NULL, count_one, t);
}

static void worker_task(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    counter *t = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *t);
    t->ctx = ctx;
    tractor_ctx_started(ctx, NULL);
    if (tractor_ctx_open_stream(ctx,
                                &(tractor_call_options){ TRACTOR_CALL_OPTIONS, .flags = TRACTOR_CALL_ALLOW_OVERRUNS },
                                &t->stream) == TRACTOR_OK)
        tractor_stream_receive(t->stream, NULL, count_one, t);
}

/* ---- MUL-03, MUL-04: children of one name, every second of whom has to be killed ---- */

enum { DOGGIES = 8 };

typedef struct kennel {
    int count, up;
    tractor_nursery *nursery;
    kit_outcome started[DOGGIES], found, end;
    tractor_portal *portals[DOGGIES];
    int64_t pids[DOGGIES], cancelled_at;
    const char *files;
} kennel;

static void kennel_ended(const tractor_error *err, void *user) {
    kennel *k = user;
    for (int i = 0; i < k->count; i++)
        assert_false(tractor_portal_connected(k->portals[i]));
    kit_on_done(err, &k->end);
}

static void wait_until_deaf(void *user) {
    kennel *k = user;
    for (int i = 0; i < k->count; i += 2)
        assert_true(kit_wait_file(kit_text("%s%d", k->files, i)));
}

static void then_cancel(const tractor_error *err, void *user) {
    kennel *k = user;
    kit_assert_code(err, TRACTOR_OK);
    k->cancelled_at = tractor_now();
    assert_int_equal(tractor_nursery_cancel(k->nursery, NULL), TRACTOR_OK);
}

static void doggy_found(kit_outcome *o) {
    kennel *k = o->user;
    bool known = false;
    kit_assert_code(o->err, TRACTOR_OK);
    for (int i = 0; i < k->count; i++)
        known = known || kit_pid(o->portal) == k->pids[i];
    assert_true(known);
    for (int i = 0; i < k->count; i += 2)
        tractor_portal_run(k->portals[i], NULL, "kit", "spin",
                           TRACTOR_ARGS("{s:s}", "touch", kit_text("%s%d", k->files, i)), NULL, NULL, NULL);
    tractor_nursery_run_in_thread(tractor_actor_nursery(kit_actor()), wait_until_deaf, then_cancel, k);
}

static void doggy_up(kit_outcome *o) {
    kennel *k = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    k->pids[o - k->started] = kit_pid(o->portal);
    k->portals[o - k->started] = tractor_portal_ref(o->portal);
    if (++k->up < k->count)
        return;
    k->found = (kit_outcome){ .then = doggy_found, .user = k };
    tractor_wait_for_actor(k->nursery, "doggy", NULL, kit_on_portal, &k->found);
}

static void kennel_body(tractor_nursery *root, void *user) {
    kennel *k = user;
    k->files = kit_path("deaf");
    k->nursery = tractor_nursery_open(root, NULL, kennel_ended, k);
    /* Only who is deaf is given so little time: one that hears may have to wait for a processor. */
    const tractor_spawn_options hears = kit_child();
    tractor_spawn_options deaf = kit_child();
    deaf.cancel_timeout_ns = 100 * TRACTOR_MS;
    deaf.kill_timeout_ns = 200 * TRACTOR_MS * kit_headroom();
    for (int i = 0; i < k->count; i++) {
        k->started[i] = (kit_outcome){ .then = doggy_up, .user = k };
        tractor_nursery_start_actor(k->nursery, "doggy", i % 2 ? &hears : &deaf, kit_on_portal, &k->started[i]);
    }
}

static void MUL_04_dup_name_cancel_cascade_escalates_to_hard_kill(void **state) {
    kennel k = { .count = *(const int *)*state };
    kit_expect_log("did not end in time: killed");
    kit_run run = kit_run_root(NULL, kennel_body, &k);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(k.end.err, TRACTOR_OK);
    for (int i = 0; i < k.count; i++) {
        kit_assert_gone(k.pids[i]);
        tractor_portal_unref(k.portals[i]);
    }
    assert_int_equal(kit_log_count("did not end in time: killed"), (k.count + 1) / 2);
    /* All at once, however many they are; the case gives them 15 + 5n s. */
    kit_assert_within_ms(tractor_now() - k.cancelled_at, 1000);
}

/* ---- SVC-01 ---- */

static tractor_nursery *service; /* of the child */

static void manage_service(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    service = tractor_nursery_open(tractor_ctx_nursery(ctx), NULL, NULL, NULL); /* what fails in it, fails this task */
    tractor_nursery_sleep(service, TRACTOR_FOREVER, NULL, NULL);
    tractor_ctx_started(ctx, NULL);
}

static int consumed;
static void consume(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value;
    if (err)
        return;
    consumed++;
    tractor_stream_receive(user, service, consume, user);
}

static void raise_name_error(const tractor_error *err, void *user) {
    (void)user;
    if (err)
        return;
    if (consumed < 4)
        tractor_nursery_sleep(service, TRACTOR_MS, raise_name_error, NULL);
    else
        fail_with(service, "NameError");
}

static void use_service(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_stream *stream;
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    if (tractor_ctx_open_stream(ctx, NULL, &stream) != TRACTOR_OK)
        return;
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        tractor_stream *subscriber;
        tractor_stream_subscribe(stream, 0, &subscriber);
        tractor_stream_receive(subscriber, service, consume, subscriber);
    }
    tractor_nursery_sleep(service, TRACTOR_MS, raise_name_error, NULL);
}

typedef struct services {
    kit_outcome up, manager, user;
    tractor_portal *portal;
    tractor_stream *stream;
} services;

static void manager_ended(const tractor_error *err, const tractor_value *value, void *user) {
    services *s = user;
    kit_on_value(err, value, &s->manager);
    tractor_nursery_fail(tractor_actor_nursery(kit_actor()), err);
}

static void user_ended(const tractor_error *err, const tractor_value *value, void *user) {
    kit_on_value(err, value, &((services *)user)->user);
}

static void feed(const tractor_error *err, void *user) {
    services *s = user;
    if (err)
        return;
    tractor_stream_sendf(s->stream, "s", "yo");
    tractor_nursery_sleep(tractor_ctx_nursery(tractor_stream_ctx(s->stream)), TRACTOR_MS, feed, s);
}

static void user_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    services *s = user;
    (void)first;
    assert_int_equal(tractor_ctx_open_stream(ctx, NULL, &s->stream), TRACTOR_OK);
    feed(NULL, s);
}

static void manager_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    services *s = user;
    (void)ctx, (void)first;
    tractor_portal_open_context(s->portal, NULL, "groups", "use_service", TRACTOR_ARGS("{}"), NULL, user_started,
                                user_ended, s);
}

static void services_up(kit_outcome *o) {
    services *s = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    s->portal = o->portal;
    tractor_portal_open_context(o->portal, NULL, "groups", "manage_service", TRACTOR_ARGS("{}"), NULL, manager_started,
                                manager_ended, s);
}

static void services_body(tractor_nursery *root, void *user) {
    services *s = user;
    static const char *const modules[] = { "groups", NULL };
    s->up = (kit_outcome){ .then = services_up, .user = s };
    tractor_nursery_start_actor(root, "ctx_spawner",
                                &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules }, kit_on_portal,
                                &s->up);
}

static void SVC_01_error_in_a_nursery_that_a_task_manages(void **state) {
    (void)state;
    services s = { 0 };
    kit_run run = kit_run_root(NULL, services_body, &s);
    kit_assert_remote(run.err, "NameError");
    assert_ptr_equal(run.err, s.manager.err);
    kit_assert_code(s.user.err, TRACTOR_ECANCELED);
    kit_assert_within_ms(run.ns, 1000);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_CTX("worker", worker_task),
                                               TRACTOR_CTX("manage_service", manage_service),
                                               TRACTOR_CTX("use_service", use_service), TRACTOR_ENDPOINTS_END };
    tractor_register("groups", module, NULL);
    kit_begin(argc, argv);
    int two = 2, four = 4, eight = 8;
    const kit_test tests[] = {
        KIT_TEST(CLU_01_empty_gather_raises),
        KIT_TEST(CLU_02_streaming_to_actor_cluster),
        KIT_TEST_WITH(MUL_04_dup_name_cancel_cascade_escalates_to_hard_kill, "2", &two),
        KIT_TEST_WITH(MUL_04_dup_name_cancel_cascade_escalates_to_hard_kill, "4", &four),
        KIT_TEST_WITH(MUL_04_dup_name_cancel_cascade_escalates_to_hard_kill, "8", &eight),
        KIT_TEST(SVC_01_error_in_a_nursery_that_a_task_manages),
    };
    return kit_run_tests(tests);
}
