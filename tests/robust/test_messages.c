/* every message with every field missing, of a wrong type, or strange, on a live actor. What can be understood is,
 * unknown fields are passed over; what can't costs its sender the connection, and nobody else anything. */
#include "robust/script.h"

/* ---- the handshake ---- */

typedef struct greeting {
    const char *text; /* instead of an Aid */
    bool welcome;
} greeting;

static const greeting greetings[] = {
    { "{'msg_type':'Aid','name':'n','uuid':'u'}", true },
    { "{'uuid':'u','name':'n','msg_type':'Aid'}", true },
    { "{'msg_type':'Aid','name':'n','uuid':'u','pid':nil,'is_registrar':nil,'is_probe':false}", true },
    { "{'msg_type':'Aid','name':'n','uuid':'u','unknown':{'deep':[1]},'other':nil}", true },
    { "{'msg_type':'Aid','name':'','uuid':''}", false }, /* nobody */
    { "{'msg_type':'Aid','uuid':'u'}", false },
    { "{'msg_type':'Aid','name':'n'}", false },
    { "{'msg_type':'Aid','name':1,'uuid':'u'}", false },
    { "{'msg_type':'Aid','name':'n','uuid':nil}", false },
    { "{'msg_type':'Aid','name':'n','uuid':<c4 01 75>}", false },
    { "{'msg_type':'Aid','name':'n','uuid':'u','pid':'1'}", false },
    { "{'msg_type':'Aid','name':'n','uuid':'u','is_registrar':1}", false },
    { "{'msg_type':'Aid','name':'n','uuid':'u','is_probe':nil}", false },
    { "{'msg_type':'Aid','name':'n\\xff','uuid':'u'}", false },
    { "{'msg_type':'Aid','name':'n','name':'m','uuid':'u'}", false },
    { "{'name':'n','uuid':'u'}", false },
    { "{'msg_type':'aid','name':'n','uuid':'u'}", false },
    { "['Aid','n','u']", false },
    { "{'msg_type':'Stop','cid':'c'}", false },
    { "{'msg_type':'SpawnSpec','_parent_main_data':{},'_runtime_vars':{},'enable_modules':{},'reg_addrs':[],'bind_"
      "addrs':nil}",
      false },
};

static void greet_oddly(script *s) {
    for (size_t i = 0; i < sizeof greetings / sizeof *greetings; i++) {
        raw_peer *p = raw_open(s->address, "n");
        CHECK(s, p);
        strcpy(p->uuid, "u");
        CHECK(s, raw_send(p, "%s", greetings[i].text));
        if (greetings[i].welcome)
            CHECK(s, raw_receive_aid(p, raw_patience(RAW_WAIT)) && raw_call(p, "kit", "echo", "{}"), "%s",
                  greetings[i].text);
        else
            CHECK(s, raw_wait_closed(p, raw_patience(2000)), "%s", greetings[i].text);
        raw_close(p);
        CHECK(s, script_undisturbed(s), "%s", greetings[i].text);
    }
}

static void test_greetings(void **state) {
    (void)state;
    kit_expect_log("closing the connection of");
    script_play(greet_oddly, NULL, NULL);
}

/* What stands in the actor's own Aid, for those who don't know our extension: all fields, in order. */
static void read_the_aid(script *s) {
    const raw_node *aid = s->witness->aid;
    static const char *const keys[] = { "msg_type", "name", "uuid", "pid", "is_registrar", "is_probe" };
    CHECK(s, aid->count >= 6);
    for (size_t i = 0; i < 6; i++)
        CHECK(s, strcmp(aid->items[2 * i].s, keys[i]) == 0, "%s", keys[i]);
    CHECK(s, strcmp(raw_str(aid, "name"), "root") == 0 && strlen(raw_str(aid, "uuid")) == 36);
    CHECK(s, raw_get(aid, "pid")->i == getpid() && raw_get(aid, "is_registrar")->i == 1 &&
                 raw_get(aid, "is_probe")->i == 0);
}

static void test_own_aid(void **state) {
    (void)state;
    script_play(read_the_aid, NULL, NULL);
}

