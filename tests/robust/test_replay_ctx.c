/* The recorded dialogs of contexts, streams and nested errors, with an actor of ours in the place of each of those in them:
 * the same messages in the same order. replay.h says what is not compared, replay_better.c where ours say more. */
// ctest: timeout=120
#include "robust/python_parent.h"
#include "robust/replay.h"

#define VECTORS TRACTOR_TEST_SOURCE_DIR "/../vectors/"

/* ---- we are the root ---- */

typedef struct play play;

typedef enum kind { CONTEXT, GENERATOR, CALL } kind;

/* One thing that the recorded root did, and how it came out. */
typedef struct step {
    kind kind;
    const char *func, *args, *schema;
    uint32_t flags;
    const char *first;      /* what it starts with */
    void (*block)(play *p); /* runs then, or when the call is on its way */
    int code;               /* of the error */
    const char *type;
    const char *value; /* NULL without an error: neither */
} step;

typedef struct dialog {
    const char *name, *child;
    step steps[4];
} dialog;

struct play {
    const dialog *dialog;
    const step *step;
    const char *record;
    tractor_portal *portal;
    tractor_op op;
    tractor_ctx *ctx;
    tractor_stream *stream;
    int64_t received, wanted; /* of the values 0, 1, ... */
    void (*then)(play *p);    /* when that many were received, or the stream ended */
    kit_outcome child;
};

static void next_step(play *p);

static void assert_shows(const tractor_value *value, const char *text) {
    raw_arena arena = { NULL };
    tractor_bytes bytes = tractor_value_bytes(value);
    assert_string_equal(raw_show(&arena, raw_decode(&arena, bytes.data, bytes.len)),
                        raw_show(&arena, raw_parse(&arena, text)));
    raw_release(&arena);
}

static tractor_nursery *scope(play *p) { return tractor_ctx_nursery(p->ctx); }

static void open_stream(play *p, const tractor_call_options *options) {
    assert_int_equal(tractor_ctx_open_stream(p->ctx, options, &p->stream), TRACTOR_OK);
}

static void stay(play *p) { tractor_nursery_sleep(scope(p), TRACTOR_FOREVER, NULL, NULL); }

static void leave_stream(play *p) { tractor_stream_close(p->stream); }

static void on_counted(const tractor_error *err, const tractor_value *value, void *user) {
    play *p = user;
    if (err) {
        kit_assert_code(err, TRACTOR_EEOF);
        if (p->then)
            p->then(p);
        return;
    }
    int64_t n;
    if (tractor_unpack(value, "I", &n) == TRACTOR_OK)
        assert_int_equal(n, p->received);
    if (++p->received == p->wanted)
        p->then(p);
    else
        tractor_stream_receive(p->stream, NULL, on_counted, p);
}

/* Until so many are here; 0: until the end. */
static void receive(play *p, int64_t wanted, void (*then)(play *p)) {
    p->received = 0;
    p->wanted = wanted;
    p->then = then;
    tractor_stream_receive(p->stream, NULL, on_counted, p);
}

/* 06b, 08a, 08b: one after the other, to the end. */
static void receive_all(play *p) {
    open_stream(p, NULL);
    receive(p, 0, NULL);
}

/* 06 */
static void on_echo(const tractor_error *err, const tractor_value *value, void *user) {
    play *p = user;
    kit_assert_code(err, TRACTOR_OK);
    kit_assert_value(value, "I", 10 * p->received);
    if (p->received == 3)
        return leave_stream(p);
    assert_int_equal(tractor_stream_sendf(p->stream, "I", ++p->received), TRACTOR_OK);
    tractor_stream_receive(p->stream, NULL, on_echo, p);
}

static void converse(play *p) {
    open_stream(p, NULL);
    assert_int_equal(tractor_stream_sendf(p->stream, "I", p->received = 1), TRACTOR_OK);
    tractor_stream_receive(p->stream, NULL, on_echo, p);
}

/* 06c: the very bytes that were recorded. */
static void send_payloads(play *p) {
    open_stream(p, NULL);
    FILE *f = fopen(p->record, "re");
    assert_non_null(f);
    char *line = NULL;
    size_t size = 0, len;
    while (getline(&line, &size, f) > 0) {
        char *hex = strstr(line, "\"hex\": \"");
        if (!hex || !strstr(line, "\"msg_type\": \"Yield\""))
            continue;
        raw_arena arena = { NULL };
        hex += 8;
        unsigned char *frame = raw_compile(&arena, raw_format(&arena, "<%.*s>", (int)strcspn(hex, "\""), hex), &len);
        tractor_value *message = tractor_value_new((tractor_bytes){ frame + 4, len - 4 });
        tractor_bytes payload;
        assert_int_equal(tractor_unpack(message, "{s:v, *}", "pld", &payload), TRACTOR_OK);
        assert_int_equal(tractor_stream_send(p->stream, payload), TRACTOR_OK);
        tractor_value_unref(message);
        raw_release(&arena);
    }
    free(line);
    fclose(f);
    leave_stream(p);
}

