/* peers that say what no peer should say in a context, and one that reads nothing. Each message out of place
 * has one defined outcome, and never concerns anybody else. */
#include "robust/raw_value.c"
/* One file after the other: they belong to the programs of another folder. */
#include "robust/raw_peer.c"
#include "robust/script.c"

/* ---- the task's side: a raw caller ---- */

typedef struct collected {
    tractor_ctx *ctx;
    tractor_stream *stream;
    char text[200];
} collected;

static void note(char *text, size_t size, const tractor_value *value) {
    int n;
    assert_int_equal(tractor_unpack(value, "i", &n), TRACTOR_OK);
    size_t len = strlen(text);
    snprintf(text + len, size - len, "%d,", n);
}

static void collect_one(const tractor_error *err, const tractor_value *value, void *user) {
    collected *c = user;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        tractor_ctx_return(c->ctx, "s", c->text);
    if (err)
        return;
    note(c->text, sizeof c->text, value);
    tractor_stream_receive(c->stream, NULL, collect_one, c);
}

static void collect_started(const tractor_error *err, void *user) {
    collected *c = user;
    if (err)
        return;
    tractor_ctx_started(c->ctx, NULL);
    tractor_ctx_open_stream(c->ctx, NULL, &c->stream);
    tractor_stream_receive(c->stream, NULL, collect_one, c);
}

/* Starts after a while and answers with what came until the end of the stream. */
static void collect(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int after = 0;
    (void)user;
    collected *c = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *c);
    c->ctx = ctx;
    if (tractor_ctx_unpack(ctx, args, "{s?:i}", "after", &after) != TRACTOR_OK)
        return;
    if (after)
        tractor_nursery_sleep(tractor_ctx_nursery(ctx), after * TRACTOR_MS, collect_started, c);
    else
        collect_started(NULL, c);
}

/* Opens a stream and never looks at it. */
static void look_away(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_stream *stream;
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &stream);
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL);
}

static const tractor_endpoint module[] = { TRACTOR_CTX("collect", collect), TRACTOR_CTX("look_away", look_away),
                                           TRACTOR_ENDPOINTS_END };
static const char *const modules[] = { "frames", "kit", NULL };

static void play_script(void (*run)(script *), void *user) {
    script s = { .run = run, .user = user };
    kit_run result = kit_run_root(
        &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .name = "root", .enable_modules = modules }, body, &s);
    kit_assert_code(result.err, TRACTOR_OK);
}

/* What the task has collected; "" if something else came. */
static const char *returned(raw_peer *p, const char *cid) {
    const raw_node *answer = raw_expect(p, "Return", cid);
    return answer ? raw_str(answer, "pld") : "";
}

static void yield(raw_peer *p, const char *cid, int n) {
    raw_send(p, "{'msg_type':'Yield','cid':'%s','pld':%d}", cid, n);
}

static void stop(raw_peer *p, const char *cid) { raw_send(p, "{'msg_type':'Stop','cid':'%s'}", cid); }

static const char *start_collect(raw_peer *p) {
    const char *cid = raw_start(p, "frames", "collect", "{}");
    return raw_expect(p, "StartAck", cid) && raw_expect(p, "Started", cid) ? cid : NULL;
}

/* The second Start is dropped; there is one task, and it answers once. */
static void duplicate_cid(script *s) {
    raw_peer *p = raw_open_greeted(s->address, "twice");
    for (int i = 0; i < 2; i++)
        CHECK(s, raw_send(p,
                          "{'msg_type':'Start','cid':'same','ns':'frames','func':'collect','kwargs':{},'uid':['%s','%s'"
                          "],'pld_spec':'typing.Any'}",
                          p->name, p->uuid));
    yield(p, "same", 1);
    stop(p, "same");
    CHECK(s, raw_expect(p, "StartAck", "same") && raw_expect(p, "Started", "same"));
    CHECK(s, strcmp(returned(p, "same"), "1,") == 0);
    CHECK(s, raw_call(p, "kit", "echo", "{}"));
    raw_close(p);
}

