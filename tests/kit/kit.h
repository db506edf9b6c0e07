/* The kit of tests that start real processes. A test program is root and child at once:
 *
 *     static void answer(tractor_ctx *ctx, const tractor_value *args, void *user) { ... }       // runs in a child
 *     static const tractor_endpoint module[] = { TRACTOR_FUNC("answer", answer), TRACTOR_ENDPOINTS_END };
 *
 *     static void body(tractor_nursery *root, void *user) {                                     // runs in the root
 *         tractor_nursery_run_in_actor(root, "module", "answer", TRACTOR_ARGS("{}"), NULL, kit_on_value, user);
 *     }
 *     static void test_answer(void **state) {
 *         kit_outcome answer = KIT_OUTCOME;
 *         kit_run run = kit_run_root(NULL, body, &answer);
 *         assert_null(run.err);
 *         kit_assert_value(answer.value, "i", 42);
 *         kit_assert_within_ms(run.ns, 1000);
 *     }
 *     int main(int argc, char **argv) {
 *         tractor_register("module", module, NULL);
 *         kit_begin(argc, argv);                             // does not return in a child
 *         const kit_test tests[] = { KIT_TEST(test_answer), KIT_TEST_ONCE(test_without_a_runtime) };
 *         return kit_run_tests(tests);
 *     }
 *
 * KIT_TEST runs twice, `test_answer [tcp]` and `test_answer [uds]`, KIT_TEST_ONCE once, on tcp.
 *
 * Each test has a process of its own, forked from main, so that an assertion may fail anywhere, in callbacks too. When it
 * ends, nothing may be left that it had not found: no child, zombie or orphan, descriptor, thread or socket file, and
 * the log may hold no line of level warning or above but those that were announced with kit_expect_log(). A test that takes
 * more than KIT_LIMIT_S seconds says what it waits for and is killed. What is ref'd in a kit_outcome or kit_run is the
 * kit's: it is dropped when the test ends.
 *
 * kit/fault.h makes system calls fail, and processes die or stop, at chosen moments; kit/proxy.h breaks connections.
 *
 * Run the programs through ctest: run_test gives them the folders they look for leftovers in. One test alone:
 * `KIT_ONLY='test_answer*' ctest -R ...`.
 */
#ifndef TRACTOR_TESTS_KIT_H
#define TRACTOR_TESTS_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>
#include <tractor.h>

#define KIT_LIMIT_S 20

/* ---- the program ---- */

