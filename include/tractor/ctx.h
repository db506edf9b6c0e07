/**
 * @file tractor/ctx.h
 * @brief The task behind an endpoint.
 */
#ifndef TRACTOR_CTX_H
#define TRACTOR_CTX_H

#include <tractor/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup ctx Ctx
 * @brief One task that a caller asked for, as its endpoint sees it.
 *
 * An endpoint ends when it has answered and its nursery is empty. It may answer before its function returns, or later from
 * any completion. If its nursery becomes empty without an answer, the runtime raises ::TRACTOR_EUNANSWERED for it and
 * names what is still open; so an endpoint that answers later always has an operation or a hold in its nursery.
 *
 * When the caller cancels, or is gone, the nursery is cancelled: operations complete with ::TRACTOR_ECANCELED, holds
 * are told, and the runtime answers ContextCancelled by itself once all has ended. An endpoint needs no line for that.
 *
 * State of an endpoint lives in tractor_nursery_alloc() of tractor_ctx_nursery(). The ctx is valid until its nursery has
 * ended.
 * @{
 */

/** @brief The nursery of the task. @param ctx the task @return borrowed, never NULL @loopthread */
TRACTOR_API tractor_nursery *tractor_ctx_nursery(tractor_ctx *ctx);
/** @brief The actor it runs in. @param ctx the task @return borrowed; NULL once it has ended @loopthread */
TRACTOR_API tractor_actor *tractor_ctx_actor(tractor_ctx *ctx);
/** @brief Who asked. @param ctx the task @return borrowed, lives as long as the ctx; never NULL @loopthread */
TRACTOR_API const tractor_id *tractor_ctx_peer(tractor_ctx *ctx);
/** @brief The id of the dialog on the wire. @param ctx the task @return borrowed, lives as long as the ctx; never NULL @loopthread */
TRACTOR_API const char *tractor_ctx_cid(tractor_ctx *ctx);

/**
 * @brief Answers: records the result and ends the body. Nested nurseries close, work is awaited, then the answer leaves. A failure or
 * a cancel until then replaces it.
 * @param ctx  the task
 * @param fmt  as tractor_pack(); NULL: nil
 * @return ::TRACTOR_OK, ::TRACTOR_EALREADY if it has answered, ::TRACTOR_ECLOSED if it has ended, ::TRACTOR_EINVAL for a bad format
 *         (which is also raised, as TypeError)
 * @loopthread
 */
TRACTOR_API int tractor_ctx_return(tractor_ctx *ctx, const char *fmt, ...);
/** @brief The same with bytes; they are copied. @param ctx the task @param result one value; `{NULL, 0}`: nil @return as tractor_ctx_return() @loopthread */
TRACTOR_API int tractor_ctx_return_value(tractor_ctx *ctx, tractor_bytes result);

/**
 * @brief Fails the task: the caller gets the error, boxed. The same as tractor_nursery_fail() on its nursery.
 * @param ctx  the task
 * @param err  the error; a reference is taken
 * @return ::TRACTOR_OK, ::TRACTOR_ECLOSED, ::TRACTOR_EINVAL if `err` is NULL
 * @loopthread
 */
TRACTOR_API int tractor_ctx_raise(tractor_ctx *ctx, const tractor_error *err);
/**
 * @brief The same from an exception type name and a text.
 * @param ctx   the task
 * @param type  such as "ValueError"; NULL: "RuntimeError"
 * @param fmt   as printf
 * @return ::TRACTOR_OK or ::TRACTOR_ECLOSED
 * @loopthread
 */
TRACTOR_API int tractor_ctx_raisef(tractor_ctx *ctx, const char *type, const char *fmt, ...) TRACTOR_PRINTF(3, 4);

/**
 * @brief Takes the arguments apart, as tractor_unpack(). What does not fit is raised as a TypeError that names the argument, and the
 * endpoint just returns.
 * @param ctx   the task
 * @param args  what the endpoint was given
 * @param fmt   as tractor_unpack()
 * @return ::TRACTOR_OK; ::TRACTOR_EMSGTYPE if the arguments don't fit, ::TRACTOR_EINVAL if the format is bad; ::TRACTOR_ECLOSED
 * @loopthread
 */
TRACTOR_API int tractor_ctx_unpack(tractor_ctx *ctx, const tractor_value *args, const char *fmt, ...);

/** @brief Keeps the handle's memory beyond its end. @param ctx the task @return it @anythread */
TRACTOR_API tractor_ctx *tractor_ctx_ref(tractor_ctx *ctx);
/** @brief Gives a reference back. @param ctx the task, or NULL @anythread */
TRACTOR_API void tractor_ctx_unref(tractor_ctx *ctx);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
