/* tractor-actor: modules from shared objects, by name and by file; and what is wrong with those that are none. */
#include "robust/script.h"

#include <fcntl.h>
#include <sys/stat.h>

typedef struct loading {
    const char *modules[3];
    const char *func; /* of modules[0]'s name; NULL: not asked */
    const char *const *env;
    kit_outcome start, answer;
} loading;

static void end_it(kit_outcome *o) {
    (void)o;
    tractor_nursery_cancel(tractor_actor_nursery(kit_actor()), NULL);
}

static void is_up(kit_outcome *o) {
    loading *l = o->user;
    if (o->err || !l->func) {
        end_it(o);
        return;
    }
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(l->modules[0], "="), l->modules[0]);
    l->answer.then = end_it;
    tractor_portal_run(o->portal, NULL, name, l->func, tractor_pack("{s:i, s:i}", "a", 20, "b", 22), NULL, kit_on_value,
                       &l->answer);
}

static void load(tractor_nursery *root, void *user) {
    loading *l = user;
    l->start.then = is_up;
    l->start.user = l;
    tractor_nursery_start_actor(
        root, "loader",
        &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .program = getenv("TRACTOR_TEST_ACTOR"), .modules = l->modules,
                                  .env = l->env, .stderr_mode = TRACTOR_STDERR_CAPTURE },
        kit_on_portal, &l->start);
}

#define LOAD(l, ...)                            \
    loading l = { .modules = { __VA_ARGS__ } }; \
    kit_run run = kit_run_root(NULL, load, &l); \
    kit_assert_code(run.err, TRACTOR_OK)

#define HERE TRACTOR_TEST_BINARY_DIR

static void assert_sum(const loading *l) {
    kit_assert_code(l->start.err, TRACTOR_OK);
    kit_assert_code(l->answer.err, TRACTOR_OK);
    kit_assert_value(l->answer.value, "i", 42);
}

static void test_by_name(void **state) {
    (void)state;
    setenv("LD_LIBRARY_PATH", HERE, 1);
    loading l = { .modules = { "eps" }, .func = "add" };
    kit_run run = kit_run_root(NULL, load, &l);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_sum(&l);
}

static void test_by_file(void **state) {
    (void)state;
    loading l = { .modules = { "eps=" HERE "/libeps.so" }, .func = "add" };
    kit_run run = kit_run_root(NULL, load, &l);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_sum(&l);
    /* under any name, with dots too */
    l = (loading){ .modules = { "shop.sums=" HERE "/libeps.so" }, .func = "add" };
    run = kit_run_root(NULL, load, &l);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_sum(&l);
}

/* What is loaded is not exposed if it was not asked for, and the other way round. */
static void test_two_of_one_file(void **state) {
    (void)state;
    loading l = { .modules = { "one=" HERE "/libeps.so", "two=" HERE "/libeps.so" }, .func = "add" };
    kit_run run = kit_run_root(NULL, load, &l);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_sum(&l);
}

/* ---- what is none ---- */

static void fail_to_load(const char *module, const char *type, const char *part) {
    loading l = { .modules = { module } };
    kit_run run = kit_run_root(NULL, load, &l);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(l.start.err, TRACTOR_ESPAWN);
    const tractor_error *why = tractor_error_find(l.start.err, TRACTOR_ENOENDPOINT);
    if (!why)
        why = tractor_error_find(l.start.err, TRACTOR_EREMOTE);
    if (!why)
        fail_msg("%s", tractor_error_message(l.start.err));
    assert_string_equal(tractor_error_boxed_type(why), type);
    /* Somewhere in what is printed stands what was wrong, with the file's name. */
    char *text = tractor_error_format(l.start.err);
    kit_assert_contains(text, part);
    kit_assert_contains(text, "loader");
    tractor_free(text);
    kit_assert_within_ms(run.ns, 2000);
}

static const char *file_with(const char *name, const void *data, size_t len) {
    const char *path = kit_path(name);
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    close(fd);
    return path;
}

static void test_missing(void **state) {
    (void)state;
    fail_to_load("nosuchmodule", "ModuleNotFoundError", "libnosuchmodule.so");
    fail_to_load("eps=" HERE "/nosuchfile.so", "ModuleNotFoundError", "nosuchfile.so");
    fail_to_load("a/../b", "ModuleNotFoundError", "a/../b");
}

