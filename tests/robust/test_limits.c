/* tractor_root_options::max_frame, from end to end: what is too long for the other side is an error of the call or
 * answer that it belongs to, and the connection lives. */
// ctest: timeout=120
#include "robust/script.h"

enum { LIMIT = 200000, BEYOND = LIMIT + 1 };

/* ---- the children's part ---- */

static int last_status;

static const char *letters(size_t n) {
    char *text = memset(tractor_nursery_alloc(tractor_actor_nursery(kit_actor()), n + 1), 'x', n);
    return text;
}

static void make(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int64_t n;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:I}", "n", &n) != TRACTOR_OK)
        return;
    char *text = malloc((size_t)n + 1);
    memset(text, 'x', (size_t)n);
    text[n] = '\0';
    last_status = tractor_ctx_return(ctx, "s", text);
    free(text);
}

static void status(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_return(ctx, "i", last_status);
}

static void measure(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)user;
    tractor_ctx_return(ctx, "I", (int64_t)tractor_value_bytes(args).len);
}

static void raise_long(tractor_ctx *ctx, const tractor_value *args, void *user) {
    char text[1000];
    (void)args, (void)user;
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    tractor_ctx_raisef(ctx, "KeyError", "the beginning %s", text);
}

static void made(const tractor_error *err, const tractor_value *value, void *user) {
    tractor_ctx *ctx = user;
    if (err)
        tractor_ctx_raise(ctx, err);
    else
        tractor_ctx_return_value(ctx, tractor_value_bytes(value));
}

/* Has a child of its own do it. */
static void delegate(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)user;
    tractor_nursery_run_in_actor(tractor_ctx_nursery(ctx), "limits", "make", tractor_value_bytes(args), NULL, made,
                                 ctx);
}

static const tractor_endpoint module[] = { TRACTOR_FUNC("make", make),         TRACTOR_FUNC("status", status),
                                           TRACTOR_FUNC("measure", measure),   TRACTOR_FUNC("raise_long", raise_long),
                                           TRACTOR_FUNC("delegate", delegate), TRACTOR_ENDPOINTS_END };
static const char *const modules[] = { "limits", NULL };

/* ---- calls, one after the other ---- */

typedef struct step {
    const char *func;
    int64_t n; /* its argument; for `measure`: that many letters */
    kit_outcome answer;
} step;

typedef struct play {
    step *steps;
    size_t count, at;
    bool with_self;
    tractor_portal *portal;
    kit_outcome start;
} play;

static void next(play *p);
static void answered(kit_outcome *o) { next(o->user); }

static void next(play *p) {
    if (p->at == p->count) {
        assert_true(tractor_portal_connected(p->portal));
        tractor_nursery_cancel(tractor_actor_nursery(kit_actor()), "all is known");
        return;
    }
    step *s = &p->steps[p->at++];
    s->answer.then = answered;
    s->answer.user = p;
    bool long_one = strcmp(s->func, "measure") == 0;
    tractor_bytes args =
        long_one ? tractor_pack("{s:s}", "s", letters((size_t)s->n)) : tractor_pack("{s:I}", "n", s->n);
    tractor_portal_run(p->portal, NULL, "limits", s->func, args, NULL, kit_on_value, &s->answer);
}

static void is_up(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    p->portal = o->portal;
    next(p);
}

static void begin(tractor_nursery *root, void *user) {
    play *p = user;
    p->start.then = is_up;
    p->start.user = p;
    p->portal = tractor_actor_self(kit_actor());
    if (p->with_self) {
        next(p);
        return;
    }
    tractor_nursery_start_actor(root, "child", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules },
                                kit_on_portal, &p->start);
}

static void run_limited(uint64_t limit, play *p) {
    kit_run run = kit_run_root(
        &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .max_frame = limit, .enable_modules = modules }, begin, p);
    kit_assert_code(run.err, TRACTOR_OK);
    for (size_t i = 0; i < p->count; i++)
        assert_int_equal(p->steps[i].answer.calls, 1);
}
#define RUN_LIMITED(limit, steps_) \
    run_limited(limit, &(play){ .steps = steps_, .count = sizeof steps_ / sizeof *steps_ })