/* 07 */
static void cancel_now(play *p) { tractor_ctx_cancel(p->ctx, NULL, NULL, NULL, NULL); }

static void on_slept(const tractor_error *err, void *user) {
    play *p = user;
    kit_assert_code(err, TRACTOR_OK);
    p->then(p);
}

static void cancel_later(play *p) {
    p->then = cancel_now;
    tractor_nursery_sleep(scope(p), 100 * TRACTOR_MS, on_slept, p);
}

/* 07b */
static void raise_here(play *p) {
    tractor_error *err = tractor_error_newf(TRACTOR_ERUNTIME, "ValueError", "parent side error");
    tractor_nursery_fail(scope(p), err);
    tractor_error_unref(err);
}

/* 09 */
static void do_not_receive(play *p) {
    open_stream(p, NULL);
    stay(p);
}

/* 09b */
static void send_too_much(play *p) {
    open_stream(p, NULL);
    for (int i = 0; i < 67; i++)
        assert_int_equal(tractor_stream_sendf(p->stream, "i", i), TRACTOR_OK);
    stay(p);
}

/* 09c */
static void leave_and_cancel(play *p) {
    leave_stream(p);
    cancel_now(p);
}

static void receive_67(play *p) { receive(p, 67, leave_and_cancel); }

static void receive_late(play *p) {
    open_stream(p, &(tractor_call_options){ TRACTOR_CALL_OPTIONS, .flags = TRACTOR_CALL_ALLOW_OVERRUNS });
    p->then = receive_67;
    tractor_nursery_sleep(scope(p), 500 * TRACTOR_MS, on_slept, p);
}

/* 10 */
static void to_the_end(play *p) { receive(p, 0, NULL); }
static void leave_after_3(play *p) { receive(p, 3, leave_stream); }

/* 13a */
static void on_end_of_stream(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value, (void)user;
    kit_assert_code(err, TRACTOR_EEOF);
}

static void on_twice(const tractor_error *err, const tractor_value *value, void *user) {
    play *p = user;
    kit_assert_code(err, TRACTOR_OK);
    kit_assert_value(value, "i", 2);
    assert_int_equal(tractor_stream_sendf(p->stream, "s", "not an int"), TRACTOR_OK);
    tractor_stream_receive(p->stream, NULL, on_end_of_stream, p);
}

static void send_wrong_type(play *p) {
    open_stream(p, NULL);
    assert_int_equal(tractor_stream_sendf(p->stream, "i", 1), TRACTOR_OK);
    tractor_stream_receive(p->stream, NULL, on_twice, p);
}

/* 13b */
static void on_wrong_type(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value, (void)user;
    kit_assert_code(err, TRACTOR_EMSGTYPE);
}

static void receive_wrong_type(play *p) {
    open_stream(p, NULL);
    tractor_stream_receive(p->stream, NULL, on_wrong_type, p);
}

/* 13c */
static void give_up(play *p) { tractor_op_cancel(kit_actor(), p->op); }

#define N_67 "{'n':67}"

