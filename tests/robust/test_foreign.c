/* Actors of ours beside actors that only know the protocol as Python speaks it: a child, and a parent, whose Aid has no
 * extension. They are never sent what they would not understand. */
// ctest: timeout=120
#include "robust/python_parent.h"

#include <sys/socket.h>

/* ---- a Python-like child ---- */

/* What is asked of it, one after the other. */
typedef struct question {
    const char *func;
    int code;         /* expected; 0: the value `answer` */
    const char *type; /* of an EREMOTE */
    int64_t timeout;
    bool cancel;
} question;

static const question questions[] = {
    { "echo", 0, NULL, 0, false },
    { "fail", TRACTOR_EREMOTE, "ValueError", 0, false },
    { "missing", TRACTOR_EREMOTE, "AttributeError", 0, false },
    { "context", TRACTOR_ERUNTIME, NULL, 0, false }, /* no plain function */
    { "no_pld", TRACTOR_EMSGTYPE, NULL, 0, false },  /* a broken answer ends its dialog, and no other */
    { "yield", TRACTOR_EMSGTYPE, NULL, 0, false },
    { "twice", 0, NULL, 0, false },
    { "sleep_forever", TRACTOR_ECANCELED, NULL, 0, true },
    { "ignore_cancel", TRACTOR_ECANCELED, NULL, 0, true },
    { "sleep_forever", TRACTOR_ETIMEDOUT, NULL, 50 * TRACTOR_MS, false },
    { "ignore_cancel", TRACTOR_ETIMEDOUT, NULL, 50 * TRACTOR_MS, false },
    { "echo", 0, NULL, 0, false },
};
enum { QUESTIONS = sizeof questions / sizeof *questions };

typedef struct interview {
    kit_outcome child, answer;
    tractor_portal *portal;
    size_t at;
    int64_t asked_at;
    int64_t pid;
} interview;

static void ask(interview *i);

static void on_answer(kit_outcome *o) {
    interview *i = o->user;
    const question *q = &questions[i->at++];
    if (tractor_error_code(o->err) != q->code)
        fail_msg("%s: %s", q->func, o->err ? tractor_error_message(o->err) : "no error");
    if (q->type)
        kit_assert_remote(o->err, q->type);
    if (q->code == TRACTOR_ECANCELED || q->code == TRACTOR_ETIMEDOUT)
        kit_assert_within_ms(o->at - i->asked_at, 616 + 50 + 300);
    kit_assert_portal(i->portal);
    ask(i);
}

static void ask(interview *i) {
    if (i->at == QUESTIONS) {
        tractor_nursery_cancel(tractor_actor_nursery(kit_actor()), NULL);
        return;
    }
    const question *q = &questions[i->at];
    i->answer = (kit_outcome){ .then = on_answer, .user = i };
    i->asked_at = tractor_now();
    tractor_op op = tractor_portal_run(i->portal, NULL, "eps", q->func, tractor_pack("{s:i}", "n", 1),
                                       &(tractor_call_options){ TRACTOR_CALL_OPTIONS, .timeout_ns = q->timeout },
                                       kit_on_value, &i->answer);
    assert_true(op > 0);
    if (q->cancel)
        assert_int_equal(tractor_op_cancel(kit_actor(), op), TRACTOR_OK);
}

static void child_is_up(kit_outcome *o) {
    interview *i = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    i->portal = o->portal;
    i->pid = kit_pid(o->portal);
    assert_string_equal(tractor_portal_id(o->portal)->name, "it's \"kid\"");
    ask(i);
}

static const char *const foreign_argv[] = { "foreign", "serve", "kill", NULL };
static const char *const foreign_modules[] = { "eps=/home/dev/app/eps.py", NULL };

static void start_foreign(tractor_nursery *root, kit_outcome *o, const char *name) {
    tractor_nursery_start_actor(
        root, name,
        &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .program = TRACTOR_TEST_BINARY_DIR "/prog_foreign",
                                  .argv = foreign_argv, .modules = foreign_modules },
        kit_on_portal, o);
}

static void interview_body(tractor_nursery *root, void *user) {
    interview *i = user;
    i->child = (kit_outcome){ .then = child_is_up, .user = i };
    start_foreign(root, &i->child, "it's \"kid\""); /* quoted on its command line, as Python would */
}

static void test_python_child(void **state) {
    (void)state;
    interview i = { .at = 0 };
    kit_run run = kit_run_root(NULL, interview_body, &i);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(i.at, QUESTIONS);
    kit_assert_gone(i.pid);
}

/* A child of another language can be found like any other. */
static void found(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    kit_assert_portal(o->portal);
    assert_string_equal(tractor_portal_id(o->portal)->name, "kid");
    tractor_nursery_cancel(tractor_actor_nursery(kit_actor()), NULL);
}

