/* ctest: timeout=120 */
/* Children that are cancelled at every moment of their boot, with odd names and odd limits; calls that pile up. */
#include "kit/kit.h"

#include <signal.h>
#include <sys/mman.h>

/* ---- a start is cancelled after i * step ---- */

enum { STARTS = 60 };
typedef struct sweep {
    int64_t step;
    int next;
    kit_outcome ends[STARTS], starts[STARTS];
    tractor_nursery *root;
} sweep;
static void start_one(sweep *s);
static void swept(kit_outcome *o) {
    sweep *s = o->user;
    if (s->next < STARTS)
        start_one(s);
}
static void start_one(sweep *s) {
    int i = s->next++;
    s->ends[i].then = swept;
    s->ends[i].user = s;
    tractor_nursery *n = tractor_nursery_open(
        s->root, &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .timeout_ns = 1 + i * s->step }, kit_on_done,
        &s->ends[i]);
    tractor_nursery_start_actor(n, "brief", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = kit_modules },
                                kit_on_portal, &s->starts[i]);
}
static void sweep_body(tractor_nursery *root, void *user) {
    sweep *s = user;
    s->root = root;
    start_one(s);
}
static void cancelled_while_it_boots(void **state) {
    (void)state;
    sweep *s = calloc(1, sizeof *s);
    s->step = 200000 * kit_headroom();
    kit_assert_code(kit_run_root(NULL, sweep_body, s).err, TRACTOR_OK);
    int up = 0;
    for (int i = 0; i < STARTS; i++) {
        assert_int_equal(s->starts[i].calls, 1);
        assert_int_equal(s->ends[i].calls, 1);
        kit_assert_code(s->ends[i].err, TRACTOR_ETIMEDOUT);
        if (s->starts[i].err)
            kit_assert_code(s->starts[i].err, TRACTOR_ECANCELED);
        else
            up++;
    }
    print_message("%d of %d were up\n", up, STARTS);
    free(s);
}

/* ---- no limit at all ---- */

static void forever_body(tractor_nursery *root, void *user) {
    kit_outcome *o = user;
    tractor_nursery *n = tractor_nursery_open(root, NULL, kit_on_done, &o[1]);
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = kit_modules, .boot_timeout_ns = TRACTOR_FOREVER,
                                      .cancel_timeout_ns = TRACTOR_FOREVER, .kill_timeout_ns = TRACTOR_FOREVER };
    tractor_nursery_run_in_actor(n, "kit", "pid", TRACTOR_ARGS("{}"), &options, kit_on_value, &o[0]);
    options.boot_timeout_ns = options.cancel_timeout_ns = options.kill_timeout_ns = TRACTOR_FOREVER - 1;
    tractor_nursery_run_in_actor(n, "kit", "pid", TRACTOR_ARGS("{}"), &options, kit_on_value, &o[2]);
    tractor_nursery_close(n);
    tractor_find_actor(root, "nobody",
                       &(tractor_find_options){ TRACTOR_FIND_OPTIONS, .timeout_ns = TRACTOR_FOREVER - 1 },
                       kit_on_portal, &o[3]);
}
static void without_limits(void **state) {
    (void)state;
    kit_outcome o[4] = { KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME };
    kit_assert_code(kit_run_root(NULL, forever_body, o).err, TRACTOR_OK);
    for (int i = 0; i < 4; i++)
        kit_assert_code(o[i].err, TRACTOR_OK);
    assert_null(o[3].portal);
}

/* ---- names ---- */

