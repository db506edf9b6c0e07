/* The log by its public functions; its lines and colours are tested in tests/base. */
#include "kit/kit.h"

#include <pthread.h>

#include "tests.h"

enum { LINES = 64 };
typedef struct sink {
    pthread_mutex_t lock;
    int count, released, level;
    char lines[LINES][512];
    pthread_t threads[LINES];
} sink;

static void take(int level, const char *line, void *user) {
    sink *s = user;
    pthread_mutex_lock(&s->lock);
    if (s->count < LINES) {
        snprintf(s->lines[s->count], sizeof s->lines[0], "%s", line);
        s->threads[s->count] = pthread_self();
    }
    s->count++;
    s->level = level;
    pthread_mutex_unlock(&s->lock);
}
static void released(void *user) { ((sink *)user)->released++; }

static void begin(sink *s) {
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    assert_int_equal(tractor_log_set_sink(take, s, released), TRACTOR_OK);
}
static void end(sink *s) {
    assert_int_equal(tractor_log_set_sink(NULL, NULL, NULL), TRACTOR_OK);
    assert_int_equal(s->released, 1);
}

static size_t occurrences(const char *text, const char *part) {
    size_t n = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

static void LOG_01_root_pkg_not_duplicated_in_logger_name(void **state) {
    sink s;
    (void)state;
    begin(&s);
    tractor_log_text(TRACTOR_LOG_ERROR, "tractor.devx.dotted.tail", "a.c", 1, "one");
    tractor_log_text(TRACTOR_LOG_ERROR, "mine.dotted.tail", "a.c", 1, "two");
    tractor_log_text(TRACTOR_LOG_ERROR, "tractor", "a.c", 1, "three");
    tractor_log_text(TRACTOR_LOG_ERROR, NULL, "a.c", 1, "four");
    tractor_log_text(TRACTOR_LOG_ERROR, "tractors", "a.c", 1, "five");
    end(&s);
    assert_int_equal(s.count, 5);
    kit_assert_contains(s.lines[0], " tractor.devx.dotted.tail a.c:1 one");
    kit_assert_contains(s.lines[1], " tractor.mine.dotted.tail a.c:1 two");
    kit_assert_contains(s.lines[2], " tractor a.c:1 three");
    kit_assert_contains(s.lines[3], " tractor.app a.c:1 four");
    kit_assert_contains(s.lines[4], " tractor.tractors a.c:1 five");
    assert_int_equal(occurrences(s.lines[0], "tractor"), 1);
}

static void LOG_04_io_custom_level_registered(void **state) {
    sink s;
    (void)state;
    assert_int_equal(TRACTOR_LOG_IO, 21);
    assert_int_equal(tractor_log_level_by_name("io"), 21);
    assert_int_equal(tractor_log_level_by_name("IO"), 21);
    begin(&s);
    tractor_log_set_level(TRACTOR_LOG_INFO);
    assert_true(tractor_log_enabled(TRACTOR_LOG_IO));
    tractor_log(TRACTOR_LOG_IO, "from %s", "afar");
    tractor_log_set_level(TRACTOR_LOG_WARNING);
    assert_false(tractor_log_enabled(TRACTOR_LOG_IO));
    tractor_log(TRACTOR_LOG_IO, "from nowhere");
    end(&s);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.level, TRACTOR_LOG_IO);
    kit_assert_contains(s.lines[0], "[IO]");
    kit_assert_contains(s.lines[0], "from afar");
}

static void LOG_05_add_log_level_pluggable(void **state) {
    sink s;
    (void)state;
    assert_int_equal(tractor_log_add_level(19, "gossip", "magenta"), TRACTOR_OK);
    assert_int_equal(tractor_log_level_by_name("GOSSIP"), 19);
    assert_int_equal(tractor_log_add_level(19, "rumour", NULL), TRACTOR_EALREADY);
    assert_int_equal(tractor_log_add_level(18, "gossip", NULL), TRACTOR_EALREADY);
    assert_int_equal(tractor_log_add_level(18, "info", NULL), TRACTOR_EALREADY);
    assert_int_equal(tractor_log_add_level(18, "18", NULL), TRACTOR_EINVAL);
    assert_int_equal(tractor_log_add_level(0, "zero", NULL), TRACTOR_EINVAL);
    assert_int_equal(tractor_log_add_level(18, "hue", "octarine"), TRACTOR_EINVAL);
    begin(&s);
    assert_int_equal(tractor_log_set_level(19), TRACTOR_OK);
    tractor_log(19, "have you heard");
    assert_int_equal(tractor_log_remove_level(19), TRACTOR_OK);
    tractor_log(19, "forget it");
    end(&s);
    assert_int_equal(tractor_log_remove_level(19), TRACTOR_EINVAL);
    assert_int_equal(tractor_log_remove_level(TRACTOR_LOG_INFO), TRACTOR_EINVAL);
    assert_int_equal(tractor_log_level_by_name("gossip"), 0);
    assert_int_equal(s.count, 2);
    kit_assert_contains(s.lines[0], "[gossip]");
    kit_assert_contains(s.lines[1], "[19]");
}

