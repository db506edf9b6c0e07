/* what is no frame, or comes in pieces, before and after the handshake. The connection may go; the actor, its memory
 * and its other connections are as before. */
// ctest: timeout=120
#include "robust/script.h"

static void expect_violations(void) { kit_expect_log("closing the connection of"); }

/* ---- prefixes that lie ---- */

typedef struct bytes_case {
    const char *name;
    const char *bytes;
    size_t len;
    bool hang_up;   /* it ends there */
    bool plausible; /* after the handshake, as the beginning of a frame */
} bytes_case;
#define BYTES(name, text, hang_up) \
    { name, text, sizeof(text) - 1, hang_up, false }

static const bytes_case bytes_cases[] = {
    BYTES("length 0", "\0\0\0\0", false),
    BYTES("length 1, nil", "\1\0\0\0\xc0", false),
    BYTES("length 1, never used byte", "\1\0\0\0\xc1", false),
    BYTES("length 1, empty map", "\1\0\0\0\x80", false),
    BYTES("length 2^32-1", "\xff\xff\xff\xff", false),
    BYTES("length 2^31", "\0\0\0\x80", false),
    BYTES("length 64 MiB + 1", "\1\0\0\4", false),
    BYTES("nothing", "", true),
    BYTES("header cut after 1", "\x10", true),
    BYTES("header cut after 3", "\x10\0\0", true),
    BYTES("header only", "\x10\0\0\0", true),
    BYTES("body cut", "\x10\0\0\0\x81\xa8msg_t", true),
    BYTES("body cut before its last byte", "\4\0\0\0\x93\xc0\xc0", true),
    BYTES("trailing bytes", "\3\0\0\0\x80\xc0\xc0", false),
    BYTES("array", "\2\0\0\0\x91\xc0", false),
    BYTES("map that claims 2^32-1 pairs", "\5\0\0\0\xdf\xff\xff\xff\xff", false),
    BYTES("array that claims 2^32-1 elements", "\5\0\0\0\xdd\xff\xff\xff\xff", false),
    BYTES("str that claims 2^32-1 bytes", "\5\0\0\0\xdb\xff\xff\xff\xff", false),
    BYTES("HTTP", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", false),
    { "TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11, false, true },
};

static void lie(script *s) {
    for (int greeted = 0; greeted < 2; greeted++) {
        for (size_t i = 0; i < sizeof bytes_cases / sizeof *bytes_cases; i++) {
            const bytes_case *c = &bytes_cases[i];
            for (int reset = 0; reset < (c->hang_up ? 2 : 1); reset++) {
                raw_peer *p = greeted ? raw_open_greeted(s->address, "liar") : raw_open(s->address, "liar");
                CHECK(s, p, "%s", c->name);
                CHECK(s, raw_write(p, c->bytes, c->len), "%s", c->name);
                bool closed = c->hang_up || (greeted && c->plausible) || raw_wait_closed(p, raw_patience(2000));
                if (reset)
                    raw_reset(p);
                else
                    raw_close(p);
                CHECK(s, closed, "'%s' %s the handshake is not answered by closing", c->name,
                      greeted ? "after" : "before");
            }
            CHECK(s, script_undisturbed(s), "after '%s'", c->name);
        }
    }
}

static void test_prefixes_that_lie(void **state) {
    (void)state;
    expect_violations();
    script_play(lie, NULL, NULL);
}

/* ---- the limit ---- */

/* A call of kit.echo whose frame is `size` bytes long. */
static unsigned char *sized_start(raw_peer *p, size_t size, const char *cid) {
    size_t empty_len, text_len = 70000;
    char *text = NULL;
    unsigned char *frame = NULL;
    for (int round = 0; round < 2; round++) {
        text = raw_alloc(&p->arena, text_len + 1);
        memset(text, 'x', text_len);
        frame =
            raw_frame(p, &empty_len,
                      "{'msg_type':'Start','cid':'%s','ns':'kit','func':'echo','kwargs':{'s':'%s'},'uid':['%s','%s'],"
                      "'pld_spec':'typing.Any'}",
                      cid, text, p->name, p->uuid);
        text_len += size - (empty_len - 4);
    }
    return empty_len == size + 4 ? frame : NULL;
}

enum { LIMIT = 1 << 20 };

static void reach_the_limit(script *s) {
    raw_peer *p = raw_open_greeted(s->address, "large");
    char cid[37];
    raw_uuid(cid);
    CHECK(s, p);
    unsigned char *frame = sized_start(p, LIMIT, cid);
    CHECK(s, frame && raw_write(p, frame, LIMIT + 4));
    CHECK(s, raw_expect(p, "StartAck", cid));
    CHECK(s, raw_expect(p, "Return", cid));
    raw_uuid(cid);
    frame = sized_start(p, LIMIT + 1, cid);
    CHECK(s, frame && raw_write(p, frame, 4)); /* the prefix is enough */
    CHECK(s, raw_wait_closed(p, raw_patience(2000)));
    raw_close(p);

    /* Before the handshake a peer has not earned that much. */
    p = raw_open(s->address, "large");
    CHECK(s, p && raw_write(p, "\0\0\1\0", 4)); /* 64 KiB: just allowed */
    CHECK(s, !raw_wait_closed(p, 50));
    raw_close(p);
    p = raw_open(s->address, "large");
    CHECK(s, p && raw_write(p, "\1\0\1\0", 4));
    CHECK(s, raw_wait_closed(p, raw_patience(2000)));
    raw_close(p);
}

static void test_frame_limit(void **state) {
    (void)state;
    script_play(reach_the_limit, &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .max_frame = LIMIT }, NULL);
}

/* ---- many and small ---- */

enum { TINY_FRAMES = 100000 };

/* Valid messages for dialogs that do not exist: all are dropped, and the connection stays. */
static void flood(script *s) {
    raw_peer *p = raw_open_greeted(s->address, "flood");
    CHECK(s, p);
    size_t len, batch = 1000;
    unsigned char *frame = raw_frame(p, &len, "{'msg_type':'Stop','cid':'x'}");
    unsigned char *all = raw_alloc(&p->arena, batch * len);
    for (size_t i = 0; i < batch; i++)
        memcpy(all + i * len, frame, len);
    CHECK(s, raw_write(p, all, batch * len));
    CHECK(s, raw_call(p, "kit", "echo", "{}"));
    long before = script_memory();
    for (size_t sent = 0; sent < TINY_FRAMES; sent += batch)
        CHECK(s, raw_write(p, all, batch * len), "after %zu", sent);
    CHECK(s, raw_call(p, "kit", "echo", "{}"));
    long grown = script_memory() - before;
    CHECK(s, grown < 8 * 1024, "%ld KiB", grown);
    raw_close(p);

    /* The same number of empty frames: the first one is one too many. */
    p = raw_open_greeted(s->address, "flood");
    CHECK(s, p);
    static const unsigned char zeros[4 * 1000];
    for (size_t sent = 0; sent < TINY_FRAMES && raw_write(p, zeros, sizeof zeros); sent += 1000) {
    }
    CHECK(s, raw_wait_closed(p, raw_patience(2000)));
    raw_close(p);
}

static void test_many_tiny_frames(void **state) {
    (void)state;
    expect_violations();
    script_play(flood, NULL, NULL);
}

/* Those that come and go, half greeted or with half a frame, leave nothing. */
static void come_and_go(script *s) {
    long before = 0;
    enum { WARM = 200, ROUNDS = 2000 };
    for (int i = 0; i < ROUNDS; i++) {
        raw_peer *p = i % 4 == 3 ? raw_open_greeted(s->address, "guest") : raw_open(s->address, "guest");
        CHECK(s, p, "round %d", i);
        if (i % 4 == 1)
            raw_write(p, "\xff\xff", 2);
        if (i % 4 == 2)
            raw_write(p, "\xff\xff\0\0half", 8);
        if (i % 4 == 3)
            raw_write(p, "\0\0\0\4half of 64 MiB", 18);
        raw_close(p);
        if (i == WARM) {
            CHECK(s, script_undisturbed(s));
            before = script_memory();
        }
    }
    CHECK(s, script_undisturbed(s));
    long grown = script_memory() - before;
    /* Freed memory of a sanitizer's is not given back for a while. */
    CHECK(s, SANITIZED || grown < 2 * 1024, "%ld KiB", grown);
}

static void test_guests_leave_nothing(void **state) {
    (void)state;
    script_play(come_and_go, NULL, NULL);
}

/* A frame that claims 64 MiB costs memory when its bytes come, not before. */
static void claim(script *s) {
    enum { LIARS = 20 };
    raw_peer *liars[LIARS] = { NULL };
    long before = script_memory();
    for (int i = 0; i < LIARS; i++) {
        liars[i] = raw_open_greeted(s->address, "claimer");
        CHECK(s, liars[i] && raw_write(liars[i], "\0\0\0\4", 4));
    }
    CHECK(s, script_undisturbed(s));
    long grown = script_memory() - before;
    CHECK(s, SANITIZED || grown < 16 * 1024, "%ld KiB for %d frames of which only the prefix came", grown, LIARS);
    for (int i = 0; i < LIARS; i++)
        raw_close(liars[i]);
}

static void test_claims_cost_nothing(void **state) {
    (void)state;
    script_play(claim, NULL, NULL);
}

/* ---- byte by byte ---- */

static bool dribble(raw_peer *p, const unsigned char *data, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (!raw_write(p, data + i, 1))
            return false;
    return true;
}

static void byte_by_byte(script *s) {
    raw_peer *p = raw_open(s->address, "slow");
    size_t len;
    char cid[37];
    raw_uuid(cid);
    CHECK(s, p);
    unsigned char *frame =
        raw_frame(p, &len, "{'msg_type':'Aid','name':'%s','uuid':'%s','pid':1,'is_registrar':false,'is_probe':false}",
                  p->name, p->uuid);
    CHECK(s, dribble(p, frame, len) && raw_receive_aid(p, raw_patience(RAW_WAIT)));
    frame =
        raw_frame(p, &len,
                  "{'msg_type':'Start','cid':'%s','ns':'kit','func':'echo','kwargs':{'a':[1,2,3]},'uid':['%s','%s'],"
                  "'pld_spec':'typing.Any'}",
                  cid, p->name, p->uuid);
    CHECK(s, dribble(p, frame, len));
    CHECK(s, raw_expect(p, "StartAck", cid));
    const raw_node *answer = raw_expect(p, "Return", cid);
    CHECK(s, answer && strcmp(raw_show(&p->arena, raw_get(answer, "pld")), "{'a':[1,2,3]}") == 0);

    /* And two frames cut at every byte: what came is answered, whatever the next piece is. */
    for (size_t cut = 1; cut < len; cut++) {
        CHECK(s, raw_write(p, frame, cut));
        CHECK(s, script_undisturbed(s));
        CHECK(s, raw_write(p, frame + cut, len - cut));
        CHECK(s, raw_expect(p, "StartAck", cid), "cut at %zu", cut);
        CHECK(s, raw_expect(p, "Return", cid), "cut at %zu", cut);
    }
    raw_close(p);
}

static void test_byte_by_byte(void **state) {
    (void)state;
    script_play(byte_by_byte, NULL, NULL);
}

/* Cut off at every byte of a call: the answer comes or it does not, and that is all. */
static void cut_at_every_byte(script *s) {
    for (size_t cut = 0;; cut++) {
        raw_peer *p = raw_open(s->address, "cut");
        size_t aid_len, start_len;
        CHECK(s, p);
        unsigned char *aid = raw_frame(p, &aid_len, "{'msg_type':'Aid','name':'%s','uuid':'%s'}", p->name, p->uuid);
        unsigned char *start = raw_frame(
            p, &start_len, "{'msg_type':'Start','cid':'c','ns':'kit','func':'forever','kwargs':{},'uid':['%s','%s']}",
            p->name, p->uuid);
        unsigned char *all = raw_alloc(&p->arena, aid_len + start_len);
        memcpy(all, aid, aid_len);
        memcpy(all + aid_len, start, start_len);
        bool done = cut == aid_len + start_len;
        CHECK(s, raw_write(p, all, cut));
        if (cut % 2)
            raw_reset(p);
        else
            raw_close(p);
        if (done)
            break;
    }
}

static void test_cut_at_every_byte(void **state) {
    (void)state;
    script_play(cut_at_every_byte, NULL, NULL);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(test_prefixes_that_lie),    KIT_TEST(test_frame_limit),         KIT_TEST(test_many_tiny_frames),
        KIT_TEST(test_guests_leave_nothing), KIT_TEST(test_claims_cost_nothing), KIT_TEST(test_byte_by_byte),
        KIT_TEST(test_cut_at_every_byte),
    };
    return kit_run_tests(tests);
}
