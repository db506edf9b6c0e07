/* who dies takes its children along, however it died and whatever they do. */
// ctest: timeout=120
#include "robust/script.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum { CHILDREN = 5 };

static void become_subreaper(void) { assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); }

static void nap_ms(long ms) {
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&t, NULL);
}

/* Until none of them is there, not even as a zombie; false: some are, after that time. */
static bool wait_all_gone(const int64_t *pids, size_t count, int64_t ms) {
    for (int64_t end = tractor_now() + ms * TRACTOR_MS * kit_headroom();; nap_ms(1)) {
        size_t there = 0;
        for (size_t i = 0; i < count; i++) {
            waitpid((pid_t)pids[i], NULL, WNOHANG);
            there += kill((pid_t)pids[i], 0) == 0 || errno != ESRCH;
        }
        if (there == 0)
            return true;
        if (tractor_now() > end)
            return false;
    }
}

/* Whatever else was left to us; a leak sanitizer starts processes too. */
static bool reap_the_rest(void) {
    for (int64_t end = tractor_now() + TRACTOR_SECOND * kit_headroom(); tractor_now() < end; nap_ms(1)) {
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
        if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
            return true;
    }
    return false;
}

/* Entries of /dev/shm, as one text. */
static const char *shared_memory(void) {
    const char *all = "";
    DIR *folder = opendir("/dev/shm");
    for (struct dirent *e; folder && (e = readdir(folder));)
        if (strstr(e->d_name, "tractor"))
            all = kit_text("%s%s ", all, e->d_name);
    if (folder)
        closedir(folder);
    return all;
}

static size_t sockets_in(const char *path) {
    size_t count = 0;
    DIR *folder = opendir(path);
    for (struct dirent *e; folder && (e = readdir(folder));)
        count += e->d_type == DT_SOCK;
    if (folder)
        closedir(folder);
    return count;
}

/* ---- the endpoint that never returns to its loop ---- */

static void compute(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int fd;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i}", "fd", &fd) != TRACTOR_OK)
        return;
    if (write(fd, &(int64_t){ -1 }, sizeof(int64_t)) < 0)
        abort();
    for (volatile unsigned long n = 0;; n++) {
    }
}

/* ---- the victim: a root in a process of its own ---- */

typedef struct victim {
    int report; /* pids of children; -1: one is computing */
    int started;
    const char *runtime_folder;
} victim;

static void report(victim *v, int64_t number) {
    if (write(v->report, &number, sizeof number) != sizeof number)
        _exit(3);
}

static void one_is_up(kit_outcome *o) {
    victim *v = o->user;
    if (o->err)
        _exit(4);
    report(v, kit_pid(o->portal));
    if (++v->started == CHILDREN)
        tractor_portal_run(o->portal, NULL, "orphans", "compute", tractor_pack("{s:i}", "fd", v->report), NULL, NULL,
                           NULL);
}

static void victim_body(tractor_nursery *root, void *user) {
    victim *v = user;
    static kit_outcome up[CHILDREN];
    static const char *const modules[] = { "orphans", "kit", NULL };
    int32_t fds[] = { v->report };
    for (int i = 0; i < CHILDREN; i++) {
        up[i] = (kit_outcome){ .then = one_is_up, .user = v };
        tractor_nursery_start_actor(
            root, kit_text("worker%d", i),
            &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules, .pass_fds = fds, .pass_fds_count = 1 },
            kit_on_portal, &up[i]);
    }
}

static const char *runtime_folder(void) { return kit_text("%s/tractor", getenv("XDG_RUNTIME_DIR")); }
static const char *registry_in(const char *folder) {
    return strcmp(kit_transport(), "uds") == 0 ? kit_text("/unix%s/registry@1616.sock", folder) : kit_registry();
}

static void quiet_body(tractor_nursery *root, void *user) { (void)root, (void)user; }

static void kill_the_root(int signo) {
    become_subreaper();
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const char *folder = runtime_folder();
    const char *registries[] = { registry_in(folder), NULL };
    tractor_root_options options = { TRACTOR_ROOT_OPTIONS, .registry_addrs = registries,
                                     .enable_transports = kit_transport() };
    const char *shm = shared_memory();
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        signal(signo, SIG_DFL); /* cmocka catches some */
        victim v = { ends[1], 0, folder };
        kit_run_root(&options, victim_body, &v);
        _exit(5);
    }
    close(ends[1]);
    int64_t pids[CHILDREN], number;
    size_t known = 0;
    bool computing = false;
    while (known < CHILDREN || !computing) {
        assert_int_equal(read(ends[0], &number, sizeof number), sizeof number);
        if (number < 0)
            computing = true;
        else
            pids[known++] = number;
    }
    for (size_t i = 0; i < CHILDREN; i++)
        assert_int_equal(kill((pid_t)pids[i], 0), 0);

    assert_int_equal(kill(pid, signo), 0);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_true(wait_all_gone(pids, CHILDREN, 1000));
    assert_true(reap_the_rest());
    /* Nobody holds the other end of the pipe, so nobody whom we don't know of is left either. */
    assert_int_equal(read(ends[0], &number, sizeof number), 0);
    close(ends[0]);
    assert_string_equal(shared_memory(), shm);

    /* What they could not tidy up, the next root in that folder does. */
    if (strcmp(kit_transport(), "uds") == 0)
        assert_true(sockets_in(folder) > 0);
    kit_run run = kit_run_root(&options, quiet_body, NULL);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(sockets_in(folder), 0);
}

