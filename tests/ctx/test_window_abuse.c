/* Native peers that break the rules of windows: it costs their connection and nobody else's. */
#include "robust/raw_value.c"
/* One file after the other: they belong to the programs of another folder. */
#include "robust/raw_peer.c"
#include "robust/script.c"

typedef struct counted {
    tractor_ctx *ctx;
    tractor_stream *stream;
    int64_t bytes;
} counted;

static void count_one(const tractor_error *err, const tractor_value *value, void *user) {
    counted *c = user;
    size_t len;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        tractor_ctx_return(c->ctx, "I", c->bytes);
    if (err)
        return;
    tractor_value_data(value, &len);
    c->bytes += (int64_t)len;
    tractor_stream_receive(c->stream, NULL, count_one, c);
}

/* Counts what comes. */
static void reads(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    counted *c = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *c);
    c->ctx = ctx;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &c->stream);
    tractor_stream_receive(c->stream, NULL, count_one, c);
}

/* Opens a stream and never looks at it. */
static void looks_away(tractor_ctx *ctx, const tractor_value *args, void *user) {
    tractor_stream *stream;
    (void)args, (void)user;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &stream);
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL);
}

static const tractor_endpoint module[] = { TRACTOR_CTX("reads", reads), TRACTOR_CTX("looks_away", looks_away),
                                           TRACTOR_ENDPOINTS_END };
static const char *const modules[] = { "windows", "kit", NULL };

static void play_script(void (*run)(script *)) {
    script s = { .run = run };
    kit_run result = kit_run_root(
        &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .name = "root", .enable_modules = modules }, body, &s);
    kit_assert_code(result.err, TRACTOR_OK);
}

static raw_peer *native_peer(script *s, const char *name) {
    raw_peer *p = raw_open(s->address, name);
    if (p)
        p->native = true;
    return p && raw_greet(p) ? p : NULL;
}

static const char *started(raw_peer *p, const char *func) {
    const char *cid = raw_start(p, "windows", func, "{}");
    return raw_expect(p, "StartAck", cid) && raw_expect(p, "Started", cid) ? cid : NULL;
}

enum { PAYLOAD = 60000, COST = PAYLOAD + 3 + 64, WINDOW = 2 * 1024 * 1024 };

static bool yield_large(raw_peer *p, const char *cid) {
    static char text[PAYLOAD + 1];
    memset(text, 'x', PAYLOAD);
    return raw_send(p, "{'msg_type':'Yield','cid':'%s','pld':'%s'}", cid, text);
}

/* A quarter of the window at a time is granted again, and so any amount gets through. */
static void credit_comes_back(script *s) {
    raw_peer *p = native_peer(s, "fair");
    const char *cid = started(p, "reads");
    CHECK(s, cid);
    int64_t left = WINDOW, granted = 0;
    for (int i = 0; i < 100; i++) {
        while (left <= 0) {
            const raw_node *credit = raw_expect(p, "Credit", cid);
            const raw_node *bytes = credit ? raw_get(credit, "bytes") : NULL;
            CHECK(s, bytes && bytes->i >= WINDOW / 4);
            left += bytes->i;
            granted += bytes->i;
        }
        CHECK(s, yield_large(p, cid));
        left -= COST;
    }
    CHECK(s, granted > 0 && raw_send(p, "{'msg_type':'Stop','cid':'%s'}", cid));
    const raw_node *message;
    do
        message = raw_receive(p, RAW_WAIT);
    while (message && strcmp(raw_str(message, "msg_type"), "Credit") == 0);
    CHECK(s, message && strcmp(raw_str(message, "msg_type"), "Return") == 0);
    CHECK(s, raw_get(message, "pld")->i == 100LL * (PAYLOAD + 3));
    raw_close(p);
}

static void test_credit_comes_back(void **state) {
    (void)state;
    play_script(credit_comes_back);
}

static void beyond_the_window(script *s) {
    raw_peer *p = native_peer(s, "greedy"), *other = native_peer(s, "other");
    const char *cid = started(p, "looks_away"), *others = started(other, "reads");
    CHECK(s, cid && others);
    /* All that fits, the one that overdraws it, and one more. */
    for (int i = 0; i < WINDOW / COST + 2; i++)
        yield_large(p, cid);
    CHECK(s, raw_wait_closed(p, RAW_WAIT));
    CHECK(s, raw_send(other, "{'msg_type':'Stop','cid':'%s'}", others) && raw_expect(other, "Return", others));
    raw_close(p);
    raw_close(other);
}

static void test_beyond_the_window(void **state) {
    (void)state;
    kit_expect_log("more on a stream than its window");
    play_script(beyond_the_window);
}

static void too_much_credit(script *s) {
    raw_peer *p = native_peer(s, "generous");
    const char *cid = started(p, "reads");
    CHECK(s, cid && raw_send(p, "{'msg_type':'Credit','cid':'%s','bytes':1}", cid));
    CHECK(s, raw_wait_closed(p, RAW_WAIT));
    raw_close(p);
}

static void test_too_much_credit(void **state) {
    (void)state;
    kit_expect_log("more credit than was used up");
    play_script(too_much_credit);
}

/* One that is no number concerns its context alone, one for nobody concerns nobody. */
static void credit_out_of_place(script *s) {
    raw_peer *p = native_peer(s, "odd");
    const char *cid = started(p, "reads");
    CHECK(s, cid && raw_send(p, "{'msg_type':'Credit','cid':'nobody','bytes':1}"));
    CHECK(s, raw_send(p, "{'msg_type':'Credit','cid':'%s','bytes':'many'}", cid));
    const raw_node *message;
    do
        message = raw_receive(p, RAW_WAIT);
    while (message && strcmp(raw_str(message, "msg_type"), "Error") != 0);
    CHECK(s, message && strcmp(raw_str(message, "boxed_type_str"), "MsgTypeError") == 0);
    CHECK(s, raw_call(p, "kit", "echo", "{}"));
    raw_close(p);
}

static void test_credit_out_of_place(void **state) {
    (void)state;
    play_script(credit_out_of_place);
}

int main(int argc, char **argv) {
    tractor_register("windows", module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = { KIT_TEST(test_credit_comes_back), KIT_TEST(test_beyond_the_window),
                               KIT_TEST(test_too_much_credit), KIT_TEST(test_credit_out_of_place) };
    return kit_run_tests(tests);
}