static void X_10_duplicate_cid(void **state) {
    (void)state;
    kit_expect_log("a second Start");
    play_script(duplicate_cid, NULL);
}

/* The id of a dialog that is over may be used again. */
static void cid_again(script *s) {
    raw_peer *p = raw_open_greeted(s->address, "again");
    for (int i = 0; i < 2; i++) {
        CHECK(s, raw_send(p,
                          "{'msg_type':'Start','cid':'again','ns':'frames','func':'collect','kwargs':{},'uid':['%s','%s"
                          "'],'pld_spec':'typing.Any'}",
                          p->name, p->uuid));
        CHECK(s, raw_expect(p, "StartAck", "again") && raw_expect(p, "Started", "again"));
        yield(p, "again", i);
        stop(p, "again");
        CHECK(s, strcmp(returned(p, "again"), i ? "1," : "0,") == 0);
    }
    raw_close(p);
}

static void X_10_cid_of_a_dialog_that_is_over(void **state) {
    (void)state;
    play_script(cid_again, NULL);
}

/* What comes before the task has started, and even before it runs, waits for it. */
static void early_yield(script *s) {
    raw_peer *p = raw_open_greeted(s->address, "early");
    const char *cid = raw_start(p, "frames", "collect", "{'after':20}");
    yield(p, cid, 1);
    yield(p, cid, 2);
    stop(p, cid);
    CHECK(s, raw_expect(p, "StartAck", cid) && raw_expect(p, "Started", cid));
    CHECK(s, strcmp(returned(p, cid), "1,2,") == 0);
    raw_close(p);
}

static void X_10_yield_before_started(void **state) {
    (void)state;
    play_script(early_yield, NULL);
}

/* Dropped, in one piece with the Stop and behind it. */
static void late_yield(script *s) {
    raw_peer *p = raw_open_greeted(s->address, "late");
    const char *cid = start_collect(p);
    CHECK(s, cid);
    size_t a, b, c;
    unsigned char *one = raw_frame(p, &a, "{'msg_type':'Yield','cid':'%s','pld':1}", cid);
    unsigned char *end = raw_frame(p, &b, "{'msg_type':'Stop','cid':'%s'}", cid);
    unsigned char *two = raw_frame(p, &c, "{'msg_type':'Yield','cid':'%s','pld':2}", cid);
    unsigned char *all = raw_alloc(&p->arena, a + 2 * b + c);
    memcpy(all, one, a);
    memcpy(all + a, end, b);
    memcpy(all + a + b, two, c);
    memcpy(all + a + b + c, end, b);
    CHECK(s, raw_write(p, all, a + 2 * b + c));
    CHECK(s, strcmp(returned(p, cid), "1,") == 0);
    yield(p, cid, 3);
    stop(p, cid);
    CHECK(s, raw_call(p, "kit", "echo", "{}"));
    raw_close(p);
}

static void X_10_yield_after_stop(void **state) {
    (void)state;
    play_script(late_yield, NULL);
}

/* Messages that only a callee sends are dropped, with a warning, and the task goes on. */
static void wrong_way(script *s) {
    raw_peer *p = raw_open_greeted(s->address, "backwards");
    const char *cid = start_collect(p);
    CHECK(s, cid);
    raw_send_ack(p, cid, "context");
    raw_send(p, "{'msg_type':'Started','cid':'%s','pld':7}", cid);
    raw_send_return(p, cid, "7");
    raw_send_return(p, cid, "8");
    raw_send_cancel_ack(p, cid);
    yield(p, cid, 1);
    stop(p, cid);
    CHECK(s, strcmp(returned(p, cid), "1,") == 0);
    raw_close(p);
}

static void X_10_messages_of_a_callee_from_a_caller(void **state) {
    (void)state;
    kit_expect_log("it has no place there");
    play_script(wrong_way, NULL);
    assert_int_equal(kit_log_count("it has no place there"), 5);
}

