/* tractor_watch_actors(): who comes and goes is told to whoever wants to know it. */
// ctest: timeout=120
#include "discovery/watch.h"

#include <signal.h>

typedef struct setting {
    const char *others; /* who is registered before the root */
    other_root *registrar;
    watch watch;
} setting;

static void play(void (*go)(scene *s)) {
    setting with = { .others = "" };
    scene_play(go, &with);
}

static void play_with_registrar(void (*go)(scene *s)) {
    other_root registrar = other_root_open(kit_registry(), "registrar");
    setting with = { .others = " +registrar", .registrar = &registrar };
    scene_play(go, &with);
    other_root_end(&registrar, SIGINT);
}

/* ---- who is there, who comes, who goes ---- */

static void comings_and_goings(scene *s) {
    setting *with = s->user;
    watch *w = &with->watch;
    switch (s->step++) {
        case 0:
            watch_begin(w, s, NULL, NULL);
            return watch_await(w, "=");
        case 1:
            assert_string_equal(w->told, kit_text("%s +root =", with->others));
            assert_string_equal(w->uuid, tractor_actor_id(kit_actor())->uuid);
            return scene_start(s, "child");
        case 2:
            return watch_await(w, "+child");
        case 3:
            assert_string_equal(w->uuid, tractor_portal_id(s->actors[0])->uuid);
            return scene_query(s, "child", NULL);
        case 4:
            kit_assert_value(s->last.value, "[s]", w->address);
            return scene_stop(s, 0);
        case 5:
            return watch_await(w, "-child");
        case 6:
            assert_string_equal(w->told, kit_text("%s +root = +child -child", with->others));
            return watch_cancel(w);
        case 7:
            kit_assert_code(w->end.err, TRACTOR_ECANCELED);
            return scene_end(s);
    }
}

static void joins_and_leaves_are_told(void **state) {
    *state ? play_with_registrar(comings_and_goings) : play(comings_and_goings);
}

static void by_name(scene *s) {
    setting *with = s->user;
    watch *w = &with->watch;
    switch (s->step++) {
        case 0:
            watch_begin(w, s, "wanted", NULL);
            return scene_start(s, "other");
        case 1:
            return scene_start(s, "wanted");
        case 2:
            return scene_start(s, "wanted");
        case 3:
            return scene_stop(s, 0);
        case 4:
            return scene_stop(s, 1);
        case 5:
            return watch_await(w, "-wanted");
        case 6:
            assert_string_equal(w->told, " = +wanted +wanted -wanted");
            return watch_cancel(w);
        case 7:
            return scene_end(s);
    }
}

static void only_those_of_a_name_are_told(void **state) { *state ? play_with_registrar(by_name) : play(by_name); }

/* ---- how it ends ---- */

static void lost_registrar(scene *s) {
    setting *with = s->user;
    watch *w = &with->watch;
    switch (s->step++) {
        case 0:
            watch_begin(w, s, NULL, NULL);
            return watch_await(w, "=");
        case 1:
            kill(with->registrar->pid, SIGKILL);
            return watch_await_end(w);
        case 2:
            kit_assert_code(w->end.err, TRACTOR_EREGISTRY);
            return scene_end(s);
    }
}

static void the_registrar_is_lost(void **state) {
    (void)state;
    kit_expect_log("lost the registrar");
    play_with_registrar(lost_registrar);
    remove_socket(kit_registry());
}

static void leaving_registrar(scene *s) {
    setting *with = s->user;
    watch *w = &with->watch;
    switch (s->step++) {
        case 0:
            watch_begin(w, s, NULL, NULL);
            return watch_await(w, "=");
        case 1:
            kill(with->registrar->pid, SIGINT);
            return watch_await_end(w);
        case 2:
            kit_assert_code(w->end.err, TRACTOR_EREGISTRY);
            return scene_end(s);
    }
}

static void the_registrar_closes(void **state) {
    (void)state;
    kit_expect_log("lost the registrar");
    play_with_registrar(leaving_registrar);
}

static void bad_questions(scene *s) {
    setting *with = s->user;
    watch *w = &with->watch;
    const char *nowhere[] = { kit_fresh_address(), NULL }, *two[] = { kit_registry(), kit_registry(), NULL };
    switch (s->step++) {
        case 0:
            watch_begin(w, s, NULL, &(tractor_find_options){ TRACTOR_FIND_OPTIONS, .registry_addrs = nowhere });
            return watch_await_end(w);
        case 1:
            kit_assert_code(w->end.err, TRACTOR_EREGISTRY);
            watch_begin(w, s, NULL, &(tractor_find_options){ TRACTOR_FIND_OPTIONS, .registry_addrs = two });
            return watch_await_end(w);
        case 2:
            kit_assert_code(w->end.err, TRACTOR_EINVAL);
            watch_begin(w, s, NULL, &(tractor_find_options){ TRACTOR_FIND_OPTIONS, .timeout_ns = TRACTOR_SECOND / 2 });
            return watch_await_end(w);
        case 3:
            kit_assert_code(w->end.err, TRACTOR_ETIMEDOUT);
            assert_string_equal(w->told, " +root =");
            assert_int_equal(tractor_watch_actors(s->root, NULL, NULL, NULL, NULL, NULL), TRACTOR_EINVAL);
            return scene_end(s);
    }
}

