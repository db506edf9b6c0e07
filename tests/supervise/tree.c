#include "supervise/tree.h"

#include <fcntl.h>
#include <poll.h>

size_t tree_size(int breadth, int depth) {
    size_t level = (size_t)breadth, all = level;
    for (int i = 0; i <= depth; i++)
        all += level *= (size_t)breadth;
    return all;
}

/* The pipe is passed on from parent to child under the same number. */
static void sprout(tractor_nursery *in, int breadth, int depth, const char *leaf, int fd) {
    int32_t fds[] = { fd };
    /* The ladder's own times, where processes are as quick as they should be. */
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .pass_fds = fds, .pass_fds_count = 1,
                                      .cancel_timeout_ns = 500 * TRACTOR_MS * kit_headroom(),
                                      .kill_timeout_ns = 1600 * TRACTOR_MS * kit_headroom() };
    for (int i = 0; i < breadth; i++)
        tractor_nursery_run_in_actor(
            in, "tree", depth < 0 ? leaf : "spawn",
            TRACTOR_ARGS("{s:i,s:i,s:s,s:i}", "breadth", breadth, "depth", depth - 1, "leaf", leaf, "fd", fd), &options,
            NULL, NULL);
}

static bool arrive(tractor_ctx *ctx, const tractor_value *args, int *breadth, int *depth, const char **leaf, int *fd) {
    if (tractor_ctx_unpack(ctx, args, "{s:i,s:i,s:s,s:i}", "breadth", breadth, "depth", depth, "leaf", leaf, "fd",
                           fd) != TRACTOR_OK)
        return false;
    int64_t pid = getpid();
    if (write(*fd, &pid, sizeof pid) != sizeof pid)
        abort();
    return true;
}

static void spawn(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int breadth, depth, fd;
    const char *leaf;
    (void)user;
    if (arrive(ctx, args, &breadth, &depth, &leaf, &fd))
        sprout(tractor_ctx_nursery(ctx), breadth, depth, leaf, fd);
}

static void assert_leaf(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int breadth, depth, fd;
    const char *leaf;
    (void)user;
    if (arrive(ctx, args, &breadth, &depth, &leaf, &fd))
        tractor_ctx_raisef(ctx, "AssertionError", "as it must");
}

static void stay_leaf(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int breadth, depth, fd;
    const char *leaf;
    (void)user;
    if (arrive(ctx, args, &breadth, &depth, &leaf, &fd))
        tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL);
}

void tree_register(void) {
    /* To look for leaks would take each of them longer than all that is measured. */
    char options[1000];
    const char *asan = getenv("ASAN_OPTIONS");
    snprintf(options, sizeof options, "%.900s:detect_leaks=0", asan ? asan : "");
    setenv("ASAN_OPTIONS", options, 1);
    static const tractor_endpoint endpoints[] = { TRACTOR_FUNC("spawn", spawn), TRACTOR_FUNC("assert", assert_leaf),
                                                  TRACTOR_FUNC("stay", stay_leaf), TRACTOR_ENDPOINTS_END };
    if (tractor_register("tree", endpoints, NULL) != TRACTOR_OK)
        abort();
}

void tree_plant(tree *t, tractor_nursery *in) {
    assert_int_equal(pipe2(t->ends, O_CLOEXEC), 0);
    t->count = tree_size(t->breadth, t->depth);
    assert_true(t->count <= TREE_MOST);
    if (t->wanted == 0)
        t->wanted = t->count;
    sprout(in, t->breadth, t->depth, t->leaf, t->ends[1]);
}

void tree_wait_until_grown(void *user) {
    tree *t = user;
    for (size_t i = 0; i < t->wanted; i++) {
        struct pollfd readable = { t->ends[0], POLLIN, 0 };
        if (poll(&readable, 1, (int)(15000 * kit_headroom())) != 1 ||
            read(t->ends[0], &t->pids[i], sizeof t->pids[i]) != sizeof t->pids[i])
            return; /* tree_assert_gone() sees that some are missing */
    }
}

void tree_assert_gone(tree *t) {
    close(t->ends[1]);
    for (size_t i = 0; i < t->wanted; i++) {
        assert_true(t->pids[i] > 0);
        kit_assert_gone(t->pids[i]);
    }
    /* At the end of the file whoever had its other end is gone, those too who did not say so. */
    int64_t pid;
    while (read(t->ends[0], &pid, sizeof pid) == sizeof pid)
        kit_assert_gone(pid);
    close(t->ends[0]);
}
