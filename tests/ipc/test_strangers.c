/* Processes of another user, and those in another network: whoever they ask is refused them at once, and nobody is hurt. */
#include "kit/kit.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- the stranger: a program of its own, with a tree of its own ---- */

enum { TRIES = 5 };

typedef struct verdict {
    int code;
    int64_t ns;
    char message[400];
} verdict;

typedef struct stranger {
    const char *address;
    int64_t asked_at;
    verdict verdict;
} stranger;

static void on_registry(const tractor_error *err, tractor_portal *portal, void *user) {
    stranger *s = user;
    (void)portal;
    s->verdict.ns = tractor_now() - s->asked_at;
    s->verdict.code = tractor_error_code(err);
    snprintf(s->verdict.message, sizeof s->verdict.message, "%s", err ? tractor_error_message(err) : "");
}

static void ask(tractor_nursery *root, void *user) {
    stranger *s = user;
    s->asked_at = tractor_now();
    tractor_get_registry(root, s->address, NULL, on_registry, s);
}

/* Answers each address with a verdict, until nobody asks any more. */
static void serve_strangely(int talk) {
    char address[400];
    for (ssize_t n; (n = read(talk, address, sizeof address - 1)) > 0;) {
        address[n] = '\0';
        const char *own[] = { kit_fresh_address_of("tcp"), NULL };
        stranger s = { .address = address };
        kit_run run = kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .registry_addrs = own }, ask, &s);
        if (run.err || write(talk, &s.verdict, sizeof s.verdict) != sizeof s.verdict)
            _exit(1);
    }
    _exit(0);
}

static const char *become_another_user(void) {
    return setgid(12345) == 0 && setuid(12345) == 0 ? NULL : "cannot become another user";
}

static const char *enter_another_network(void) {
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return "cannot make a network namespace";
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };
    const char *failed = ioctl(s, SIOCSIFFLAGS, &loopback) == 0 ? NULL : "the new network has no loopback";
    close(s);
    return failed;
}

/* ---- who is asked ---- */

typedef struct victim {
    const char *transport, *registry;
    const char *(*become)(void);
    mode_t folder, file; /* of a Unix socket */
    const char *says;
    pid_t stranger;
    int talk;
    verdict verdicts[TRIES];
    kit_outcome child, answer;
} victim;

/* False, and says so, if there can't be such a stranger here. */
static bool start_stranger(victim *v) {
    int ends[2];
    char why[100] = "";
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    fflush(NULL);
    v->stranger = fork();
    if (v->stranger == 0) {
        close(ends[0]);
        const char *failed = v->become();
        if (write(ends[1], failed ? failed : "", failed ? strlen(failed) + 1 : 1) < 0 || failed)
            _exit(1);
        serve_strangely(ends[1]);
    }
    close(ends[1]);
    v->talk = ends[0];
    assert_true(read(v->talk, why, sizeof why - 1) > 0);
    if (why[0])
        print_message("             (skipped: %s)\n", why);
    return !why[0];
}

static void end_stranger(victim *v) {
    close(v->talk);
    assert_int_equal(waitpid(v->stranger, NULL, 0), v->stranger);
}

static void let_stranger_try(void *user) {
    victim *v = user;
    for (int i = 0; i < TRIES; i++) {
        assert_true(write(v->talk, v->registry, strlen(v->registry)) > 0);
        assert_int_equal(read(v->talk, &v->verdicts[i], sizeof v->verdicts[i]), sizeof v->verdicts[i]);
    }
}

static void answered(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_nursery_cancel(tractor_actor_nursery(kit_actor()), NULL);
}

static void call_child(const tractor_error *err, void *user) {
    victim *v = user;
    kit_assert_code(err, TRACTOR_OK);
    v->answer = (kit_outcome){ .then = answered };
    tractor_portal_run(v->child.portal, NULL, "kit", "echo", TRACTOR_ARGS("{s:i}", "n", 1), NULL, kit_on_value,
                       &v->answer);
}

static void child_is_up(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_nursery_run_in_thread(tractor_actor_nursery(kit_actor()), let_stranger_try, call_child, o->user);
}

static void victim_body(tractor_nursery *root, void *user) {
    victim *v = user;
    if (v->file) {
        const char *path = v->registry + strlen("/unix");
        assert_int_equal(chmod(path, v->file), 0);
    }
    v->child = (kit_outcome){ .then = child_is_up, .user = v };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = kit_modules };
    tractor_nursery_start_actor(root, "child", &options, kit_on_portal, &v->child);
}

static void is_refused(victim *v) {
    if (!start_stranger(v))
        return end_stranger(v);
    const char *addrs[] = { v->registry, NULL };
    tractor_root_options options = { TRACTOR_ROOT_OPTIONS, .enable_transports = v->transport, .registry_addrs = addrs };
    kit_run run = kit_run_root(&options, victim_body, v);
    end_stranger(v);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_value(v->answer.value, "{s:i}", "n", 1);
    for (int i = 0; i < TRIES; i++) {
        assert_int_equal(v->verdicts[i].code, TRACTOR_ETRANSPORT);
        kit_assert_contains(v->verdicts[i].message, v->says);
        kit_assert_within_ms(v->verdicts[i].ns, 1000);
    }
}

/* ---- the ways to be one ---- */

/* In a folder of its own, since that of the test is closed already. */
static void is_refused_in_folder(victim v) {
    char folder[] = "/tmp/strangers-XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chmod(folder, v.folder), 0);
    v.transport = "uds";
    v.registry = kit_text("/unix%s/registry.sock", folder);
    v.become = become_another_user;
    is_refused(&v);
    assert_int_equal(rmdir(folder), 0);
}

static void test_another_user_in_a_private_folder(void **state) {
    (void)state;
    is_refused_in_folder((victim){ .folder = 0700, .file = 0666, .says = "Permission denied" });
}

static void test_another_user_at_a_private_file(void **state) {
    (void)state;
    is_refused_in_folder((victim){ .folder = 0777, .file = 0600, .says = "Permission denied" });
}

/* All doors are open: what is left is that the kernel says who comes. */
static void test_another_user_by_credentials(void **state) {
    (void)state;
    kit_expect_log("refused a connection of user 12345");
    is_refused_in_folder((victim){ .folder = 0777, .file = 0666, .says = "connection lost" });
    assert_int_equal(kit_log_count("refused a connection of user"), geteuid() == 0);
}

static void test_another_network(void **state) {
    (void)state;
    victim v = { .transport = "tcp",
                 .registry = kit_fresh_address_of("tcp"),
                 .become = enter_another_network,
                 .says = "Connection refused" };
    is_refused(&v);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST_ONCE(test_another_user_in_a_private_folder),
        KIT_TEST_ONCE(test_another_user_at_a_private_file),
        KIT_TEST_ONCE(test_another_user_by_credentials),
        KIT_TEST_ONCE(test_another_network),
    };
    return kit_run_tests(tests);
}