static void find_it(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    assert_true(tractor_wait_for_actor(tractor_actor_nursery(kit_actor()), "kid", NULL, kit_on_portal, o->user) > 0);
}

static void find_body(tractor_nursery *root, void *user) {
    kit_outcome *o = user;
    o[0].then = find_it;
    o[0].user = &o[1];
    o[1].then = found;
    start_foreign(root, &o[0], "kid");
}

static void test_python_child_is_found(void **state) {
    (void)state;
    kit_outcome o[2] = { KIT_OUTCOME, KIT_OUTCOME };
    kit_run run = kit_run_root(NULL, find_body, o);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(o[1].calls, 1);
}

/* Its report "my whole runtime failed" is its failure, though Python would drop it; so is its death in a call. */
static void fails_later(kit_outcome *o) {
    kit_outcome *call = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_portal_run(o->portal, NULL, "eps", call->user, tractor_pack("{}"), NULL, kit_on_value, call);
}

static void fail_later_body(tractor_nursery *root, void *user) {
    kit_outcome *o = user;
    o[0].then = fails_later;
    o[0].user = &o[1];
    start_foreign(root, &o[0], "kid");
}

static void test_python_child_fails(void **state) {
    (void)state;
    static const char *const ends[] = { "report_failure", "die" };
    for (size_t i = 0; i < 2; i++) {
        kit_outcome o[2] = { KIT_OUTCOME, KIT_OUTCOME };
        o[1].user = (void *)(uintptr_t)ends[i];
        kit_run run = kit_run_root(NULL, fail_later_body, o);
        kit_assert_code(run.err, TRACTOR_ECHILD);
        kit_assert_within_ms(run.ns, 3000);
        assert_int_equal(o[1].calls, 1);
        /* One failure, one object. */
        assert_ptr_equal(o[1].err, run.err);
        if (i == 0)
            assert_string_equal(tractor_error_boxed_type(tractor_error_find(run.err, TRACTOR_EREMOTE)), "RuntimeError");
        else
            kit_assert_contains(tractor_error_message(run.err), "signal 9");
    }
}

/* ---- a Python-like parent ---- */

static const char *spec_text(raw_peer *p, const char *reg_addrs, const char *modules) {
    const char *tpt = kit_transport();
    const char *root = raw_wire_address(
        &p->arena, strcmp(tpt, "tcp") == 0 ? "/ip4/127.0.0.1/tcp/1616" : "/unix/run/registry@1616.sock");
    return raw_format(
        &p->arena,
        "{'msg_type':'SpawnSpec','_parent_main_data':{'init_main_from_path':'/home/dev/app/main.py'},'_runtime_vars':{"
        "'_is_root':false,'_root_mailbox':%s,'_root_addrs':[%s],'_enable_tpts':['%s'],'_registry_addrs':%s,"
        "'_debug_mode':false,'repl_fixture':false,'use_greenback':false,'use_stackscope':false,'_is_infected_aio':"
        "false},"
        "'enable_modules':%s,'reg_addrs':%s,'bind_addrs':nil}",
        root, root, tpt, reg_addrs, modules, reg_addrs);
}

static raw_peer *accept_one(python_parent *parent) {
    raw_peer *p = raw_accept(&parent->listener, raw_patience(RAW_WAIT), "root", NULL);
    assert_non_null(p);
    p->registrar = true;
    return p;
}

/* The connection of a child that has connected and been greeted. */
static raw_peer *greet_child(python_parent *parent, int *waited_ms) {
    raw_peer *p = accept_one(parent);
    assert_true(raw_send_aid(p));
    int64_t begin = tractor_now();
    assert_true(raw_receive_aid(p, raw_patience(RAW_WAIT)));
    if (waited_ms)
        *waited_ms = (int)((tractor_now() - begin) / TRACTOR_MS);
    assert_string_equal(raw_str(p->aid, "name"), "kid");
    assert_string_equal(raw_str(p->aid, "uuid"), parent->uuid);
    assert_int_equal(raw_get(p->aid, "pid")->i, parent->pid);
    assert_int_equal(raw_get(p->aid, "is_registrar")->kind, RAW_BOOL);
    assert_int_equal(raw_get(p->aid, "is_registrar")->i, 0);
    assert_int_equal(raw_get(p->aid, "is_probe")->i, 0);
    return p;
}