static const dialog dialogs[] = {
    { "05_context",
      "child",
      { { .func = "started_return",
          .args = "{'first':'hello','last':'bye'}",
          .first = "'hello'",
          .value = "'bye'" } } },
    { "05b_context_not_started",
      "child",
      { { .func = "error_before_started", .code = TRACTOR_EREMOTE, .type = "KeyError" },
        /* Python takes the result for the first value, and hangs at its exit. */
        { .func = "never_starts", .code = TRACTOR_EMSGTYPE, .type = "MessagingError" } } },
    { "06_stream",
      "child",
      { { .func = "echo_stream", .first = "'ready'", .block = converse, .value = "'echoed 3'" } } },
    { "06b_stream_child_stops",
      "child",
      { { .func = "child_stops_first", .first = "nil", .block = receive_all, .value = "'child done'" } } },
    { "06c_stream_payloads", "child", { { .func = "sink", .first = "nil", .block = send_payloads, .value = "47" } } },
    { "07_ctx_cancel_parent", "child", { { .func = "ctx_sleeper", .first = "'sleeping'", .block = cancel_later } } },
    { "07b_ctx_parent_raises",
      "child",
      { { .func = "ctx_sleeper",
          .first = "'sleeping'",
          .block = raise_here,
          .code = TRACTOR_ERUNTIME,
          .type = "ValueError" } } },
    { "08a_ctx_cancel_child",
      "child",
      { { .func = "child_cancels",
          .first = "1",
          .block = receive_all,
          .code = TRACTOR_ECTXCANCELED,
          .type = "ContextCancelled" } } },
    { "08b_ctx_child_error",
      "child",
      { { .func = "child_errors",
          .first = "1",
          .block = receive_all,
          .code = TRACTOR_EREMOTE,
          .type = "RuntimeError" } } },
    { "09_overrun",
      "child",
      { { .func = "flood",
          .args = N_67,
          .first = "67",
          .block = do_not_receive,
          .code = TRACTOR_EREMOTE,
          .type = "RemoteActorError" } } },
    { "09b_overrun_child_side",
      "child",
      { { .func = "ctx_sleeper",
          .first = "'sleeping'",
          .block = send_too_much,
          .code = TRACTOR_EOVERRUN,
          .type = "StreamOverrun" } } },
    { "09c_overruns_allowed",
      "child",
      { { .func = "flood",
          .args = N_67,
          .flags = TRACTOR_CALL_ALLOW_OVERRUNS,
          .first = "67",
          .block = receive_late } } },
    { "10_legacy_agen",
      "child",
      { { .kind = GENERATOR, .func = "agen", .args = "{'n':3}", .block = to_the_end },
        { .kind = GENERATOR, .func = "agen_forever", .block = leave_after_3 },
        { .kind = GENERATOR, .func = "legacy_stream", .args = "{'n':2}", .block = to_the_end } } },
    { "13a_type_error_from_parent",
      "child",
      { { .func = "typed_int",
          .schema = "int",
          .first = "1",
          .block = send_wrong_type,
          .code = TRACTOR_EMSGTYPE,
          .type = "MsgTypeError" } } },
    { "13b_type_error_from_child",
      "child",
      { { .func = "bad_started", .schema = "int", .code = TRACTOR_EMSGTYPE, .type = "MsgTypeError" },
        { .func = "bad_return", .schema = "int", .first = "1", .code = TRACTOR_EMSGTYPE, .type = "MsgTypeError" },
        { .func = "bad_yield",
          .schema = "int",
          .first = "1",
          .block = receive_wrong_type,
          .code = TRACTOR_EMSGTYPE,
          .type = "MsgTypeError" } } },
    { "13c_unencodable",
      "child",
      { { .kind = CALL,
          .func = "unencodable",
          .block = give_up,
          .code = TRACTOR_ECANCELED,
          .type = "ContextCancelled" } } },
    { "14a_nested_error",
      "middle",
      { { .kind = CALL, .func = "spawn_grandchild_and_raise", .code = TRACTOR_EREMOTE, .type = "RemoteActorError" } } },
    { "14b_nested_ctx_error",
      "middle",
      { { .func = "ctx_spawn_grandchild",
          .first = "'middle up'",
          .block = stay,
          .code = TRACTOR_EREMOTE,
          .type = "RemoteActorError" } } },
};

static void on_result(const tractor_error *err, const tractor_value *value, void *user) {
    play *p = user;
    const step *s = p->step++;
    kit_assert_code(err, s->code);
    if (err)
        assert_string_equal(tractor_error_boxed_type(err), s->type);
    else if (s->value)
        assert_shows(value, s->value);
    else
        assert_null(value);
    next_step(p);
}

static void on_end(const tractor_error *err, void *user) { on_result(err, NULL, user); }

static void on_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    play *p = user;
    p->ctx = ctx;
    assert_non_null(p->step->first);
    assert_shows(first, p->step->first);
    if (p->step->block)
        p->step->block(p);
}

static void on_open(tractor_stream *stream, void *user) {
    play *p = user;
    p->stream = stream;
    p->step->block(p);
}

