/* Handles that are kept longer than what they stand for, and calls that come too early or too late. */
#include "kit/kit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- a kept ctx still knows who asked ---- */

static tractor_ctx *kept_ctx;
static const char *kept_name;
static void keep_me(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    kept_ctx = tractor_ctx_ref(ctx);
    kept_name = tractor_ctx_peer(ctx)->name;
    tractor_ctx_return(ctx, NULL);
}
static const tractor_endpoint review_module[] = { TRACTOR_FUNC("keep_me", keep_me), TRACTOR_ENDPOINTS_END };

static void keep_body(tractor_nursery *root, void *user) {
    tractor_portal_run(tractor_actor_self(kit_actor()), root, "review", "keep_me", TRACTOR_ARGS("{}"), NULL,
                       kit_on_value, user);
}
static void *unref_ctx(void *user) {
    tractor_ctx_unref(user);
    return NULL;
}
static void kept_ctx_knows_its_peer(void **state) {
    (void)state;
    static const char *const served[] = { "review", NULL };
    kit_outcome answer = KIT_OUTCOME;
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .name = "somebody", .enable_modules = served },
                     keep_body, &answer);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(answer.err, TRACTOR_OK);
    assert_string_equal(tractor_ctx_peer(kept_ctx)->name, "somebody");
    assert_string_equal(kept_name, "somebody");
    assert_int_equal(tractor_ctx_return(kept_ctx, NULL), TRACTOR_ECLOSED);
    assert_int_equal(tractor_nursery_cancel(tractor_ctx_nursery(kept_ctx), NULL), TRACTOR_ECLOSED);
    assert_null(tractor_ctx_actor(kept_ctx));
    pthread_t thread;
    pthread_create(&thread, NULL, unref_ctx, kept_ctx);
    pthread_join(thread, NULL);
}

static void null_handles(void **state) {
    (void)state;
    assert_int_equal(tractor_nursery_cancel(tractor_ctx_nursery(NULL), NULL), TRACTOR_ECLOSED);
    assert_non_null(tractor_ctx_nursery(NULL));
    assert_non_null(tractor_actor_nursery(NULL));
    assert_non_null(tractor_actor_self(NULL));
    assert_null(tractor_actor_parent(NULL));
    assert_string_equal(tractor_ctx_cid(NULL), "");
    assert_string_equal(tractor_portal_address(NULL), "");
    assert_string_equal(tractor_portal_id(NULL)->name, "");
    tractor_actor_close(NULL);
    tractor_nursery_close(NULL);
    tractor_portal_close(NULL);
}

/* ---- the portal to oneself lives as long as the actor ---- */

typedef struct opened {
    tractor_actor *actor;
    tractor_portal *self;
    int bodies, ends, posts;
    int code;
    int64_t began;
} opened;

static void opened_body(tractor_nursery *root, void *user) {
    (void)root;
    opened *o = user;
    o->bodies++;
    o->self = tractor_actor_self(o->actor);
    tractor_actor_close(o->actor);
}
static void opened_end(const tractor_error *err, void *user) {
    opened *o = user;
    o->ends++;
    o->code = err ? tractor_error_code(err) : TRACTOR_OK;
    if (o->self) {
        assert_string_equal(tractor_portal_id(o->self)->name, "root");
        assert_false(tractor_portal_connected(o->self));
        assert_int_equal(tractor_portal_run(o->self, NULL, "kit", "echo", TRACTOR_ARGS("{}"), NULL, NULL, NULL),
                         TRACTOR_ECLOSED);
    }
    assert_int_equal(tractor_nursery_cancel(tractor_actor_nursery(o->actor), NULL), TRACTOR_ECLOSED);
    tractor_actor_close(o->actor);
    assert_int_equal(tractor_actor_run(o->actor), TRACTOR_ECLOSED);
}
static void self_portal_in_on_end(void **state) {
    (void)state;
    opened o = { .began = tractor_now() };
    tractor_root_options options = kit_root_options(NULL);
    assert_int_equal(tractor_actor_open(&options, opened_body, opened_end, &o, &o.actor), TRACTOR_OK);
    assert_int_equal(tractor_actor_run(o.actor), TRACTOR_OK);
    assert_int_equal(o.bodies, 1);
    assert_int_equal(o.ends, 1);
    assert_int_equal(o.code, TRACTOR_OK);
}

/* ---- before the boot is done there is no nursery, and a close waits for it ---- */

