/* One whole life, to be disturbed: a root boots, starts a child, calls it, opens a context and streams, and goes. */
#ifndef TRACTOR_TESTS_FAULTS_LIFE_H
#define TRACTOR_TESTS_FAULTS_LIFE_H

#include "kit/kit.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#ifdef __SANITIZE_ADDRESS__
/* For tests whose children lose their connections: one that takes long to go is killed, perhaps while it looks for leaks,
 * and that would be a report. So they don't look; main() says after kit_begin() that this process does. */
#define LIFE_CHILDREN_DO_NOT_LOOK_FOR_LEAKS \
    static bool life_is_at_home;            \
    int __lsan_is_turned_off(void);         \
    int __lsan_is_turned_off(void) { return !life_is_at_home; }
#else
#define LIFE_CHILDREN_DO_NOT_LOOK_FOR_LEAKS static bool life_is_at_home;
#endif
#define LIFE_AT_HOME() ((void)(life_is_at_home = true))

typedef struct life {
    const char *const *child_env; /* NULL: ours */
    const char *const *modules;   /* of the child; NULL: "kit" and "life" */
    int64_t boot_timeout;
    void (*on_root)(struct life *l); /* the root is up, the start is on its way */
    void (*on_child)(struct life *l,
                     tractor_portal *portal); /* in place of the call and what follows; ends with life_over() */

    tractor_nursery *root;
    kit_outcome start, call, context;
    int opened; /* what tractor_actor_open() said */
    int ends;
    const tractor_error *end;
    int64_t ns;
    bool streamed; /* all that was sent came back */

    /* of the context */
    tractor_ctx *ctx;
    tractor_stream *stream;
    int sent, received;
} life;

/* Registers the module "life". */
void life_register(void);
/* Lives it: root and all. */
void life_run(life *l);
/* Cancels the root's nursery. */
void life_over(life *l);
/* What is wrong with it as a whole, whatever happened to it: completions, descriptors, processes, socket files. NULL: nothing. */
const char *life_wrong(const life *l);
/* All errors of it as one text; "": none. */
const char *life_errors(const life *l);
/* It went as if nothing had happened. */
bool life_undisturbed(const life *l);
/* Notes what there is before the first life. */
void life_begin(void);
/* The same with a first life of the caller's. A process that is there already (a proxy) is none of a life's. */
void life_begin_with(life *first);

/* Kills the test if `what` hangs. */
void life_watch(const char *what, int seconds);

#endif
