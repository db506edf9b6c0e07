/* A daemon in a process of its own, beside the test's: forked before the test opens an actor. */
#ifndef TRACTOR_TESTS_BOOT_SERVICE_H
#define TRACTOR_TESTS_BOOT_SERVICE_H

#include "kit/kit.h"

typedef struct service {
    pid_t pid;
    const char *ready; /* the file that is there once it is up: nobody has to connect to find that out */
    const char *log;   /* path of its stderr */
} service;

/* Runs tractor_run_daemon() with these options. */
service service_start(const tractor_root_options *options);
/* Fails the test if it does not get ready. */
void service_wait(service *s);
/* Waits for its end: as waitpid() says it. */
int service_end(service *s);
const char *service_stderr(const service *s);

#endif