static void test_root_killed(void **state) {
    (void)state;
    kill_the_root(SIGKILL);
}
static void test_root_crashed(void **state) {
    (void)state;
    kill_the_root(SIGBUS);
}

/* ---- the one in the middle ---- */

enum { GRANDCHILDREN = 3 };

typedef struct family {
    tractor_ctx *ctx;
    int64_t pids[GRANDCHILDREN];
    int started;
    tractor_op hold;
} family;

static void grandchild_is_up(const tractor_error *err, tractor_portal *portal, void *user) {
    family *f = user;
    if (err) {
        tractor_op_complete(tractor_ctx_actor(f->ctx), f->hold, err);
        return;
    }
    f->pids[f->started++] = tractor_portal_id(portal)->pid;
    if (f->started == 2)
        tractor_portal_run(portal, NULL, "kit", "spin", tractor_pack("{s:s}", "touch", "/dev/null"), NULL, NULL, NULL);
    if (f->started == GRANDCHILDREN) {
        tractor_ctx_return(f->ctx, "[III]", f->pids[0], f->pids[1], f->pids[2]);
        tractor_op_complete(tractor_ctx_actor(f->ctx), f->hold, NULL);
    }
}

/* Its children live in the actor's own nursery, so that they outlast this task. */
static void raise_family(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    family *f = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *f);
    f->ctx = ctx;
    tractor_nursery *home = tractor_actor_nursery(tractor_ctx_actor(ctx));
    f->hold = tractor_nursery_hold(tractor_ctx_nursery(ctx), "family", NULL, NULL);
    for (int i = 0; i < GRANDCHILDREN; i++)
        tractor_nursery_start_actor(home, "grandchild",
                                    &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = kit_modules },
                                    grandchild_is_up, f);
}

static const tractor_endpoint endpoints[] = { TRACTOR_FUNC("compute", compute),
                                              TRACTOR_FUNC("raise_family", raise_family), TRACTOR_ENDPOINTS_END };

typedef struct middle {
    int64_t pids[GRANDCHILDREN], killed_at;
    int64_t mid;
    tractor_portal *portal;
} middle;

static void family_is_up(const tractor_error *err, const tractor_value *value, void *user) {
    middle *m = user;
    kit_assert_code(err, TRACTOR_OK);
    assert_int_equal(tractor_unpack(value, "[III]", &m->pids[0], &m->pids[1], &m->pids[2]), TRACTOR_OK);
    m->killed_at = tractor_now();
    assert_int_equal(kill((pid_t)m->mid, SIGKILL), 0);
}

static void mid_is_up(kit_outcome *o) {
    middle *m = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    m->portal = o->portal;
    m->mid = kit_pid(o->portal);
    tractor_portal_run(o->portal, NULL, "orphans", "raise_family", tractor_pack("{}"), NULL, family_is_up, m);
}

static void middle_body(tractor_nursery *root, void *user) {
    static kit_outcome up;
    static const char *const modules[] = { "orphans", NULL };
    up = (kit_outcome){ .then = mid_is_up, .user = user };
    tractor_nursery_start_actor(root, "mid", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules },
                                kit_on_portal, &up);
}

static void test_middle_killed(void **state) {
    (void)state;
    become_subreaper();
    middle m = { .killed_at = 0 };
    const char *folder = runtime_folder();
    const char *registries[] = { registry_in(folder), NULL };
    tractor_root_options options = { TRACTOR_ROOT_OPTIONS, .registry_addrs = registries,
                                     .enable_transports = kit_transport() };
    kit_run run = kit_run_root(&options, middle_body, &m);
    int64_t took = tractor_now() - m.killed_at;
    kit_assert_within_ms(took, 1000);
    /* One error, not a group: the death itself. */
    kit_assert_code(run.err, TRACTOR_ECHILD);
    kit_assert_contains(tractor_error_message(run.err), "'mid'");
    kit_assert_contains(tractor_error_message(run.err), "signal 9");
    assert_true(wait_all_gone(m.pids, GRANDCHILDREN, 1000));
    assert_true(reap_the_rest());
    /* The sockets of the grandchildren have no parent left that knows of them. */
    run = kit_run_root(&options, quiet_body, NULL);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(sockets_in(folder), 0);
}

/* A child whose parent was gone before it could ask to die with it. */
static void test_started_by_a_dead_parent(void **state) {
    (void)state;
    become_subreaper();
    pid_t pid = fork();
    if (pid == 0) {
        const char *actor = getenv("TRACTOR_TEST_ACTOR");
        const char *address = strcmp(kit_transport(), "uds") == 0 ? "('/nowhere', 'nobody.sock')" : "('127.0.0.1', 9)";
        execl(actor, "tractor-actor", "--uid", "('late', 'ecdb6ab8-2a0a-4b5e-8f3a-3a4d9a1c2b10')", "--parent_addr",
              address, (char *)NULL);
        _exit(127);
    }
    int status;
    int64_t begin = tractor_now();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    kit_assert_within_ms(tractor_now() - begin, 1000);
}

int main(int argc, char **argv) {
    tractor_register("orphans", endpoints, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(test_root_killed),
        KIT_TEST(test_root_crashed),
        KIT_TEST(test_middle_killed),
        KIT_TEST(test_started_by_a_dead_parent),
    };
    return kit_run_tests(tests);
}