/* A peer that says nothing, or too slowly, is shown out at the deadline; not before, and whatever it sends. */
static void be_silent(script *s) {
    int64_t timeout = *(int64_t *)s->user;
    int64_t begin = tractor_now();
    raw_peer *silent = raw_open(s->address, "silent"), *slow = raw_open(s->address, "slow");
    CHECK(s, silent && slow);
    CHECK(s, raw_receive_aid(silent, raw_patience(RAW_WAIT))); /* it does not wait for us */
    size_t len, sent = 0;
    unsigned char *frame = raw_frame(slow, &len, "{'msg_type':'Aid','name':'slow','uuid':'u'}");
    while (sent < len - 1 && raw_write(slow, frame + sent, 1)) {
        sent++;
        if (raw_wait_closed(slow, (int)(timeout / TRACTOR_MS / 20)))
            break;
    }
    CHECK(s, sent < len - 1, "a byte now and then keeps the connection open");
    CHECK(s, tractor_now() - begin >= timeout);
    CHECK(s, raw_wait_closed(silent, raw_patience(1000)));
    CHECK(s, kit_within_ms(tractor_now() - begin - timeout, 500));
    raw_close(silent);
    raw_close(slow);
}

static void test_handshake_deadline(void **state) {
    (void)state;
    int64_t timeout = 300 * TRACTOR_MS;
    script_play(be_silent, &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .handshake_timeout_ns = timeout }, &timeout);
}

/* The election probe of another root: answered, and forgotten. */
static void probe(script *s) {
    raw_peer *p = raw_open(s->address, "registry-probe");
    CHECK(
        s,
        p && raw_send(
                 p, "{'msg_type':'Aid','name':'registry-probe','uuid':'%s','pid':1,'is_registrar':nil,'is_probe':true}",
                 p->uuid));
    CHECK(s, raw_receive_aid(p, raw_patience(1000)) && raw_get(p->aid, "is_registrar")->i == 1);
    CHECK(s, raw_wait_closed(p, raw_patience(1000)));
    raw_close(p);
}

static size_t peers_of(tractor_actor *actor, const char *name) {
    raw_arena arena = { NULL };
    tractor_bytes stats = tractor_actor_stats(actor);
    const raw_node *peers = raw_get(raw_decode(&arena, stats.data, stats.len), "peers");
    size_t found = 0;
    for (size_t i = 0; peers && i < peers->count; i++)
        found += strcmp(peers->items[i].items[0].s, name) == 0;
    raw_release(&arena);
    return found;
}

/* The probe holds on to its connection, so that only the actor can have ended it. */
typedef struct lingering {
    raw_peer *probe, *guest;
} lingering;

static void linger(void *user) {
    lingering *l = user;
    l->guest = raw_open_greeted(kit_registry(), "guest");
    l->probe = raw_open(kit_registry(), "registry-probe");
    raw_send(l->probe, "{'msg_type':'Aid','name':'registry-probe','uuid':'%s','is_probe':true}", l->probe->uuid);
    raw_receive_aid(l->probe, raw_patience(1000));
    raw_call(l->guest, "kit", "echo", "{}");
}

static void lingered(const tractor_error *err, void *user) {
    lingering *l = user;
    assert_null(err);
    assert_non_null(l->probe->aid);
    assert_int_equal(peers_of(kit_actor(), "guest"), 1);
    assert_int_equal(peers_of(kit_actor(), "registry-probe"), 0);
    raw_close(l->probe);
    raw_close(l->guest);
}

static void linger_body(tractor_nursery *root, void *user) {
    assert_true(tractor_nursery_run_in_thread(root, linger, lingered, user) > 0);
}

static void test_probe(void **state) {
    (void)state;
    script_play(probe, NULL, NULL);
    lingering l = { NULL, NULL };
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .enable_modules = kit_modules }, linger_body, &l);
    kit_assert_code(run.err, TRACTOR_OK);
}

/* ---- after it ---- */

