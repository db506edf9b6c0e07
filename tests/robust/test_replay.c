/* The recorded dialogs of a Python parent and its child, with our side in the place of one of them: the same messages in the
 * same order. replay.h says what is not compared. */
#include "robust/python_parent.h"
#include "robust/replay.h"

#define VECTORS TRACTOR_TEST_SOURCE_DIR "/../vectors/"

/* ---- we are the parent ---- */

typedef struct call {
    const char *func, *kwargs, *answer, *error; /* error: a boxed type, or "cancelled": it is, by us */
} call;

typedef struct dialog {
    const char *record;
    call calls[4];
    size_t at;
    kit_outcome child, outcome;
    tractor_portal *portal;
    tractor_op op;
} dialog;

#define ALL_KINDS                                                                                                     \
    "{'i':-1,'big':1099511627776,'f':1.5,'s':'str','b':<c40200ff>,'n':nil,'t':true,'l':[1,'x'],'d':{'k':1},'tup':[1," \
    "2],'se':[3]}"

static const dialog dialogs[] = {
    { .record = VECTORS "02_portal_run.jsonl",
      .calls = { { "add", "{'a':1,'b':2}", "3", NULL },
                 { "echo", ALL_KINDS, ALL_KINDS, NULL },
                 { "add", "{'a':1}", NULL, "TypeError" } } },
    { .record = VECTORS "03_run_value_error.jsonl",
      .calls = { { "raises_value_error", "{'msg':'boom'}", NULL, "ValueError" },
                 { "add", "{'a':1,'b':2}", "3", NULL } } },
    { .record = VECTORS "12d_run_task_cancelled.jsonl",
      .calls = { { "sleep_forever", "{}", NULL, "cancelled" }, { "add", "{'a':1,'b':2}", "3", NULL } } },
};

static void next_call(dialog *d);

static void assert_answer(const call *c, const kit_outcome *o) {
    raw_arena arena = { NULL };
    if (c->answer) {
        kit_assert_code(o->err, TRACTOR_OK);
        tractor_bytes bytes = tractor_value_bytes(o->value);
        assert_string_equal(raw_show(&arena, raw_decode(&arena, bytes.data, bytes.len)),
                            raw_show(&arena, raw_parse(&arena, c->answer)));
    } else if (strcmp(c->error, "cancelled") == 0) {
        kit_assert_code(o->err, TRACTOR_ECANCELED);
    } else {
        kit_assert_remote(o->err, c->error);
        assert_string_equal(tractor_error_source(o->err)->name, "child");
    }
    raw_release(&arena);
}

static void answered(kit_outcome *o) {
    dialog *d = o->user;
    assert_answer(&d->calls[d->at++], o);
    next_call(d);
}

static void next_call(dialog *d) {
    const call *c = &d->calls[d->at];
    if (d->at == 4 || !c->func) {
        tractor_nursery_cancel(tractor_actor_nursery(kit_actor()), NULL);
        return;
    }
    raw_arena arena = { NULL };
    size_t len;
    unsigned char *args = raw_compile(&arena, c->kwargs, &len);
    d->outcome = (kit_outcome){ .then = answered, .user = d };
    d->op = tractor_portal_run(d->portal, NULL, "eps", c->func, (tractor_bytes){ args, len }, NULL, kit_on_value,
                               &d->outcome);
    raw_release(&arena);
    if (c->error && strcmp(c->error, "cancelled") == 0)
        tractor_op_cancel(kit_actor(), d->op);
}

static void child_is_up(kit_outcome *o) {
    dialog *d = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    d->portal = o->portal;
    next_call(d);
}

static void be_the_parent(tractor_nursery *root, void *user) {
    dialog *d = user;
    static const char *const modules[] = { "eps=/home/dev/app/eps.py", NULL };
    const char *argv[] = { "replay", d->record, "root", kit_path("verdict"), NULL };
    d->child = (kit_outcome){ .then = child_is_up, .user = d };
    tractor_nursery_start_actor(
        root, "child",
        &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .program = TRACTOR_TEST_BINARY_DIR "/prog_replay",
                                  .argv = argv, .modules = modules },
        kit_on_portal, &d->child);
}

static void test_as_parent(void **state) {
    dialog d = *(const dialog *)*state;
    kit_run run = kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .name = "root" }, be_the_parent, &d);
    assert_string_equal(kit_read_file(kit_path("verdict")), "good");
    kit_assert_code(run.err, TRACTOR_OK);
    assert_true(d.at > 0 && (d.at == 4 || !d.calls[d.at].func));
}

/* ---- we are the child ---- */

static void test_as_child(void **state) {
    const dialog *d = *state;
    python_parent parent = python_parent_start("child");
    replay r = { .us = "child",
                 .me = "root",
                 .transport = kit_transport(),
                 .address = parent.listener.multiaddr,
                 .listener = &parent.listener };
    if (!replay_run(&r, d->record))
        fail_msg("%s", r.wrong[0] ? r.wrong : "stopped");
    replay_close(&r);
    python_parent_finish(&parent, 0);
}

#define ALL(test)                                                                  \
    KIT_TEST_WITH(test, "02_portal_run", (void *)(uintptr_t)&dialogs[0]),          \
        KIT_TEST_WITH(test, "03_run_value_error", (void *)(uintptr_t)&dialogs[1]), \
        KIT_TEST_WITH(test, "12d_run_task_cancelled", (void *)(uintptr_t)&dialogs[2])

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = { ALL(test_as_parent), ALL(test_as_child) };
    return kit_run_tests(tests);
}
