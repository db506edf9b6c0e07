/* What the kit's own files share. */
#ifndef TRACTOR_TESTS_KIT_IMPL_H
#define TRACTOR_TESTS_KIT_IMPL_H

#include "kit/kit.h"

void kit_register_endpoints(void);

/* Runs `release(what)` when the test ends. */
void kit_at_end(void (*release)(void *), void *what);
void kit_release_all(void);

/* What the process has now. */
typedef struct kit_belongings {
    char *descriptors;
    int threads;
} kit_belongings;
kit_belongings kit_look(void);
/* What is there now and was not then; NULL: nothing. */
char *kit_leftovers(const kit_belongings *before);
/* What runs below this process, one a line; NULL: nothing. */
char *kit_descendants(void);
void kit_kill_descendants(void);
char *kit_socket_files(void);
void kit_remove_socket_files(void);

void kit_log_begin(void);
/* The lines that nobody announced; NULL: none. */
char *kit_log_surprises(void);

void kit_set_test(const char *transport);

#endif
