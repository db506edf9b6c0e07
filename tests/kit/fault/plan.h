/* What is to happen in this process, and the question each call asks. */
#ifndef TRACTOR_TESTS_KIT_FAULT_PLAN_H
#define TRACTOR_TESTS_KIT_FAULT_PLAN_H

#include "kit/fault.h"

struct sockaddr;

/* Before the call is made. True: it fails, and errno is set. `bytes` is what `with` is looked for in. */
bool fault_before(kit_call call, const void *bytes, size_t size);
/* Once it is made; keeps errno. True: it fails all the same. */
bool fault_after(kit_call call, const void *bytes, size_t size);
/* Where a connection goes that was meant for `to`. */
const struct sockaddr *fault_redirect(const struct sockaddr *to, unsigned *size);

#endif
