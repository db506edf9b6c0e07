/* A child for one call: it is started, asked, and gone before its answer is read. */
#include <stdio.h>

#include <tractor.h>

/* --- in the child ------------------------------------------------------------------------- */

static void report(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args;
    (void)user;
    if (tractor_is_root_process())
        tractor_ctx_raisef(ctx, "AssertionError", "nobody was started");
    else
        tractor_ctx_return(ctx, "s", "somebody else did this");
}
static const tractor_endpoint errands[] = { TRACTOR_FUNC("report", report), TRACTOR_ENDPOINTS_END };

/* --- in the root -------------------------------------------------------------------------- */

static void on_report(const tractor_error *err, const tractor_value *value, void *user) {
    tractor_value **kept = user;
    if (!err)
        *kept = tractor_value_keep(value); /* it is only lent */
}

/* The child has been reaped. */
static void on_end(const tractor_error *err, void *user) {
    tractor_value *const *kept = user;
    const char *line;
    if (!err && tractor_unpack(*kept, "s", &line) == TRACTOR_OK)
        puts(line);
    tractor_value_unref(*kept);
}

static void root(tractor_nursery *nursery, void *user) {
    tractor_nursery_run_in_actor(nursery, "errands", "report", TRACTOR_ARGS("{}"), NULL, on_report, user);
    tractor_nursery_on_end(nursery, on_end, user);
}

int main(int argc, char **argv) {
    tractor_value *kept = NULL;
    tractor_register("errands", errands, NULL);
    return tractor_main(argc, argv, NULL, root, &kept);
}
