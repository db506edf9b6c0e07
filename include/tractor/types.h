/**
 * @file tractor/types.h
 * @brief Handles, identities, times and callback shapes that all parts share.
 */
#ifndef TRACTOR_TYPES_H
#define TRACTOR_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tractor/export.h>
#include <tractor/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup types Handles and callbacks
 * @brief The few shapes everything else is made of.
 *
 * **Handles** are opaque. A handle is valid until its end was reported to you, else until the scope that it lives in
 * has ended: a nursery until its end callback has returned, a portal as long as its nursery, a ctx until its endpoint
 * has ended or its `on_result` has returned, a stream as long as its ctx. Nothing has to be freed. Where a `_ref` function exists, a reference keeps the memory, never the work:
 * once the work has ended, every verb on the handle answers ::TRACTOR_ECLOSED.
 *
 * **Completions** are a pair `(fn, user)`, last in the parameter list. A call that returns a token greater than 0 runs
 * `fn` exactly once, later, on the loop thread, never inside the call. The first argument is the error, NULL on
 * success. All arguments are borrowed until `fn` returns. `fn` may be NULL: an error then goes to the nursery that the
 * work was started in.
 *
 * **Threads.** All calls belong to the thread that opened the actor, or the one inside tractor_actor_run(). Those marked
 * `any thread` are the exceptions. A call from another thread answers ::TRACTOR_EWRONGTHREAD, one from a forked process
 * ::TRACTOR_EFORKED, and both change nothing.
 * @{
 */

typedef struct tractor_actor tractor_actor;     /**< one node of the tree: this process */
typedef struct tractor_nursery tractor_nursery; /**< the scope: owns everything started in it */
typedef struct tractor_portal tractor_portal;   /**< the way into another actor */
typedef struct tractor_ctx tractor_ctx;         /**< one task that a caller asked for, seen from either side */
typedef struct tractor_stream tractor_stream;   /**< values in both directions of a ctx */
typedef struct tractor_error tractor_error;     /**< what went wrong: immutable, shared, any thread */
typedef struct tractor_value tractor_value;     /**< one msgpack value, immutable */

/**
 * @brief What a start returns: a token greater than 0 for the operation, or a negative ::tractor_status.
 *
 * Negative means that there is nobody to tell: the nursery has ended, the thread is wrong, memory ran out; then the
 * completion never runs. Everything else that goes wrong, a bad argument included, is reported to the completion.
 * A token is a slot and a generation: there is nothing to free, a stale one is harmless (::TRACTOR_ECLOSED), and 0 is
 * never a token. Tokens belong to one actor.
 */
typedef int64_t tractor_op;

/**
 * @brief Input payload: the bytes of one msgpack value, read or copied before the call returns.
 *
 * `{NULL, 0}` means nothing: nil, or no arguments. Make them with tractor_pack() or a tractor_writer.
 */
typedef struct tractor_bytes {
    const void *data; /**< first byte */
    size_t len;       /**< number of bytes */
} tractor_bytes;

/** @brief Who an actor is. Only ever handed out by pointer; the texts live as long as what they were asked of. */
typedef struct tractor_id {
    const char *name; /**< not unique, never NULL */
    const char *uuid; /**< unique, never NULL */
    int64_t pid;      /**< 0 if not known */
} tractor_id;

#define TRACTOR_MS 1000000LL                 /**< one millisecond in nanoseconds, the unit of all times */
#define TRACTOR_SECOND 1000000000LL          /**< one second */
#define TRACTOR_FOREVER 0x7fffffffffffffffLL /**< no limit, where 0 means the default limit */

/** @brief Work that yields nothing has ended. @param err NULL on success @param user yours */
typedef void (*tractor_done_fn)(const tractor_error *err, void *user);
/** @brief Work that yields a value has ended. @param err NULL on success @param value NULL on error @param user yours */
typedef void (*tractor_value_fn)(const tractor_error *err, const tractor_value *value, void *user);
/** @brief An actor was started or looked for. @param err NULL on success @param portal NULL on error, or if nobody was found @param user yours */
typedef void (*tractor_portal_fn)(const tractor_error *err, tractor_portal *portal, void *user);
/** @brief A context has started. @param ctx yours until its result was told @param first what the endpoint started with @param user yours */
typedef void (*tractor_started_fn)(tractor_ctx *ctx, const tractor_value *first, void *user);
/** @brief A remote generator runs. @param stream yours until its end was told @param user yours */
typedef void (*tractor_stream_fn)(tractor_stream *stream, void *user);
/** @brief The body of an endpoint. @param ctx the task @param args the caller's arguments, a map @param user given at registration */
typedef void (*tractor_endpoint_fn)(tractor_ctx *ctx, const tractor_value *args, void *user);
/** @brief The body of the root. @param root the root's nursery @param user yours */
typedef void (*tractor_root_fn)(tractor_nursery *root, void *user);
/** @brief Work that you declared should stop. @param user yours */
typedef void (*tractor_cancel_fn)(void *user);
/** @brief The library's last use of something of yours; may come on any thread. @param user yours */
typedef void (*tractor_release_fn)(void *user);

/**
 * @brief Frees text that a function handed to you and said so.
 * @param p  from such a function, or NULL
 * @anythread
 */
TRACTOR_API void tractor_free(void *p);

/**
 * @brief The clock of all deadlines: monotonic nanoseconds.
 * @return nanoseconds since an arbitrary start
 * @anythread
 */
TRACTOR_API int64_t tractor_now(void);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
