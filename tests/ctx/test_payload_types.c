/* What endpoints start with and return is held against their schemas, here and there; extensions; what the errors say.
 *
 * The original's `PldMsg | None` is a struct with one field; here that is `{field: str} | None`. */
#include "one_child.h"

#define SPEC "{field: str} | None"

/* ---- in the child: starts and returns as it is told, and writes down what it saw ---- */

static void write_down(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void write_down(const char *path, const char *format, ...) {
    FILE *file = fopen(path, "a");
    va_list args;
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    fclose(file);
}

typedef struct answering {
    tractor_ctx *ctx;
    tractor_value *result;
} answering;

/* The caller has seen the start. */
static void return_now(const tractor_error *err, const tractor_value *value, void *user) {
    answering *a = user;
    (void)value;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        tractor_ctx_return_value(a->ctx, tractor_value_bytes(a->result));
}
static void drop_result(const tractor_error *err, void *user) {
    (void)err;
    tractor_value_unref(((answering *)user)->result);
}

static void start_and_return(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_bytes first, result;
    const char *notes;
    bool at_once = false;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:v, s:v, s:s, s?:b}", "first", &first, "result", &result, "notes", &notes,
                           "at_once", &at_once) != TRACTOR_OK)
        return;
    int status = tractor_ctx_started_value(ctx, first);
    write_down(notes, "started: %d\n", status);
    const tractor_error *err = tractor_ctx_local_error(ctx);
    if (err) {
        char *report = tractor_error_format(err);
        write_down(notes, "%s, trace '%s', text %s\n--- report ---\n%s", tractor_error_name(err),
                   tractor_error_traceback(err) ? tractor_error_traceback(err) : "", tractor_error_message(err),
                   report);
        tractor_free(report);
        return;
    }
    if (at_once) {
        tractor_ctx_return_value(ctx, result);
        return;
    }
    answering *a = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *a);
    *a = (answering){ ctx, tractor_value_new(result) };
    tractor_nursery_on_end(tractor_ctx_nursery(ctx), drop_result, a);
    tractor_stream *stream;
    tractor_ctx_open_stream(ctx, NULL, &stream);
    tractor_stream_receive(stream, NULL, return_now, a);
}

/* ---- PLD-01, PFM-01 ---- */

typedef struct spec_case {
    const char *name;
    bool valid_start, valid_return, sender_checks;
    bool at_once; /* start and return come in one go */
} spec_case;
typedef struct spec_test {
    spec_case is;
    const char *notes;
    tractor_ctx *ctx;
    const char *cid;
    int starts;
    kit_outcome first, waited, result;
    const tractor_error *remote, *local, *maybe; /* as of the end */
    int64_t began;
} spec_test;

static void on_waited(const tractor_error *err, const tractor_value *value, void *user) {
    spec_test *t = user;
    kit_on_value(err, value, &t->waited);
    assert_ptr_equal(tractor_ctx_remote_error(t->ctx), err);
    assert_ptr_equal(tractor_ctx_maybe_error(t->ctx), err);
    assert_null(tractor_ctx_local_error(t->ctx));
    assert_string_equal(tractor_ctx_cid(t->ctx), t->cid);
}
static void on_spec_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    spec_test *t = user;
    t->ctx = ctx;
    t->cid = kit_text("%s", tractor_ctx_cid(ctx));
    t->starts++;
    kit_on_value(NULL, first, &t->first);
    tractor_stream *stream;
    tractor_ctx_open_stream(ctx, NULL, &stream);
    tractor_stream_send_eof(stream);
    tractor_ctx_wait_for_result(ctx, NULL, on_waited, t);
}
static void on_spec_result(const tractor_error *err, const tractor_value *value, void *user) {
    spec_test *t = user;
    kit_on_value(err, value, &t->result);
    if (t->ctx) {
        t->remote = kit_keep_error(tractor_ctx_remote_error(t->ctx));
        t->local = tractor_ctx_local_error(t->ctx);
        t->maybe = tractor_ctx_maybe_error(t->ctx);
    }
}
static void on_spec_child(const tractor_error *err, tractor_portal *portal, void *user) {
    spec_test *t = user;
    kit_assert_code(err, TRACTOR_OK);
    tractor_bytes first = t->is.valid_start ? tractor_pack("{s:s}", "field", "hello") : tractor_pack("i", 10);
    tractor_bytes result = t->is.valid_return ? tractor_pack("n") : tractor_pack("s", "yo");
    tractor_call_options options = { TRACTOR_CALL_OPTIONS, .schema = SPEC };
    t->began = tractor_now();
    tractor_portal_open_context(portal, NULL, "t", t->is.sender_checks ? "typed" : "untyped",
                                TRACTOR_ARGS("{s:v, s:v, s:s, s:b}", "first", &first, "result", &result, "notes",
                                             t->notes, "at_once", t->is.at_once),
                                t->is.sender_checks ? NULL : &options, on_spec_started, on_spec_result, t);
}
static void spec_body(tractor_nursery *root, void *user) { start_child(root, "sub", on_spec_child, user); }