/* Dropped: the dialog may have ended a moment ago. */
static void unknown_cid(script *s) {
    raw_peer *p = raw_open_greeted(s->address, "stray");
    const char *cid = start_collect(p);
    CHECK(s, cid);
    raw_send_error(p, "nobody", "ValueError", NULL);
    raw_send_error(p, "nobody", "ContextCancelled", p);
    raw_send_ack(p, "nobody", "context");
    raw_send(p, "{'msg_type':'Started','cid':'%s','pld':7}", "nobody");
    raw_send_return(p, "nobody", "7");
    raw_send_cancel_ack(p, "nobody");
    yield(p, "nobody", 1);
    stop(p, "nobody");
    yield(p, cid, 1);
    stop(p, cid);
    CHECK(s, strcmp(returned(p, cid), "1,") == 0);
    raw_close(p);
}

static void X_10_unknown_cid(void **state) {
    (void)state;
    play_script(unknown_cid, NULL);
}

/* An Error for a task cancels it, and comes back as what it is: relayed. A second one changes nothing. */
static void error_for_task(script *s) {
    raw_peer *p = raw_open_greeted(s->address, "caller");
    const char *cid = start_collect(p);
    CHECK(s, cid);
    raw_send_error(p, cid, "ValueError", NULL);
    raw_send_error(p, cid, "KeyError", NULL);
    const raw_node *message = raw_receive(p, raw_patience(RAW_WAIT));
    if (strcmp(raw_str(message, "msg_type"), "Stop") == 0)
        message = raw_receive(p, raw_patience(RAW_WAIT));
    CHECK(s, strcmp(raw_str(message, "msg_type"), "Error") == 0, "%s", raw_show(&p->arena, message));
    CHECK(s, strcmp(raw_str(message, "boxed_type_str"), "RemoteActorError") == 0);
    CHECK(s, strcmp(raw_str(message, "src_type_str"), "ValueError") == 0);
    const raw_node *path = raw_get(message, "relay_path");
    CHECK(s, path && path->count == 2);
    CHECK(s, raw_call(p, "kit", "echo", "{}"));
    raw_close(p);
}

static void X_10_error_for_a_task(void **state) {
    (void)state;
    play_script(error_for_task, NULL);
}

/* ---- the flooder never reads what it is told of its overruns ---- */

static void flood(script *s) {
    raw_peer *p = raw_open_greeted(s->address, "flooder");
    const char *cid = raw_start(p, "frames", "look_away", "{}");
    CHECK(s, raw_expect(p, "StartAck", cid) && raw_expect(p, "Started", cid));
    enum { AT_ONCE = 1000, TIMES = SANITIZED ? 30 : 300 };
    size_t len;
    unsigned char *one = raw_frame(p, &len, "{'msg_type':'Yield','cid':'%s','pld':1}", cid);
    unsigned char *many = raw_alloc(&p->arena, len * AT_ONCE);
    for (size_t i = 0; i < AT_ONCE; i++)
        memcpy(many + i * len, one, len);
    long before = 0;
    int64_t worst = 0;
    for (int i = 0; i < TIMES; i++) {
        CHECK(s, raw_write(p, many, len * AT_ONCE));
        int64_t asked = tractor_now();
        CHECK(s, script_undisturbed(s));
        int64_t took = tractor_now() - asked;
        worst = took > worst ? took : worst;
        if (i == TIMES / 10)
            before = script_memory();
    }
    long grown = script_memory() - before;
    print_message("%d messages, the slowest answer took %.1f ms, %ld KiB more\n", AT_ONCE * TIMES, (double)worst / 1e6,
                  grown);
    CHECK(s, kit_within_ms(worst, 50));
    CHECK(s, SANITIZED || grown <= 8 * 1024, "%ld KiB more", grown);
    raw_close(p);
}

static void X_07_overruns_that_nobody_reads_of(void **state) {
    (void)state;
    play_script(flood, NULL);
}

/* ---- the caller's side: a raw callee ---- */

enum { MAYBE = -1 };

