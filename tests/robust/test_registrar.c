/* Peers that want to harm the registry, or those who look for somebody there. */
// ctest: timeout=120
#include "robust/script.h"

#include <poll.h>
#include <sys/socket.h>

/* A peer that is in the registry at an address where it listens itself. */
typedef struct resident {
    raw_peer *peer;
    raw_listener at;
    const char *wire; /* its address */
} resident;

static const char *entry_of(raw_peer *by, const char *name, const char *uuid, const char *wire, const char *more) {
    return raw_format(&by->arena, "{'uid':['%s','%s'],'addr':%s%s}", name, uuid, wire, more);
}

/* The type of the Error that answers a call; NULL: none did. */
static const char *refusal(raw_peer *p, const char *func, const char *kwargs) {
    const char *cid = raw_start(p, "self", func, kwargs);
    for (const raw_node *m; (m = raw_receive(p, raw_patience(RAW_WAIT)));) {
        if (strcmp(raw_str(m, "cid"), cid) != 0 || strcmp(raw_str(m, "msg_type"), "StartAck") == 0)
            continue;
        return strcmp(raw_str(m, "msg_type"), "Error") == 0 ? raw_str(m, "boxed_type_str") : NULL;
    }
    return NULL;
}

static bool registers(raw_peer *p, const char *name, const char *uuid, const char *wire, const char *more) {
    return raw_call(p, "self", "register_actor", entry_of(p, name, uuid, wire, more)) != NULL;
}

static const char *found(raw_peer *p, const char *name) {
    const raw_node *value = raw_call(p, "self", "find_actor", raw_format(&p->arena, "{'name':'%s'}", name));
    return value ? raw_show(&p->arena, value) : "no answer";
}

static bool moves_in(script *s, resident *r, const char *name, const char *more) {
    if (!raw_listen(&r->at, s->user) || !(r->peer = raw_open_greeted(s->address, name)))
        return false;
    r->wire = raw_wire_address(&r->peer->arena, r->at.multiaddr);
    return registers(r->peer, name, r->peer->uuid, r->wire, more);
}

static void moves_out(resident *r) {
    raw_unlisten(&r->at);
    raw_close(r->peer);
}

static void play(void (*run)(script *)) { script_play(run, NULL, (void *)(uintptr_t)kit_fresh_address()); }

/* ---- a name of one's own ---- */

/* Who waits for a name is told where somebody of that name is, not that somebody called himself so. */
static void call_oneself_otherwise(script *s) {
    raw_peer *waits = raw_open_greeted(s->address, "waits"), *p = raw_open_greeted(s->address, "p");
    CHECK(s, waits && p);
    const char *cid = raw_start(waits, "self", "wait_for_actor", "{'name':'ghost'}");
    CHECK(s, raw_expect(waits, "StartAck", cid));
    CHECK(s, registers(p, "p", p->uuid, "('127.0.0.1', 7)", ""));
    const char *type = refusal(p, "register_actor", entry_of(p, "ghost", p->uuid, "('127.0.0.1', 8)", ""));
    CHECK(s, type && strcmp(type, "ValueError") == 0, "%s", type);
    CHECK(s, !raw_receive(waits, 200), "%s", raw_show(&waits->arena, waits->aid));
    CHECK(s, registers(p, "ghost", "another-uuid", "('127.0.0.1', 9)", ""));
    const raw_node *told = raw_expect(waits, "Return", cid);
    CHECK(s, told && raw_get(told, "pld")->count == 1);
    raw_close(waits);
    raw_close(p);
}

static void test_another_name(void **state) {
    (void)state;
    play(call_oneself_otherwise);
}

/* ---- too much ---- */

static void exaggerate(script *s) {
    raw_peer *p = raw_open_greeted(s->address, "p");
    CHECK(s, p);
    char *name = raw_alloc(&p->arena, (1 << 20) + 1);
    memset(name, 'n', 1 << 20);
    const char *type = refusal(p, "register_actor", entry_of(p, name, "u", "('127.0.0.1', 7)", ""));
    CHECK(s, type && strcmp(type, "ValueError") == 0, "%s", type);
    type = refusal(p, "register_actor", entry_of(p, "n", name, "('127.0.0.1', 7)", ""));
    CHECK(s, type && strcmp(type, "ValueError") == 0, "%s", type);
    type = NULL;
    int port = 1;
    for (; port < 10000 && !type; port++)
        type = refusal(p, "register_actor",
                       entry_of(p, "p", p->uuid, raw_format(&p->arena, "('127.0.0.1', %d)", port), ""));
    CHECK(s, type && strcmp(type, "ValueError") == 0 && port > 64, "%s %d", type, port);
    CHECK(s, strcmp(found(p, name), "nil") == 0);
    raw_close(p);
}

static void test_too_much(void **state) {
    (void)state;
    play(exaggerate);
}

/* ---- whose address it is ---- */

