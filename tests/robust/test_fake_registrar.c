/* Registrars that do what no registrar should, and those who rely on them. */
// ctest: timeout=120
#include "robust/script.h"

#include <pthread.h>
#include <sys/socket.h>

/* What a thread plays: registrars, and actors that they tell of. */
typedef struct play {
    void (*run)(struct play *p);
    raw_listener first, second, actor;
    raw_peer *peers[8];
    size_t count;
    char wrong[1024];
    pthread_t thread;
    /* the actor of the test */
    tractor_nursery *in;
    tractor_op op;
    int joins, leaves, synced, ended;
    kit_outcome found;
    const char *registries[3];
} play;

/* As CHECK of script.h, which wants a script. */
#define MUST(p, condition)                                                                               \
    do {                                                                                                 \
        if (!(condition)) {                                                                              \
            snprintf((p)->wrong, sizeof(p)->wrong, "%s:%d: not so: %s", __FILE__, __LINE__, #condition); \
            return;                                                                                      \
        }                                                                                                \
    } while (0)

static raw_peer *accepted(play *p, raw_listener *at, const char *name, bool registrar) {
    raw_peer *peer = raw_accept(at, raw_patience(RAW_WAIT), name, NULL);
    if (!peer)
        return NULL;
    p->peers[p->count++] = peer;
    peer->registrar = registrar;
    peer->native = true;
    return raw_greet(peer) ? peer : NULL;
}

/* The next Start of that function. */
static const char *asked(raw_peer *peer, const char *func) {
    for (const raw_node *m; (m = raw_receive(peer, raw_patience(RAW_WAIT)));)
        if (strcmp(raw_str(m, "msg_type"), "Start") == 0 && strcmp(raw_str(m, "func"), func) == 0)
            return raw_str(m, "cid");
    return NULL;
}

static void *on_thread(void *user) {
    play *p = user;
    p->run(p);
    return NULL;
}

static void begin(play *p, void (*run)(play *)) {
    assert_true(raw_listen(&p->first, kit_fresh_address()));
    assert_true(raw_listen(&p->second, kit_fresh_address()));
    assert_true(raw_listen(&p->actor, kit_fresh_address()));
    p->registries[0] = p->first.multiaddr;
    p->registries[1] = p->second.multiaddr;
    p->run = run;
    assert_int_equal(pthread_create(&p->thread, NULL, on_thread, p), 0);
}

static void end(play *p) {
    pthread_join(p->thread, NULL);
    for (size_t i = 0; i < p->count; i++)
        raw_close(p->peers[i]);
    raw_unlisten(&p->first);
    raw_unlisten(&p->second);
    raw_unlisten(&p->actor);
    if (p->wrong[0])
        fail_msg("%s", p->wrong);
}

/* ---- one registrar knows the actor, the other one hangs; meanwhile nobody wants to know any more ---- */

static void cancel_it(const tractor_error *err, void *user) {
    play *p = user;
    assert_null(err);
    assert_int_equal(tractor_nursery_cancel(p->in, NULL), TRACTOR_OK);
}

static void know_and_hang(play *p) {
    raw_peer *hangs = accepted(p, &p->second, "hangs", true);
    MUST(p, hangs && asked(hangs, "find_actor"));
    raw_peer *knows = accepted(p, &p->first, "knows", true);
    const char *cid = knows ? asked(knows, "find_actor") : NULL;
    MUST(p, cid && raw_send_ack(knows, cid, "asyncfunc"));
    MUST(p, raw_send_return(knows, cid,
                            raw_format(&knows->arena, "[%s]", raw_wire_address(&knows->arena, p->actor.multiaddr))));
    raw_peer *wanted = accepted(p, &p->actor, "wanted", false);
    /* Then it is asked to forget the question, and not answering takes a while. */
    MUST(p, wanted && asked(hangs, "_cancel_task"));
    MUST(p, tractor_actor_post(kit_actor(), cancel_it, p) == TRACTOR_OK);
    MUST(p, raw_wait_closed(wanted, raw_patience(2000)));
}

static void look_for_wanted(tractor_nursery *root, void *user) {
    play *p = user;
    tractor_find_options options = { TRACTOR_FIND_OPTIONS, .registry_addrs = p->registries };
    p->in = tractor_nursery_open(root, NULL, NULL, NULL);
    tractor_find_actor(p->in, "wanted", &options, kit_on_portal, &p->found);
}

static void found_in_vain(void **state) {
    (void)state;
    play p = { .found = KIT_OUTCOME };
    begin(&p, know_and_hang);
    kit_assert_code(kit_run_root(NULL, look_for_wanted, &p).err, TRACTOR_OK);
    end(&p);
    kit_assert_code(p.found.err, TRACTOR_ECANCELED);
}

/* ---- a registrar that begins anew and then knows nobody ---- */

static bool say(raw_peer *peer, const char *cid, const char *event, const char *more) {
    return raw_send(peer, "{'msg_type':'Yield','cid':'%s','pld':{'event':'%s'%s}}", cid, event, more);
}

static void forget_all(play *p) {
    raw_peer *registrar = accepted(p, &p->first, "registrar", true);
    const char *cid = registrar ? asked(registrar, "watch_actors") : NULL;
    MUST(p, cid && raw_send_ack(registrar, cid, "asyncgen"));
    MUST(p, say(registrar, cid, "join", ",'uid':['a','1'],'addrs':[('127.0.0.1',1)]") &&
                say(registrar, cid, "join", ",'uid':['b','2'],'addrs':[('127.0.0.1',2)]") &&
                say(registrar, cid, "leave", ",'uid':['c','3']") && say(registrar, cid, "synced", "") &&
                say(registrar, cid, "reset", "") && say(registrar, cid, "synced", ""));
    raw_wait_closed(registrar, raw_patience(2000));
}

/* Whoever has given it up in the first event is told no second one, though it was the same message. */
static void give_up_at_leave(int event, const tractor_id *id, const char *const *addrs, void *user) {
    play *p = user;
    (void)id, (void)addrs;
    p->joins += event == TRACTOR_WATCH_JOIN;
    p->synced += event == TRACTOR_WATCH_SYNCED;
    p->leaves += event == TRACTOR_WATCH_LEAVE;
    if (event == TRACTOR_WATCH_LEAVE)
        assert_int_equal(tractor_op_abandon(kit_actor(), p->op), TRACTOR_OK);
}

static void on_watch_end(const tractor_error *err, void *user) {
    (void)err;
    ((play *)user)->ended++;
}

static void watch_it(tractor_nursery *root, void *user) {
    play *p = user;
    p->registries[1] = NULL;
    tractor_find_options options = { TRACTOR_FIND_OPTIONS, .registry_addrs = p->registries };
    p->op = tractor_watch_actors(root, NULL, &options, give_up_at_leave, on_watch_end, p);
}

static void abandoned_between_two_leaves(void **state) {
    (void)state;
    play p = { 0 };
    begin(&p, forget_all);
    kit_assert_code(kit_run_root(NULL, watch_it, &p).err, TRACTOR_OK);
    end(&p);
    assert_int_equal(p.joins, 2);
    assert_int_equal(p.synced, 1);
    assert_int_equal(p.leaves, 1);
    assert_int_equal(p.ended, 0);
}

/* ---- at the address of a registrar that was lost lives somebody else by now ---- */

/* By then it has read what was sent before. */
static bool refuses(raw_peer *peer) {
    const char *cid = raw_start(peer, "self", "no_such_function", "{}");
    return cid && raw_expect(peer, "Error", cid);
}

static void lose_and_come_back(play *p) {
    raw_peer *probe = accepted(p, &p->first, "registrar", true);
    MUST(p, probe);
    raw_peer *registrar = accepted(p, &p->first, "registrar", true);
    const char *cid = registrar ? asked(registrar, "register_actor") : NULL;
    MUST(p, cid && raw_send_ack(registrar, cid, "asyncfunc") && raw_send_return(registrar, cid, "nil"));
    MUST(p, refuses(registrar));
    shutdown(registrar->fd, SHUT_RDWR);
    raw_peer *somebody = accepted(p, &p->first, "somebody", false);
    MUST(p, somebody);
    /* One of another make would die of the question. */
    MUST(p, !raw_receive(somebody, raw_patience(RAW_WAIT)) && somebody->state == RAW_EOF);
    registrar = accepted(p, &p->first, "registrar", true);
    cid = registrar ? asked(registrar, "register_actor") : NULL;
    MUST(p, cid && raw_send_ack(registrar, cid, "asyncfunc") && raw_send_return(registrar, cid, "nil"));
    /* It is dropped at once, and comes back, but not without a pause. */
    int64_t before = tractor_now();
    shutdown(registrar->fd, SHUT_RDWR);
    registrar = accepted(p, &p->first, "registrar", true);
    MUST(p, registrar && tractor_now() - before > 50 * TRACTOR_MS);
    cid = asked(registrar, "register_actor");
    MUST(p, cid && raw_send_ack(registrar, cid, "asyncfunc") && raw_send_return(registrar, cid, "nil"));
    MUST(p, refuses(registrar)); /* who leaves before that was read has nothing to take back */
    MUST(p, tractor_actor_post(kit_actor(), cancel_it, p) == TRACTOR_OK);
    cid = asked(registrar, "unregister_actor");
    MUST(p, cid && raw_send_ack(registrar, cid, "asyncfunc") && raw_send_return(registrar, cid, "nil"));
}

static void stay(tractor_nursery *root, void *user) {
    play *p = user;
    p->in = root;
    tractor_nursery_sleep(root, TRACTOR_FOREVER, NULL, NULL);
}

static void registers_with_registrars_only(void **state) {
    (void)state;
    play p = { 0 };
    kit_expect_log("lost the registrar at");
    begin(&p, lose_and_come_back);
    p.registries[1] = NULL;
    const tractor_root_options options = { TRACTOR_ROOT_OPTIONS, .registry_addrs = p.registries };
    kit_assert_code(kit_run_root(&options, stay, &p).err, TRACTOR_OK);
    end(&p);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(found_in_vain),
        KIT_TEST(abandoned_between_two_leaves),
        KIT_TEST(registers_with_registrars_only),
    };
    return kit_run_tests(tests);
}
