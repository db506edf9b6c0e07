/**
 * @file tractor/portal.h
 * @brief Calls into other actors.
 */
#ifndef TRACTOR_PORTAL_H
#define TRACTOR_PORTAL_H

#include <tractor/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup portal Portal
 * @brief The way into another actor: a child, the parent, one that was found by name, or oneself.
 *
 * A portal lives as long as the nursery that it was got in. It is usable by any nursery of the same actor: each call
 * names, as `in`, the nursery that its caller waits in. When the peer is gone, all calls on its portal end at once,
 * with one and the same error: ::TRACTOR_ECHILD with the exit status for a child, else ::TRACTOR_ETRANSPORT.
 * @{
 */

/** Flags of tractor_call_options. */
enum tractor_call_flag {
    TRACTOR_CALL_ALLOW_OVERRUNS =
        1 /**< contexts and streams: 616 more messages than `buffer` may wait here. Opening the
                                         stream decides it anew */
};

/** Options of a call. Zero means default everywhere. */
typedef struct tractor_call_options {
    size_t struct_size; /**< sizeof(tractor_call_options) */
    int64_t timeout_ns; /**< 0: the default of the call, which is no limit unless it says otherwise */
    uint32_t flags;     /**< ::tractor_call_flag */
    uint32_t buffer;    /**< contexts and streams: how many messages of a peer without back-pressure wait here, and how
                             many values slow subscribers can fall behind; 0: 64 */
    const char
        *schema; /**< contexts: what the endpoint's payloads must be, see schema.h; NULL: as this program itself has
                             registered the endpoint, if it has */
} tractor_call_options;
/** Starts a designated initialiser. */
#define TRACTOR_CALL_OPTIONS .struct_size = sizeof(tractor_call_options)

/**
 * @brief Calls a function endpoint of the peer.
 * @param portal   the way there
 * @param in       the nursery that waits: cancelling it cancels the call, and it does not end before the call. NULL: the
 *                 portal's own; of the parent's and of the one to oneself the actor's
 * @param module   the endpoint's module, which the peer must expose; not "self", see tractor_portal_run_from_ns()
 * @param func     its name
 * @param args     a map with string keys; `{NULL, 0}`: no arguments
 * @param options  NULL for defaults; a timeout cancels the call and completes it with ::TRACTOR_ETIMEDOUT
 * @param fn       completion; NULL: an error goes to `in`, the value is dropped
 * @param user     for `fn`
 * @return a token, or a negative status
 *
 * A call that is cancelled or times out asks the peer to cancel the task and waits for its last word, at most 0.616 s.
 * What the endpoint raised arrives as ::TRACTOR_EREMOTE with tractor_error_boxed_type(): "TypeError" for wrong arguments,
 * "AttributeError" for an unknown function; ::TRACTOR_ENOENDPOINT for a module that is not exposed.
 * @completes{the value, or ::TRACTOR_EREMOTE, ::TRACTOR_ECTXCANCELED, ::TRACTOR_ENOENDPOINT, ::TRACTOR_ECHILD, ::TRACTOR_ETRANSPORT,
 * ::TRACTOR_ECANCELED, ::TRACTOR_ETIMEDOUT, ::TRACTOR_EINVAL}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_portal_run(tractor_portal *portal, tractor_nursery *in, const char *module,
                                          const char *func, tractor_bytes args, const tractor_call_options *options,
                                          tractor_value_fn fn, void *user);

/**
 * @brief The same for any namespace, "self" included: the runtime's own end points, such as the registrar's.
 *
 * A peer answers an unknown or private name in "self" with a boxed AttributeError. So that an old peer is never harmed, a
 * name that no peer serves is refused here, in the same way, without asking.
 * @param portal   the way there
 * @param in       the nursery that waits; NULL: the portal's own
 * @param ns       namespace
 * @param func     name in it
 * @param args     a map with string keys
 * @param options  NULL for defaults
 * @param fn       completion
 * @param user     for `fn`
 * @return a token, or a negative status
 * @completes{as tractor_portal_run()}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_portal_run_from_ns(tractor_portal *portal, tractor_nursery *in, const char *ns,
                                                  const char *func, tractor_bytes args,
                                                  const tractor_call_options *options, tractor_value_fn fn, void *user);

/**
 * @brief Opens a context: runs a context endpoint of the peer as a task that is linked with a scope here.
 * @param portal      the way there
 * @param in          the nursery that waits, parent of the ctx's own; NULL: the portal's own
 * @param module      the endpoint's module, which the peer must expose
 * @param func        its name
 * @param args        a map with string keys; `{NULL, 0}`: no arguments
 * @param options     NULL for defaults; the timeout bounds the whole context and ends it with ::TRACTOR_ETIMEDOUT
 * @param on_started  runs at most once, when the endpoint has called tractor_ctx_started(), unless the context was cancelled or has failed
 *                    by then; may be NULL
 * @param on_result   runs exactly once, last; NULL: an error goes to `in`, the result is dropped
 * @param user        for both
 * @return a token that stands for the context, or a negative status. Cancelling it cancels the context, abandoning it also silences
 *         `on_started` and `on_result`
 *
 * The ctx has a nursery here, tractor_ctx_nursery(): operations of the ctx and of its stream run in it unless they name
 * another one. The context ends when the peer's task has ended, nothing is left in that nursery, and what was received
 * from its stream has been taken. Both ends are linked:
 *
 * - The task fails: the nursery here is cancelled, and `on_result` gets the error, boxed.
 * - Something fails in the nursery here: the task is cancelled, and `on_result` gets that error.
 * - tractor_ctx_cancel(), or a cancel of the ctx's own nursery: the task is cancelled and that is absorbed: `on_result` gets
 *   neither error nor value.
 * - `in` is cancelled, or the token: the task is cancelled, and `on_result` gets ::TRACTOR_ECANCELED.
 * - Somebody else cancelled the task or its actor: `on_result` gets ::TRACTOR_ECTXCANCELED, tractor_error_canceller() says who.
 *
 * A cancelled task has 0.616 s for its last word. A real error always wins over the cancellation that it caused or met.
 * @completes{the value that the endpoint returned, or both NULL after a cancel by this side; ::TRACTOR_EREMOTE, ::TRACTOR_ECTXCANCELED,
 * ::TRACTOR_EOVERRUN, ::TRACTOR_EMSGTYPE, ::TRACTOR_ENOENDPOINT, ::TRACTOR_ECHILD, ::TRACTOR_ETRANSPORT, ::TRACTOR_ECANCELED, ::TRACTOR_ETIMEDOUT,
 * ::TRACTOR_ERUNTIME if it is no context endpoint, ::TRACTOR_EINVAL, and whatever failed in the ctx's nursery}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_portal_open_context(tractor_portal *portal, tractor_nursery *in, const char *module,
                                                   const char *func, tractor_bytes args,
                                                   const tractor_call_options *options, tractor_started_fn on_started,
                                                   tractor_value_fn on_result, void *user);

/**
 * @brief Runs a generator endpoint of the peer and receives what it yields.
 * @param portal   the way there
 * @param in       the nursery that waits; NULL: the portal's own
 * @param module   the endpoint's module
 * @param func     its name
 * @param args     a map with string keys
 * @param options  NULL for defaults; the timeout bounds the whole
 * @param on_open  runs at most once, with a stream to receive from: nothing can be sent through it. Close it to leave early
 * @param on_end   runs exactly once, last; NULL: an error goes to `in`
 * @param user     for both
 * @return a token, or a negative status; ::TRACTOR_EINVAL if `on_open` is NULL
 *
 * It ends when ::TRACTOR_EEOF was received or the stream was closed, and the generator has been told to stop.
 * @completes{NULL, or as tractor_portal_open_context()}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_portal_open_stream_from(tractor_portal *portal, tractor_nursery *in, const char *module,
                                                       const char *func, tractor_bytes args,
                                                       const tractor_call_options *options, tractor_stream_fn on_open,
                                                       tractor_done_fn on_end, void *user);

/**
 * @brief Asks the whole peer to end.
 *
 * The request is work of `in` but no cancel reaches it: it is bounded by its timeout instead. An acknowledgement means
 * that the peer is ending its tasks and leaving, not that its process is gone. A child that does not acknowledge runs on
 * until its nursery is cancelled, which goes further.
 * @param portal   the way there; asking oneself answers ::TRACTOR_EINVAL, close the actor instead
 * @param in       the nursery that waits; NULL: the portal's own
 * @param options  NULL for defaults; the timeout's default is 0.5 s
 * @param fn       completion; may be NULL
 * @param user     for `fn`
 * @return a token, or a negative status
 * @completes{NULL: acknowledged. ::TRACTOR_ETIMEDOUT: too slow (boxed type "ActorTooSlowError"). ::TRACTOR_ETRANSPORT: was gone}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_portal_cancel_actor(tractor_portal *portal, tractor_nursery *in,
                                                   const tractor_call_options *options, tractor_done_fn fn, void *user);

/**
 * @brief Ends a connection that discovery made; its calls are cancelled. Nothing happens to a portal to a child, to the parent or to
 * oneself.
 * @param portal  the way there, or NULL
 * @loopthread
 */
TRACTOR_API void tractor_portal_close(tractor_portal *portal);

/** @brief Who is on the other side. @param portal the portal @return borrowed, lives as long as the portal; never NULL @loopthread */
TRACTOR_API const tractor_id *tractor_portal_id(tractor_portal *portal);

/**
 * @brief By which address the peer is connected, as multiaddr: "/ip4/127.0.0.1/tcp/40123", "/unix/run/…/child@77.sock"; "" to oneself.
 * @param portal  the portal
 * @return borrowed, lives as long as the portal; never NULL
 * @loopthread
 */
TRACTOR_API const char *tractor_portal_address(tractor_portal *portal);

/**
 * @brief The same for this end of the connection. Over a Unix socket both ends have the address of whoever listens.
 * @param portal  the portal
 * @return borrowed, lives as long as the portal; never NULL, "" to oneself
 * @loopthread
 */
TRACTOR_API const char *tractor_portal_local_address(tractor_portal *portal);

/** @brief Is the connection up? @param portal the portal @loopthread */
TRACTOR_API bool tractor_portal_connected(tractor_portal *portal);

/** @brief Keeps the handle's memory beyond its end. @param portal the portal @return it @anythread */
TRACTOR_API tractor_portal *tractor_portal_ref(tractor_portal *portal);
/** @brief Gives a reference back. @param portal the portal, or NULL @anythread */
TRACTOR_API void tractor_portal_unref(tractor_portal *portal);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
