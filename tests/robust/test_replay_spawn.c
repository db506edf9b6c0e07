/* The recorded dialogs of spawning: a child boots, registers, is called and ends; a one-shot; what is not exposed. With an
 * actor of ours in the place of each of those in them: the same messages in the same order. replay.h says what is not
 * compared, replay_better.c where ours say something else. */
// ctest: timeout=120
#include "robust/python_parent.h"
#include "robust/replay.h"

#define VECTORS TRACTOR_TEST_SOURCE_DIR "/../vectors/"

/* ---- we are the root ---- */

typedef struct play play;

typedef struct call {
    const char *ns, *func, *args;
    int64_t value;
    const char *type; /* of its error */
    int code;
} call;

typedef struct dialog {
    const char *name;
    void (*go)(play *p);
    const char *child, *module;
    bool bind; /* the child is told where */
    call calls[3];
    int code;         /* of the root, */
    const char *type; /* and its error */
} dialog;

struct play {
    const dialog *dialog;
    const call *call;
    tractor_portal *portal;
    const char *modules[2], *argv[6], *bound[2];
    kit_outcome up, found, answer;
};

static tractor_nursery *root_nursery(void) { return tractor_actor_nursery(kit_actor()); }

static tractor_spawn_options played(play *p, const char *how) {
    p->modules[0] = kit_text("%s=/home/dev/app/%s.py", p->dialog->module, p->dialog->module);
    const char *argv[] = { "replay", kit_text(VECTORS "%s.jsonl", p->dialog->name), "root", kit_path("verdict"), how };
    memcpy(p->argv, argv, sizeof argv);
    return (tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .program = TRACTOR_TEST_BINARY_DIR "/prog_replay",
                                    .argv = p->argv, .modules = p->modules };
}

static void start_child(play *p, void (*then)(kit_outcome *o)) {
    tractor_spawn_options options = played(p, "whole");
    if (p->dialog->bind) {
        p->bound[0] = kit_fresh_address();
        options.bind_addrs = p->bound;
    }
    p->up = (kit_outcome){ .then = then, .user = p };
    tractor_nursery_start_actor(root_nursery(), p->dialog->child, &options, kit_on_portal, &p->up);
}

/* 01: it is our own child, so we need not ask where it is, nor connect to it once more. */
static void found(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    assert_string_equal(tractor_portal_id(o->portal)->uuid, tractor_portal_id(p->portal)->uuid);
    tractor_portal_cancel_actor(o->portal, NULL, NULL, kit_on_done, &p->answer);
}

static void wait_for_it(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    p->portal = o->portal;
    p->found = (kit_outcome){ .then = found, .user = p };
    tractor_wait_for_actor(root_nursery(), p->dialog->child, NULL, kit_on_portal, &p->found);
}

static void spawn_and_cancel(play *p) { start_child(p, wait_for_it); }

/* 01c: the child ends when it has answered. */
static void added(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    kit_assert_value(o->value, "i", 3);
}

static void one_shot(play *p) {
    tractor_spawn_options options = played(p, "whole");
    p->answer = (kit_outcome){ .then = added };
    tractor_nursery_run_in_actor(root_nursery(), "eps", "add", TRACTOR_ARGS("{s:i, s:i}", "a", 1, "b", 2), &options,
                                 kit_on_value, &p->answer);
}

/* 01d: its failure is the nursery's, and cancels the other child. */
static void fail_once(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_spawn_options options = played(p, "stand-in");
    tractor_nursery_run_in_actor(root_nursery(), "eps", "raises_value_error", TRACTOR_ARGS("{s:s}", "msg", "boom"),
                                 &options, NULL, NULL);
}

static void failing_one_shot(play *p) { start_child(p, fail_once); }

/* What a child died of is the cause. */
static void assert_type(const tractor_error *err, const char *type) {
    const tractor_error *cause = tractor_error_cause(err);
    assert_string_equal(tractor_error_boxed_type(cause ? cause : err), type);
}

/* 01b, 04: calls, one after the other. */
static void next_call(play *p);

static void answered(kit_outcome *o) {
    play *p = o->user;
    const call *c = p->call++;
    kit_assert_code(o->err, c->code);
    if (c->type)
        assert_type(o->err, c->type);
    else
        kit_assert_value(o->value, "I", c->value);
    next_call(p);
}

static void next_call(play *p) {
    if (p->call == p->dialog->calls + 3 || !p->call->ns) {
        tractor_nursery_cancel(root_nursery(), NULL);
        return;
    }
    raw_arena arena = { NULL };
    size_t len;
    unsigned char *args = raw_compile(&arena, p->call->args, &len);
    p->answer = (kit_outcome){ .then = answered, .user = p };
    tractor_portal_run_from_ns(p->portal, NULL, p->call->ns, p->call->func, (tractor_bytes){ args, len }, NULL,
                               kit_on_value, &p->answer);
    raw_release(&arena);
}

