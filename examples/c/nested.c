/* Three generations: the root asks its child, which asks a child of its own and relays the answer. */
#include <stdio.h>
#include <unistd.h>

#include <tractor.h>

/* --- in the grandchild -------------------------------------------------------------------- */

static void leaf(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args;
    (void)user;
    tractor_ctx_return(ctx, "[i,i]", (int)getppid(), (int)getpid());
}

/* --- in the child ------------------------------------------------------------------------- */

static void on_leaf(const tractor_error *err, const tractor_value *value, void *user) {
    tractor_ctx *ctx = user;
    int parent, pid;
    if (err)
        tractor_ctx_raise(ctx, err); /* as it is: the caller sees where it began and by which way it came */
    else if (tractor_ctx_unpack(ctx, value, "[i,i]", &parent, &pid) == TRACTOR_OK)
        tractor_ctx_return(ctx, "[i,i,b]", (int)getpid(), pid, parent == getpid());
}

/* The grandchild belongs to the nursery of this task. If the caller cancels, or is gone, or this process is killed, the
 * grandchild ends too; there is no line for that here. */
static void branch(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args;
    (void)user;
    tractor_nursery_run_in_actor(tractor_ctx_nursery(ctx), "tree", "leaf", TRACTOR_ARGS("{}"), NULL, on_leaf, ctx);
}

static const tractor_endpoint tree[] = { TRACTOR_FUNC("branch", branch), TRACTOR_FUNC("leaf", leaf),
                                         TRACTOR_ENDPOINTS_END };

/* --- in the root -------------------------------------------------------------------------- */

static void on_branch(const tractor_error *err, const tractor_value *value, void *user) {
    int child, grandchild;
    bool related;
    if (err)
        tractor_nursery_fail(user, err);
    else if (tractor_unpack(value, "[i,i,b]", &child, &grandchild, &related) == TRACTOR_OK)
        printf("root %d > branch %d > leaf %d%s\n", (int)getpid(), child, grandchild,
               related ? "" : ", which is adopted");
}

static void root(tractor_nursery *nursery, void *user) {
    (void)user;
    tractor_nursery_run_in_actor(nursery, "tree", "branch", TRACTOR_ARGS("{}"), NULL, on_branch, nursery);
}

int main(int argc, char **argv) {
    tractor_register("tree", tree, NULL);
    return tractor_main(argc, argv, NULL, root, NULL);
}
