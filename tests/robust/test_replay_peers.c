/* The recorded dialogs of actors that find each other: one asks the registrar for all there is to ask, waits for another one,
 * looks for one who was killed, cancels a service that it found; a second root joins the registry of the first. With an
 * actor of ours in the place of each of those in them: the same messages in the same order. replay.h says what is not
 * compared, replay_better.c where ours say something else. */
// ctest: timeout=240
#include "robust/python_parent.h"
#include "robust/replay.h"

#include <pthread.h>
#include <signal.h>

#define VECTORS TRACTOR_TEST_SOURCE_DIR "/../vectors/"

/* ---- we are a root ---- */

typedef struct play {
    const char *record, *us;
    tractor_portal *service, *client, *late;
    tractor_op watch;
    kit_outcome up, result, answer;
} play;

static tractor_nursery *root_nursery(void) { return tractor_actor_nursery(kit_actor()); }

/* One of them speaks for all. */
static void start(play *p, tractor_nursery *in, const char *child, const char *how, void (*then)(kit_outcome *o)) {
    static const char *const modules[] = { "eps=/home/dev/app/eps.py", NULL };
    const char *argv[] = { "replay", kit_text(VECTORS "%s.jsonl", p->record), p->us, kit_path("verdict"), how, NULL };
    p->up = (kit_outcome){ .then = then, .user = p };
    tractor_nursery_start_actor(
        in, child,
        &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .program = TRACTOR_TEST_BINARY_DIR "/prog_replay",
                                  .argv = argv, .modules = modules },
        kit_on_portal, &p->up);
}

static void call(play *p, tractor_portal *portal, const char *func, tractor_bytes args, void (*then)(kit_outcome *o)) {
    p->answer = (kit_outcome){ .then = then, .user = p };
    tractor_portal_run(portal, NULL, "eps", func, args, NULL, kit_on_value, &p->answer);
}

static void call_client(play *p, const char *func, const char *name, void (*then)(kit_outcome *o)) {
    call(p, p->client, func, TRACTOR_ARGS("{s:s}", "name", name), then);
}

static void call_add(play *p, tractor_portal *portal, void (*then)(kit_outcome *o)) {
    call(p, portal, "add", TRACTOR_ARGS("{s:i, s:i}", "a", 1, "b", 2), then);
}

static void cancel(play *p, tractor_portal *portal, void (*then)(kit_outcome *o)) {
    p->answer = (kit_outcome){ .then = then, .user = p };
    tractor_portal_cancel_actor(portal, NULL, NULL, kit_on_done, &p->answer);
}

static void as_root(const char *record, tractor_root_fn body) {
    play p = { .record = record, .us = "root" };
    kit_run run = kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .name = "root" }, body, &p);
    assert_string_equal(kit_read_file(kit_path("verdict")), "good");
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(p.answer.calls, 1);
}

/* 11: what the client has found, as it was recorded. */
static void then_service(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    cancel(p, p->service, NULL);
}

static void found_things(const tractor_error *err, const tractor_value *things, void *user) {
    play *p = user;
    bool nobody;
    int64_t found, waited;
    kit_assert_code(err, TRACTOR_OK);
    assert_int_equal(tractor_unpack(things, "{s:b, s:I, s:I, *}", "nobody", &nobody, "find", &found, "wait", &waited),
                     TRACTOR_OK);
    assert_true(nobody);
    assert_int_equal(found, 3);
    assert_int_equal(waited, 7);
    cancel(p, p->client, then_service);
}

static void finding(tractor_ctx *ctx, const tractor_value *first, void *user) {
    (void)ctx, (void)user;
    kit_assert_value(first, "n");
}

static void seeker_is_up(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    p->client = o->portal;
    tractor_portal_open_context(p->client, NULL, "eps", "find_things", TRACTOR_ARGS("{s:s}", "name", "service"), NULL,
                                finding, found_things, p);
}

static void sought_is_up(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    p->service = o->portal;
    start(p, root_nursery(), "client", "stand-in", seeker_is_up);
}

static void discovery(tractor_nursery *root, void *user) { start(user, root, "service", "whole", sought_is_up); }

static void test_11_as_root(void **state) {
    (void)state;
    as_root("11_discovery", discovery);
}

/* 11b: the client asks before the other one is there. */
static void then_late(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    cancel(p, p->late, NULL);
}

static void late_was_found(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    kit_assert_value(o->value, "i", 2);
    cancel(p, p->client, then_late);
}

static void late_is_up(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    ((play *)o->user)->late = o->portal;
}