/* The peer made the mistake, says the error, wherever it was found. */
static void assert_peers_mistake(const tractor_error *err, const char *message_type, const char *value) {
    kit_assert_code(err, TRACTOR_EMSGTYPE);
    assert_string_equal(tractor_error_boxed_type(err), "MsgTypeError");
    assert_string_equal(tractor_error_source(err)->name, "sub");
    assert_non_null(tractor_error_traceback(err));
    assert_true(strlen(tractor_error_traceback(err)) > 0);
    const char *text = tractor_error_message(err);
    kit_assert_contains(text, message_type);
    kit_assert_contains(text, value);
    kit_assert_contains(text, "'" SPEC "'");
    /* PFM-01, boxed: the report names the function. */
    char *report = tractor_error_format(err);
    kit_assert_contains(report, "typed'");
    kit_assert_contains(report, value);
    tractor_free(report);
}

static void PLD_01_basic_payload_spec(void **state) {
    spec_test t = { .is = *(spec_case *)*state, .notes = kit_path("notes") };
    kit_run run = kit_run_root(NULL, spec_body, &t);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(t.result.calls, 1);
    kit_assert_within_ms(t.result.at - t.began, 3000);
    const char *notes = kit_read_file(t.notes);
    bool sent = t.is.valid_start || !t.is.sender_checks;
    kit_assert_contains(notes, kit_text("started: %d\n", sent ? TRACTOR_OK : TRACTOR_EMSGTYPE));
    assert_int_equal(t.starts, t.is.valid_start);

    if (!t.is.valid_start) {
        assert_peers_mistake(t.result.err, "Started", "10 (int)");
        /* Who found it: the child before it was sent, or this actor. */
        assert_int_equal(tractor_error_relay_count(t.result.err), 1);
        assert_string_equal(tractor_error_relay(t.result.err, 0)->name, sent ? "root" : "sub");
        if (!sent) { /* in the child it is a plain error, which needs no traceback */
            kit_assert_contains(notes, "EMSGTYPE, trace '', text ");
            kit_assert_contains(notes, "Started");
            kit_assert_contains(notes, "10 (int)");
            kit_assert_contains(notes, SPEC);
            /* PFM-01, bare */
            kit_assert_contains(strstr(notes, "--- report ---"), "'typed'");
        }
        return;
    }
    kit_assert_value(t.first.value, "{s:s}", "field", "hello");
    assert_int_equal(t.waited.calls, 1);
    if (t.is.valid_return) {
        kit_assert_code(t.result.err, TRACTOR_OK);
        kit_assert_value(t.result.value, "n");
        kit_assert_value(t.waited.value, "n");
        assert_null(t.maybe);
        return;
    }
    assert_peers_mistake(t.waited.err, "Return", "'yo' (str)");
    assert_ptr_equal(t.result.err, t.waited.err);
    assert_ptr_equal(t.remote, t.waited.err);
    assert_ptr_equal(t.maybe, t.waited.err);
    assert_null(t.local);
}