/* $N and $U stand for the peer's name and uuid. */
typedef enum fate { CLOSED, DROPPED, ANSWERED } fate;
typedef struct message {
    const char *text;
    fate fate; /* of the connection: closed; open without, with an answer */
} message;

#define START_TAIL "'kwargs':{},'uid':['$N','$U'],'pld_spec':'typing.Any'}"
#define ERROR_HEAD \
    "{'msg_type':'Error','src_uid':['a','b'],'src_type_str':'X','boxed_type_str':'X','relay_path':[['a','b']]"

static const message messages[] = {
    /* no message at all */
    { "{'msg_type':'Strat','cid':'c'}", CLOSED },
    { "{'msg_type':nil,'cid':'c'}", CLOSED },
    { "{'msg_type':7}", CLOSED },
    { "{'cid':'c'}", CLOSED },
    { "{}", CLOSED },
    { "nil", CLOSED },
    { "'Stop'", CLOSED },
    { "['Stop','c']", CLOSED },
    { "{1:2,'msg_type':'Stop','cid':'c'}", CLOSED },
    { "{'msg_type':'Stop','msg_type':'Stop','cid':'c'}", CLOSED },
    { "{'msg_type':'Stop','cid':'c','cid':'d'}", CLOSED },

    /* those of a handshake, out of place */
    { "{'msg_type':'Aid','name':'$N','uuid':'$U','pid':1,'is_registrar':false,'is_probe':false}", CLOSED },
    { "{'msg_type':'Aid','name':'$N','uuid':'$U','is_probe':true}", CLOSED },
    { "{'msg_type':'SpawnSpec','_parent_main_data':{},'_runtime_vars':{},'enable_modules':{},'reg_addrs':[],'bind_"
      "addrs':nil}",
      CLOSED },
    { "{'msg_type':'SpawnSpec','_runtime_vars':{},'enable_modules':{},'reg_addrs':[],'bind_addrs':nil}", CLOSED },
    { "{'msg_type':'SpawnSpec','_parent_main_data':{},'_runtime_vars':{},'enable_modules':{'m':1},'reg_addrs':[],'bind_"
      "addrs':nil}",
      CLOSED },
    { "{'msg_type':'SpawnSpec','_parent_main_data':{},'_runtime_vars':{},'enable_modules':{},'reg_addrs':[['h']],'bind_"
      "addrs':nil}",
      CLOSED },

    /* Start */
    { "{'msg_type':'Start','cid':'c','ns':'kit','func':'echo'," START_TAIL, ANSWERED },
    { "{'msg_type':'Start','cid':'c','ns':'kit','func':'echo','kwargs':{},'uid':['$N','$U']}", ANSWERED },
    { "{'uid':['$N','$U'],'kwargs':{},'func':'echo','ns':'kit','cid':'c','msg_type':'Start'}", ANSWERED },
    { "{'msg_type':'Start','later':[{'x':1}],'cid':'c','ns':'kit','func':'echo'," START_TAIL, ANSWERED },
    { "{'msg_type':'Start','cid':'','ns':'kit','func':'echo'," START_TAIL, ANSWERED },
    { "{'msg_type':'Start','cid':'c','ns':'','func':''," START_TAIL, ANSWERED },
    { "{'msg_type':'Start','cid':'c','ns':'kit','func':'echo','kwargs':{'a':1,'a':2},'uid':['$N','$U']}", ANSWERED },
    { "{'msg_type':'Start','ns':'kit','func':'echo'," START_TAIL, CLOSED },
    { "{'msg_type':'Start','cid':'c','func':'echo'," START_TAIL, CLOSED },
    { "{'msg_type':'Start','cid':'c','ns':'kit'," START_TAIL, CLOSED },
    { "{'msg_type':'Start','cid':'c','ns':'kit','func':'echo','uid':['$N','$U']}", CLOSED },
    { "{'msg_type':'Start','cid':'c','ns':'kit','func':'echo','kwargs':{}}", CLOSED },
    { "{'msg_type':'Start','cid':1,'ns':'kit','func':'echo'," START_TAIL, CLOSED },
    { "{'msg_type':'Start','cid':nil,'ns':'kit','func':'echo'," START_TAIL, CLOSED },
    { "{'msg_type':'Start','cid':'c','ns':['kit'],'func':'echo'," START_TAIL, CLOSED },
    { "{'msg_type':'Start','cid':'c','ns':'kit','func':{}," START_TAIL, CLOSED },
    { "{'msg_type':'Start','cid':'c','ns':'kit','func':'echo','kwargs':[],'uid':['$N','$U']}", CLOSED },
    { "{'msg_type':'Start','cid':'c','ns':'kit','func':'echo','kwargs':nil,'uid':['$N','$U']}", CLOSED },
    { "{'msg_type':'Start','cid':'c','ns':'kit','func':'echo','kwargs':{1:2},'uid':['$N','$U']}", CLOSED },
    { "{'msg_type':'Start','cid':'c','ns':'kit','func':'echo','kwargs':{'\\xc3':2},'uid':['$N','$U']}", CLOSED },
    { "{'msg_type':'Start','cid':'\\xff','ns':'kit','func':'echo'," START_TAIL, CLOSED },
    { "{'msg_type':'Start','cid':'c','ns':'kit','func':'echo','kwargs':{},'uid':['$N','$U'],'pld_spec':nil}", CLOSED },
    /* in somebody else's name */
    { "{'msg_type':'Start','cid':'c','ns':'kit','func':'echo','kwargs':{},'uid':['$N','another']}", CLOSED },
    { "{'msg_type':'Start','cid':'c','ns':'kit','func':'echo','kwargs':{},'uid':['another','$U']}", CLOSED },
    { "{'msg_type':'Start','cid':'c','ns':'self','func':'cancel','kwargs':{},'uid':['root','another']}", CLOSED },
    { "{'msg_type':'Start','cid':'c','ns':'self','func':'_cancel_task','kwargs':{'cid':'x'},'uid':['root','another']}",
      CLOSED },
    { "{'msg_type':'Start','cid':'c','ns':'kit','func':'echo','kwargs':{},'uid':['$N','$U','x']}", CLOSED },
    { "{'msg_type':'Start','cid':'c','ns':'kit','func':'echo','kwargs':{},'uid':['$N']}", CLOSED },
    { "{'msg_type':'Start','cid':'c','ns':'kit','func':'echo','kwargs':{},'uid':'$U'}", CLOSED },

    /* answers to what nobody asked */
    { "{'msg_type':'StartAck','cid':'c','functype':'context'}", DROPPED },
    { "{'msg_type':'StartAck','cid':'c','functype':'what'}", CLOSED },
    { "{'msg_type':'StartAck','cid':'c'}", CLOSED },
    { "{'msg_type':'StartAck','functype':'context'}", CLOSED },
    { "{'msg_type':'Started','cid':'c','pld':nil}", DROPPED },
    { "{'msg_type':'Started','cid':'c'}", CLOSED },
    { "{'msg_type':'Yield','cid':'c','pld':[1,{'a':2.5}]}", DROPPED },
    { "{'msg_type':'Yield','pld':1}", CLOSED },
    { "{'msg_type':'Stop','cid':'c'}", DROPPED },
    { "{'msg_type':'Stop','cid':'c','why':'because'}", DROPPED },
    { "{'msg_type':'Stop'}", CLOSED },
    { "{'msg_type':'Stop','cid':[]}", CLOSED },
    { "{'msg_type':'Return','cid':'c','pld':<d6 ff 00 00 00 00>}", DROPPED },
    { "{'msg_type':'Return','cid':'c','pld':<cb 7f f8 00 00 00 00 00 00>}", DROPPED },
    { "{'msg_type':'Return','cid':'c','pld':<cf ff ff ff ff ff ff ff ff>}", DROPPED },
    { "{'msg_type':'Return','cid':'c','pld':<d3 80 00 00 00 00 00 00 00>}", DROPPED },
    { "{'msg_type':'Return','cid':'c','pld':<c1>}", CLOSED },
    { "{'msg_type':'Return','cid':'c'}", CLOSED },
    { "{'msg_type':'CancelAck','cid':'c','pld':true}", DROPPED },
    { "{'msg_type':'CancelAck','cid':'c','pld':1}", CLOSED },
    { "{'msg_type':'CancelAck','cid':'c','pld':nil}", CLOSED },
    { ERROR_HEAD ",'cid':'c'}", DROPPED },
    { ERROR_HEAD ",'message':nil,'tb_str':'t','canceller':nil,'sender':['a','b'],'cid':'c','_bad_msg':nil,'_bad_msg_as_"
                 "dict':{'x':1}}",
      DROPPED },
    { ERROR_HEAD ",'cid':'c','_bad_msg':{'msg_type':'Return','cid':'c','pld':1}}", DROPPED },
    { ERROR_HEAD ",'cid':'c','_bad_msg':{'msg_type':'Stop','cid':'c'}}", CLOSED },
    { ERROR_HEAD ",'cid':'c','_bad_msg':7}", CLOSED },
    { ERROR_HEAD ",'cid':'c','tb_str':nil}", CLOSED },
    { ERROR_HEAD ",'cid':'c','canceller':'a'}", CLOSED },
    { ERROR_HEAD ",'cid':7}", CLOSED },
    { "{'msg_type':'Error','src_type_str':'X','boxed_type_str':'X','relay_path':[],'cid':'c'}", CLOSED },
    { "{'msg_type':'Error','src_uid':['a','b'],'boxed_type_str':'X','relay_path':[],'cid':'c'}", CLOSED },
    { "{'msg_type':'Error','src_uid':['a','b'],'src_type_str':'X','relay_path':[],'cid':'c'}", CLOSED },
    { "{'msg_type':'Error','src_uid':['a','b'],'src_type_str':'X','boxed_type_str':'X','cid':'c'}", CLOSED },
    { "{'msg_type':'Error','src_uid':['a','b'],'src_type_str':'X','boxed_type_str':'X','relay_path':['a'],'cid':'c'}",
      CLOSED },
    /* "my whole runtime failed": of a peer that is no child it ends the connection */
    { ERROR_HEAD ",'cid':nil}", CLOSED },
};

