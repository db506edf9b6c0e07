/* Most tests here have one child, which exposes module "t" and is cancelled when nothing is left to do with it. */
#ifndef TRACTOR_TESTS_CTX_ONE_CHILD_H
#define TRACTOR_TESTS_CTX_ONE_CHILD_H

#include "kit/kit.h"

/* Starts it in a nursery of its own, which calls in NULL run in; an error in there is the root's. */
static inline tractor_nursery *start_child(tractor_nursery *root, const char *name, tractor_portal_fn fn, void *user) {
    static const char *const modules[] = { "t", NULL };
    tractor_nursery *n = tractor_nursery_open(
        root, &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .flags = TRACTOR_NURSERY_CANCEL_DAEMONS }, NULL,
        NULL);
    tractor_nursery_start_actor(n, name, &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules }, fn,
                                user);
    tractor_nursery_close(n);
    return n;
}

static inline int int_of(const tractor_value *value) {
    int n = -1;
    assert_int_equal(tractor_unpack(value, "i", &n), TRACTOR_OK);
    return n;
}

static inline void touch(const char *path) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

#endif