/* ---- PFM-03: what can't be sent at all. Messages are the library's own here; it is payloads that may be wrong ---- */

typedef struct unsendable {
    kit_outcome sent, result;
    tractor_ctx *ctx;
} unsendable;

static void on_unsendable_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    unsendable *u = user;
    tractor_stream *stream;
    (void)first;
    assert_int_equal(tractor_ctx_open_stream(ctx, NULL, &stream), TRACTOR_OK);
    static const unsigned char never_used = 0xc1;
    tractor_bytes bad = { &never_used, 1 };
    assert_int_equal(tractor_stream_send(stream, bad), TRACTOR_EINVAL);
    tractor_stream_send_wait(stream, NULL, bad, kit_on_done, &u->sent);
    tractor_stream_send_eof(stream);
}
static void on_unsendable_result(const tractor_error *err, const tractor_value *value, void *user) {
    kit_on_value(err, value, &((unsendable *)user)->result);
}
static void on_unsendable_child(const tractor_error *err, tractor_portal *portal, void *user) {
    kit_assert_code(err, TRACTOR_OK);
    tractor_bytes nothing = { NULL, 0 };
    tractor_portal_open_context(
        portal, NULL, "t", "untyped",
        TRACTOR_ARGS("{s:v, s:v, s:s}", "first", &nothing, "result", &nothing, "notes", kit_path("notes")), NULL,
        on_unsendable_started, on_unsendable_result, user);
}
static void unsendable_body(tractor_nursery *root, void *user) { start_child(root, "sub", on_unsendable_child, user); }

static void PFM_03_send_error_has_a_message(void **state) {
    (void)state;
    unsendable u = { .sent = KIT_OUTCOME };
    kit_run run = kit_run_root(NULL, unsendable_body, &u);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(u.result.err, TRACTOR_OK);
    kit_assert_code(u.sent.err, TRACTOR_EINVAL);
    kit_assert_contains(tractor_error_message(u.sent.err), ": c1;");
    kit_assert_contains(tractor_error_message(u.sent.err), "nil, bool, int, float, str, bytes, list, dict or ext");
    char *report = tractor_error_format(u.sent.err);
    kit_assert_contains(report, tractor_error_message(u.sent.err));
    tractor_free(report);
}

/* ---- EXT: a reference to an endpoint, "module:func", as an extension ---- */

enum { REF = 7 };
static int check_ref(const void *data, size_t len, void *user) {
    (void)user;
    return memchr(data, ':', len) ? TRACTOR_OK : TRACTOR_EMSGTYPE;
}
static void know_refs(void) { assert_int_equal(tractor_register_ext("Ref", REF, check_ref, NULL), TRACTOR_OK); }
/* In scratch. */
static tractor_bytes ref_to(const char *text) {
    tractor_writer *w = tractor_writer_new();
    tractor_writer_ext(w, REF, text, strlen(text));
    tractor_bytes written = tractor_writer_bytes(w), packed = tractor_pack("v", &written);
    tractor_writer_free(w);
    return packed;
}
static bool read_ref(const tractor_value *value, const char **text, size_t *len) {
    tractor_reader *r = tractor_reader_new(value);
    int8_t type = 0;
    const void *data = NULL;
    bool ok = tractor_reader_ext(r, &type, &data, len) == TRACTOR_OK && type == REF;
    tractor_reader_free(r);
    *text = data;
    return ok;
}
static void assert_ref(const tractor_value *value, const char *expected) {
    const char *text;
    size_t len;
    assert_true(read_ref(value, &text, &len));
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(text, expected, len);
}

/* The endpoint that the references name. */
static void answer(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_return(ctx, "i", 42);
}
static void start_with_ref(tractor_ctx *ctx, const tractor_value *args, void *user) {
    bool hooks;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:b}", "hooks", &hooks) != TRACTOR_OK)
        return;
    if (hooks)
        know_refs();
    tractor_ctx_started_value(ctx, ref_to("t:answer"));
    tractor_ctx_return(ctx, NULL);
}