static const char *fill_in(raw_peer *p, const char *text) {
    char *out = raw_alloc(&p->arena, strlen(text) + 256), *to = out;
    for (; *text; text++) {
        if (text[0] == '$' && (text[1] == 'N' || text[1] == 'U')) {
            to += sprintf(to, "%s", text[1] == 'N' ? p->name : p->uuid);
            text++;
        } else {
            *to++ = *text;
        }
    }
    *to = '\0';
    return out;
}

/* The first StartAck or Error must be for the message; what comes of it does not matter. */
static bool answered(raw_peer *p) {
    const raw_node *first = raw_receive(p, raw_patience(RAW_WAIT));
    if (strcmp(raw_str(first, "msg_type"), "Error") == 0)
        return true;
    return strcmp(raw_str(first, "msg_type"), "StartAck") == 0 && raw_expect(p, "Return", NULL);
}

static void say_all(script *s) {
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        const char *text = messages[i].text;
        raw_peer *p = raw_open_greeted(s->address, "odd");
        CHECK(s, p && raw_send(p, "%s", fill_in(p, text)), "%s", text);
        if (messages[i].fate == CLOSED) {
            CHECK(s, raw_wait_closed(p, raw_patience(2000)), "%s: not closed", text);
        } else {
            if (messages[i].fate == ANSWERED)
                CHECK(s, answered(p), "%s: no answer", text);
            CHECK(s, raw_call(p, "kit", "echo", "{}"), "%s: not open", text);
        }
        raw_close(p);
        CHECK(s, script_undisturbed(s), "after %s", text);
    }
}