/* One request to the registrar that we play, on a connection of its own. */
static const char *serve_registrar(python_parent *parent, raw_peer *root, const char *func) {
    raw_peer *p = accept_one(parent);
    memcpy(p->uuid, root->uuid, sizeof p->uuid);
    assert_true(raw_greet(p));
    assert_string_equal(raw_str(p->aid, "uuid"), parent->uuid);
    const raw_node *start = raw_expect(p, "Start", NULL);
    assert_non_null(start);
    assert_string_equal(raw_str(start, "ns"), "self");
    assert_string_equal(raw_str(start, "func"), func);
    const raw_node *kwargs = raw_get(start, "kwargs"), *uid = raw_get(kwargs, "uid");
    assert_string_equal(raw_show(&p->arena, uid), raw_format(&p->arena, "['kid','%s']", parent->uuid));
    assert_string_equal(raw_show(&p->arena, raw_get(start, "uid")), raw_show(&p->arena, uid));
    const char *cid = raw_str(start, "cid");
    const char *address = NULL;
    if (raw_get(kwargs, "addr"))
        address = kit_text("%s", raw_multiaddr(&p->arena, raw_get(kwargs, "addr")));
    assert_true(raw_send_ack(p, cid, "asyncfunc") && raw_send_return(p, cid, "nil"));
    assert_true(raw_wait_closed(p, raw_patience(RAW_WAIT)));
    raw_close(p);
    return address;
}

#define MODULES "{'eps':'/home/dev/app/eps.py','tractor.devx.debug._tty_lock':'/v/tractor/devx/debug/_tty_lock.py'}"

static raw_peer *boot_child(python_parent *parent, const char **address, int *waited_ms) {
    raw_peer *p = greet_child(parent, waited_ms);
    const char *registry = raw_format(&p->arena, "[%s]", raw_wire_address(&p->arena, parent->listener.multiaddr));
    assert_true(raw_send(p, "%s", spec_text(p, registry, MODULES)));
    *address = serve_registrar(parent, p, "register_actor");
    assert_non_null(*address);
    return p;
}

static void expect_error(raw_peer *p, const char *cid, const char *type) {
    const raw_node *error = raw_expect(p, "Error", cid);
    assert_non_null(error);
    assert_string_equal(raw_str(error, "boxed_type_str"), type);
    assert_string_equal(raw_str(error, "src_type_str"), type);
    const raw_node *path = raw_get(error, "relay_path");
    assert_int_equal(path->count, 1);
    assert_string_equal(path->items[0].items[1].s, raw_str(p->aid, "uuid"));
    assert_string_equal(raw_get(error, "src_uid")->items[1].s, raw_str(p->aid, "uuid"));
    assert_int_equal(raw_get(error, "tb_str")->kind, RAW_STR);
}

static void expect_cancelled_by(raw_peer *p, const char *cid, const raw_peer *canceller) {
    const raw_node *error = raw_expect(p, "Error", cid);
    assert_non_null(error);
    assert_string_equal(raw_str(error, "boxed_type_str"), "ContextCancelled");
    const raw_node *who = raw_get(error, "canceller");
    assert_int_equal(who->kind, RAW_ARRAY);
    assert_string_equal(who->items[0].s, canceller->name);
    assert_string_equal(who->items[1].s, canceller->uuid);
    assert_string_equal(raw_get(error, "src_uid")->items[1].s, raw_str(p->aid, "uuid"));
}

