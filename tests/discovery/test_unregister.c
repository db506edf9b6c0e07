/* REG-04, REG-05, REG-06, REG-07: whatever ends a nursery, its children are not registered any more; the root still is. */
// ctest: timeout=180
#include "discovery/scene.h"

#include <signal.h>

typedef struct setting {
    bool interrupted; /* by a real SIGINT; else the program raises the same */
    bool streaming;
    bool separate; /* the registrar is another process */
    int64_t at;
} setting;

static void end_children(scene *s) {
    setting *with = s->user;
    scene_shield(s, 5000);
    scene_expect(s, with->interrupted ? TRACTOR_ECANCELED : TRACTOR_EUSER);
    with->at = tractor_now();
    if (with->interrupted) {
        assert_int_equal(kill(getpid(), SIGINT), 0);
        return;
    }
    tractor_error *err = tractor_error_newf(0, "KeyboardInterrupt", "raised by the body");
    assert_int_equal(tractor_nursery_fail(s->children, err), TRACTOR_OK);
    tractor_error_unref(err);
}

static void assert_registered(const scene *s, const char *names) {
    const setting *with = s->user;
    assert_names(s, kit_text("%s%s", with->separate ? "registrar " : "", names));
}

static void play(void (*go)(scene *s), const setting *with, int limit_ms) {
    setting played = *with;
    other_root registrar = { .pid = 0 };
    if (with->separate)
        registrar = other_root_open(kit_registry(), "registrar");
    kit_run run =
        scene_run(go, &played, &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .flags = TRACTOR_ROOT_SIGNALS });
    kit_assert_code(run.err, with->interrupted ? TRACTOR_EINTERRUPTED : TRACTOR_EUSER);
    assert_string_equal(tractor_error_boxed_type(run.err), "KeyboardInterrupt");
    kit_assert_within_ms(tractor_now() - played.at, limit_ms);
    if (with->separate)
        other_root_end(&registrar, SIGINT);
}

/* ---- REG-04, REG-05 ---- */

static void occupy(scene *s, size_t who) {
    const setting *with = s->user;
    if (with->streaming)
        return scene_stream(s, who);
    tractor_portal_run(s->actors[who], s->children, "kit", "forever", TRACTOR_ARGS("{}"), NULL, NULL, NULL);
    /* It has begun when this is answered. */
    scene_ask(s, who, "hi", NULL);
}

static void three_children(scene *s) {
    switch (s->step++) {
        case 0:
            return scene_start(s, "one");
        case 1:
            return scene_start(s, "two");
        case 2:
            return scene_start(s, "three");
        case 3:
            return occupy(s, 0);
        case 4:
            return occupy(s, 1);
        case 5:
            return occupy(s, 2);
        case 6:
            return scene_list(s, NULL);
        case 7:
            assert_registered(s, "root one two three");
            return end_children(s);
        case 8:
            return scene_list(s, NULL);
        case 9:
            assert_registered(s, "root");
            return scene_end(s);
    }
}

static void REG_04_subactors_unregister_on_cancel(void **state) { play(three_children, *state, 5000); }
static void REG_05_subactors_unregister_on_cancel_remote_daemon(void **state) { play(three_children, *state, 6000); }

/* ---- REG-06, REG-07 ---- */

static void closed_streams(scene *s) {
    switch (s->step++) {
        case 0:
            return scene_start(s, "one");
        case 1:
            return scene_start(s, "two");
        case 2:
            return scene_stream(s, 0);
        case 3:
            return scene_stream(s, 1);
        case 4:
            tractor_stream_close(s->streams[0]);
            tractor_stream_close(s->streams[1]);
            return end_children(s);
        case 5:
            return scene_list(s, NULL);
        case 6:
            assert_registered(s, "root");
            return scene_end(s);
    }
}

static void REG_06_close_channel_explicit(void **state) { play(closed_streams, *state, 1000); }
static void REG_07_close_channel_explicit_remote_registrar(void **state) { play(closed_streams, *state, 1000); }

/* ---- all of them ---- */

static const setting settings[] = {
    { .interrupted = true, .streaming = true },
    { .interrupted = true, .streaming = false },
    { .interrupted = false, .streaming = true },
    { .interrupted = false, .streaming = false },
    { .interrupted = true, .streaming = true, .separate = true },
    { .interrupted = true, .streaming = false, .separate = true },
    { .interrupted = false, .streaming = true, .separate = true },
    { .interrupted = false, .streaming = false, .separate = true },
};

#define ONE(test, name, number) KIT_TEST_WITH(test, name, (void *)(uintptr_t)&settings[number])

int main(int argc, char **argv) {
    seeker_register();
    kit_begin(argc, argv);
    const kit_test tests[] = {
        ONE(REG_04_subactors_unregister_on_cancel, "SIGINT, streaming", 0),
        ONE(REG_04_subactors_unregister_on_cancel, "SIGINT", 1),
        ONE(REG_04_subactors_unregister_on_cancel, "raised, streaming", 2),
        ONE(REG_04_subactors_unregister_on_cancel, "raised", 3),
        ONE(REG_05_subactors_unregister_on_cancel_remote_daemon, "SIGINT, streaming", 4),
        ONE(REG_05_subactors_unregister_on_cancel_remote_daemon, "SIGINT", 5),
        ONE(REG_05_subactors_unregister_on_cancel_remote_daemon, "raised, streaming", 6),
        ONE(REG_05_subactors_unregister_on_cancel_remote_daemon, "raised", 7),
        ONE(REG_06_close_channel_explicit, "SIGINT", 0),
        ONE(REG_06_close_channel_explicit, "raised", 2),
        ONE(REG_07_close_channel_explicit_remote_registrar, "SIGINT", 4),
        ONE(REG_07_close_channel_explicit_remote_registrar, "raised", 6),
    };
    return kit_run_tests(tests);
}