static void test_messages(void **state) {
    (void)state;
    kit_expect_log("closing the connection of");
    kit_expect_log("reports that it failed");
    script_play(say_all, NULL, NULL);
}

/* ---- what is inside ---- */

/* Any value passes through unchanged, to the last bit. */
static const char *const payloads[] = {
    "{}",
    "{'a':nil,'b':true,'c':false,'d':[],'e':{},'f':''}",
    "{'i':[0,1,127,128,255,256,65535,65536,4294967295,4294967296,-1,-32,-33,-128,-129,-32768,-32769,-2147483648,-"
    "2147483649]}",
    "{'u':<cf ff ff ff ff ff ff ff ff>,'l':<d3 80 00 00 00 00 00 00 00>}",
    "{'f':[0.0,-0.5,1.5e300],'nan':<cb 7f f8 00 00 00 00 00 01>,'inf':<cb ff f0 00 00 00 00 00 00>,'f32':<ca 3f 80 00 "
    "00>}",
    "{'bin':<c4 03 00 ff 80>,'ts':<d6 ff 00 00 00 00>,'ext':<c7 03 05 01 02 03>,'empty':<c7 00 2a>}",
    "{'long':<d9 03 61 62 63>,'map':<de 00 01 a1 6b 01>}", /* not the shortest form */
    "{'keys':{1:2,nil:3,[1,2]:4}}",
    "{'nul':'a\\x00b','two':{'a':1,'a':2}}",
};

