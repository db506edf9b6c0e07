/* What several tests of this area need. */
#ifndef TRACTOR_TESTS_CAPI_TESTS_H
#define TRACTOR_TESTS_CAPI_TESTS_H

#include "kit/kit.h"

/* The endpoint's answer is that of another call, be it a value or an error. */
void forward(tractor_ctx *ctx, tractor_portal *to, const char *module, const char *func, tractor_bytes args);

/* The process's own stderr goes into a file for a while. */
typedef struct capture {
    int saved;
    const char *path;
} capture;
capture capture_stderr(void);
const char *capture_end(capture *c);

/* Options of a child that serves the module "kit". */
tractor_spawn_options kit_child(void);

#endif
