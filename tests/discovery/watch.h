/* What a watcher of the registrar is told, as a text: " +root = +child -child", where = stands for "synced". */
#ifndef TRACTOR_TESTS_DISCOVERY_WATCH_H
#define TRACTOR_TESTS_DISCOVERY_WATCH_H

#include "discovery/scene.h"

typedef struct watch {
    tractor_op op;
    char told[1000];
    size_t seen; /* as much of it was awaited */
    const char *awaited;
    const char *address, *uuid; /* of the last one who came */
    scene *scene;
    kit_outcome end;
} watch;

/* No step: it goes on beside them, for as long as the root lives. */
void watch_begin(watch *w, scene *s, const char *name, const tractor_find_options *options);
/* A step: until it is told that, such as "-child", after what was awaited before. */
void watch_await(watch *w, const char *event);
/* A step: it ends, by itself or because it is cancelled. */
void watch_await_end(watch *w);
void watch_cancel(watch *w);

#endif