static void carry(script *s) {
    raw_peer *p = raw_open_greeted(s->address, "carrier");
    CHECK(s, p);
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        const raw_node *got = raw_call(p, "kit", "echo", payloads[i]);
        CHECK(s, got, "%s", payloads[i]);
        const char *sent = raw_show(&p->arena, raw_parse(&p->arena, payloads[i]));
        CHECK(s, strcmp(raw_show(&p->arena, got), sent) == 0, "sent %s, got %s", sent, raw_show(&p->arena, got));
    }
    raw_close(p);
}

static void test_payloads(void **state) {
    (void)state;
    script_play(carry, NULL, NULL);
}

static bool send_nested(raw_peer *p, size_t depth, bool maps, const char *cid) {
    size_t head_len;
    unsigned char *head =
        raw_frame(p, &head_len, "{'msg_type':'Start','cid':'%s','ns':'kit','func':'echo','uid':%s,'kwargs':{'d':nil}}",
                  cid, raw_format(&p->arena, "['%s','%s']", p->name, p->uuid));
    /* the last byte is the nil */
    size_t unit = maps ? 3 : 1, len = head_len - 5 + depth * unit + 1;
    unsigned char *body = raw_alloc(&p->arena, len), *at = body + head_len - 5;
    memcpy(body, head + 4, head_len - 5);
    for (size_t i = 0; i < depth; i++) {
        memcpy(at, maps ? "\x81\xa1k" : "\x91", unit);
        at += unit;
    }
    *at = 0xc0;
    return raw_send_body(p, body, len);
}

static void nest(script *s) {
    for (int maps = 0; maps < 2; maps++) {
        for (size_t depth = 1; depth <= 3000000; depth *= 12) {
            raw_peer *p = raw_open_greeted(s->address, "nest");
            char cid[37];
            raw_uuid(cid);
            CHECK(s, p && send_nested(p, depth, maps, cid));
            const raw_node *ack = raw_receive(p, raw_patience(RAW_WAIT));
            if (depth <= 400)
                CHECK(s, strcmp(raw_str(ack, "msg_type"), "StartAck") == 0, "depth %zu", depth);
            else
                CHECK(s, !ack && p->state == RAW_EOF, "depth %zu", depth);
            raw_close(p);
            CHECK(s, script_undisturbed(s));
        }
    }
}

static void test_deep_nesting(void **state) {
    (void)state;
    kit_expect_log("closing the connection of");
    script_play(nest, NULL, NULL);
}

/* ---- names that are not there ---- */

static const char *const not_there[] = {
    "nonexistent",   "cancel_rpc_tasks", "_ready", "__init__",    "__class__", "_actor",      "uid",
    "_runtime_vars", "find_Actor",       "",       "cancel\\x00", "self",      "self:cancel", "..",
    "start_actor",
};