static void test_corrupt(void **state) {
    (void)state;
    fail_to_load(kit_text("bad=%s", file_with("empty.so", "", 0)), "ImportError", "empty.so");
    fail_to_load(kit_text("bad=%s", file_with("text.so", "this is no object\n", 18)), "ImportError", "text.so");
    /* A folder. */
    const char *folder = kit_path("folder.so");
    assert_int_equal(mkdir(folder, 0700), 0);
    fail_to_load(kit_text("bad=%s", folder), "ImportError", "folder.so");
    if (SANITIZED) {
        print_message(
            "             (skipped: a truncated object; the sanitizer's report of the SIGBUS would be one too many)\n");
        return;
    }
    /* The beginning of a good one. */
    static char object[1 << 20];
    int fd = open(HERE "/libeps.so", O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, object, sizeof object);
    close(fd);
    assert_true(size > 2000);
    loading l = { .modules = { kit_text("bad=%s", file_with("half.so", object, (size_t)size / 8)) } };
    kit_run run = kit_run_root(NULL, load, &l);
    kit_assert_code(run.err, TRACTOR_OK);
    /* The loader of the system maps what is not there, and dies of it: then that is what is said. */
    kit_assert_code(l.start.err, TRACTOR_ESPAWN);
    assert_true(strstr(tractor_error_message(l.start.err), "SIGBUS") ||
                tractor_error_find(l.start.err, TRACTOR_EREMOTE));
}

static void test_without_init(void **state) {
    (void)state;
    fail_to_load("noinit=" HERE "/noinit.so", "ImportError", "tractor_module_init");
    fail_to_load("noinit=" HERE "/noinit.so", "ImportError", "noinit.so");
}

static void test_init_that_refuses(void **state) {
    (void)state;
    setenv("ROBUST_DIE", "refuse", 1);
    fail_to_load("dying=" HERE "/dying.so", "ImportError", tractor_strerror(TRACTOR_EBUSY));
}

/* The second of two fails: the child does not serve with half of what was asked for. */
static void test_second_is_missing(void **state) {
    (void)state;
    LOAD(l, "eps=" HERE "/libeps.so", "nosuchmodule");
    kit_assert_code(l.start.err, TRACTOR_ESPAWN);
    assert_null(l.start.portal);
}

static void test_actor_by_hand(void **state) {
    (void)state;
    const char *actor = getenv("TRACTOR_TEST_ACTOR");
    static const struct {
        const char *flags;
        int status;
        const char *part;
    } lines[] = {
        { "", 2, "usage" },
        { "--help", 0, "usage" },
        { "--version", 0, "tractor-actor" },
        { "--uid nonsense", 2, "--uid" },
        { "--uid \"('a', 'b')\"", 2, "--parent_addr is missing" },
        { "--parent_addr /ip4/127.0.0.1/tcp/1", 2, "--uid is missing" },
        { "--uid \"('a', 'b')\" --parent_addr nowhere", 2, "--parent_addr" },
        { "--uid \"('a', 'b')\" --parent_addr /ip4/127.0.0.1/tcp/1 --asyncio", 2, "asyncio" },
        { "--uid \"('a', 'b')\" --parent_addr /ip4/127.0.0.1/tcp/1 --what", 2, "--what" },
        { "--uid", 2, "--uid" },
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *path = kit_path("said");
        int status = system(kit_text("exec %s %s >%s 2>&1", actor, lines[i].flags, path));
        kit_assert_contains(kit_read_file(path), lines[i].part);
        assert_int_equal(status, lines[i].status << 8);
    }
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(test_by_name),
        KIT_TEST(test_by_file),
        KIT_TEST_ONCE(test_two_of_one_file),
        KIT_TEST_ONCE(test_missing),
        KIT_TEST_ONCE(test_corrupt),
        KIT_TEST_ONCE(test_without_init),
        KIT_TEST_ONCE(test_init_that_refuses),
        KIT_TEST_ONCE(test_second_is_missing),
        KIT_TEST_ONCE(test_actor_by_hand),
    };
    return kit_run_tests(tests);
}
