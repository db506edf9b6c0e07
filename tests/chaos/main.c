/* The program of a chaos round: root and child at once. */
#include "chaos.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- how it ended, for the observer ---- */

static void tell_member(FILE *to, const tractor_error *err) {
    char *text = tractor_error_format(err);
    fprintf(to, "member %s\n%s\n.\n", tractor_error_name(err), text ? text : "?");
    tractor_free(text);
}

static void tell_outcome(const tractor_error *err, void *user) {
    (void)user;
    const char *path = getenv("CHAOS_OUTCOME");
    FILE *to = path ? fopen(path, "we") : NULL;
    if (!to)
        return;
    fprintf(to, "outcome %s\n", tractor_error_name(err));
    for (size_t i = 0; i < tractor_error_child_count(err); i++)
        tell_member(to, tractor_error_child(err, i));
    if (err && tractor_error_child_count(err) == 0)
        tell_member(to, err);
    fprintf(to, "end\n");
    fclose(to);
}

/* ---- the root ---- */

static void on_root_grown(grower *g, const tractor_error *err) {
    tractor_op_abandon(tractor_nursery_actor(g->around), g->end_timer);
    if (err)
        tractor_nursery_fail(g->around, err);
}

static void on_time_over(const tractor_error *err, void *user) {
    grower *g = user;
    if (err)
        return;
    note(0, "end");
    tractor_nursery_cancel(g->pool, "the round is over");
}

static void body(tractor_nursery *root, void *user) {
    (void)user;
    note(0, "body");
    if (!the_plan()->embedded)
        tractor_nursery_on_end(root, tell_outcome, NULL);
    grower *g = grow(root, NULL, 0, on_root_grown);
    g->end_timer = tractor_nursery_sleep(root, the_plan()->end_ms * TRACTOR_MS, on_time_over, g);
    if (the_plan()->embedded)
        tractor_actor_close(tractor_nursery_actor(root));
}

/* ---- a root inside a host program, which the observer looks at before and afterwards ---- */

static void park(void) {
    char byte = 'P';
    if (write(STDOUT_FILENO, &byte, 1) != 1 || read(STDIN_FILENO, &byte, 1) != 1)
        exit(3);
}

static void on_embedded_end(const tractor_error *err, void *user) {
    *(int *)user = tractor_error_code(err);
    tell_outcome(err, NULL);
}

static int embedded(const tractor_root_options *options) {
    int code = 1;
    tractor_actor *actor;
    park();
    int status = tractor_actor_open(options, body, on_embedded_end, &code, &actor);
    if (status == TRACTOR_OK)
        status = tractor_actor_run(actor);
    if (status != TRACTOR_OK) {
        fprintf(stderr, "chaos: %s\n", tractor_strerror(status));
        return 3;
    }
    park();
    return code == TRACTOR_OK ? 0 : 1;
}

int main(int argc, char **argv) {
    catch_cuts();
    register_growing();
    register_working();
    tractor_child_main(argc, argv);
    const plan *p = the_plan();
    if (!p) {
        fprintf(stderr, "chaos: this is run by tests/chaos/run\n");
        return 2;
    }
    static const char *const modules[] = { "chaos", NULL };
    const char *const registries[] = { p->registry, NULL };
    tractor_root_options options = { TRACTOR_ROOT_OPTIONS,
                                     .name = "n00",
                                     .enable_modules = modules,
                                     .registry_addrs = registries,
                                     .enable_transports = p->transport,
                                     .log_level = "warning" };
    options.flags = TRACTOR_ROOT_ENSURE_REGISTRY;
    if (!p->embedded)
        return tractor_main(argc, argv, &options, body, NULL);
    options.flags |= TRACTOR_ROOT_SIGNALS | (p->subreaper ? (uint32_t)TRACTOR_ROOT_SUBREAPER : 0);
    return embedded(&options);
}
