/* CAN-07, X-17: trees of up to 62 processes that fail, are cancelled and are interrupted. */
// ctest: timeout=180 processors=2
#include "supervise/tree.h"

#include <signal.h>

typedef struct scene {
    tree tree; /* first: the same pointer is that of a tree */
    tractor_nursery *root;
    int64_t grown_at;
    void (*when_grown)(struct scene *);
} scene;

static void grown(const tractor_error *err, void *user) {
    scene *s = user;
    kit_assert_code(err, TRACTOR_OK);
    s->grown_at = tractor_now();
    if (s->when_grown)
        s->when_grown(s);
}

static void plant(tractor_nursery *root, void *user) {
    scene *s = user;
    s->root = root;
    tree_plant(&s->tree, root);
    tractor_nursery_run_in_thread(root, tree_wait_until_grown, grown, s);
}

/* Each level waits for all its one-shots, so that every failure is told, however the others stand. */
static void CAN_07_nested_multierrors(void **state) {
    int depth = *(const int *)*state;
    scene s = { .tree = { .breadth = 2, .depth = depth, .leaf = "assert" } };
    assert_int_equal(tree_size(2, 1), 14);
    assert_int_equal(tree_size(2, 3), 62);
    kit_run run = kit_run_root(NULL, plant, &s);
    assert_group(run.err, 2, "ExceptionGroup");
    tree_assert_gone(&s.tree);
    kit_assert_within_ms(run.ns, depth == 1 ? 6000 : 12000);
    print_message("%zu processes started and failed in %.0f ms\n", s.tree.count, (double)run.ns / 1e6);
}

static void cancel_it(scene *s) { assert_int_equal(tractor_nursery_cancel(s->root, "enough"), TRACTOR_OK); }

static void CAN_07_tree_is_cancelled(void **state) {
    scene s = { .tree = { .breadth = 2, .depth = *(const int *)*state, .leaf = "stay" }, .when_grown = cancel_it };
    kit_run run = kit_run_root(NULL, plant, &s);
    int64_t took = tractor_now() - s.grown_at;
    kit_assert_code(run.err, TRACTOR_OK);
    tree_assert_gone(&s.tree);
    print_message("%zu processes are down in %.0f ms\n", s.tree.count, (double)took / 1e6);
    kit_assert_within_ms(took, 1000);
}

/* As a terminal does it: everybody in the process group gets it. */
static void interrupt_all(scene *s) {
    (void)s;
    assert_int_equal(kill(0, SIGINT), 0);
}

static void X_17_fork_bomb_is_interrupted(void **state) {
    scene s = { .tree = { .breadth = 2, .depth = 3, .leaf = "stay" }, .when_grown = interrupt_all };
    s.tree.wanted = *(const size_t *)*state;
    assert_int_equal(setpgid(0, 0), 0);
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .flags = TRACTOR_ROOT_SIGNALS }, plant, &s);
    int64_t took = tractor_now() - s.grown_at;
    kit_assert_code(run.err, TRACTOR_EINTERRUPTED);
    tree_assert_gone(&s.tree);
    kit_assert_within_ms(took, 1000);
}

int main(int argc, char **argv) {
    tree_register();
    kit_begin(argc, argv);
    int one = 1, three = 3;
    size_t grown_up = 0, still_growing = 10;
    const kit_test tests[] = {
        KIT_TEST_WITH(CAN_07_nested_multierrors, "depth 1", &one),
        KIT_TEST_WITH(CAN_07_nested_multierrors, "depth 3", &three),
        KIT_TEST_WITH(CAN_07_tree_is_cancelled, "depth 1", &one),
        KIT_TEST_WITH(CAN_07_tree_is_cancelled, "depth 3", &three),
        KIT_TEST_WITH(X_17_fork_bomb_is_interrupted, "grown up", &grown_up),
        KIT_TEST_WITH(X_17_fork_bomb_is_interrupted, "growing", &still_growing),
    };
    return kit_run_tests(tests);
}