typedef struct ref_test {
    bool hooks;
    tractor_portal *portal;
    kit_outcome first, answer, result;
} ref_test;

static void on_ref_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    ref_test *t = user;
    char module[16], func[16];
    const char *text;
    size_t len;
    kit_on_value(NULL, first, &t->first);
    assert_true(read_ref(first, &text, &len));
    assert_int_equal(sscanf(kit_text("%.*s", (int)len, text), "%15[^:]:%15s", module, func), 2);
    tractor_portal_run(t->portal, tractor_ctx_nursery(ctx), module, func, TRACTOR_ARGS("{}"), NULL, kit_on_value,
                       &t->answer);
}
static void on_ref_result(const tractor_error *err, const tractor_value *value, void *user) {
    kit_on_value(err, value, &((ref_test *)user)->result);
}
static void on_ref_child(const tractor_error *err, tractor_portal *portal, void *user) {
    ref_test *t = user;
    kit_assert_code(err, TRACTOR_OK);
    t->portal = portal;
    tractor_call_options options = { TRACTOR_CALL_OPTIONS, .schema = t->hooks ? "started: Ref" : "started: ext[7]" };
    tractor_portal_open_context(portal, NULL, "t", "start_with_ref", TRACTOR_ARGS("{s:b}", "hooks", t->hooks), &options,
                                on_ref_started, on_ref_result, t);
}
static void ref_body(tractor_nursery *root, void *user) { start_child(root, "sub", on_ref_child, user); }

static void EXT_01_custom_extension_types(void **state) {
    ref_test t = { .hooks = *state != NULL };
    if (t.hooks)
        know_refs();
    /* Alone. */
    tractor_value *alone = tractor_value_new(ref_to("t:answer"));
    assert_ref(alone, "t:answer");
    char why[200];
    assert_int_equal(tractor_schema_check("Ref", tractor_value_bytes(alone), why, sizeof why),
                     t.hooks ? TRACTOR_OK : TRACTOR_EINVAL);
    assert_int_equal(tractor_schema_check("ext[7]", tractor_value_bytes(alone), why, sizeof why), TRACTOR_OK);
    /* Inside Started: the same bytes, and what they name is the same function. */
    kit_run run = kit_run_root(NULL, ref_body, &t);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(t.result.err, TRACTOR_OK);
    tractor_bytes sent = tractor_value_bytes(alone), came = tractor_value_bytes(t.first.value);
    assert_int_equal(came.len, sent.len);
    assert_memory_equal(came.data, sent.data, sent.len);
    assert_ref(t.first.value, "t:answer");
    kit_assert_value(t.answer.value, "i", 42);
    tractor_value_unref(alone);
}

/* ---- EXT-02 ---- */

typedef struct limit_test {
    bool hooks;
    kit_outcome result, scope;
    int in_root, without_ctx, no_type, limited;
} limit_test;

static void on_limit_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    limit_test *t = user;
    (void)first;
    tractor_nursery *scope = tractor_nursery_open(tractor_ctx_nursery(ctx), NULL, kit_on_done, &t->scope);
    t->no_type = tractor_ctx_limit_payloads(ctx, scope, "any");
    t->limited = tractor_ctx_limit_payloads(ctx, scope, "Ref | None");
    /* Outside of the context there is nothing to limit. */
    t->in_root = tractor_ctx_limit_payloads(ctx, tractor_actor_nursery(kit_actor()), "any");
    t->without_ctx = tractor_ctx_limit_payloads(NULL, scope, "any");
    assert_int_equal(tractor_ctx_limit_payloads(ctx, scope, NULL), TRACTOR_EINVAL);
    assert_int_equal(tractor_ctx_limit_payloads(ctx, tractor_ctx_nursery(ctx), "any"), TRACTOR_ERUNTIME);
    tractor_nursery_close(scope);
}
static void on_limit_result(const tractor_error *err, const tractor_value *value, void *user) {
    kit_on_value(err, value, &((limit_test *)user)->result);
}
static void on_limit_child(const tractor_error *err, tractor_portal *portal, void *user) {
    limit_test *t = user;
    kit_assert_code(err, TRACTOR_OK);
    tractor_portal_open_context(portal, NULL, "t", "start_with_ref", TRACTOR_ARGS("{s:b}", "hooks", t->hooks), NULL,
                                on_limit_started, on_limit_result, t);
}
static void limit_body(tractor_nursery *root, void *user) { start_child(root, "sub", on_limit_child, user); }

