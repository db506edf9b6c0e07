/* REG-01, REG-02, REG-03, REG-08, MUL-03, X-29, X-58: who is registered, and who is found; in the registrar itself, and with
 * one in a process of its own. */
// ctest: timeout=120
#include "discovery/scene.h"

#include <signal.h>

/* With whom a test is played. */
typedef struct setting {
    bool separate; /* the registrar is another process */
    bool by_address;
    const char *registry, *others;
    int64_t at;
} setting;

static const setting own = { .others = "" }, by_address = { .by_address = true, .others = "" },
                     separate = { .separate = true, .others = "registrar " };

static void play(void (*go)(scene *s), const setting *with) {
    setting played = *with;
    played.registry = with->by_address ? kit_registry() : NULL;
    if (!with->separate)
        return scene_play(go, &played);
    other_root registrar = other_root_open(kit_registry(), "registrar");
    scene_play(go, &played);
    other_root_end(&registrar, SIGINT);
}

static void assert_registered(const scene *s, const char *names) {
    const setting *with = s->user;
    assert_names(s, kit_text("%s%s", with->others, names));
}

/* ---- REG-01, REG-02 ---- */

static void reg_then_unreg(scene *s) {
    setting *with = s->user;
    switch (s->step++) {
        case 0:
            return scene_list(s, with->registry);
        case 1:
            assert_registered(s, "root");
            return scene_start(s, "actor");
        case 2:
            return scene_list(s, with->registry);
        case 3:
            assert_registered(s, "root actor");
            return scene_dismiss(s);
        case 4:
            with->at = tractor_now();
            return scene_list(s, with->registry);
        case 5:
            assert_registered(s, "root");
            kit_assert_within_ms(tractor_now() - with->at, 100);
            return scene_end(s);
    }
}

static void REG_01_reg_then_unreg(void **state) { play(reg_then_unreg, *state); }
static void REG_02_reg_then_unreg_maddr(void **state) { play(reg_then_unreg, *state); }

/* ---- REG-03: they call each other, and each has to find the other one ---- */

static void trynamic_trio(scene *s) {
    switch (s->step++) {
        case 0:
            return scene_start(s, "donny");
        case 1:
            return scene_start(s, "gretchen");
        case 2:
            return scene_ask(s, 0, "call", "gretchen");
        case 3:
            kit_assert_value(s->last.value, "s", "Hi my name is gretchen");
            return scene_ask(s, 1, "call", "donny");
        case 4:
            kit_assert_value(s->last.value, "s", "Hi my name is donny");
            return scene_end(s);
    }
}

static void REG_03_trynamic_trio(void **state) {
    int64_t begin = tractor_now();
    play(trynamic_trio, *state);
    kit_assert_within_ms(tractor_now() - begin, 7000);
}

/* ---- REG-08: nobody can connect to it, so it is not registered any more. Its parent, which is connected, still finds it ---- */

static void stale_entry(scene *s) {
    setting *with = s->user;
    switch (s->step++) {
        case 0:
            return scene_start(s, "seeker");
        case 1:
            return scene_start(s, "transport_fails_actor");
        case 2:
            return scene_ask(s, 0, "find", "transport_fails_actor");
        case 3:
            assert_found(s, 1);
            return scene_ask(s, 1, "deafen", NULL);
        case 4:
            return scene_ask(s, 0, "find", "transport_fails_actor");
        case 5:
            assert_nobody_found(s);
            return scene_list(s, with->registry);
        case 6:
            assert_registered(s, "root seeker");
            return scene_find(s, "transport_fails_actor", NULL);
        case 7:
            assert_connected(s, 1);
            return scene_cancel(s, 1);
        case 8:
            return scene_end(s);
    }
}

static void REG_08_stale_entry_is_deleted(void **state) {
    int64_t begin = tractor_now();
    play(stale_entry, *state);
    kit_assert_within_ms(tractor_now() - begin, 4000);
}

/* ---- several of one name ---- */

static void duplicate_name(scene *s) {
    switch (s->step++) {
        case 0:
            return scene_start(s, "doggy");
        case 1:
            return scene_start(s, "doggy");
        case 2:
            return scene_wait(s, "doggy", NULL);
        case 3: {
            const char *uuid = tractor_portal_id(s->last.portal)->uuid;
            assert_true(strcmp(uuid, tractor_portal_id(s->actors[0])->uuid) == 0 ||
                        strcmp(uuid, tractor_portal_id(s->actors[1])->uuid) == 0);
            return scene_dismiss(s);
        }
        case 4:
            return scene_end(s);
    }
}

static void MUL_03_register_duplicate_name(void **state) { play(duplicate_name, *state); }

/* Whoever asks, and whether it has to ask: the root is connected to both. */
static void last_registered(scene *s) {
    switch (s->step++) {
        case 0:
            return scene_start(s, "seeker");
        case 1:
            return scene_start(s, "twin");
        case 2:
            return scene_start(s, "twin");
        case 3:
            return scene_ask(s, 0, "find", "twin");
        case 4:
            assert_found(s, 2);
            return scene_ask(s, 0, "wait", "twin");
        case 5:
            assert_found(s, 2);
            return scene_find(s, "twin", NULL);
        case 6:
            assert_connected(s, 2);
            return scene_stop(s, 2);
        case 7:
            return scene_ask(s, 0, "find", "twin");
        case 8:
            assert_found(s, 1);
            return scene_end(s);
    }
}

static void X_29_the_last_registered_is_found(void **state) { play(last_registered, *state); }

static void found_at_once(scene *s) {
    switch (s->step++) {
        case 0:
            return scene_start(s, "seeker");
        case 1:
            return scene_start(s, "target");
        case 2:
            return scene_ask(s, 0, "find", "target");
        case 3:
            assert_found(s, 1);
            return scene_find(s, "target", NULL);
        case 4:
            assert_connected(s, 1);
            return scene_end(s);
    }
}

static void X_58_whoever_has_started_is_found(void **state) { play(found_at_once, *state); }

#define WITH(test, name, setting) KIT_TEST_WITH(test, name, (void *)(uintptr_t) & (setting))
#define BOTH(test) WITH(test, "own registrar", own), WITH(test, "separate registrar", separate)

int main(int argc, char **argv) {
    seeker_register();
    kit_begin(argc, argv);
    const kit_test tests[] = {
        BOTH(REG_01_reg_then_unreg),
        WITH(REG_02_reg_then_unreg_maddr, "own registrar", by_address),
        BOTH(REG_03_trynamic_trio),
        BOTH(REG_08_stale_entry_is_deleted),
        BOTH(MUL_03_register_duplicate_name),
        BOTH(X_29_the_last_registered_is_found),
        BOTH(X_58_whoever_has_started_is_found),
    };
    return kit_run_tests(tests);
}