/* "... needs a frame of N bytes; NAME takes no more than LIMIT". */
static size_t frame_in(const tractor_error *err, const char *what, const char *name, size_t limit) {
    const char *message = tractor_error_message(err);
    kit_assert_contains(message, what);
    kit_assert_contains(message, kit_text("%s takes no more than %zu", name, limit));
    const char *at = strstr(message, "needs a frame of ");
    assert_non_null(at);
    return (size_t)strtoul(at + strlen("needs a frame of "), NULL, 10);
}

/* ---- the cases ---- */

static void test_call(void **state) {
    (void)state;
    step probe[] = { { "measure", BEYOND, KIT_OUTCOME }, { "status", 0, KIT_OUTCOME } };
    RUN_LIMITED(LIMIT, probe);
    kit_assert_code(probe[0].answer.err, TRACTOR_EINVAL);
    assert_string_equal(tractor_error_boxed_type(probe[0].answer.err), "ValueError");
    size_t frame = frame_in(probe[0].answer.err, "a call of 'limits:measure'", "child", LIMIT);
    kit_assert_code(probe[1].answer.err, TRACTOR_OK);

    /* What just fits arrives. */
    int64_t most = BEYOND - (int64_t)(frame - LIMIT);
    step edge[] = { { "measure", most, KIT_OUTCOME }, { "measure", most + 1, KIT_OUTCOME } };
    RUN_LIMITED(LIMIT, edge);
    kit_assert_code(edge[0].answer.err, TRACTOR_OK);
    kit_assert_code(edge[1].answer.err, TRACTOR_EINVAL);
    assert_int_equal(frame_in(edge[1].answer.err, "a call of", "child", LIMIT), LIMIT + 1);
}

static void test_answer(void **state) {
    (void)state;
    step probe[] = { { "make", BEYOND, KIT_OUTCOME }, { "status", 0, KIT_OUTCOME } };
    RUN_LIMITED(LIMIT, probe);
    kit_assert_remote(probe[0].answer.err, "ValueError");
    size_t frame = frame_in(probe[0].answer.err, "the answer of endpoint 'make'", "root", LIMIT);
    kit_assert_value(probe[1].answer.value, "i", TRACTOR_EINVAL); /* the endpoint was told, too */

    int64_t most = BEYOND - (int64_t)(frame - LIMIT);
    step edge[] = { { "make", most, KIT_OUTCOME }, { "make", most + 1, KIT_OUTCOME } };
    RUN_LIMITED(LIMIT, edge);
    kit_assert_code(edge[0].answer.err, TRACTOR_OK);
    kit_assert_remote(edge[1].answer.err, "ValueError");
    assert_int_equal(frame_in(edge[1].answer.err, "the answer of", "root", LIMIT), LIMIT + 1);
}

/* The child has the limit of its parent: its own child is told of it. */
static void test_inherited(void **state) {
    (void)state;
    step steps[] = { { "delegate", BEYOND, KIT_OUTCOME }, { "delegate", 10, KIT_OUTCOME } };
    RUN_LIMITED(LIMIT, steps);
    kit_assert_remote(steps[0].answer.err, "RemoteActorError");
    assert_string_equal(tractor_error_source_type(steps[0].answer.err), "ValueError");
    frame_in(steps[0].answer.err, "the answer of endpoint 'make'", "child", LIMIT);
    kit_assert_code(steps[1].answer.err, TRACTOR_OK);
}

/* So has one that is started by flags. */
static void flagged_is_up(kit_outcome *o) {
    play *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    p->steps[0].answer.then = answered;
    p->steps[0].answer.user = p;
    p->portal = o->portal;
    p->at = p->count;
    tractor_portal_run(o->portal, NULL, "eps", "echo", tractor_pack("{s:s}", "s", letters(BEYOND)), NULL, kit_on_value,
                       &p->steps[0].answer);
}
static void start_flagged(tractor_nursery *root, void *user) {
    play *p = user;
    p->start.then = flagged_is_up;
    p->start.user = p;
    const char *flagged[] = { "eps=" TRACTOR_TEST_BINARY_DIR "/libeps.so", NULL };
    tractor_nursery_start_actor(
        root, "flagged",
        &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = flagged, .program = getenv("TRACTOR_TEST_ACTOR") },
        kit_on_portal, &p->start);
}
static void test_inherited_by_flags(void **state) {
    (void)state;
    step steps[] = { { "echo", 0, KIT_OUTCOME } };
    play p = { .steps = steps, .count = 1 };
    kit_run run = kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .max_frame = LIMIT }, start_flagged, &p);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(steps[0].answer.err, TRACTOR_EINVAL);
    frame_in(steps[0].answer.err, "a call of 'eps:echo'", "flagged", LIMIT);
}

