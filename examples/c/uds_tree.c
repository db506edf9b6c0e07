/* A tree over Unix sockets: no port is opened, and only this user's processes can come near. It shows itself. */
#include <stdio.h>

#include <tractor.h>

/* --- in the branches ----------------------------------------------------------------------- */

/* The leaf belongs to this task, which lasts as long as it: both end when the branch does. */
static void grow(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *leaf;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "leaf", &leaf) == TRACTOR_OK)
        tractor_nursery_start_actor(tractor_ctx_nursery(ctx), leaf, NULL, NULL, NULL);
}
static const tractor_endpoint branch[] = { TRACTOR_FUNC("grow", grow), TRACTOR_ENDPOINTS_END };

/* --- in the root --------------------------------------------------------------------------- */

typedef struct {
    tractor_nursery *nursery;
    int leaves; /* that are to come */
} garden;

typedef struct {
    garden *garden;
    const char *name, *leaf;
} bough;

static void on_tree(const tractor_error *err, const tractor_value *tree, void *user) {
    garden *g = user;
    if (err) {
        tractor_nursery_fail(g->nursery, err);
        return;
    }
    char *text = tractor_tree_format(tractor_value_bytes(tree));
    fputs(text, stdout);
    tractor_free(text);
    tractor_nursery_cancel(g->nursery, "seen"); /* branches and leaves end before the root does */
}

/* All that is told of the leaf is its name: the registrar, which is this root, knows where it is. */
static void on_leaf(const tractor_error *err, tractor_portal *leaf, void *user) {
    garden *g = user;
    if (err) {
        tractor_nursery_fail(g->nursery, err);
        return;
    }
    printf("%s listens at %s\n", tractor_portal_id(leaf)->name, tractor_portal_address(leaf));
    tractor_call_options patience = { TRACTOR_CALL_OPTIONS, .timeout_ns = 10 * TRACTOR_SECOND };
    if (--g->leaves == 0)
        tractor_actor_tree(tractor_nursery_actor(g->nursery), g->nursery, &patience, on_tree, g);
}

static void on_branch(const tractor_error *err, tractor_portal *portal, void *user) {
    bough *b = user;
    if (err) {
        tractor_nursery_fail(b->garden->nursery, err);
        return;
    }
    tractor_portal_run(portal, NULL, "branch", "grow", TRACTOR_ARGS("{s:s}", "leaf", b->leaf), NULL, NULL, NULL);
    tractor_wait_for_actor(b->garden->nursery, b->leaf, NULL, on_leaf, b->garden);
}

static void root(tractor_nursery *nursery, void *user) {
    static garden g;
    static bough boughs[] = { { &g, "left", "acorn" }, { &g, "right", "catkin" } };
    const char *const modules[] = { "branch", NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    (void)user;
    g.nursery = nursery;
    for (; g.leaves < 2; g.leaves++)
        tractor_nursery_start_actor(nursery, boughs[g.leaves].name, &options, on_branch, &boughs[g.leaves]);
}

int main(int argc, char **argv) {
    /* The children inherit it. */
    tractor_root_options options = { TRACTOR_ROOT_OPTIONS, .enable_transports = "uds" };
    tractor_register("branch", branch, NULL);
    return tractor_main(argc, argv, &options, root, NULL);
}