typedef struct kit_test {
    const char *name;
    void (*fn)(void **state);
    bool once;
    void *user; /* is *state in the test */
} kit_test;
#define KIT_TEST(f) \
    { #f, f, false, NULL }
#define KIT_TEST_ONCE(f) \
    { #f, f, true, NULL }
/* One function as several tests: the variant's name is put behind the function's. */
#define KIT_TEST_WITH(f, variant, user) \
    { #f ": " variant, f, false, (user) }

/* Registers the module "kit" and serves if this process is a child. */
void kit_begin(int argc, char **argv);
int kit_run_tests_(const kit_test *tests, size_t count);
#define kit_run_tests(tests) kit_run_tests_((tests), sizeof(tests) / sizeof((tests)[0]))

/* ---- this test ---- */

const char *kit_transport(void); /* "tcp" or "uds" */
/* An address of the transport where nobody listens; another one at each call, valid until the test ends. */
const char *kit_fresh_address(void);
/* The same of a given transport. */
const char *kit_fresh_address_of(const char *transport);
/* A path in the test's TMPDIR; valid until the test ends. */
const char *kit_path(const char *name);
/* This executable. */
const char *kit_program(void);

/* ---- roots ---- */

typedef struct kit_run {
    const tractor_error *err; /* how the root ended; NULL: well */
    int64_t ns;               /* from open to end */
} kit_run;

/* Opens a root, runs `body` in it, closes it when body has returned, and runs the loop to its end. What `more` leaves open
 * is filled in: transport, registry (one of its own) and log level "warning". */
kit_run kit_run_root(const tractor_root_options *more, tractor_root_fn body, void *user);
/* The options that kit_run_root() would use; its registry address is the same throughout a test. */
tractor_root_options kit_root_options(const tractor_root_options *more);
/* The registry address of kit_root_options(). */
const char *kit_registry(void);
/* The root that is running. */
tractor_actor *kit_actor(void);

/* ---- completions ---- */

/* What a completion was given; `fn(err, ...)` is called by it then, if it is not NULL. */
typedef struct kit_outcome {
    int calls;
    const tractor_error *err;
    tractor_value *value;
    tractor_portal *portal;
    int64_t at;                             /* tractor_now() */
    void (*then)(struct kit_outcome *self); /* called after each, to go on */
    void *user;                             /* for `then` */
} kit_outcome;
#define KIT_OUTCOME \
    { 0, NULL, NULL, NULL, 0, NULL, NULL }
void kit_on_done(const tractor_error *err, void *outcome);
void kit_on_value(const tractor_error *err, const tractor_value *value, void *outcome);
void kit_on_portal(const tractor_error *err, tractor_portal *portal, void *outcome);
/* A reference that the kit drops at the end of the test. */
const tractor_error *kit_keep_error(const tractor_error *err);
tractor_value *kit_keep_value(const tractor_value *value);

/* ---- assertions ---- */

int64_t kit_headroom(void);
/* TRACTOR_TEST_HEADROOM times as long is allowed: for upper limits. */
bool kit_within_ms(int64_t ns, int64_t ms);
#define kit_assert_within_ms(ns, ms) kit_assert_within_ms_((ns), (ms), __FILE__, __LINE__)
void kit_assert_within_ms_(int64_t ns, int64_t ms, const char *file, int line);

/* Prints the error if it is another one. `code` without TRACTOR_; TRACTOR_OK for none. */
#define kit_assert_code(err, code) kit_assert_code_((err), (code), __FILE__, __LINE__)
void kit_assert_code_(const tractor_error *err, int code, const char *file, int line);
/* An EREMOTE of that boxed type. */
#define kit_assert_remote(err, type) kit_assert_remote_((err), (type), __FILE__, __LINE__)
void kit_assert_remote_(const tractor_error *err, const char *type, const char *file, int line);
#define kit_assert_contains(text, part) kit_assert_contains_((text), (part), __FILE__, __LINE__)
void kit_assert_contains_(const char *text, const char *part, const char *file, int line);
/* The value is byte for byte what tractor_pack(format, ...) makes. */
#define kit_assert_value(value, ...) kit_assert_bytes_((value), tractor_pack(__VA_ARGS__), __FILE__, __LINE__)
void kit_assert_bytes_(const tractor_value *value, tractor_bytes expected, const char *file, int line);
/* Connected, and by the transport of this test. */
#define kit_assert_portal(portal) kit_assert_portal_((portal), __FILE__, __LINE__)
void kit_assert_portal_(tractor_portal *portal, const char *file, int line);
/* No process of that pid, not even a zombie. */
#define kit_assert_gone(pid) kit_assert_gone_((pid), __FILE__, __LINE__)
void kit_assert_gone_(int64_t pid, const char *file, int line);

/* ---- the log ---- */

/* Lines with `part` in them are all right in this test. */
void kit_expect_log(const char *part);
/* The number of lines with `part` so far. */
size_t kit_log_count(const char *part);

/* ---- processes ---- */

/* Asks until it is so, with `between` after each no (NULL: a millisecond's rest); false after a while. */
bool kit_wait_until(bool (*is_so)(void *user), void (*between)(void *user), void *user);
/* Waits until /proc says that the process is in one of `states`, such as "T" or "Z"; false after a while. */
bool kit_wait_state(int64_t pid, const char *states);
/* Waits until there is such a file; false after a while. */
bool kit_wait_file(const char *path);
/* The pid of a portal's process. */
int64_t kit_pid(tractor_portal *portal);
/* A printf-like text that lives until the test ends. */
char *kit_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Whole file, as text that is dropped at the end of the test; NULL: there is none. */
const char *kit_read_file(const char *path);

/* ---- module "kit", registered in every program of it; enable it in children with kit_modules ----
 *
 *   echo(...)                what it was given
 *   pid()                    its process id
 *   fail(type, message)      raises
 *   forever()                until it is cancelled; then makes the file `touch`, if that was given
 *   nap(ms, then?)           answers `then`
 *   nap_fail(ms, type, message)
 *   signal(number)           raises a signal in itself: 9 dies, 19 stops
 *   exit(status)
 *   spin(touch)              makes a file and never returns to the loop
 *   print(text)              a line on stderr
 */
extern const char *const kit_modules[]; /* { "kit", NULL } */

#endif