/* A suppressed line is not formatted: reading this argument would be the end. */
static void LOG_06_log_guard_skips_payload_formatting(void **state) {
    sink s;
    (void)state;
    const char *volatile poison = (const char *)16;
    begin(&s);
    tractor_log_set_level(TRACTOR_LOG_ERROR);
    tractor_log(TRACTOR_LOG_TRANSPORT, "%s", poison);
    tractor_log_text(TRACTOR_LOG_WARNING, poison, poison, 1, poison);
    end(&s);
    assert_int_equal(s.count, 0);
}

/* ---- X-52 ---- */

static void *log_lines(void *user) {
    for (int i = 0; i < 10; i++)
        tractor_log(TRACTOR_LOG_ERROR, "line %d of %s", i, (const char *)user);
    return NULL;
}
static void log_from_threads(tractor_nursery *root, void *user) {
    (void)root, (void)user;
    pthread_t threads[3];
    static char *const names[] = { "red", "green", "blue" };
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, log_lines, names[i]);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    log_lines("the loop");
}
static void X_52_log_sink_callback_from_any_thread(void **state) {
    sink s;
    (void)state;
    begin(&s);
    kit_assert_code(kit_run_root(NULL, log_from_threads, NULL).err, TRACTOR_OK);
    end(&s);
    assert_int_equal(s.count, 40);
    for (int i = 0; i < 40; i++) {
        kit_assert_contains(s.lines[i], "(root[");
        assert_int_equal(pthread_equal(s.threads[i], pthread_self()), strstr(s.lines[i], "the loop") != NULL);
    }
}

/* ---- the environment overrides the program ---- */

static void level_body(tractor_nursery *root, void *user) {
    int *level = user;
    const char *name;
    (void)root;
    tractor_value *stats = tractor_value_new(tractor_actor_stats(kit_actor()));
    assert_int_equal(tractor_unpack(stats, "{s:s, *}", "log_level", &name), TRACTOR_OK);
    *level = tractor_log_level_by_name(name);
    tractor_value_unref(stats);
}
static int level_with(const char *environment) {
    int level = 0;
    if (environment)
        setenv("TRACTOR_LOGLEVEL", environment, 1);
    else
        unsetenv("TRACTOR_LOGLEVEL");
    kit_assert_code(
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .log_level = "critical" }, level_body, &level).err,
        TRACTOR_OK);
    return level;
}
static void X_53_environment_overrides_level(void **state) {
    (void)state;
    kit_expect_log("TRACTOR_LOGLEVEL=loudly names no level");
    assert_int_equal(level_with(NULL), TRACTOR_LOG_CRITICAL);
    assert_int_equal(level_with("error"), TRACTOR_LOG_ERROR);
    assert_int_equal(level_with("30"), TRACTOR_LOG_WARNING);
    assert_int_equal(level_with("loudly"), TRACTOR_LOG_CRITICAL);
    assert_int_equal(level_with(NULL), TRACTOR_LOG_CRITICAL);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST_ONCE(LOG_01_root_pkg_not_duplicated_in_logger_name),
        KIT_TEST_ONCE(LOG_04_io_custom_level_registered),
        KIT_TEST_ONCE(LOG_05_add_log_level_pluggable),
        KIT_TEST_ONCE(LOG_06_log_guard_skips_payload_formatting),
        KIT_TEST_ONCE(X_52_log_sink_callback_from_any_thread),
        KIT_TEST_ONCE(X_53_environment_overrides_level),
    };
    return kit_run_tests(tests);
}
