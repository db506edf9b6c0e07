/**
 * @file tractor/ctx.h
 * @brief One task that a caller asked for, from both sides.
 */
#ifndef TRACTOR_CTX_H
#define TRACTOR_CTX_H

#include <tractor/portal.h>
#include <tractor/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup ctx Ctx
 * @brief One task that a caller asked for: its endpoint has a ctx, and so has the caller of tractor_portal_open_context().
 *
 * **The endpoint's side.** An endpoint ends when it has answered and its nursery is empty. It may answer before its function
 * returns, or later from any completion. If its nursery becomes empty without an answer, the runtime raises
 * ::TRACTOR_EUNANSWERED for it and names what is still open; so an endpoint that answers later always has an operation or
 * a hold in its nursery.
 *
 * A context endpoint first calls tractor_ctx_started(), once; then it may open its stream. If it answers without having
 * started, it is started with nil. A generator endpoint only opens its stream and sends.
 *
 * When the caller cancels, or is gone, the nursery is cancelled: operations complete with ::TRACTOR_ECANCELED, holds
 * are told, and the runtime answers ContextCancelled by itself once all has ended. An endpoint needs no line for that.
 * One that has to tidy up over several steps does so in a shielded nursery, which has a deadline; whatever it takes, nobody
 * else's messages wait for it, and the caller waits 0.616 s at most. An answer that was given before the cancel came
 * does not leave any more; a failure does, in place of the cancellation.
 *
 * State of an endpoint lives in tractor_nursery_alloc() of tractor_ctx_nursery(). The ctx is valid until its nursery has
 * ended.
 *
 * **The caller's side** begins with `on_started` and ends when `on_result` has returned, see tractor_portal_open_context().
 * What is said of an endpoint below answers ::TRACTOR_ERUNTIME there, and the other way round.
 * @{
 */

/** Where a context stands, as seen from this side. */
enum tractor_ctx_state {
    TRACTOR_CTX_OPENING = 0,         /**< no `started` yet */
    TRACTOR_CTX_STARTED = 1,         /**< and no stream open */
    TRACTOR_CTX_STREAMING = 2,       /**< this side's stream is open */
    TRACTOR_CTX_STREAM_FINISHED = 3, /**< this side's stream is closed, or the peer's has ended */
    TRACTOR_CTX_RETURNED = 4,        /**< the result is known */
    TRACTOR_CTX_SELF_CANCELLED = 5,  /**< cancelled by a request of this side */
    TRACTOR_CTX_PEER_CANCELLED = 6,  /**< cancelled by the other side, or by somebody else there */
    TRACTOR_CTX_ERRORED = 7          /**< something failed, there or here */
};

/** @brief The nursery of the task. @param ctx the task @return borrowed, never NULL @loopthread */
TRACTOR_API tractor_nursery *tractor_ctx_nursery(tractor_ctx *ctx);
/** @brief The actor it runs in. @param ctx the task @return borrowed; NULL once it has ended @loopthread */
TRACTOR_API tractor_actor *tractor_ctx_actor(tractor_ctx *ctx);
/** @brief Who asked. @param ctx the task @return borrowed, lives as long as the ctx; never NULL @loopthread */
TRACTOR_API const tractor_id *tractor_ctx_peer(tractor_ctx *ctx);
/** @brief The id of the dialog on the wire. @param ctx the task @return borrowed, lives as long as the ctx; never NULL @loopthread */
TRACTOR_API const char *tractor_ctx_cid(tractor_ctx *ctx);

/**
 * @brief An endpoint says that it is ready, with a first value for the caller's `on_started`.
 *
 * A value that breaks the endpoint's schema is not sent but raised, as MsgTypeError.
 * @param ctx  the task
 * @param fmt  as tractor_pack(); NULL: nil
 * @return ::TRACTOR_OK; ::TRACTOR_EALREADY if it has started; ::TRACTOR_ERUNTIME on the caller's side and in an endpoint that is no context;
 *         ::TRACTOR_EMSGTYPE; ::TRACTOR_ECLOSED if it has answered or ended; ::TRACTOR_EINVAL for a bad format (which is also raised, as
 *         TypeError) and for a value longer than the caller takes (as ValueError); ::TRACTOR_ENOMEM, which is raised as well
 * @loopthread
 */
TRACTOR_API int tractor_ctx_started(tractor_ctx *ctx, const char *fmt, ...);
/** @brief The same with bytes; they are copied. @param ctx the task @param first one value; `{NULL, 0}`: nil @return as tractor_ctx_started() @loopthread */
TRACTOR_API int tractor_ctx_started_value(tractor_ctx *ctx, tractor_bytes first);

/**
 * @brief Opens this side's stream, once. Nothing is sent; what the peer has sent already is there to be received.
 * @param ctx      a context or a generator
 * @param options  NULL for defaults: `buffer` and `flags` count, the rest is 0
 * @param out      the stream, borrowed; lives as long as the ctx. A dead stream on failure
 * @return ::TRACTOR_OK; ::TRACTOR_EALREADY if it has been opened; ::TRACTOR_ERUNTIME before started and in a function endpoint;
 *         ::TRACTOR_ECANCELED if the ctx is failing or cancelled; ::TRACTOR_ECLOSED if it has answered or ended; ::TRACTOR_EOVERRUN if
 *         values have come when nobody was there to open it; ::TRACTOR_EINVAL,
 *         ::TRACTOR_E2BIG for bad options; ::TRACTOR_ENOMEM
 * @loopthread
 */
TRACTOR_API int tractor_ctx_open_stream(tractor_ctx *ctx, const tractor_call_options *options, tractor_stream **out);

/**
 * @brief Answers: records the result and ends the body. Nested nurseries close, work is awaited, then the answer leaves. A failure or
 * a cancel until then replaces it.
 * @param ctx  the task
 * @param fmt  as tractor_pack(); NULL: nil
 * @return ::TRACTOR_OK, ::TRACTOR_EALREADY if it has answered, ::TRACTOR_ECLOSED if it has ended, ::TRACTOR_EINVAL for a bad format
 *         (which is also raised, as TypeError) and for an answer longer than the caller takes (as ValueError); ::TRACTOR_ENOMEM,
 *         which is raised as well
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
 * @return ::TRACTOR_OK; ::TRACTOR_EMSGTYPE if the arguments don't fit, ::TRACTOR_EINVAL if the format is bad; ::TRACTOR_ECLOSED;
 *         ::TRACTOR_ENOMEM, which is raised as well
 * @loopthread
 */
TRACTOR_API int tractor_ctx_unpack(tractor_ctx *ctx, const tractor_value *args, const char *fmt, ...);
/**
 * @brief What tractor_ctx_unpack() does about arguments that don't fit, for those who read them otherwise: with a
 * ::tractor_reader, say, where variadic functions can't be called. The endpoint just returns then.
 * @param ctx  the task
 * @param why  what is wrong with them, such as tractor_reader_error() tells: the text of the TypeError; copied. NULL: no text
 * @return ::TRACTOR_OK; ::TRACTOR_ECLOSED; ::TRACTOR_ENOMEM, which is raised as well
 * @loopthread
 */
TRACTOR_API int tractor_ctx_refuse(tractor_ctx *ctx, const char *why);

/**
 * @brief Cancels the task.
 *
 * The caller's side asks the peer to stop and goes on; once the peer's task has ended by it, the nursery here is cancelled, and
 * `on_result` gets neither error nor value. If the task returned all the same, its result is the result; if it
 * raised something else, that is raised. An endpoint cancels its own nursery, and its caller gets ::TRACTOR_ECTXCANCELED that
 * names this actor.
 *
 * The request is work of `in` but no cancel reaches it: it is bounded by its timeout instead.
 * @param ctx      the task, from either side
 * @param in       the nursery that waits; NULL: the ctx's own
 * @param options  NULL for defaults; the timeout's default is 0.616 s
 * @param fn       completion; may be NULL
 * @param user     for `fn`
 * @return a token, or a negative status
 * @completes{NULL: acknowledged, the task has ended. ::TRACTOR_ETIMEDOUT: it has not, or not yet. ::TRACTOR_ETRANSPORT: the connection is
 * gone. ::TRACTOR_EINVAL}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_ctx_cancel(tractor_ctx *ctx, tractor_nursery *in, const tractor_call_options *options,
                                          tractor_done_fn fn, void *user);

/**
 * @brief The caller's side learns the result as soon as it is here, before the ctx's nursery has ended. An observer: `on_result` is
 * told all the same.
 *
 * Waiting for it means that nothing more is wanted from a stream that was never opened: what comes there is dropped.
 * @param ctx   the caller's side
 * @param in    the nursery that waits; NULL: the ctx's own
 * @param fn    completion; the value is borrowed until it returns
 * @param user  for `fn`
 * @return a token, or a negative status
 * @completes{the value, or both NULL after a cancel by this side; the error that the task failed with; ::TRACTOR_ERUNTIME in an
 * endpoint; ::TRACTOR_ECANCELED}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_ctx_wait_for_result(tractor_ctx *ctx, tractor_nursery *in, tractor_value_fn fn,
                                                   void *user);

/**
 * @brief Narrows what this side takes as started, stream and return values, until `scope` has ended; what it took before is not
 * looked at again. The endpoint's schema holds as well.
 * @param ctx    a context
 * @param scope  a nursery below the ctx's own
 * @param type   one type, see schema.h
 * @return ::TRACTOR_OK; ::TRACTOR_EMSGTYPE if `type` is none; ::TRACTOR_ERUNTIME if `scope` is not below the ctx's nursery or the endpoint
 *         is a function; ::TRACTOR_ECLOSED; ::TRACTOR_EINVAL if `type` is NULL; ::TRACTOR_ENOMEM
 * @loopthread
 */
TRACTOR_API int tractor_ctx_limit_payloads(tractor_ctx *ctx, tractor_nursery *scope, const char *type);

/** @brief Is this the side of whoever opened the context? @param ctx either side @loopthread */
TRACTOR_API bool tractor_ctx_is_caller(tractor_ctx *ctx);
/** @brief Where it stands. @param ctx either side @return a ::tractor_ctx_state @loopthread */
TRACTOR_API int tractor_ctx_state(tractor_ctx *ctx);
/** @brief Its name, as Python's tractor has it: "pre-started", "started", "streaming", "streaming-finished", "result-returned",
 * "self-cancelled", "peer-cancelled", "errored". @param state a ::tractor_ctx_state @return a static string, never NULL @anythread */
TRACTOR_API const char *tractor_ctx_state_name(int state);
/** @brief Has this side asked for its end, by tractor_ctx_cancel() or because something failed here? @param ctx either side @loopthread */
TRACTOR_API bool tractor_ctx_cancel_called(tractor_ctx *ctx);
/** @brief Has the peer's task ended by that? @param ctx the caller's side @loopthread */
TRACTOR_API bool tractor_ctx_cancel_acked(tractor_ctx *ctx);
/**
 * @brief Who ended it: this actor if the peer acknowledges our own cancel, else the peer whose error came. Who asked a cancelled peer to
 * stop is tractor_error_canceller() of the error.
 * @param ctx  either side
 * @return borrowed, lives as long as the ctx; NULL if nobody has
 * @loopthread
 */
TRACTOR_API const tractor_id *tractor_ctx_canceller(tractor_ctx *ctx);
/** @brief The first error that the peer sent, its acknowledgement of our cancel included. @param ctx either side @return borrowed, or NULL @loopthread */
TRACTOR_API const tractor_error *tractor_ctx_remote_error(tractor_ctx *ctx);
/** @brief What failed here, or the remote error that was absorbed. @param ctx either side @return borrowed, or NULL @loopthread */
TRACTOR_API const tractor_error *tractor_ctx_local_error(tractor_ctx *ctx);
/** @brief The remote error if there is one, else the local one. @param ctx either side @return borrowed, or NULL @loopthread */
TRACTOR_API const tractor_error *tractor_ctx_maybe_error(tractor_ctx *ctx);

/** @brief Keeps the handle's memory beyond its end. @param ctx the task @return it @anythread */
TRACTOR_API tractor_ctx *tractor_ctx_ref(tractor_ctx *ctx);
/** @brief Gives a reference back. @param ctx the task, or NULL @anythread */
TRACTOR_API void tractor_ctx_unref(tractor_ctx *ctx);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