static void ask_for(script *s, raw_peer *p, const char *ns, const char *func, const char *type) {
    int64_t begin = tractor_now();
    const char *cid = raw_start(p, ns, func, "{}");
    const raw_node *error = raw_expect(p, "Error", cid);
    CHECK(s, error, "%s:%s", ns, func);
    CHECK(s, kit_within_ms(tractor_now() - begin, 500), "%s:%s", ns, func);
    CHECK(s, strcmp(raw_str(error, "boxed_type_str"), type) == 0, "%s:%s: %s", ns, func,
          raw_str(error, "boxed_type_str"));
    CHECK(s, strcmp(raw_str(error, "src_type_str"), type) == 0, "%s:%s: %s", ns, func, raw_str(error, "src_type_str"));
    const raw_node *tb = raw_get(error, "tb_str"), *path = raw_get(error, "relay_path");
    CHECK(s, tb && tb->kind == RAW_STR && path && path->count == 1, "%s", raw_show(&p->arena, error));
    CHECK(s, strcmp(path->items[0].items[1].s, raw_str(p->aid, "uuid")) == 0);
}

static void ask_for_nothing(script *s) {
    raw_peer *p = raw_open_greeted(s->address, "asker");
    CHECK(s, p);
    for (size_t i = 0; i < sizeof not_there / sizeof *not_there; i++) {
        ask_for(s, p, "self", not_there[i], "AttributeError");
        ask_for(s, p, "kit", not_there[i], "AttributeError");
        ask_for(s, p, "tik", not_there[i], "ModuleNotExposed");
        CHECK(s, raw_call(p, "kit", "echo", "{}"));
    }
    ask_for(s, p, "self", "_cancel_task", "TypeError"); /* whose? */
    ask_for(s, p, "self", "find_actor", "TypeError");
    ask_for(s, p, "self", "register_actor", "TypeError");
    ask_for(s, p, "", "", "ModuleNotExposed");
    ask_for(s, p, "tractor.devx.debug._tty_lock", "lock", "ModuleNotExposed");
    CHECK(s, raw_call(p, "kit", "echo", "{}"));
    raw_close(p);
}

static void test_names_that_are_not_there(void **state) {
    (void)state;
    script_play(ask_for_nothing, NULL, NULL);
}

/* The same asked with the API, of a child, a stranger's way into it included. */
static void asked_child(kit_outcome *o) {
    kit_assert_remote(o->err, "AttributeError");
    kit_assert_contains(tractor_error_message(o->err), o->user);
}

typedef struct knocking {
    const char *address;
    char wrong[200];
} knocking;

/* The child's own runtime names are for its parent. */
static void knock(void *user) {
    knocking *k = user;
    raw_peer *p = raw_open_greeted(k->address, "stranger");
    const char *cid = p ? raw_start(p, "self", "_ready", "{}") : "";
    const raw_node *error = p ? raw_expect(p, "Error", cid) : NULL;
    if (strcmp(raw_str(error, "boxed_type_str"), "AttributeError") != 0)
        strcpy(k->wrong, "a stranger may ask a child whether it is ready");
    if (p && !raw_call(p, "kit", "echo", "{}"))
        strcpy(k->wrong, "and then it does not answer");
    raw_close(p);
}

static void knocked(const tractor_error *err, void *user) {
    knocking *k = user;
    assert_null(err);
    assert_string_equal(k->wrong, "");
    tractor_nursery_cancel(tractor_actor_nursery(kit_actor()), "the test is over");
}

static void on_address(const tractor_error *err, const tractor_value *value, void *user) {
    knocking *k = user;
    assert_null(err);
    raw_arena arena = { NULL };
    tractor_bytes bytes = tractor_value_bytes(value);
    const raw_node *found = raw_decode(&arena, bytes.data, bytes.len);
    assert_true(found && found->kind == RAW_ARRAY && found->count == 1);
    k->address = kit_text("%s", raw_multiaddr(&arena, &found->items[0]));
    raw_release(&arena);
    assert_true(tractor_nursery_run_in_thread(tractor_actor_nursery(kit_actor()), knock, knocked, k) > 0);
}

