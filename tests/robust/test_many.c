/* many children at once, and what happens when descriptors or processes run out: clean errors, nothing leaked, and all
 * is well again when there are some. */
// ctest: timeout=240 processors=2
#include "robust/script.h"

#include <dirent.h>
#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { MOST = 200 };

typedef struct crowd {
    tractor_nursery *home;
    kit_outcome up[MOST], answer[MOST], end;
    int wanted, done, failed;
    int64_t begin, all_up;
    void (*when_all)(struct crowd *c);
} crowd;

static void one_is_known(crowd *c, const tractor_error *err) {
    c->failed += err != NULL;
    if (++c->done < c->wanted)
        return;
    c->all_up = tractor_now();
    c->when_all(c);
}

static void one_is_up(kit_outcome *o) {
    assert_int_equal(o->calls, 1);
    one_is_known(o->user, o->err);
}

static void start_all(crowd *c) {
    c->begin = tractor_now();
    for (int i = 0; i < c->wanted; i++) {
        c->up[i] = (kit_outcome){ .then = one_is_up, .user = c };
        tractor_op op = tractor_nursery_start_actor(
            c->home, kit_text("child%d", i), &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = kit_modules },
            kit_on_portal, &c->up[i]);
        assert_true(op > 0);
    }
}

/* ---- 200 ---- */

static void one_answered(kit_outcome *o) {
    crowd *c = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    if (--c->done == 0)
        tractor_nursery_cancel(c->home, "all have answered");
}

static void ask_all(crowd *c) {
    assert_int_equal(c->failed, 0);
    for (int i = 0; i < c->wanted; i++) {
        c->answer[i] = (kit_outcome){ .then = one_answered, .user = c };
        tractor_portal_run(c->up[i].portal, NULL, "kit", "pid", tractor_pack("{}"), NULL, kit_on_value, &c->answer[i]);
    }
}

static void crowd_body(tractor_nursery *root, void *user) {
    crowd *c = user;
    c->home = root;
    start_all(c);
}

static void test_200_at_once(void **state) {
    (void)state;
    /* Enough for those that are open at the same time: connection, process, stderr, and the registering. */
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
    setrlimit(RLIMIT_NOFILE, &limit);
    static crowd c;
    c = (crowd){ .wanted = SANITIZED ? 30 : MOST, .when_all = ask_all };
    if (SANITIZED)
        print_message("             (only %d: a sanitized process is large)\n", c.wanted);
    kit_run run = kit_run_root(NULL, crowd_body, &c);
    int64_t end = tractor_now();
    kit_assert_code(run.err, TRACTOR_OK);
    print_message("             %d children: %.2f ms each to start, %.2f ms each in all\n", c.wanted,
                  (double)(c.all_up - c.begin) / 1e6 / c.wanted, (double)(end - c.begin) / 1e6 / c.wanted);
    for (int i = 0; i < c.wanted; i++) {
        int64_t pid;
        assert_int_equal(tractor_unpack(c.answer[i].value, "I", &pid), TRACTOR_OK);
        kit_assert_gone(pid);
    }
}

/* ---- no more descriptors ---- */

static int open_descriptors(void) {
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 3; /* ".", ".." and its own */
}

static void assert_resource_errors(const crowd *c) {
    for (int i = 0; i < c->wanted; i++) {
        if (!c->up[i].err)
            continue;
        kit_assert_code(c->up[i].err, TRACTOR_ESPAWN);
        assert_true(tractor_error_message(c->up[i].err)[0]);
    }
}

typedef struct shortage {
    crowd c;
    struct rlimit before;
    int resource;
    int descriptors;
    kit_outcome later, call;
} shortage;
static shortage s;

static void recovered(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_nursery_cancel(tractor_actor_nursery(kit_actor()), NULL);
}

static void started_later(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    s.call.then = recovered;
    tractor_portal_run(o->portal, NULL, "kit", "echo", tractor_pack("{}"), NULL, kit_on_value, &s.call);
}

static void shortage_is_over(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    /* Nothing is left of those that failed, and of those that did not. */
    assert_int_equal(open_descriptors(), s.descriptors);
    assert_int_equal(setrlimit((__rlimit_resource_t)s.resource, &s.before), 0);
    s.later.then = started_later;
    tractor_nursery_start_actor(tractor_actor_nursery(kit_actor()), "later",
                                &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = kit_modules },
                                kit_on_portal, &s.later);
}

static void end_the_shortage(crowd *c) {
    assert_true(c->failed > 0);
    assert_resource_errors(c);
    tractor_nursery_cancel(c->home, "enough");
}