static void waiter_is_up(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    p->client = o->portal;
    call_client(p, "wait_for_name", "late", late_was_found);
    start(p, root_nursery(), "late", "stand-in", late_is_up);
}

static void discovery_wait(tractor_nursery *root, void *user) { start(user, root, "client", "whole", waiter_is_up); }

static void test_11b_as_root(void **state) {
    (void)state;
    as_root("11b_discovery_wait", discovery_wait);
}

/* 11c: the service is killed; who looks for it then finds nobody. */
static void nobody_was_found(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    kit_assert_value(o->value, "s", "None");
    cancel(p, p->client, NULL);
}

static void service_was_killed(const tractor_error *err, void *user) {
    kit_assert_code(err, TRACTOR_ECHILD);
    assert_int_equal(tractor_error_exit_status(err), -SIGKILL);
    call_client(user, "find_name", "service", nobody_was_found);
}

static void mortal_is_up(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_portal_run(o->portal, NULL, "eps", "get_pid", TRACTOR_ARGS("{}"), NULL, kit_on_value, &p->result);
}

static void finder_is_up(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    p->client = o->portal;
    tractor_nursery *in = tractor_nursery_open(root_nursery(), NULL, service_was_killed, p);
    start(p, in, "service", "killed stand-in", mortal_is_up);
}

static void discovery_stale(tractor_nursery *root, void *user) { start(user, root, "client", "whole", finder_is_up); }

static void test_11c_as_root(void **state) {
    (void)state;
    as_root("11c_discovery_stale", discovery_stale);
}

/* 11d: another root joins our registry, and leaves. */
static void service_is_up(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    ((play *)o->user)->service = o->portal;
}

static void on_second_root(int event, const tractor_id *id, const char *const *addrs, void *user) {
    play *p = user;
    (void)id, (void)addrs;
    if (event == TRACTOR_WATCH_LEAVE)
        tractor_op_cancel(kit_actor(), p->watch);
}

static void second_root_has_left(const tractor_error *err, void *user) {
    play *p = user;
    kit_assert_code(err, TRACTOR_ECANCELED);
    cancel(p, p->service, NULL);
}

static void two_trees(tractor_nursery *root, void *user) {
    play *p = user;
    p->watch = tractor_watch_actors(root, "second_root", NULL, on_second_root, second_root_has_left, p);
    start(p, root, "service", "whole", service_is_up);
}

static void test_11d_as_root(void **state) { as_root(*state, two_trees); }

/* 11d: we join the registry of another root. */
static void second_child_added(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    kit_assert_value(o->value, "i", 3);
    cancel(p, p->late, NULL);
}

static void second_child_is_up(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    p->late = o->portal;
    call_add(p, p->late, second_child_added);
}

static void service_added(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    kit_assert_value(o->value, "i", 3);
    tractor_portal_close(p->service);
    start(p, root_nursery(), "second_child", "stand-in", second_child_is_up);
}

static void foreign_service_is_found(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    kit_assert_portal(o->portal);
    p->service = o->portal;
    call_add(p, p->service, service_added);
}

static void join(tractor_nursery *root, void *user) {
    play *p = user;
    assert_false(tractor_actor_is_registrar(kit_actor()));
    p->up = (kit_outcome){ .then = foreign_service_is_found, .user = p };
    tractor_find_actor(root, "service", NULL, kit_on_portal, &p->up);
}

typedef struct player {
    replay r;
    const char *path;
    bool good;
} player;

static void *run_player(void *user) {
    player *other = user;
    other->good = replay_run(&other->r, other->path);
    return NULL;
}

static void test_as_second_root(void **state) {
    play p = { .record = *state, .us = "second_root" };
    raw_listener registry, stand_ins;
    assert_true(raw_listen(&registry, kit_fresh_address()));
    assert_true(raw_listen(&stand_ins, kit_text("/unix%s.stand-ins", kit_path("verdict"))));
    player other = { .r = { .us = p.us,
                            .me = "root",
                            .everybody = true,
                            .transport = kit_transport(),
                            .address = registry.multiaddr,
                            .listener = &registry,
                            .stand_in_listener = &stand_ins },
                     .path = kit_text(VECTORS "%s.jsonl", p.record) };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_player, &other), 0);
    const char *registries[] = { registry.multiaddr, NULL };
    kit_run run = kit_run_root(
        &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .name = p.us, .registry_addrs = registries }, join, &p);
    pthread_join(thread, NULL);
    if (!other.good)
        fail_msg("%s", other.r.wrong[0] ? other.r.wrong : "stopped");
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(p.answer.calls, 1);
    replay_close(&other.r);
    raw_unlisten(&registry);
}