typedef struct scene {
    void (*say)(raw_peer *p, const char *cid);
    int code;           /* of on_result */
    const char *type;   /* boxed */
    int result;         /* of a success */
    const char *values; /* received from the stream */
    int cancels; /* how often the caller asks for the task's end; MAYBE: for old peers' sake, it says so of one that is over */
} scene;

/* One that is played. */
typedef struct dialog {
    const scene *of;
    raw_listener listener;
    raw_peer *peer;
    char uuid[37], wrong[300], text[200];
    int cancel_requests;
    kit_outcome found, end;
    tractor_stream *stream;
} dialog;

static void say_started_twice(raw_peer *p, const char *cid) {
    raw_send_ack(p, cid, "context");
    raw_send(p, "{'msg_type':'Started','cid':'%s','pld':1}", cid);
    raw_send(p, "{'msg_type':'Started','cid':'%s','pld':2}", cid);
}

static void started(raw_peer *p, const char *cid) {
    raw_send_ack(p, cid, "context");
    raw_send(p, "{'msg_type':'Started','cid':'%s','pld':1}", cid);
}

static void say_yield_before_started(raw_peer *p, const char *cid) {
    raw_send_ack(p, cid, "context");
    yield(p, cid, 5);
    raw_send(p, "{'msg_type':'Started','cid':'%s','pld':1}", cid);
    yield(p, cid, 6);
    stop(p, cid);
    raw_send_return(p, cid, "9");
}

static void say_yield_before_ack(raw_peer *p, const char *cid) {
    yield(p, cid, 5);
    started(p, cid);
    stop(p, cid);
    raw_send_return(p, cid, "9");
}

static void say_yield_after_stop(raw_peer *p, const char *cid) {
    started(p, cid);
    yield(p, cid, 1);
    stop(p, cid);
    yield(p, cid, 2);
    stop(p, cid);
    raw_send_return(p, cid, "9");
    yield(p, cid, 3);
}

static void say_return_twice(raw_peer *p, const char *cid) {
    started(p, cid);
    raw_send_return(p, cid, "9");
    raw_send_return(p, cid, "10");
}

static void say_return_unstarted(raw_peer *p, const char *cid) {
    raw_send_ack(p, cid, "context");
    raw_send_return(p, cid, "9");
}

static void say_error_elsewhere(raw_peer *p, const char *cid) {
    raw_send_error(p, "nobody", "ValueError", NULL);
    started(p, cid);
    raw_send_error(p, "nobody", "ValueError", NULL);
    raw_send_return(p, cid, "9");
}

static void say_error_twice(raw_peer *p, const char *cid) {
    started(p, cid);
    raw_send_error(p, cid, "ValueError", NULL);
    raw_send_error(p, cid, "KeyError", NULL);
}

static void say_return_then_error(raw_peer *p, const char *cid) {
    started(p, cid);
    raw_send_return(p, cid, "9");
    raw_send_error(p, cid, "ValueError", NULL);
}

static void say_error_then_return(raw_peer *p, const char *cid) {
    started(p, cid);
    raw_send_error(p, cid, "ValueError", NULL);
    raw_send_return(p, cid, "9");
}

static void say_ack_twice(raw_peer *p, const char *cid) {
    raw_send_ack(p, cid, "context");
    started(p, cid);
    raw_send_return(p, cid, "9");
}

static void say_no_ack(raw_peer *p, const char *cid) {
    raw_send(p, "{'msg_type':'Started','cid':'%s','pld':1}", cid);
    raw_send_return(p, cid, "9");
}

static void say_cancel_ack(raw_peer *p, const char *cid) {
    started(p, cid);
    raw_send_cancel_ack(p, cid);
}

static void say_function(raw_peer *p, const char *cid) { raw_send_ack(p, cid, "asyncfunc"); }