static void too_early(void **state) {
    (void)state;
    opened o = { 0 };
    tractor_root_options options = kit_root_options(NULL);
    kit_outcome started = KIT_OUTCOME;
    assert_int_equal(tractor_actor_open(&options, opened_body, opened_end, &o, &o.actor), TRACTOR_OK);
    tractor_actor *second = NULL;
    kit_expect_log("this process has an actor already");
    assert_int_equal(tractor_actor_open(&options, opened_body, opened_end, &o, &second), TRACTOR_ERUNTIME);
    tractor_nursery *early = tractor_actor_nursery(o.actor);
    assert_int_equal(tractor_nursery_start_actor(early, "child", NULL, kit_on_portal, &started), TRACTOR_ECLOSED);
    assert_int_equal(tractor_nursery_sleep(early, 0, kit_on_done, &started), TRACTOR_ECLOSED);
    tractor_actor_close(o.actor);
    tractor_actor_close(o.actor);
    assert_int_equal(tractor_actor_run(o.actor), TRACTOR_OK);
    assert_int_equal(started.calls, 0);
    assert_int_equal(o.ends, 1);
    assert_int_equal(o.code, TRACTOR_OK);
}

/* ---- two threads do not run one loop ---- */

static void *run_too(void *user) { return (void *)(intptr_t)tractor_actor_run(user); }
static void run_twice_body(tractor_nursery *root, void *user) {
    pthread_t thread;
    void *status;
    (void)root;
    pthread_create(&thread, NULL, run_too, kit_actor());
    pthread_join(thread, &status);
    *(int *)user = (int)(intptr_t)status;
    assert_int_equal(tractor_actor_run(kit_actor()), TRACTOR_EDEADLK);
}
static void run_from_a_second_thread(void **state) {
    (void)state;
    int status = 0;
    kit_assert_code(kit_run_root(NULL, run_twice_body, &status).err, TRACTOR_OK);
    assert_int_equal(status, TRACTOR_EWRONGTHREAD);
}

static pthread_t poller;
static void poll_elsewhere_body(tractor_nursery *root, void *user) {
    (void)user;
    tractor_nursery_sleep(root, 150 * TRACTOR_MS, NULL, NULL);
    pthread_create(&poller, NULL, run_too, kit_actor());
}
/* The loop sleeps in its poll, outside all callbacks, when the other thread asks. */
static void run_from_a_second_thread_while_polling(void **state) {
    (void)state;
    void *status;
    kit_assert_code(kit_run_root(NULL, poll_elsewhere_body, NULL).err, TRACTOR_OK);
    pthread_join(poller, &status);
    assert_true((int)(intptr_t)status == TRACTOR_EWRONGTHREAD || (int)(intptr_t)status == TRACTOR_ECLOSED);
}

/* ---- somebody who listens and says nothing ---- */

static int listen_silently(const char *multiaddr) {
    const char *tcp = strstr(multiaddr, "/tcp/");
    int fd;
    if (tcp) {
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(tcp + 5)) };
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    } else {
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        snprintf(at.sun_path, sizeof at.sun_path, "%s", multiaddr + 5);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    }
    assert_int_equal(listen(fd, 16), 0);
    return fd;
}
static void stop_listening(int fd, const char *multiaddr) {
    close(fd);
    if (!strstr(multiaddr, "/tcp/"))
        unlink(multiaddr + 5);
}

/* As soon as somebody has connected: the boot waits for an answer then. */
static void *terminate_when_probed(void *user) {
    struct pollfd listener = { .fd = *(int *)user, .events = POLLIN };
    poll(&listener, 1, -1);
    kill(getpid(), SIGTERM);
    return NULL;
}
/* The registrar's address is probed for seconds; a signal cuts that short. */
static void signal_during_boot(void **state) {
    (void)state;
    opened o = { .began = tractor_now() };
    tractor_root_options options = kit_root_options(NULL);
    options.flags = TRACTOR_ROOT_SIGNALS;
    const char *address = options.registry_addrs[0];
    int fd = listen_silently(address);
    assert_int_equal(tractor_actor_open(&options, opened_body, opened_end, &o, &o.actor), TRACTOR_OK);
    pthread_t thread;
    pthread_create(&thread, NULL, terminate_when_probed, &fd);
    assert_int_equal(tractor_actor_run(o.actor), TRACTOR_OK);
    pthread_join(thread, NULL);
    assert_int_equal(o.bodies, 0);
    assert_int_equal(o.ends, 1);
    assert_int_equal(o.code, TRACTOR_EINTERRUPTED);
    kit_assert_within_ms(tractor_now() - o.began, 800);
    stop_listening(fd, address);
}