static const char *const odd_names[] = {
    "a/b",        "../../x", "it's", "\"quoted\"", "back\\slash", "new\nline", "\xf0\x9f\x9a\x9c", " ", "a b",
    "('x', 'y')", "--uid",   "%s%n", ".",          NULL,          NULL
};
enum { ODD = sizeof odd_names / sizeof odd_names[0] - 1 };
typedef struct odd {
    kit_outcome starts[2 * ODD], pids[2 * ODD], bad;
    tractor_nursery *n;
    const char *names[ODD];
    int up;
} odd;
static void odd_up(kit_outcome *o) {
    odd *all = o->user;
    if (++all->up == 2 * ODD)
        tractor_nursery_cancel(all->n, NULL);
    if (!o->portal)
        return;
    size_t i = (size_t)(o - all->starts);
    assert_string_equal(tractor_portal_id(o->portal)->name, all->names[i % ODD]);
}
static void odd_body(tractor_nursery *root, void *user) {
    odd *all = user;
    all->n = tractor_nursery_open(root, NULL, NULL, NULL);
    for (int i = 0; i < 2 * ODD; i++) {
        all->starts[i].then = odd_up;
        all->starts[i].user = all;
        tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS };
        if (i >= ODD)
            options.program = getenv("TRACTOR_TEST_ACTOR");
        tractor_nursery_start_actor(all->n, all->names[i % ODD], &options, kit_on_portal, &all->starts[i]);
    }
    tractor_nursery_start_actor(root, "\xff", NULL, kit_on_portal, &all->bad);
}
static void odd_child_names(void **state) {
    (void)state;
    odd *all = calloc(1, sizeof *all);
    char *lengthy = malloc(301);
    memset(lengthy, 'n', 300);
    lengthy[300] = '\0';
    for (int i = 0; i < ODD; i++)
        all->names[i] = odd_names[i] ? odd_names[i] : lengthy;
    kit_assert_code(kit_run_root(NULL, odd_body, all).err, TRACTOR_OK);
    for (int i = 0; i < 2 * ODD; i++) {
        assert_int_equal(all->starts[i].calls, 1);
        kit_assert_code(all->starts[i].err, TRACTOR_OK);
    }
    kit_assert_code(all->bad.err, TRACTOR_EINVAL);
    free(lengthy);
    free(all);
}

/* ---- many calls end with their child ---- */

#ifdef __SANITIZE_ADDRESS__
enum { CALLS = 40000 };
#else
enum { CALLS = 200000 };
#endif
typedef struct crowd {
    int ended, wrong;
    int64_t killed;
    int64_t last;
} crowd;
static void one_ended(const tractor_error *err, const tractor_value *value, void *user) {
    crowd *c = user;
    (void)value;
    c->ended++;
    c->wrong += !err || tractor_error_code(err) != TRACTOR_ECHILD;
    c->last = tractor_now();
}
static void no_matter(const tractor_error *err, void *user) {
    (void)user;
    assert_int_equal(tractor_error_code(err), TRACTOR_ECHILD);
}
static void crowd_up(kit_outcome *o) {
    crowd *c = o->user;
    assert_non_null(o->portal);
    for (int i = 0; i < CALLS; i++)
        tractor_portal_run(o->portal, NULL, "kit", "forever", TRACTOR_ARGS("{}"), NULL, one_ended, c);
    c->killed = tractor_now();
    kill((pid_t)kit_pid(o->portal), SIGKILL);
}
static void crowd_body(tractor_nursery *root, void *user) {
    tractor_nursery_start_actor(
        root, "popular",
        &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = kit_modules, .on_exit = no_matter }, kit_on_portal,
        user);
}
static void many_calls_end(void **state) {
    (void)state;
    crowd c = { 0 };
    kit_outcome up = KIT_OUTCOME;
    up.then = crowd_up;
    up.user = &c;
    kit_assert_code(kit_run_root(NULL, crowd_body, &up).err, TRACTOR_OK);
    assert_int_equal(c.ended, CALLS);
    assert_int_equal(c.wrong, 0);
    print_message("%d calls ended %.0f ms after the kill\n", CALLS, (double)(c.last - c.killed) / 1e6);
    kit_assert_within_ms(c.last - c.killed, 3000);
}

/* ---- what no frame can hold ---- */

static void gigantic_body(tractor_nursery *root, void *user) {
    kit_outcome *o = user;
    /* {"x": bin of 4 GiB - 1} */
    size_t len = 3 + 5 + 0xffffffffull;
    unsigned char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(p != MAP_FAILED);
    memcpy(p, "\x81\xa1x\xc6\xff\xff\xff\xff", 8);
    tractor_bytes args = { p, len };
    assert_true(
        tractor_portal_run(tractor_actor_self(kit_actor()), root, "kit", "echo", args, NULL, kit_on_value, &o[0]) > 0);
    assert_true(tractor_nursery_run_in_actor(root, "kit", "echo", args, NULL, kit_on_value, &o[1]) > 0);
    munmap(p, len);
}
static void gigantic_payload(void **state) {
    (void)state;
    kit_outcome o[2] = { KIT_OUTCOME, KIT_OUTCOME };
    static const char *const served[] = { "kit", NULL };
    kit_assert_code(
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .enable_modules = served }, gigantic_body, o).err,
        TRACTOR_OK);
    kit_assert_code(o[0].err, TRACTOR_EINVAL);
    kit_assert_code(o[1].err, TRACTOR_EINVAL);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(cancelled_while_it_boots), KIT_TEST_ONCE(without_limits),   KIT_TEST(odd_child_names),
        KIT_TEST_ONCE(many_calls_end),      KIT_TEST_ONCE(gigantic_payload),
    };
    return kit_run_tests(tests);
}