/* Registers with the root, waits to be called, says its text, and acknowledges what it is asked until nobody is there. */
static void be_callee(void *user) {
    dialog *d = user;
    bool found = false;
    d->peer = raw_accept(&d->listener, raw_patience(RAW_WAIT), "callee", d->uuid);
    const raw_node *message = d->peer && raw_greet(d->peer) ? raw_receive(d->peer, raw_patience(RAW_WAIT)) : NULL;
    const char *cid = raw_str(message, "cid");
    for (; message; message = raw_receive(d->peer, raw_patience(RAW_WAIT))) {
        if (strcmp(raw_str(message, "msg_type"), "Start") != 0)
            continue;
        if (strcmp(raw_str(message, "func"), "_cancel_task") == 0) {
            const char *request = raw_str(message, "cid");
            d->cancel_requests++;
            raw_send_ack(d->peer, request, "asyncfunc");
            raw_send_error(d->peer, cid, "ContextCancelled", d->peer);
            raw_send_cancel_ack(d->peer, request);
        } else {
            found = true;
            d->of->say(d->peer, cid);
        }
    }
    if (!found)
        snprintf(d->wrong, sizeof d->wrong, "nobody called");
    else if (d->peer->state != RAW_EOF)
        snprintf(d->wrong, sizeof d->wrong, "the connection was not closed");
}

static void callee_gone(const tractor_error *err, void *user) {
    dialog *d = user;
    assert_null(err);
    raw_close(d->peer);
    raw_unlisten(&d->listener);
    assert_string_equal(d->wrong, "");
}

static void heard(const tractor_error *err, const tractor_value *value, void *user) {
    dialog *d = user;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        tractor_stream_close(d->stream);
    if (err)
        return;
    note(d->text, sizeof d->text, value);
    tractor_stream_receive(d->stream, NULL, heard, d);
}

static void callee_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    dialog *d = user;
    kit_assert_value(first, "i", 1);
    assert_int_equal(tractor_ctx_open_stream(ctx, NULL, &d->stream), TRACTOR_OK);
    tractor_stream_receive(d->stream, NULL, heard, d);
}

static void callee_ended(const tractor_error *err, const tractor_value *value, void *user) {
    dialog *d = user;
    kit_on_value(err, value, &d->end);
    tractor_portal_close(d->found.portal);
}

static void callee_found(kit_outcome *o) {
    dialog *d = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    assert_non_null(o->portal);
    tractor_portal_open_context(o->portal, NULL, "eps", "task", TRACTOR_ARGS("{}"), NULL, callee_started, callee_ended,
                                d);
}

static void register_callee(void *user) {
    dialog *d = user;
    raw_peer *p = raw_open(kit_registry(), "callee");
    if (p)
        memcpy(p->uuid, d->uuid, sizeof p->uuid);
    if (!p || !raw_greet(p) ||
        !raw_call(p, "self", "register_actor",
                  raw_format(&p->arena, "{'uid':['callee','%s'],'addr':%s}", d->uuid,
                             raw_wire_address(&p->arena, d->listener.multiaddr))))
        snprintf(d->wrong, sizeof d->wrong, "can't register");
    raw_close(p);
}

static void registered(const tractor_error *err, void *user) {
    dialog *d = user;
    assert_null(err);
    assert_string_equal(d->wrong, "");
    tractor_nursery *root = tractor_actor_nursery(kit_actor());
    d->found.then = callee_found;
    d->found.user = d;
    tractor_nursery_run_in_thread(root, be_callee, callee_gone, d);
    tractor_find_actor(root, "callee", NULL, kit_on_portal, &d->found);
}

static void dialog_body(tractor_nursery *root, void *user) {
    tractor_nursery_run_in_thread(root, register_callee, registered, user);
}

static void X_10_callee(void **state) {
    dialog d = { .of = *state };
    assert_true(
        raw_listen(&d.listener, strcmp(kit_transport(), "uds") == 0 ? kit_fresh_address() : "/ip4/127.0.0.1/tcp/0"));
    raw_uuid(d.uuid);
    kit_run run = kit_run_root(NULL, dialog_body, &d);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(d.end.calls, 1);
    kit_assert_code(d.end.err, d.of->code);
    if (d.of->type)
        assert_string_equal(tractor_error_boxed_type(d.end.err), d.of->type);
    else
        kit_assert_value(d.end.value, "i", d.of->result);
    assert_string_equal(d.text, d.of->values);
    if (d.of->cancels == MAYBE)
        assert_in_range(d.cancel_requests, 0, 1);
    else
        assert_int_equal(d.cancel_requests, d.of->cancels);
    kit_assert_within_ms(run.ns, 1000);
}