static void EXT_02_limiting_payloads(void **state) {
    limit_test t = { .hooks = *state != NULL };
    if (t.hooks)
        know_refs();
    kit_run run = kit_run_root(NULL, limit_body, &t);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(t.result.err, TRACTOR_OK);
    kit_assert_code(t.scope.err, TRACTOR_OK);
    assert_int_equal(t.no_type, TRACTOR_OK);
    assert_int_equal(t.limited, t.hooks ? TRACTOR_OK : TRACTOR_EMSGTYPE); /* the original's TypeError */
    assert_int_equal(t.in_root, TRACTOR_ERUNTIME);
    assert_int_equal(t.without_ctx, TRACTOR_ECLOSED);
}

/* ---- EXT-03: the child takes what the root sends it, limited by `spec`, and sends it back ---- */

static void on_ref_value(const tractor_error *err, const tractor_value *value, void *user) {
    tractor_stream *stream = user;
    if (err)
        return; /* the refusal has failed the task */
    tractor_stream_send_value(stream, NULL, value, NULL, NULL);
    tractor_ctx_return(tractor_stream_ctx(stream), NULL);
}
static void echo_ref(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *spec;
    bool hooks;
    tractor_stream *stream;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s, s:b}", "spec", &spec, "hooks", &hooks) != TRACTOR_OK)
        return;
    if (hooks)
        know_refs();
    tractor_ctx_started(ctx, NULL);
    tractor_nursery *scope = tractor_nursery_open(tractor_ctx_nursery(ctx), NULL, NULL, NULL);
    if (tractor_ctx_limit_payloads(ctx, scope, spec) != TRACTOR_OK) {
        tractor_ctx_raisef(ctx, "TypeError", "'%s' is no type here", spec);
        return;
    }
    tractor_ctx_open_stream(ctx, NULL, &stream);
    tractor_stream_receive(stream, scope, on_ref_value, stream);
    tractor_nursery_close(scope);
}

typedef struct ipc_case {
    const char *name, *spec;
    bool hooks;
    const char *ref, *error; /* what is sent; NULL: it comes back */
} ipc_case;
typedef struct ipc_test {
    ipc_case is;
    int64_t began;
    kit_outcome back, result;
} ipc_test;

static void on_ipc_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    ipc_test *t = user;
    tractor_stream *stream;
    (void)first;
    assert_int_equal(tractor_ctx_open_stream(ctx, NULL, &stream), TRACTOR_OK);
    tractor_stream_send(stream, ref_to(t->is.ref));
    tractor_stream_receive(stream, NULL, kit_on_value, &t->back);
}
static void on_ipc_result(const tractor_error *err, const tractor_value *value, void *user) {
    kit_on_value(err, value, &((ipc_test *)user)->result);
}
static void on_ipc_child(const tractor_error *err, tractor_portal *portal, void *user) {
    ipc_test *t = user;
    kit_assert_code(err, TRACTOR_OK);
    t->began = tractor_now();
    tractor_portal_open_context(portal, NULL, "t", "echo_ref",
                                TRACTOR_ARGS("{s:s, s:b}", "spec", t->is.spec, "hooks", t->is.hooks), NULL,
                                on_ipc_started, on_ipc_result, t);
}
static void ipc_body(tractor_nursery *root, void *user) { start_child(root, "sub", on_ipc_child, user); }