/* 12e: the context is open while a third actor cancels the service; who did it is told. */
static void cancelled_by_client(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    kit_assert_value(o->value, "b", 1);
    kit_assert_code(p->result.err, TRACTOR_ECTXCANCELED);
    assert_string_equal(tractor_error_canceller(p->result.err)->name, "client");
    tractor_portal_cancel_actor(p->client, NULL, NULL, NULL, NULL);
}

static void sleeping(tractor_ctx *ctx, const tractor_value *first, void *user) {
    (void)ctx;
    kit_assert_value(first, "s", "sleeping");
    call_client(user, "cancel_by_name", "service", cancelled_by_client);
}

static void slept(const tractor_error *err, const tractor_value *value, void *user) {
    kit_on_value(err, value, &((play *)user)->result);
}

static void canceller_is_up(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    p->client = o->portal;
    tractor_portal_open_context(p->service, NULL, "eps", "ctx_sleeper", TRACTOR_ARGS("{}"), NULL, sleeping, slept, p);
}

static void cancelled_is_up(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    p->service = o->portal;
    start(p, root_nursery(), "client", "stand-in", canceller_is_up);
}

static void peer_actor_cancel(tractor_nursery *root, void *user) {
    start(user, root, "service", "whole", cancelled_is_up);
}

static void test_12e_as_root(void **state) {
    (void)state;
    as_root("12e_peer_actor_cancel", peer_actor_cancel);
}

/* ---- we are one of the others ---- */

/* As whoever kills an actor has to. */
static void bury(replay *r, const python_parent *parent, int signal) {
    kill(parent->pid, signal);
    for (replay_place *place = r->places; place < r->places + r->place_count; place++)
        if (strcmp(kit_transport(), "uds") == 0 && strcmp(place->owner, r->us) == 0)
            unlink(raw_multiaddr(&r->arena, raw_parse(&r->arena, place->actual)) + strlen("/unix"));
}

/* `end`: our exit status, or our signal. */
static void as_child_of(const char *record, const char *us, const char *host, int end) {
    python_parent parent = python_parent_start(us);
    replay r = { .us = us,
                 .me = host,
                 .host = host,
                 .everybody = true,
                 .transport = kit_transport(),
                 .address = parent.listener.multiaddr,
                 .listener = &parent.listener };
    if (!replay_run(&r, kit_text(VECTORS "%s.jsonl", record)))
        fail_msg("%s\nThe child said:\n%s", r.wrong[0] ? r.wrong : "stopped", kit_read_file(parent.log));
    if (end < 0)
        bury(&r, &parent, -end);
    replay_close(&r);
    python_parent_finish(&parent, end);
}

static void test_as_service(void **state) { as_child_of(*state, "service", "root", 0); }
static void test_as_client(void **state) { as_child_of(*state, "client", "root", 0); }
static void test_as_late(void **state) { as_child_of(*state, "late", "root", 0); }
static void test_as_second_child(void **state) { as_child_of(*state, "second_child", "second_root", 0); }
static void test_as_killed_service(void **state) { as_child_of(*state, "service", "root", -SIGKILL); }

#define AS(test, record) KIT_TEST_WITH(test, record, (void *)(uintptr_t)(record))

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(test_11_as_root),
        AS(test_as_service, "11_discovery"),
        AS(test_as_client, "11_discovery"),
        KIT_TEST(test_11b_as_root),
        AS(test_as_client, "11b_discovery_wait"),
        AS(test_as_late, "11b_discovery_wait"),
        KIT_TEST(test_11c_as_root),
        AS(test_as_client, "11c_discovery_stale"),
        AS(test_as_killed_service, "11c_discovery_stale"),
        AS(test_11d_as_root, "11d_two_trees"),
        AS(test_as_second_root, "11d_two_trees"),
        AS(test_as_second_child, "11d_two_trees"),
        AS(test_as_service, "11d_two_trees"),
        AS(test_11d_as_root, "11d_two_trees_uds"),
        AS(test_as_second_root, "11d_two_trees_uds"),
        AS(test_as_second_child, "11d_two_trees_uds"),
        AS(test_as_service, "11d_two_trees_uds"),
        KIT_TEST(test_12e_as_root),
        AS(test_as_service, "12e_peer_actor_cancel"),
        AS(test_as_client, "12e_peer_actor_cancel"),
    };
    return kit_run_tests(tests);
}
