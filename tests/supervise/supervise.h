/* What several tests of this area need. */
#ifndef TRACTOR_TESTS_SUPERVISE_H
#define TRACTOR_TESTS_SUPERVISE_H

#include "kit/kit.h"

/* Options of a child that serves the module "kit". */
tractor_spawn_options kit_child(void);

/* A daemon that serves it. */
void start_daemon(tractor_nursery *in, const char *name, kit_outcome *up);
/* Calls it: {"touch": path} and the like are the arguments. */
tractor_op call_kit(tractor_portal *portal, tractor_nursery *in, const char *func, tractor_bytes args, kit_outcome *o);

/* Fails the nursery with an error of the program's own: an EUSER of that type, kept until the test ends. */
const tractor_error *fail_with(tractor_nursery *nursery, const char *type);
/* What the program would raise itself when it is interrupted. */
#define INTERRUPT "KeyboardInterrupt"

/* How many children the actor has. */
int64_t children_now(tractor_actor *actor);

/* A group of so many, and all of them are EREMOTE of that type. */
void assert_group(const tractor_error *err, size_t count, const char *type);

#endif