static void test_python_parent(void **state) {
    (void)state;
    python_parent parent = python_parent_start("kid");
    const char *address;
    int waited_ms;
    raw_peer *p = boot_child(&parent, &address, &waited_ms);
    /* An older parent notices a child only if it is not too fast. */
    assert_in_range(waited_ms, 15, raw_patience(500));

    const raw_node *value = raw_call(p, "eps", "add", "{'a':20,'b':22}");
    assert_true(value && value->i == 42);
    expect_error(p, raw_start(p, "eps", "add", "{'a':1}"), "TypeError");
    const char *cid = raw_start(p, "eps", "raises_value_error", "{'msg':'boom'}");
    assert_non_null(raw_expect(p, "StartAck", cid));
    expect_error(p, cid, "ValueError");
    expect_error(p, raw_start(p, "eps", "missing", "{}"), "AttributeError");
    expect_error(p, raw_start(p, "os", "system", "{}"), "ModuleNotExposed");
    expect_error(p, raw_start(p, "self", "missing", "{}"), "AttributeError");
    expect_error(p, raw_start(p, "self", "register_actor", "{}"), "AttributeError"); /* no registrar */

    /* It listens where it said. */
    raw_peer *other = raw_open_greeted(address, "other");
    assert_non_null(other);
    assert_non_null(raw_call(other, "eps", "echo", "{}"));

    /* Cancel of a task: acknowledged, the task's last word, and then the final answer. */
    cid = raw_start(p, "eps", "sleep_forever", "{}");
    assert_non_null(raw_expect(p, "StartAck", cid));
    const char *cancel = raw_start(p, "self", "_cancel_task", raw_format(&p->arena, "{'cid':'%s'}", cid));
    assert_non_null(raw_expect(p, "StartAck", cancel));
    expect_cancelled_by(p, cid, p);
    const raw_node *ack = raw_expect(p, "CancelAck", cancel);
    assert_true(ack && raw_get(ack, "pld")->i == 1);
    /* Of one that is over, and of one on another connection: acknowledged all the same. */
    cancel = raw_start(p, "self", "_cancel_task", raw_format(&p->arena, "{'cid':'%s'}", cid));
    assert_true(raw_expect(p, "StartAck", cancel) && raw_expect(p, "CancelAck", cancel));

    /* Cancel of the actor: tasks of every connection are told who it was; acknowledged; unregistered; gone. */
    cid = raw_start(p, "eps", "sleep_forever", "{}");
    assert_non_null(raw_expect(p, "StartAck", cid));
    const char *foreign_cid = raw_start(other, "eps", "sleep_forever", "{}");
    assert_non_null(raw_expect(other, "StartAck", foreign_cid));
    cancel = raw_start(p, "self", "cancel", "{}");
    assert_non_null(raw_expect(p, "StartAck", cancel));
    expect_cancelled_by(p, cid, p);
    assert_non_null(raw_expect(p, "CancelAck", cancel));
    expect_cancelled_by(other, foreign_cid, p);
    serve_registrar(&parent, p, "unregister_actor");
    assert_true(raw_wait_closed(p, raw_patience(RAW_WAIT)));
    assert_true(raw_wait_closed(other, raw_patience(RAW_WAIT)));
    raw_close(p);
    raw_close(other);
    python_parent_finish(&parent, 0);
}

/* The parent is gone: the child goes too, unregistered. */
static void test_python_parent_vanishes(void **state) {
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        python_parent parent = python_parent_start("kid");
        const char *address;
        raw_peer *p = boot_child(&parent, &address, NULL);
        assert_non_null(raw_expect(p, "StartAck", raw_start(p, "eps", "sleep_forever", "{}")));
        raw_peer *registrar = raw_on_fd(dup(p->fd), "root");
        memcpy(registrar->uuid, p->uuid, sizeof p->uuid);
        if (reset)
            raw_reset(p);
        else
            raw_close(p);
        shutdown(registrar->fd, SHUT_RDWR);
        serve_registrar(&parent, registrar, "unregister_actor");
        raw_close(registrar);
        python_parent_finish(&parent, 74); /* nobody asked it to */
    }
}

/* A boot that fails is told in the old way, by an Error without a dialog, and by the exit status. */
static void fail_boot(const char *modules, const char *type) {
    python_parent parent = python_parent_start("kid");
    raw_peer *p = greet_child(&parent, NULL);
    assert_true(raw_send(p, "%s", spec_text(p, "[]", modules)));
    const raw_node *error = raw_expect(p, "Error", NULL);
    assert_non_null(error);
    assert_int_equal(raw_get(error, "cid")->kind, RAW_NIL);
    assert_string_equal(raw_str(error, "boxed_type_str"), type);
    assert_true(raw_wait_closed(p, raw_patience(RAW_WAIT)));
    raw_close(p);
    python_parent_finish(&parent, 1);
}

static void test_failed_boot_under_python(void **state) {
    (void)state;
    fail_boot("{'nowhere':'/x/nowhere.py'}", "ModuleNotFoundError");
    fail_boot("{'eps':'','noinit':'" TRACTOR_TEST_BINARY_DIR "/noinit.so'}", "ImportError");
}

/* No registrar at all is fine. */
static void test_no_registrar(void **state) {
    (void)state;
    python_parent parent = python_parent_start("kid");
    raw_peer *p = greet_child(&parent, NULL);
    assert_true(raw_send(p, "%s", spec_text(p, "[]", "{'eps':''}")));
    assert_non_null(raw_call(p, "eps", "echo", "{}")); /* asked before it can be ready */
    const char *cancel = raw_start(p, "self", "cancel", "{}");
    assert_true(raw_expect(p, "StartAck", cancel) && raw_expect(p, "CancelAck", cancel));
    assert_true(raw_wait_closed(p, raw_patience(RAW_WAIT)));
    raw_close(p);
    python_parent_finish(&parent, 0);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(test_python_child),  KIT_TEST(test_python_child_is_found),  KIT_TEST(test_python_child_fails),
        KIT_TEST(test_python_parent), KIT_TEST(test_python_parent_vanishes), KIT_TEST(test_failed_boot_under_python),
        KIT_TEST(test_no_registrar),
    };
    return kit_run_tests(tests);
}