/* The owner accepts connections, but is too busy to say who it is. */
static void take_from_the_busy(script *s) {
    resident owner;
    CHECK(s, moves_in(s, &owner, "owner", ""));
    raw_peer *thief = raw_open_greeted(s->address, "thief");
    CHECK(s, thief);
    const char *type = refusal(thief, "register_actor", entry_of(thief, "thief", thief->uuid, owner.wire, ""));
    CHECK(s, type && strcmp(type, "PermissionError") == 0, "%s", type);
    CHECK(s, strcmp(found(s->witness, "thief"), "nil") == 0);
    CHECK(s, strcmp(found(s->witness, "owner"), "nil") != 0);
    raw_close(thief);
    moves_out(&owner);
}

static void test_busy_owner(void **state) {
    (void)state;
    play(take_from_the_busy);
}

/* While it is found out whether an address is free, the actor in whose name it was claimed comes itself: the claim is that of
 * a stranger by then, and his connection no lease of the other's entry. */
static void claim_in_the_name_of(script *s) {
    resident owner;
    CHECK(s, moves_in(s, &owner, "owner", ""));
    raw_peer *victim = raw_open_greeted(s->address, "victim"), *thief = raw_open_greeted(s->address, "thief");
    CHECK(s, victim && thief);
    const char *cid = raw_start(thief, "self", "register_actor",
                                entry_of(thief, "victim", victim->uuid, owner.wire, ",'lease':true"));
    CHECK(s, raw_expect(thief, "StartAck", cid));
    raw_peer *probe = raw_accept(&owner.at, raw_patience(RAW_WAIT), "owner", owner.peer->uuid);
    CHECK(s, probe);
    CHECK(s, registers(victim, "victim", victim->uuid, "('127.0.0.1', 7)", ",'lease':true"));
    raw_close(probe); /* so nobody lives there */
    const raw_node *answer = raw_expect(thief, "Error", cid);
    CHECK(s, answer && strcmp(raw_str(answer, "boxed_type_str"), "PermissionError") == 0);
    raw_close(thief);
    CHECK(s, strcmp(found(s->witness, "victim"), "[['127.0.0.1',7]]") == 0, "%s", found(s->witness, "victim"));
    raw_close(victim);
    moves_out(&owner);
}

static void test_claim_in_anothers_name(void **state) {
    (void)state;
    play(claim_in_the_name_of);
}

/* ---- floods ---- */

/* How many connections wait at a listener. They are left open until they have been counted: whoever hangs up has answered. */
static int knocks(raw_listener *at) {
    int fds[64], count = 0;
    struct pollfd p = { at->fd, POLLIN, 0 };
    while (count < 64 && poll(&p, 1, 0) == 1)
        fds[count++] = accept(at->fd, NULL, NULL);
    for (int i = 0; i < count; i++)
        close(fds[i]);
    return count;
}

/* Of one who reports without end, one report at a time is looked into; others are served meanwhile. */
static void report_without_end(script *s) {
    enum { REPORTS = 2000 };
    resident owner;
    CHECK(s, moves_in(s, &owner, "owner", ""));
    raw_peer *p = raw_open_greeted(s->address, "p");
    CHECK(s, p);
    for (int i = 0; i < REPORTS; i++)
        raw_start(p, "self", "delete_addr", raw_format(&p->arena, "{'addr':%s}", owner.wire));
    int count = 0;
    struct pollfd knock = { owner.at.fd, POLLIN, 0 };
    CHECK(s, poll(&knock, 1, raw_patience(RAW_WAIT)) == 1);
    CHECK(s, script_undisturbed(s));
    count = knocks(&owner.at);
    CHECK(s, count <= 3, "%d", count);
    raw_close(p);
    moves_out(&owner);
}

static void test_flood_of_reports(void **state) {
    (void)state;
    play(report_without_end);
}

/* ---- the lease ---- */

/* A connection that is gone when its request is served leaves nothing behind. */
static void register_and_run(script *s) {
    for (int i = 0; i < 200; i++) {
        raw_peer *p = raw_open_greeted(s->address, "p");
        CHECK(s, p);
        raw_start(p, "self", "register_actor",
                  entry_of(p, "p", p->uuid, raw_format(&p->arena, "('127.0.0.1', %d)", 1000 + i), ",'lease':true"));
        i % 2 ? raw_close(p) : raw_reset(p);
    }
    for (int tries = 0; strcmp(found(s->witness, "p"), "nil") != 0; tries++) {
        CHECK(s, tries < 100, "%s", found(s->witness, "p"));
        poll(NULL, 0, 20);
    }
}

static void test_register_and_run(void **state) {
    (void)state;
    play(register_and_run);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(test_another_name),           KIT_TEST(test_too_much),         KIT_TEST(test_busy_owner),
        KIT_TEST(test_claim_in_anothers_name), KIT_TEST(test_flood_of_reports), KIT_TEST(test_register_and_run),
    };
    return kit_run_tests(tests);
}
