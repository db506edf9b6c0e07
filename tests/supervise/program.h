/* A root in a process of its own, run by tractor_main(), as a program of a user is. */
#ifndef TRACTOR_TESTS_SUPERVISE_PROGRAM_H
#define TRACTOR_TESTS_SUPERVISE_PROGRAM_H

#include "supervise/supervise.h"

typedef struct program {
    pid_t pid;
    int from;        /* reads what it says */
    const char *log; /* path of its stderr */
} program;

/* `body` runs in the other process, with `user` as it was here. */
program program_start(const tractor_root_options *more, tractor_root_fn body, void *user);
/* In the other process: a word for the test, such as a pid. */
void program_say(int64_t word);
/* Waits for such a word. */
int64_t program_hear(program *p);
/* Waits for its end: as waitpid() says it. */
int program_end(program *p);
/* What it said on stderr. */
const char *program_stderr(const program *p);

#endif