int main(int argc, char **argv) {
    tractor_register("frames", module, NULL);
    kit_begin(argc, argv);
    static scene started_twice = { say_started_twice, TRACTOR_EMSGTYPE, "MessagingError", 0, "", 1 };
    static scene yield_before_started = { say_yield_before_started, TRACTOR_OK, NULL, 9, "5,6,", 0 };
    static scene yield_before_ack = { say_yield_before_ack, TRACTOR_OK, NULL, 9, "5,", 0 };
    static scene yield_after_stop = { say_yield_after_stop, TRACTOR_OK, NULL, 9, "1,", 0 };
    static scene return_twice = { say_return_twice, TRACTOR_OK, NULL, 9, "", 0 };
    static scene return_unstarted = { say_return_unstarted, TRACTOR_EMSGTYPE, "MessagingError", 0, "", 0 };
    static scene error_elsewhere = { say_error_elsewhere, TRACTOR_OK, NULL, 9, "", 0 };
    static scene error_twice = { say_error_twice, TRACTOR_EREMOTE, "ValueError", 0, "", MAYBE };
    static scene return_then_error = { say_return_then_error, TRACTOR_OK, NULL, 9, "", 0 };
    static scene error_then_return = { say_error_then_return, TRACTOR_EREMOTE, "ValueError", 0, "", MAYBE };
    static scene ack_twice = { say_ack_twice, TRACTOR_OK, NULL, 9, "", 0 };
    static scene no_ack = { say_no_ack, TRACTOR_OK, NULL, 9, "", 0 };
    static scene cancel_ack = { say_cancel_ack, TRACTOR_EMSGTYPE, "MessagingError", 0, "", 1 };
    static scene function = { say_function, TRACTOR_ERUNTIME, "TypeError", 0, "", 1 };
    const kit_test tests[] = {
        KIT_TEST(X_10_duplicate_cid),
        KIT_TEST(X_10_cid_of_a_dialog_that_is_over),
        KIT_TEST(X_10_yield_before_started),
        KIT_TEST(X_10_yield_after_stop),
        KIT_TEST(X_10_messages_of_a_callee_from_a_caller),
        KIT_TEST(X_10_unknown_cid),
        KIT_TEST(X_10_error_for_a_task),
        KIT_TEST_WITH(X_10_callee, "Started twice", &started_twice),
        KIT_TEST_WITH(X_10_callee, "Yield before Started", &yield_before_started),
        KIT_TEST_WITH(X_10_callee, "Yield before StartAck", &yield_before_ack),
        KIT_TEST_WITH(X_10_callee, "Yield after Stop", &yield_after_stop),
        KIT_TEST_WITH(X_10_callee, "Return twice", &return_twice),
        KIT_TEST_WITH(X_10_callee, "Return before Started", &return_unstarted),
        KIT_TEST_WITH(X_10_callee, "Error for an unknown cid", &error_elsewhere),
        KIT_TEST_WITH(X_10_callee, "Error twice", &error_twice),
        KIT_TEST_WITH(X_10_callee, "Return, then Error", &return_then_error),
        KIT_TEST_WITH(X_10_callee, "Error, then Return", &error_then_return),
        KIT_TEST_WITH(X_10_callee, "StartAck twice", &ack_twice),
        KIT_TEST_WITH(X_10_callee, "no StartAck", &no_ack),
        KIT_TEST_WITH(X_10_callee, "a stray CancelAck", &cancel_ack),
        KIT_TEST_WITH(X_10_callee, "StartAck of a function", &function),
        KIT_TEST(X_07_overruns_that_nobody_reads_of),
    };
    return kit_run_tests(tests);
}