static void EXT_03_extensions_over_ipc(void **state) {
    ipc_test t = { .is = *(ipc_case *)*state };
    kit_run run = kit_run_root(NULL, ipc_body, &t);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_within_ms(t.result.at - t.began, 2000);
    if (!t.is.error) {
        kit_assert_code(t.result.err, TRACTOR_OK);
        assert_ref(t.back.value, t.is.ref);
    } else if (strcmp(t.is.error, "TypeError") == 0) {
        kit_assert_remote(t.result.err, "TypeError");
    } else {
        kit_assert_code(t.result.err, TRACTOR_EMSGTYPE);
        assert_string_equal(tractor_error_boxed_type(t.result.err), t.is.error);
    }
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_CTX_TYPED("typed", start_and_return, SPEC),
                                               TRACTOR_CTX("untyped", start_and_return),
                                               TRACTOR_FUNC("answer", answer),
                                               TRACTOR_CTX("start_with_ref", start_with_ref),
                                               TRACTOR_CTX("echo_ref", echo_ref),
                                               TRACTOR_ENDPOINTS_END };
    tractor_register("t", module, NULL);
    kit_begin(argc, argv);

    static spec_case specs[9];
    static kit_test tests[32];
    int n = 0;
    for (int i = 0; i < 8; i++) {
        static const char *const names[] = { "PLD_01_basic_payload_spec: 10, returns 'yo', unchecked",
                                             "PLD_01_basic_payload_spec: valid, returns 'yo', unchecked",
                                             "PLD_01_basic_payload_spec: 10, returns None, unchecked",
                                             "PLD_01_basic_payload_spec: valid, returns None, unchecked",
                                             "PLD_01_basic_payload_spec: 10, returns 'yo', checked",
                                             "PLD_01_basic_payload_spec: valid, returns 'yo', checked",
                                             "PLD_01_basic_payload_spec: 10, returns None, checked",
                                             "PLD_01_basic_payload_spec: valid, returns None, checked" };
        specs[i] = (spec_case){ names[i], i & 1, i & 2, i & 4, false };
        tests[n++] = (kit_test){ names[i], PLD_01_basic_payload_spec, false, &specs[i] };
    }
    /* Two mistakes are one error: the first. */
    specs[8] =
        (spec_case){ "PLD_01_basic_payload_spec: 10, returns 'yo' at once, unchecked", false, false, false, true };
    tests[n++] = (kit_test){ specs[8].name, PLD_01_basic_payload_spec, false, &specs[8] };
    tests[n++] = (kit_test)KIT_TEST(PFM_03_send_error_has_a_message);
    tests[n++] = (kit_test)KIT_TEST_WITH(EXT_01_custom_extension_types, "hooks", "");
    tests[n++] = (kit_test)KIT_TEST_WITH(EXT_01_custom_extension_types, "no hooks", NULL);
    tests[n++] = (kit_test)KIT_TEST_WITH(EXT_02_limiting_payloads, "hooks", "");
    tests[n++] = (kit_test)KIT_TEST_WITH(EXT_02_limiting_payloads, "no hooks", NULL);
    /* Where nothing is declared, the original has nothing to decode it to; here an extension is a value like any other. */
    static ipc_case cases[] = {
        { "EXT_03_extensions_over_ipc: any, no hooks", "any", false, "t:answer", NULL },
        { "EXT_03_extensions_over_ipc: any, hooks", "any", true, "t:answer", NULL },
        { "EXT_03_extensions_over_ipc: Ref, no hooks", "Ref", false, "t:answer", "TypeError" },
        { "EXT_03_extensions_over_ipc: Ref, hooks", "Ref", true, "t:answer", NULL },
        { "EXT_03_extensions_over_ipc: Ref | None, no hooks", "Ref | None", false, "t:answer", "TypeError" },
        { "EXT_03_extensions_over_ipc: Ref | None, hooks", "Ref | None", true, "t:answer", NULL },
        { "EXT_03_extensions_over_ipc: not in the spec", "str", true, "t:answer", "MsgTypeError" },
        { "EXT_03_extensions_over_ipc: malformed", "Ref", true, "answer", "MsgTypeError" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        tests[n++] = (kit_test){ cases[i].name, EXT_03_extensions_over_ipc, false, &cases[i] };
    return kit_run_tests_(tests, (size_t)n);
}
