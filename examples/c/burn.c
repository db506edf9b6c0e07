/* Two processors for two processes: the child burns one, and the root another one meanwhile. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <tractor.h>

/* The most steps that any number below 300 000 takes. */
static unsigned collatz(void) {
    unsigned most = 0;
    for (uint64_t i = 1; i < 300000; i++) {
        unsigned steps = 0;
        for (uint64_t n = i; n != 1; steps++)
            n = n % 2 ? 3 * n + 1 : n / 2;
        if (steps > most)
            most = steps;
    }
    return most;
}

/* --- in the child ------------------------------------------------------------------------- */

/* It blocks the child's loop, but nobody else wants anything of it. */
static void burn(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args;
    (void)user;
    collatz();
    tractor_ctx_return(ctx, "i", (int)getpid());
}
static const tractor_endpoint furnace[] = { TRACTOR_FUNC("burn", burn), TRACTOR_ENDPOINTS_END };

/* --- in the root -------------------------------------------------------------------------- */

static void on_burnt(const tractor_error *err, const tractor_value *value, void *user) {
    int pid;
    if (err)
        tractor_nursery_fail(user, err);
    else if (tractor_unpack(value, "i", &pid) == TRACTOR_OK)
        printf("collected from process %d\n", pid);
}

/* On another thread: the root's loop goes on. */
static void work(void *steps) { *(unsigned *)steps = collatz(); }

static void on_worked(const tractor_error *err, void *steps) {
    if (!err)
        printf("%u steps, found in process %d\n", *(unsigned *)steps, (int)getpid());
}

static void root(tractor_nursery *nursery, void *user) {
    tractor_nursery_run_in_actor(nursery, "furnace", "burn", TRACTOR_ARGS("{}"), NULL, on_burnt, nursery);
    tractor_nursery_run_in_thread(nursery, work, on_worked, user);
}

int main(int argc, char **argv) {
    unsigned steps = 0;
    tractor_register("furnace", furnace, NULL);
    return tractor_main(argc, argv, NULL, root, &steps);
}