static void call_it(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    p->portal = o->portal;
    p->call = p->dialog->calls;
    next_call(p);
}

static void spawn_and_call(play *p) { start_child(p, call_it); }

static void be_the_root(tractor_nursery *root, void *user) {
    (void)root;
    play *p = user;
    p->dialog->go(p);
}

static void test_as_root(void **state) {
    play p = { .dialog = *state };
    kit_run run = kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .name = "root" }, be_the_root, &p);
    assert_string_equal(kit_read_file(kit_path("verdict")), "good");
    kit_assert_code(run.err, p.dialog->code);
    if (run.err)
        assert_type(run.err, p.dialog->type);
    else
        assert_int_equal(p.answer.calls, 1);
    /* Python's root waits three seconds for a child that is gone (04c), and half a second for a second answer (01d). */
    kit_assert_within_ms(run.ns, 1000);
}

/* ---- we are a child ---- */

static void be_a_child(const dialog *d, const char *us, int status) {
    python_parent parent = python_parent_start(us);
    replay r = { .us = us,
                 .me = "root",
                 .transport = kit_transport(),
                 .address = parent.listener.multiaddr,
                 .listener = &parent.listener };
    if (!replay_run(&r, kit_text(VECTORS "%s.jsonl", d->name)))
        fail_msg("%s\nThe child said:\n%s", r.wrong[0] ? r.wrong : "stopped", kit_read_file(parent.log));
    replay_close(&r);
    python_parent_finish(&parent, status);
}

static void test_as_child(void **state) {
    const dialog *d = *state;
    be_a_child(d, d->child, d->code == TRACTOR_ECHILD);
}

static void test_as_failing_one_shot(void **state) { be_a_child(*state, "raises_value_error", 0); }

/* ---- the records ---- */

#define ADDS                                                   \
    {                                                          \
        { "eps", "add", "{'a':1,'b':2}", 3, NULL, TRACTOR_OK } \
    }

static const dialog dialogs[] = {
    { .name = "01_spawn_tcp", .go = spawn_and_cancel, .child = "child", .module = "eps" },
    { .name = "01_spawn_uds", .go = spawn_and_cancel, .child = "child", .module = "eps" },
    { .name = "01b_spawn_bind_addrs_tcp",
      .go = spawn_and_call,
      .child = "child",
      .module = "eps",
      .bind = true,
      .calls = ADDS },
    { .name = "01b_spawn_bind_addrs_uds",
      .go = spawn_and_call,
      .child = "child",
      .module = "eps",
      .bind = true,
      .calls = ADDS },
    { .name = "01c_run_in_actor", .go = one_shot, .child = "add", .module = "eps" },
    { .name = "01d_run_in_actor_error",
      .go = failing_one_shot,
      .child = "sibling",
      .module = "eps",
      .code = TRACTOR_EREMOTE,
      .type = "ValueError" },
    { .name = "04_not_exposed",
      .go = spawn_and_call,
      .child = "child",
      .module = "eps",
      .calls = { { "os", "getpid", "{}", 0, "ModuleNotExposed", TRACTOR_ENOENDPOINT },
                 { "eps", "no_such_function", "{}", 0, "AttributeError", TRACTOR_EREMOTE },
                 { "eps", "not_async", "{}", 0, "TypeError", TRACTOR_EREMOTE } } },
    { .name = "04b_self_no_such_method",
      .go = spawn_and_call,
      .child = "child",
      .module = "eps",
      .calls = { { "self", "no_such_method", "{}", 0, "AttributeError", TRACTOR_EREMOTE } } },
    { .name = "04c_enable_missing_module",
      .go = spawn_and_call,
      .child = "child",
      .module = "ghost_mod",
      .calls = { { "ghost_mod", "f", "{}", 0, "ModuleNotFoundError", TRACTOR_ECHILD } },
      .code = TRACTOR_ECHILD,
      .type = "ModuleNotFoundError" },
};

#define ONE(test, number, name) KIT_TEST_WITH(test, name, (void *)(uintptr_t)&dialogs[number])
#define BOTH(number, name) ONE(test_as_root, number, name), ONE(test_as_child, number, name)

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        BOTH(0, "01_spawn_tcp"),
        BOTH(1, "01_spawn_uds"),
        BOTH(2, "01b_spawn_bind_addrs_tcp"),
        BOTH(3, "01b_spawn_bind_addrs_uds"),
        BOTH(4, "01c_run_in_actor"),
        BOTH(5, "01d_run_in_actor_error"),
        ONE(test_as_failing_one_shot, 5, "01d_run_in_actor_error"),
        BOTH(6, "04_not_exposed"),
        BOTH(7, "04b_self_no_such_method"),
        BOTH(8, "04c_enable_missing_module"),
    };
    return kit_run_tests(tests);
}
