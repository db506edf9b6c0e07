/**
 * @file tractor.h
 * @brief libtractor: trees of supervised processes with structured concurrency across process boundaries.
 *
 * @code{.c}
 * #include <tractor.h>
 *
 * static void hello(tractor_ctx *ctx, const tractor_value *args, void *user) {   // runs in the child
 *     tractor_ctx_return(ctx, "s", "hello from another process");
 * }
 * static const tractor_endpoint greeter[] = { TRACTOR_FUNC("hello", hello), TRACTOR_ENDPOINTS_END };
 *
 * static void on_answer(const tractor_error *err, const tractor_value *value, void *user) {
 *     const char *text;
 *     if (!err && tractor_unpack(value, "s", &text) == TRACTOR_OK) puts(text);
 * }
 * static void root(tractor_nursery *nursery, void *user) {                       // runs in the root
 *     tractor_nursery_run_in_actor(nursery, "greeter", "hello", tractor_pack("{}"), NULL, on_answer, NULL);
 * }
 * int main(int argc, char **argv) {
 *     tractor_register("greeter", greeter, NULL);
 *     return tractor_main(argc, argv, NULL, root, NULL);
 * }
 * @endcode
 *
 * 1. **Scopes own work.** The one scope is the nursery: the actor has one, every ctx has one, and nurseries nest.
 * 2. **Every start completes exactly once**, later, on the loop thread, never inside your call.
 * 3. **A handle is valid until its end was reported to you**, else until the scope it lives in ended; callback
 *    arguments until the callback returns. Ref (or keep) for longer: references own memory, never work.
 * 4. **One actor, one thread**: all calls belong to the loop thread, except a short any-thread list.
 * 5. **Errors are objects you are handed**, never a thread-local to fetch. An error has one receiver, fixed when the
 *    work starts: the completion given there, else its scope, which cancels its other work and passes the error to its
 *    owner.
 * 6. **A child never outlives its nursery**, and a cancel always has a name on it.
 *
 * Read in this order: types.h, actor.h, nursery.h, portal.h, ctx.h, stream.h, value.h, schema.h, error.h, process.h, discovery.h, tree.h, log.h.
 *
 * Define `TRACTOR_FFI` before the include to get the header without `FILE`, `va_list` and compiler attributes, for
 * binding generators.
 */
#ifndef TRACTOR_H
#define TRACTOR_H

#include <tractor/actor.h>
#include <tractor/ctx.h>
#include <tractor/discovery.h>
#include <tractor/error.h>
#include <tractor/log.h>
#include <tractor/nursery.h>
#include <tractor/portal.h>
#include <tractor/process.h>
#include <tractor/schema.h>
#include <tractor/status.h>
#include <tractor/stream.h>
#include <tractor/tree.h>
#include <tractor/types.h>
#include <tractor/value.h>
#include <tractor/version.h>

#endif