/* An error is not worth a connection: its traceback goes, and the end of its message. */
static void test_error(void **state) {
    (void)state;
    step steps[] = { { "raise_long", 0, KIT_OUTCOME }, { "status", 0, KIT_OUTCOME } };
    RUN_LIMITED(1400, steps);
    kit_assert_remote(steps[0].answer.err, "KeyError");
    kit_assert_contains(tractor_error_message(steps[0].answer.err), "the beginning yyyyy");
    kit_assert_contains(tractor_error_traceback(steps[0].answer.err), "takes no more than 1400");
    kit_assert_code(steps[1].answer.err, TRACTOR_OK);
}

static void test_self_is_not_limited(void **state) {
    (void)state;
    step steps[] = { { "measure", BEYOND, KIT_OUTCOME }, { "make", BEYOND, KIT_OUTCOME } };
    run_limited(LIMIT, &(play){ .steps = steps, .count = 2, .with_self = true });
    kit_assert_code(steps[0].answer.err, TRACTOR_OK);
    kit_assert_code(steps[1].answer.err, TRACTOR_OK);
}

/* ---- on the wire ---- */

static raw_peer *open_with(script *s, const char *ext) {
    raw_peer *p = raw_open(s->address, "limited");
    if (!p)
        return NULL;
    raw_send(p, "{'msg_type':'Aid','name':'%s','uuid':'%s','pid':1,'is_registrar':false,'is_probe':false%s}", p->name,
             p->uuid, ext);
    return raw_receive_aid(p, raw_patience(RAW_WAIT)) ? p : NULL;
}

typedef struct told {
    const char *ext;
    bool limited; /* to 3000 */
} told;

static void tell(script *s) {
    static const told cases[] = {
        { ",'ext':{'v':1,'max_frame':3000}", true },
        { ",'ext':{'max_frame':3000,'later':[1]}", true },
        { ",'max_frame':3000", false },
        { ",'ext':{'v':1}", false },
        { ",'ext':{'v':1,'max_frame':0}", false },
        { ",'ext':{'v':1,'max_frame':-1}", false },
        { ",'ext':{'v':1,'max_frame':'many'}", false },
        { ",'ext':{'v':1,'max_frame':18446744073709551615}", false },
    };
    char *text = calloc(1, 4001);
    memset(text, 'x', 4000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        raw_peer *p = open_with(s, cases[i].ext);
        CHECK(s, p, "%s", cases[i].ext);
        CHECK(s, strcmp(raw_show(&p->arena, raw_get(p->aid, "ext")), (const char *)s->user) == 0, "%s",
              raw_show(&p->arena, raw_get(p->aid, "ext")));
        const char *cid = raw_start(p, "kit", "echo", raw_format(&p->arena, "{'s':'%s'}", text));
        if (cases[i].limited) { /* refused before the function has returned, but not before it was called */
            CHECK(s, raw_expect(p, "StartAck", cid), "%s", cases[i].ext);
            const raw_node *error = raw_expect(p, "Error", cid);
            CHECK(s, error && strcmp(raw_str(error, "boxed_type_str"), "ValueError") == 0, "%s", cases[i].ext);
        } else {
            CHECK(s, raw_expect(p, "StartAck", cid) && raw_expect(p, "Return", cid), "%s", cases[i].ext);
        }
        CHECK(s, raw_call(p, "kit", "echo", "{}"), "%s", cases[i].ext);
        raw_close(p);
    }
    free(text);
}

static void test_told(void **state) {
    (void)state;
    script_play(tell, NULL, "{'v':1}");
    script_play(tell, &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .max_frame = 100000 },
                "{'v':1,'max_frame':100000}");
}

int main(int argc, char **argv) {
    tractor_register("limits", module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(test_call),      KIT_TEST(test_answer),
        KIT_TEST(test_inherited), KIT_TEST(test_inherited_by_flags),
        KIT_TEST(test_error),     KIT_TEST(test_self_is_not_limited),
        KIT_TEST(test_told),
    };
    return kit_run_tests(tests);
}