static void child_is_up(kit_outcome *o) {
    static kit_outcome asked[3] = { KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME };
    static const char *const names[] = { "nonexistent", "_private", "__init__" };
    kit_assert_code(o->err, TRACTOR_OK);
    for (size_t i = 0; i < 3; i++) {
        asked[i].then = asked_child;
        asked[i].user = (void *)(uintptr_t)names[i];
        assert_true(tractor_portal_run_from_ns(o->portal, NULL, i == 2 ? "kit" : "self", names[i], tractor_pack("{}"),
                                               NULL, kit_on_value, &asked[i]) > 0);
    }
    assert_true(tractor_portal_run_from_ns(tractor_actor_self(kit_actor()), tractor_actor_nursery(kit_actor()), "self",
                                           "find_actor", tractor_pack("{s:s}", "name", "child"), NULL, on_address,
                                           o->user) > 0);
}

static void ask_a_child(tractor_nursery *root, void *user) {
    kit_outcome *o = user;
    o->then = child_is_up;
    tractor_nursery_start_actor(
        root, "child", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = kit_modules }, kit_on_portal, o);
}

static void test_private_names_of_a_child(void **state) {
    (void)state;
    knocking k = { NULL, "" };
    kit_outcome o = KIT_OUTCOME;
    o.user = &k;
    kit_run run = kit_run_root(NULL, ask_a_child, &o);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_non_null(k.address);
}

/* A dialog of that id is running already: the second Start is dropped, the first one is answered once. */
static void start_twice(script *s) {
    raw_peer *p = raw_open_greeted(s->address, "twice");
    CHECK(s, p);
    for (int i = 0; i < 2; i++)
        CHECK(s, raw_send(p,
                          "{'msg_type':'Start','cid':'same','ns':'kit','func':'nap','kwargs':{'ms':50,'then':%d},'uid':"
                          "['%s','%s'],"
                          "'pld_spec':'typing.Any'}",
                          i, p->name, p->uuid));
    CHECK(s, raw_expect(p, "StartAck", "same"));
    const raw_node *answer = raw_expect(p, "Return", "same");
    CHECK(s, answer && raw_get(answer, "pld")->i == 0);
    CHECK(s, raw_call(p, "kit", "echo", "{}"));
    raw_close(p);
}

static void test_second_start_of_a_dialog(void **state) {
    (void)state;
    kit_expect_log("a second Start");
    script_play(start_twice, NULL, NULL);
}

/* Tasks of a caller that vanishes are cancelled with it; the actor is not kept from ending. */
static void vanish(script *s) {
    for (int i = 0; i < 20; i++) {
        raw_peer *p = raw_open_greeted(s->address, "vanishing");
        CHECK(s, p);
        const char *path = s->user;
        const char *kwargs = i == 0 ? raw_format(&p->arena, "{'touch':'%s'}", path) : "{}";
        CHECK(s, raw_expect(p, "StartAck", raw_start(p, "kit", "forever", kwargs)));
        if (i % 2)
            raw_reset(p);
        else
            raw_close(p);
    }
    for (int64_t end = tractor_now() + 2 * TRACTOR_SECOND * kit_headroom(); access(s->user, F_OK) != 0;)
        CHECK(s, tractor_now() < end && script_undisturbed(s), "the task does not hear of it");
}

static void test_caller_vanishes(void **state) {
    (void)state;
    script_play(vanish, NULL, (void *)(uintptr_t)kit_path("cancelled"));
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(test_greetings),
        KIT_TEST(test_own_aid),
        KIT_TEST(test_handshake_deadline),
        KIT_TEST(test_probe),
        KIT_TEST(test_messages),
        KIT_TEST(test_payloads),
        KIT_TEST(test_deep_nesting),
        KIT_TEST(test_names_that_are_not_there),
        KIT_TEST(test_private_names_of_a_child),
        KIT_TEST(test_second_start_of_a_dialog),
        KIT_TEST(test_caller_vanishes),
    };
    return kit_run_tests(tests);
}
