/* The recorded dialogs of actors that find each other: a third one cancels a service that it found by its name. With an
 * actor of ours in the place of each of those in them: the same messages in the same order. replay.h says what is not
 * compared, replay_better.c where ours say something else. */
// ctest: timeout=120
#include "robust/python_parent.h"
#include "robust/replay.h"

#define VECTORS TRACTOR_TEST_SOURCE_DIR "/../vectors/"

/* ---- we are the root ---- */

typedef struct play {
    const char *record;
    tractor_portal *service, *client;
    kit_outcome up, result, answer;
} play;

static tractor_nursery *root_nursery(void) { return tractor_actor_nursery(kit_actor()); }

/* The first child speaks for the others too. */
static void start(play *p, const char *child, const char *how, void (*then)(kit_outcome *o)) {
    static const char *const modules[] = { "eps=/home/dev/app/eps.py", NULL };
    const char *argv[] = { "replay", kit_text(VECTORS "%s.jsonl", p->record), "root", kit_path("verdict"), how, NULL };
    p->up = (kit_outcome){ .then = then, .user = p };
    tractor_nursery_start_actor(
        root_nursery(), child,
        &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .program = TRACTOR_TEST_BINARY_DIR "/prog_replay",
                                  .argv = argv, .modules = modules },
        kit_on_portal, &p->up);
}

static void call_client(play *p, const char *func, const char *name, void (*then)(kit_outcome *o)) {
    p->answer = (kit_outcome){ .then = then, .user = p };
    tractor_portal_run(p->client, NULL, "eps", func, TRACTOR_ARGS("{s:s}", "name", name), NULL, kit_on_value,
                       &p->answer);
}

static void as_root(const char *record, tractor_root_fn body, play *p) {
    p->record = record;
    kit_run run = kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .name = "root" }, body, p);
    assert_string_equal(kit_read_file(kit_path("verdict")), "good");
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(p->answer.calls, 1);
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

static void client_is_up(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    p->client = o->portal;
    tractor_portal_open_context(p->service, NULL, "eps", "ctx_sleeper", TRACTOR_ARGS("{}"), NULL, sleeping, slept, p);
}

static void service_is_up(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    p->service = o->portal;
    start(p, "client", "stand-in", client_is_up);
}

static void peer_actor_cancel(tractor_nursery *root, void *user) {
    (void)root;
    start(user, "service", "whole", service_is_up);
}

static void test_12e_as_root(void **state) {
    (void)state;
    play p = { NULL };
    as_root("12e_peer_actor_cancel", peer_actor_cancel, &p);
}

/* ---- we are one of the others ---- */

static void as_child(const char *record, const char *us) {
    python_parent parent = python_parent_start(us);
    replay r = { .us = us,
                 .me = "root",
                 .everybody = true,
                 .transport = kit_transport(),
                 .address = parent.listener.multiaddr,
                 .listener = &parent.listener };
    if (!replay_run(&r, kit_text(VECTORS "%s.jsonl", record)))
        fail_msg("%s\nThe child said:\n%s", r.wrong[0] ? r.wrong : "stopped", kit_read_file(parent.log));
    replay_close(&r);
    python_parent_finish(&parent, 0);
}

static void test_as_service(void **state) { as_child(*state, "service"); }
static void test_as_client(void **state) { as_child(*state, "client"); }

#define AS(test, record) KIT_TEST_WITH(test, record, (void *)(uintptr_t)(record))

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(test_12e_as_root),
        AS(test_as_service, "12e_peer_actor_cancel"),
        AS(test_as_client, "12e_peer_actor_cancel"),
    };
    return kit_run_tests(tests);
}