static void next_step(play *p) {
    const step *s = p->step;
    if (!s->func) {
        tractor_nursery_cancel(tractor_actor_nursery(kit_actor()), NULL);
        return;
    }
    raw_arena arena = { NULL };
    size_t len;
    unsigned char *data = raw_compile(&arena, s->args ? s->args : "{}", &len);
    tractor_bytes args = { data, len };
    tractor_call_options options = { TRACTOR_CALL_OPTIONS, .schema = s->schema, .flags = s->flags };
    if (s->kind == CONTEXT) {
        p->op = tractor_portal_open_context(p->portal, NULL, "eps", s->func, args, &options, on_started, on_result, p);
    } else if (s->kind == GENERATOR) {
        p->op = tractor_portal_open_stream_from(p->portal, NULL, "eps", s->func, args, &options, on_open, on_end, p);
    } else {
        p->op = tractor_portal_run(p->portal, NULL, "eps", s->func, args, &options, on_result, p);
        if (s->block)
            s->block(p);
    }
    raw_release(&arena);
}

static void child_is_up(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    p->portal = o->portal;
    next_step(p);
}

static void be_the_root(tractor_nursery *root, void *user) {
    play *p = user;
    static const char *const modules[] = { "eps=/home/dev/app/eps.py", NULL };
    const char *argv[] = { "replay", p->record, "root", kit_path("verdict"), NULL };
    p->child = (kit_outcome){ .then = child_is_up, .user = p };
    tractor_nursery_start_actor(
        root, p->dialog->child,
        &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .program = TRACTOR_TEST_BINARY_DIR "/prog_replay",
                                  .argv = argv, .modules = modules },
        kit_on_portal, &p->child);
}

static void test_as_root(void **state) {
    const dialog *d = *state;
    play p = { .dialog = d, .step = d->steps, .record = kit_text(VECTORS "%s.jsonl", d->name) };
    kit_run run = kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .name = "root" }, be_the_root, &p);
    assert_string_equal(kit_read_file(kit_path("verdict")), "good");
    kit_assert_code(run.err, TRACTOR_OK);
    assert_true(p.step > d->steps && !p.step->func);
}

/* ---- we are a child ---- */

static void be_a_child(const dialog *d, const char *us, const char *me, bool everybody, int status) {
    const char *record = kit_text(VECTORS "%s.jsonl", d->name);
    setenv("TRACTOR_TEST_RECORD", record, 1);
    setenv("TRACTOR_TEST_VERDICT", kit_path("verdict"), 1);
    python_parent parent = python_parent_start(us);
    replay r = { .us = us,
                 .me = me,
                 .everybody = everybody,
                 .transport = kit_transport(),
                 .address = parent.listener.multiaddr,
                 .listener = &parent.listener };
    if (!replay_run(&r, record))
        fail_msg("%s\nThe child said:\n%s", r.wrong[0] ? r.wrong : "stopped", kit_read_file(parent.log));
    replay_close(&r);
    python_parent_finish(&parent, status);
}

static void test_as_child(void **state) { be_a_child(*state, "child", "root", false, 0); }

/* The grandchild that it starts plays its own part. */
static void test_as_middle(void **state) {
    be_a_child(*state, "middle", "root", false, 0);
    assert_string_equal(kit_read_file(kit_path("verdict")), "good");
}

static void test_as_grandchild(void **state) { be_a_child(*state, "grandchild", "middle", true, 0); }

#define ONE(test, name, number) KIT_TEST_WITH(test, name, (void *)(uintptr_t)&dialogs[number])
#define BOTH(name, number) ONE(test_as_root, name, number), ONE(test_as_child, name, number)

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        BOTH("05_context", 0),
        BOTH("05b_context_not_started", 1),
        BOTH("06_stream", 2),
        BOTH("06b_stream_child_stops", 3),
        BOTH("06c_stream_payloads", 4),
        BOTH("07_ctx_cancel_parent", 5),
        BOTH("07b_ctx_parent_raises", 6),
        BOTH("08a_ctx_cancel_child", 7),
        BOTH("08b_ctx_child_error", 8),
        BOTH("09_overrun", 9),
        BOTH("09b_overrun_child_side", 10),
        BOTH("09c_overruns_allowed", 11),
        BOTH("10_legacy_agen", 12),
        BOTH("13a_type_error_from_parent", 13),
        BOTH("13b_type_error_from_child", 14),
        BOTH("13c_unencodable", 15),
        ONE(test_as_root, "14a_nested_error", 16),
        ONE(test_as_middle, "14a_nested_error", 16),
        ONE(test_as_grandchild, "14a_nested_error", 16),
        ONE(test_as_root, "14b_nested_ctx_error", 17),
        ONE(test_as_middle, "14b_nested_ctx_error", 17),
        ONE(test_as_grandchild, "14b_nested_ctx_error", 17),
    };
    return kit_run_tests(tests);
}
