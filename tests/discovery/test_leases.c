/* who is registered stays so for as long as it lives, and no longer. */
// ctest: timeout=120
#include "discovery/watch.h"

#include <signal.h>
#include <stdatomic.h>

/* ---- whoever is killed is forgotten, though it is nobody's child here ---- */

typedef struct stranger {
    other_root root;
    watch watch;
    int64_t killed;
} stranger;

static void wait_for_stranger(void *user) { other_root_wait(&((stranger *)user)->root); }

static void killed(scene *s) {
    stranger *other = s->user;
    switch (s->step++) {
        case 0:
            watch_begin(&other->watch, s, "stranger", NULL);
            other->root = other_root_start(kit_registry(), "stranger");
            return scene_in_thread(s, wait_for_stranger);
        case 1:
            return watch_await(&other->watch, "+stranger");
        case 2:
            other->killed = tractor_now();
            other_root_end(&other->root, SIGKILL);
            return watch_await(&other->watch, "-stranger");
        case 3:
            kit_assert_within_ms(tractor_now() - other->killed, 1000);
            remove_socket(other->watch.address);
            return scene_list(s, NULL);
        case 4:
            assert_names(s, "root");
            return watch_cancel(&other->watch);
        case 5:
            return scene_end(s);
    }
}

static void who_is_killed_is_forgotten_at_once(void **state) {
    (void)state;
    stranger other = { .killed = 0 };
    scene_play(killed, &other);
    assert_true(other.root.up);
}

/* ---- a registrar that was killed and is started again ---- */

typedef struct registrars {
    other_root first, second;
    watch watch;
    int64_t restarted;
    tractor_value *child; /* where it is */
} registrars;

static void restarted(scene *s) {
    registrars *r = s->user;
    switch (s->step++) {
        case 0:
            return scene_start(s, "child");
        case 1:
            return scene_query(s, "child", NULL);
        case 2:
            r->child = s->last.value;
            watch_begin(&r->watch, s, NULL, NULL);
            return watch_await(&r->watch, "=");
        case 3:
            other_root_end(&r->first, SIGKILL);
            return watch_await_end(&r->watch);
        case 4:
            kit_assert_code(r->watch.end.err, TRACTOR_EREGISTRY);
            r->second = other_root_open(kit_registry(), "second");
            r->restarted = tractor_now();
            watch_begin(&r->watch, s, NULL, NULL);
            return watch_await(&r->watch, "+root");
        case 5:
            r->watch.seen = 0; /* they come in any order */
            return watch_await(&r->watch, "+child");
        case 6:
            kit_assert_within_ms(tractor_now() - r->restarted, 1000);
            return scene_query(s, "child", NULL);
        case 7:
            kit_assert_bytes_(s->last.value, tractor_value_bytes(r->child), __FILE__, __LINE__);
            return scene_stop(s, 0);
        case 8:
            return watch_await(&r->watch, "-child");
        case 9:
            return watch_cancel(&r->watch);
        case 10:
            return scene_end(s);
    }
}

static void X_32_all_register_again_with_a_registrar_that_is_back(void **state) {
    (void)state;
    registrars r = { .first = other_root_open(kit_registry(), "first") };
    kit_expect_log("lost the registrar");
    scene_play(restarted, &r);
    other_root_end(&r.second, SIGINT);
}

/* ---- those of another make hold no lease: they are looked after ---- */

enum { ALIVE, IMPOSTOR, GONE, FOREIGNERS };
static const char *const foreign_names[] = { "alive", "impostor", "gone" };

typedef struct foreigners {
    raw_listener at[FOREIGNERS];
    char uuids[FOREIGNERS][37];
    const char *registry;
    bool registered;
    atomic_bool over;
    atomic_int asked[FOREIGNERS];
    watch watch;
    int64_t since;
} foreigners;

/* As Python's actors do: on a connection that they close again. */
static bool register_foreigner(foreigners *f, int who) {
    raw_peer *peer = raw_open(f->registry, foreign_names[who]);
    if (!peer)
        return false;
    snprintf(peer->uuid, sizeof peer->uuid, "%s", f->uuids[who]);
    const char *kwargs = raw_format(&peer->arena, "{'uid':['%s','%s'],'addr':%s}", peer->name, peer->uuid,
                                    raw_wire_address(&peer->arena, f->at[who].multiaddr));
    bool done = raw_greet(peer) && raw_call(peer, "self", "register_actor", kwargs);
    raw_close(peer);
    return done;
}

static void register_foreigners(void *user) {
    foreigners *f = user;
    f->registered = true;
    for (int i = 0; i < FOREIGNERS; i++)
        f->registered = f->registered && register_foreigner(f, i);
}

/* One says who it is, one is somebody else by now. */
static void answer_probes(void *user) {
    foreigners *f = user;
    while (!f->over)
        for (int i = ALIVE; i <= IMPOSTOR; i++) {
            raw_peer *peer = raw_accept(&f->at[i], 20, foreign_names[i], i == ALIVE ? f->uuids[i] : NULL);
            if (!peer)
                continue;
            f->asked[i]++;
            raw_greet(peer);
            raw_close(peer);
        }
}

static void no_lease(scene *s) {
    foreigners *f = s->user;
    switch (s->step++) {
        case 0:
            return scene_in_thread(s, register_foreigners);
        case 1:
            assert_true(f->registered);
            raw_unlisten(&f->at[GONE]);
            f->since = tractor_now();
            tractor_nursery_run_in_thread(s->root, answer_probes, NULL, f);
            return scene_list(s, NULL);
        case 2:
            assert_names(s, "root alive impostor gone");
            watch_begin(&f->watch, s, NULL, NULL);
            return watch_await(&f->watch, "-impostor");
        case 3:
            return watch_await(&f->watch, "-gone");
        case 4:
            kit_assert_within_ms(tractor_now() - f->since, 11000);
            assert_true(f->asked[ALIVE] > 0 && f->asked[IMPOSTOR] > 0);
            return scene_list(s, NULL);
        case 5:
            assert_names(s, "root alive");
            f->over = true;
            return watch_cancel(&f->watch);
        case 6:
            return scene_end(s);
    }
}

static void who_holds_no_lease_is_looked_after(void **state) {
    (void)state;
    foreigners f = { .registry = kit_registry() };
    for (int i = 0; i < FOREIGNERS; i++) {
        raw_uuid(f.uuids[i]);
        assert_true(raw_listen(&f.at[i], kit_fresh_address()));
    }
    scene_play(no_lease, &f);
    raw_unlisten(&f.at[ALIVE]);
    raw_unlisten(&f.at[IMPOSTOR]);
}

int main(int argc, char **argv) {
    seeker_register();
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(who_is_killed_is_forgotten_at_once),
        KIT_TEST(X_32_all_register_again_with_a_registrar_that_is_back),
        KIT_TEST(who_holds_no_lease_is_looked_after),
    };
    return kit_run_tests(tests);
}