static void run_short(tractor_nursery *root, void *user) {
    int limit = *(int *)user;
    s.descriptors = open_descriptors();
    assert_int_equal(getrlimit((__rlimit_resource_t)s.resource, &s.before), 0);
    struct rlimit low = { (rlim_t)limit, s.before.rlim_max };
    assert_int_equal(setrlimit((__rlimit_resource_t)s.resource, &low), 0);
    s.c = (crowd){ .wanted = 20, .when_all = end_the_shortage };
    s.c.end.then = shortage_is_over;
    s.c.home = tractor_nursery_open(root, NULL, kit_on_done, &s.c.end);
    start_all(&s.c);
}

/* The undefined behaviour sanitizer looks at objects through a pipe, and finds fault with them if it gets none. */
static bool skipped_if_sanitized(void) {
    if (SANITIZED)
        print_message("             (skipped: the sanitizer needs descriptors of its own)\n");
    return SANITIZED;
}

static void test_no_more_descriptors(void **state) {
    if (skipped_if_sanitized())
        return;
    int spare = *(const int *)*state;
    kit_expect_log("can't accept connections");
    s = (shortage){ .resource = RLIMIT_NOFILE };
    /* The loop of a root has six or so; children are given as few, and must get by with them too. */
    int limit = open_descriptors() + spare;
    kit_run run = kit_run_root(NULL, run_short, &limit);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(s.call.calls, 1);
}

/* A root that has not even the descriptors for itself says so. */
static void on_end(const tractor_error *err, void *user) { *(const tractor_error **)user = kit_keep_error(err); }

static void test_no_descriptors_for_a_root(void **state) {
    (void)state;
    if (skipped_if_sanitized())
        return;
    struct rlimit before, low;
    kit_expect_log("no root was opened");
    getrlimit(RLIMIT_NOFILE, &before);
    for (int spare = 0; spare < 12; spare++) {
        tractor_root_options options = kit_root_options(NULL);
        const tractor_error *err = NULL;
        tractor_actor *actor = NULL;
        int base = open_descriptors();
        low = (struct rlimit){ (rlim_t)(base + spare), before.rlim_max };
        setrlimit(RLIMIT_NOFILE, &low);
        int status = tractor_actor_open(&options, NULL, on_end, &err, &actor);
        if (status == TRACTOR_OK) {
            tractor_actor_close(actor);
            assert_int_equal(tractor_actor_run(actor), TRACTOR_OK);
        }
        setrlimit(RLIMIT_NOFILE, &before);
        assert_int_equal(open_descriptors(), base);
        if (status == TRACTOR_OK && !err)
            return; /* enough */
    }
    fail_msg("12 descriptors are not enough for a root");
}

/* ---- no more processes ---- */

static void test_no_more_processes(void **state) {
    (void)state;
    if (geteuid() == 0) {
        /* The limit does not bind root: be somebody else. Folders of the test stay where they are, and are not needed on tcp. */
        struct stat st;
        const char *home = TRACTOR_TEST_BINARY_DIR;
        if (stat(home, &st) != 0 || setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0 ||
            access(kit_program(), X_OK) != 0) {
            print_message("             (skipped: cannot become an unprivileged user who can run %s)\n", kit_program());
            return;
        }
        prctl(PR_SET_DUMPABLE, 1); /* or its own /proc is closed to it */
    }
    s = (shortage){ .resource = RLIMIT_NPROC };
    int limit = 1;
    kit_run run = kit_run_root(NULL, run_short, &limit);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(s.call.calls, 1);
    assert_int_equal(s.c.failed, s.c.wanted);
    for (int i = 0; i < s.c.wanted; i++)
        kit_assert_contains(tractor_error_message(s.c.up[i].err), strerror(EAGAIN));
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    static const int spares[] = { 14, 20, 40 };
    const kit_test tests[] = {
        KIT_TEST(test_200_at_once),
        KIT_TEST_WITH(test_no_more_descriptors, "14 spare", (void *)(uintptr_t)&spares[0]),
        KIT_TEST_WITH(test_no_more_descriptors, "20 spare", (void *)(uintptr_t)&spares[1]),
        KIT_TEST_WITH(test_no_more_descriptors, "40 spare", (void *)(uintptr_t)&spares[2]),
        KIT_TEST(test_no_descriptors_for_a_root),
        KIT_TEST_ONCE(test_no_more_processes),
    };
    return kit_run_tests(tests);
}