static void what_can_not_be_watched(void **state) {
    (void)state;
    play(bad_questions);
}

/* ---- a registrar of another make ---- */

typedef struct foreigner {
    watch watch;
    raw_listener listener;
} foreigner;

static void be_python(void *user) {
    foreigner *f = user;
    raw_peer *peer = raw_accept(&f->listener, raw_patience(RAW_WAIT), "registrar", NULL);
    if (!peer)
        return;
    peer->registrar = true;
    raw_greet(peer);
    raw_wait_closed(peer, raw_patience(RAW_WAIT));
    raw_close(peer);
}

static void of_another_make(scene *s) {
    foreigner *f = s->user;
    const char *there[] = { f->listener.multiaddr, NULL };
    switch (s->step++) {
        case 0:
            watch_begin(&f->watch, s, NULL, &(tractor_find_options){ TRACTOR_FIND_OPTIONS, .registry_addrs = there });
            return scene_in_thread(s, be_python);
        case 1:
            kit_assert_code(f->watch.end.err, TRACTOR_ENOTSUP);
            return scene_end(s);
    }
}

static void a_registrar_of_another_make_is_not_watched(void **state) {
    (void)state;
    foreigner f;
    assert_true(raw_listen(&f.listener, kit_fresh_address()));
    scene_play(of_another_make, &f);
    raw_unlisten(&f.listener);
}

/* ---- one that does not listen for a while misses nothing that matters, and stops nobody ---- */

enum { CROWD = 3000, FEW = 300 }; /* of the first ones who have left a registrar remembers 1024 */

typedef struct crowd {
    int size, answers;
    tractor_portal *registrar;
    scene *scene;
    int64_t since;
} crowd;

static void counted(const tractor_error *err, const tractor_value *value, void *user) {
    crowd *c = user;
    (void)value;
    kit_assert_code(err, TRACTOR_OK);
    if (++c->answers == 2 * c->size)
        scene_go(c->scene);
}

static void all_come_and_go(const tractor_error *err, tractor_portal *registrar, void *user) {
    crowd *c = user;
    kit_assert_code(err, TRACTOR_OK);
    for (int i = 0; i < c->size; i++) {
        tractor_portal_run_from_ns(
            registrar, NULL, "self", "register_actor",
            TRACTOR_ARGS("{s:[s,s], s:[s,i]}", "uid", "guest", kit_text("g%d", i), "addr", "127.1.1.1", 1000 + i), NULL,
            counted, c);
        tractor_portal_run_from_ns(registrar, NULL, "self", "unregister_actor",
                                   TRACTOR_ARGS("{s:[s,s]}", "uid", "guest", kit_text("g%d", i)), NULL, counted, c);
    }
}

static void slow(scene *s) {
    crowd *c = s->user;
    switch (s->step++) {
        case 0:
            c->scene = s;
            return scene_start(s, "early");
        case 1:
            return scene_start(s, "watcher");
        case 2:
            return scene_ask(s, 1, "watch", NULL);
        case 3:
            return scene_ask(s, 1, "seen", "watcher");
        case 4:
            kit_assert_value(s->last.value, "s", "root early watcher");
            assert_int_equal(kill((pid_t)kit_pid(s->actors[1]), SIGSTOP), 0);
            assert_true(kit_wait_state(kit_pid(s->actors[1]), "T"));
            tractor_get_registry(s->root, NULL, NULL, all_come_and_go, c);
            return;
        case 5:
            return scene_stop(s, 0);
        case 6:
            return scene_start(s, "late");
        case 7:
            c->since = tractor_now();
            return scene_list(s, NULL);
        case 8:
            kit_assert_within_ms(tractor_now() - c->since, 100);
            assert_names(s, "root watcher late");
            assert_int_equal(kill((pid_t)kit_pid(s->actors[1]), SIGCONT), 0);
            return scene_ask(s, 1, "seen", "late");
        case 9:
            kit_assert_value(s->last.value, "s", "root watcher late");
            return scene_end(s);
    }
}

static void a_slow_watcher_sees_how_things_are(void **state) {
    crowd c = { .size = (int)(intptr_t)*state };
    /* A few events may be on their way, the rest has to wait. */
    tractor_root_options narrow = { TRACTOR_ROOT_OPTIONS, .stream_window = 4096 };
    kit_assert_code(scene_run(slow, &c, &narrow).err, TRACTOR_OK);
}

#define WITH(test, name, user) KIT_TEST_WITH(test, name, (void *)(intptr_t)(user))

int main(int argc, char **argv) {
    seeker_register();
    kit_begin(argc, argv);
    const kit_test tests[] = {
        WITH(joins_and_leaves_are_told, "own registrar", false),
        WITH(joins_and_leaves_are_told, "separate registrar", true),
        WITH(only_those_of_a_name_are_told, "own registrar", false),
        WITH(only_those_of_a_name_are_told, "separate registrar", true),
        KIT_TEST(the_registrar_is_lost),
        KIT_TEST(the_registrar_closes),
        KIT_TEST(what_can_not_be_watched),
        KIT_TEST(a_registrar_of_another_make_is_not_watched),
        WITH(a_slow_watcher_sees_how_things_are, "few changes", FEW),
        WITH(a_slow_watcher_sees_how_things_are, "more than are remembered", CROWD),
    };
    return kit_run_tests(tests);
}
