/* What a Python parent does to start tractor-actor, without an actor in this process. */
#ifndef TRACTOR_TESTS_PYTHON_PARENT_H
#define TRACTOR_TESTS_PYTHON_PARENT_H

#include "kit/kit.h"
#include "robust/raw_peer.h"

typedef struct python_parent {
    raw_listener listener;
    pid_t pid;
    char uuid[37]; /* of the child */
    char *log;     /* path of what it says on stderr */
} python_parent;

/* Listens, and starts the child by its flags. Modules are found in the build folder of the tests. */
python_parent python_parent_start(const char *child_name);
/* Waits for the child's end and asserts its exit status; a negative one is a signal's. */
void python_parent_finish(python_parent *p, int status);

#endif
