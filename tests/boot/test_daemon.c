/* tractor_run_daemon(): a program that only serves. */
#include "kit/fault.h"
#include "raw_address.h"
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/un.h>
#include <sys/wait.h>

static tractor_root_options serving(void) {
    return kit_root_options(
        &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .name = "service", .enable_modules = kit_modules });
}

/* ---- how these tests find out that it is up ---- */

/* DMN-01: they look for a file. A connection that says nothing and goes would be a stranger to the registrar. */
static void DMN_01_daemon_ready_check_does_not_connect(void **state) {
    (void)state;
    tractor_root_options options = serving();
    service s = service_start(&options);
    const kit_fault no_sockets[] = { { .call = KIT_SOCKET, .error = EACCES },
                                     { .call = KIT_CONNECT, .error = EACCES } };
    kit_fault_begin(no_sockets, 2);
    service_wait(&s);
    assert_false(kit_fault_end());
    assert_int_equal(kill(s.pid, SIGTERM), 0);
    service_end(&s);
}

typedef struct watch {
    int looks, waits;
} watch;
static bool third_time(void *user) { return ++((watch *)user)->looks == 3; }
static void count_wait(void *user) { ++((watch *)user)->waits; }
/* DMN-02: absent, absent, present. */
static void DMN_02_daemon_ready_check_backs_off(void **state) {
    (void)state;
    watch w = { 0, 0 };
    assert_true(kit_wait_until(third_time, count_wait, &w));
    assert_int_equal(w.looks, 3);
    assert_int_equal(w.waits, 2);
}

/* ---- it serves, by name, until it is cancelled ---- */

typedef struct visit {
    kit_outcome found, asked, cancelled;
} visit;

static void cancel_it(kit_outcome *o) {
    visit *v = o->user;
    tractor_portal_cancel_actor(v->found.portal, NULL, NULL, kit_on_done, &v->cancelled);
}
static void ask_it(kit_outcome *o) {
    visit *v = o->user;
    kit_assert_portal(o->portal);
    assert_string_equal(tractor_portal_id(o->portal)->name, "service");
    tractor_portal_run(o->portal, NULL, "kit", "echo", TRACTOR_ARGS("{s:i}", "n", 7), NULL, kit_on_value, &v->asked);
}
static void visit_body(tractor_nursery *root, void *user) {
    visit *v = user;
    v->found.then = ask_it;
    v->asked.then = cancel_it;
    v->found.user = v->asked.user = v;
    tractor_find_actor(root, "service", NULL, kit_on_portal, &v->found);
}

/* MUL-02: its main returns, where the original's goes on without listeners, as an embedder's does: test_embedded.c. */
static void it_serves_until_it_is_cancelled(void **state) {
    (void)state;
    tractor_root_options options = serving();
    service s = service_start(&options);
    service_wait(&s);
    assert_int_equal(raw_connect(kit_registry()), 0);
    tractor_root_options client =
        kit_root_options(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .flags = TRACTOR_ROOT_CLIENT });
    visit v = { KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME };
    kit_run run = kit_run_root(&client, visit_body, &v);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_value(v.asked.value, "{s:i}", "n", 7);
    kit_assert_code(v.cancelled.err, TRACTOR_OK);
    assert_int_equal(service_end(&s), 0);
    assert_int_not_equal(raw_connect(kit_registry()), 0);
    assert_string_equal(service_stderr(&s), "");
}

/* ---- signals ---- */

/* MUL-01 */
static void a_signal_ends_it(void **state) {
    (void)state;
    for (int i = 0; i < 2; ++i) {
        const int signo = i ? SIGTERM : SIGINT;
        tractor_root_options options = serving();
        service s = service_start(&options);
        service_wait(&s);
        int64_t begin = tractor_now();
        assert_int_equal(kill(s.pid, signo), 0);
        int status = service_end(&s);
        kit_assert_within_ms(tractor_now() - begin, 1000);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), signo);
        kit_assert_contains(service_stderr(&s), i ? "interrupted by SIGTERM" : "interrupted by SIGINT");
        assert_int_not_equal(raw_connect(kit_registry()), 0);
    }
}

/* ---- modules first ---- */

static void a_missing_module_is_found_before_anything_is_opened(void **state) {
    (void)state;
    /* Somebody who takes connections and says nothing: an election would take its 3 s. */
    struct sockaddr_storage at;
    socklen_t len;
    int fd = raw_socket(kit_registry(), &at, &len);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len) | listen(fd, 4), 0);
    const char *const absent[] = { "kit", "nosuchmodule", NULL };
    tractor_root_options options = serving();
    options.enable_modules = absent;
    int64_t begin = tractor_now();
    service s = service_start(&options);
    int status = service_end(&s);
    kit_assert_within_ms(tractor_now() - begin, 1000);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    kit_assert_contains(service_stderr(&s), "no module named 'nosuchmodule'");
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(accept(fd, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    close(fd);
    if (at.ss_family == AF_UNIX)
        unlink(((struct sockaddr_un *)&at)->sun_path);
}

/* ---- options ---- */

static void refuse(tractor_root_options options, const char *why) {
    service s = service_start(&options);
    int status = service_end(&s);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 2);
    kit_assert_contains(service_stderr(&s), why);
}
static void bad_options_are_status_2(void **state) {
    (void)state;
    int somewhere;
    tractor_root_options options = serving();
    options.event_base = (struct event_base *)&somewhere;
    refuse(options, "tractor_run_daemon() has a loop of its own: event_base must be NULL");
    options = serving();
    options.enable_modules = NULL;
    options.flags = TRACTOR_ROOT_CLIENT;
    refuse(options, "tractor_run_daemon() serves, which TRACTOR_ROOT_CLIENT excludes");
    options = serving();
    options.flags = TRACTOR_ROOT_DEBUG_MODE;
    refuse(options, "TRACTOR_ROOT_DEBUG_MODE: not yet supported");
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(DMN_01_daemon_ready_check_does_not_connect),
        KIT_TEST_ONCE(DMN_02_daemon_ready_check_backs_off),
        KIT_TEST(it_serves_until_it_is_cancelled),
        KIT_TEST(a_signal_ends_it),
        KIT_TEST(a_missing_module_is_found_before_anything_is_opened),
        KIT_TEST_ONCE(bad_options_are_status_2),
    };
    return kit_run_tests(tests);
}
