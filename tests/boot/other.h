/* A root in a process of its own, beside the test's: forked before the test opens an actor. */
#ifndef TRACTOR_TESTS_BOOT_OTHER_H
#define TRACTOR_TESTS_BOOT_OTHER_H

#include "kit/kit.h"

typedef struct other {
    pid_t pid;
    int go, said, end;
    bool up, registrar; /* what it said of itself once it was up, */
    char address[200];
    int code; /* or of why it is not */
    char message[400];
} other;

/* Waits for other_go(), then opens. `prepare`, if given, runs in it before. */
other other_fork(const tractor_root_options *options, void (*prepare)(void));
void other_go(other *o);
/* Until it is up or has failed. */
void other_wait(other *o);
/* All three in one. */
other other_start(const tractor_root_options *options);
/* Closes it, and waits for its process. */
void other_end(other *o);

#endif