/* An actor that ends while one of its searches waits for somebody who says nothing. */
typedef struct search {
    const char *address;
    kit_outcome found, end;
} search;
static void cut_search_body(tractor_nursery *root, void *user) {
    search *s = user;
    tractor_nursery *n = tractor_nursery_open(
        root, &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .timeout_ns = 100 * TRACTOR_MS }, kit_on_done,
        &s->end);
    assert_true(tractor_get_registry(n, s->address, NULL, kit_on_portal, &s->found) > 0);
    tractor_nursery_close(n);
}
static void search_is_cut_with_the_actor(void **state) {
    (void)state;
    search s = { kit_fresh_address(), KIT_OUTCOME, KIT_OUTCOME };
    int fd = listen_silently(s.address);
    kit_run run = kit_run_root(NULL, cut_search_body, &s);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(s.found.err, TRACTOR_ECANCELED);
    kit_assert_code(s.end.err, TRACTOR_ETIMEDOUT);
    kit_assert_within_ms(run.ns, 600);
    stop_listening(fd, s.address);
}
/* The same with its own timeout, and one that is abandoned. */
static void late_search_body(tractor_nursery *root, void *user) {
    search *s = user;
    assert_true(tractor_get_registry(root, s->address,
                                     &(tractor_call_options){ TRACTOR_CALL_OPTIONS, .timeout_ns = 100 * TRACTOR_MS },
                                     kit_on_portal, &s->found) > 0);
    tractor_op op = tractor_get_registry(root, s->address, NULL, kit_on_portal, &s->end);
    assert_int_equal(tractor_op_abandon(kit_actor(), op), TRACTOR_OK);
}
static void search_times_out(void **state) {
    (void)state;
    search s = { kit_fresh_address(), KIT_OUTCOME, KIT_OUTCOME };
    int fd = listen_silently(s.address);
    kit_run run = kit_run_root(NULL, late_search_body, &s);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(s.found.calls, 1);
    assert_non_null(s.found.err);
    assert_int_equal(s.end.calls, 0);
    kit_assert_within_ms(run.ns, 600);
    stop_listening(fd, s.address);
}

/* ---- names ---- */

static void names_that_are_refused(void **state) {
    (void)state;
    opened o = { 0 };
    tractor_root_options options = kit_root_options(NULL);
    char *huge = malloc(200001);
    memset(huge, 'x', 200000);
    huge[200000] = '\0';
    options.name = huge;
    kit_expect_log("no root was opened: tractor_root_options.name");
    assert_int_equal(tractor_actor_open(&options, opened_body, opened_end, &o, &o.actor), TRACTOR_EINVAL);
    options.name = "\xff\xfe";
    assert_int_equal(tractor_actor_open(&options, opened_body, opened_end, &o, &o.actor), TRACTOR_EINVAL);
    free(huge);
}

/* ---- a boot that runs out of descriptors at any step ends in order ---- */

static void descriptors_run_out(void **state) {
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return; /* the sanitizer needs descriptors of its own */
#endif
    tractor_root_options options = kit_root_options(NULL);
    options.flags = TRACTOR_ROOT_SIGNALS;
    kit_expect_log("no root was opened");
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int lowest = dup(0), refused = 0, failed = 0, up = 0;
    close(lowest);
    for (int more = 0; up < 2; more++) {
        assert_true(more < 64);
        struct rlimit tight = { (rlim_t)(lowest + more), before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
        opened o = { 0 };
        int status = tractor_actor_open(&options, opened_body, opened_end, &o, &o.actor);
        if (status == TRACTOR_OK)
            assert_int_equal(tractor_actor_run(o.actor), TRACTOR_OK);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(o.ends, status == TRACTOR_OK);
        assert_int_equal(o.bodies, status == TRACTOR_OK && o.code == TRACTOR_OK);
        refused += status != TRACTOR_OK;
        failed += o.code != TRACTOR_OK;
        up += o.bodies;
    }
    print_message("%d opens were refused, %d boots failed\n", refused, failed);
    assert_true(refused > 0);
}

/* ---- a list that is refused leaves nothing behind ---- */

static void refused_list_is_no_module(void **state) {
    (void)state;
    static const tractor_endpoint bad[] = { TRACTOR_FUNC("good", keep_me), TRACTOR_FUNC("bad", NULL),
                                            TRACTOR_ENDPOINTS_END };
    assert_int_equal(tractor_register("ghost", bad, NULL), TRACTOR_EINVAL);
    assert_int_equal(tractor_register("ghost", NULL, NULL), TRACTOR_EINVAL);
    opened o = { 0 };
    tractor_root_options options = kit_root_options(NULL);
    static const char *const served[] = { "ghost", NULL };
    options.enable_modules = served;
    assert_int_equal(tractor_actor_open(&options, opened_body, opened_end, &o, &o.actor), TRACTOR_OK);
    assert_int_equal(tractor_actor_run(o.actor), TRACTOR_OK);
    assert_int_equal(o.bodies, 0);
    assert_int_equal(o.code, TRACTOR_ENOENDPOINT);
}

int main(int argc, char **argv) {
    tractor_register("review", review_module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST_ONCE(kept_ctx_knows_its_peer),
        KIT_TEST_ONCE(null_handles),
        KIT_TEST_ONCE(self_portal_in_on_end),
        KIT_TEST_ONCE(too_early),
        KIT_TEST_ONCE(run_from_a_second_thread),
        KIT_TEST_ONCE(run_from_a_second_thread_while_polling),
        KIT_TEST(signal_during_boot),
        KIT_TEST(search_is_cut_with_the_actor),
        KIT_TEST(search_times_out),
        KIT_TEST_ONCE(names_that_are_refused),
        KIT_TEST(descriptors_run_out),
        KIT_TEST_ONCE(refused_list_is_no_module),
    };
    return kit_run_tests(tests);
}
