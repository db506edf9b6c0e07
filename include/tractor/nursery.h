/**
 * @file tractor/nursery.h
 * @brief The scope that owns work: nurseries, operations, children.
 */
#ifndef TRACTOR_NURSERY_H
#define TRACTOR_NURSERY_H

#include <tractor/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup nursery Nursery
 * @brief The one scope: everything that runs was started in a nursery and ends before it does.
 *
 * An actor has a nursery, every ctx has one, and you open more inside them with tractor_nursery_open(). A nursery owns
 * operations (calls, sleeps, starts, holds), child actors and nested nurseries. It ends at the first moment at which its
 * body is over and nothing in it is left; then its end callback runs and the nursery around it is told.
 *
 * *Its body is over* when you called tractor_nursery_close(), or when it was cancelled or failed. For the nursery that a
 * root function or an endpoint was given, it is over when that function has returned. An operation counts as work until
 * its completion has returned, so a completion may always start the next one in the same nursery, closed or not.
 * Not work are: an open nested nursery with nothing in it, and, under ::TRACTOR_NURSERY_CANCEL_DAEMONS, children that only
 * serve.
 *
 * A nursery that was closed or cancelled and still waits a second later says once in the log, at level info, what for.
 *
 * **How it ends.** With the real errors it received: one as itself, several as a group; each failure once, however many
 * operations saw it. Without any: with ::TRACTOR_ETIMEDOUT if its own timeout cut it, with ::TRACTOR_ECANCELED if it was
 * cancelled from outside, else with success. Its own tractor_nursery_cancel() is success.
 *
 * **An error reaches a nursery** when the work that failed was started in it without a completion (`fn == NULL`), by
 * tractor_nursery_fail(), from a nested nursery without an end callback, or from a child that died. It cancels all other
 * work of the nursery at once. The one exception is tractor_nursery_run_in_actor() without a completion: its siblings of
 * the same kind run to their end before the rest is cancelled.
 * @{
 */

/** Flags of tractor_nursery_options. */
enum tractor_nursery_flag {
    TRACTOR_NURSERY_SHIELD = 1, /**< a cancel of the parent does not reach it; needs a timeout */
    TRACTOR_NURSERY_CANCEL_DAEMONS =
        2,                        /**< once closed and otherwise idle, cancel the children; default: wait for them */
    TRACTOR_NURSERY_HARD_KILL = 4 /**< every cancel is as by tractor_nursery_cancel_hard(); also of nurseries in it */
};

/** Options of tractor_nursery_open(). Zero means default everywhere. */
typedef struct tractor_nursery_options {
    size_t struct_size; /**< sizeof(tractor_nursery_options) */
    const char *name;   /**< for logs and errors; copied */
    int64_t
        timeout_ns; /**< from the opening; 0: none. When it passes, the nursery is cancelled and ends with ETIMEDOUT */
    uint32_t flags; /**< ::tractor_nursery_flag */
    uint32_t reserved0; /**< 0 */
    int64_t
        cancel_timeout_ns;   /**< for children that are given none: how long they have to acknowledge a cancel; 0: as in
                                    the nursery around it, 0.5 s in an actor's or a ctx's own */
    int64_t kill_timeout_ns; /**< the same between the acknowledgement, or SIGTERM, and SIGKILL; 0: likewise, 1.6 s */
} tractor_nursery_options;
/** Starts a designated initialiser: `{ TRACTOR_NURSERY_OPTIONS, .name = "pool" }`. */
#define TRACTOR_NURSERY_OPTIONS .struct_size = sizeof(tractor_nursery_options)

/**
 * @brief Opens a nursery inside another one.
 * @param parent  the nursery around it; it does not end before this one
 * @param options NULL for defaults; read before the call returns
 * @param fn      its end: runs once, after everything in it has ended; NULL: an error goes to `parent`
 * @param user    for `fn`
 * @return the nursery, valid until `fn` has returned. Never NULL: if `parent` has ended, on the wrong thread, or if an option is
 *         bad, a dead handle is returned whose every verb answers ::TRACTOR_ECLOSED. For a bad option, and only then,
 *         `fn` (else `parent`) gets ::TRACTOR_EINVAL, later.
 *
 * In a cancelled parent it is born cancelled, unless it is shielded.
 * @completes{NULL, ::TRACTOR_ETIMEDOUT, ::TRACTOR_ECANCELED, the error, or a group}
 * @loopthread
 */
TRACTOR_API tractor_nursery *tractor_nursery_open(tractor_nursery *parent, const tractor_nursery_options *options,
                                                  tractor_done_fn fn, void *user);

/**
 * @brief Says that the body is over; your last use of the handle.
 *
 * Nothing is refused or cut short: work goes on, and completions may still start more here. Nurseries nested in it close
 * too. On the nursery of an actor opened by tractor_actor_open() use tractor_actor_close().
 * @param nursery  NULL and ended ones are ignored
 * @loopthread
 */
TRACTOR_API void tractor_nursery_close(tractor_nursery *nursery);

/**
 * @brief Cancels everything in the nursery and closes it. The nursery absorbs it: its end is success unless something failed.
 *
 * Operations complete with ::TRACTOR_ECANCELED, nested nurseries are cancelled (but for shielded ones), children are asked
 * to end, then terminated, then killed.
 * @param nursery  the nursery
 * @param reason   why, for errors and logs; NULL: no reason; copied
 * @return ::TRACTOR_OK, ::TRACTOR_EALREADY if it is cancelled already, ::TRACTOR_ECLOSED if it has ended
 * @loopthread
 */
TRACTOR_API int tractor_nursery_cancel(tractor_nursery *nursery, const char *reason);

/**
 * @brief As tractor_nursery_cancel(), but children are not asked to end: each gets SIGTERM at once, and SIGKILL when its time
 * to end has passed.
 *
 * That goes for nurseries nested in it too, but for shielded ones. After a tractor_nursery_cancel() it makes haste: children
 * that have not acknowledged yet are not waited for. An actor that gets SIGTERM ends its own children in order.
 * @param nursery  the nursery
 * @param reason   as there
 * @return ::TRACTOR_OK, ::TRACTOR_EALREADY if it was cancelled hard already, ::TRACTOR_ECLOSED if it has ended
 * @loopthread
 */
TRACTOR_API int tractor_nursery_cancel_hard(tractor_nursery *nursery, const char *reason);

/**
 * @brief Raises an error in the nursery: the rest of its work is cancelled and it ends with the error.
 *
 * An ::TRACTOR_ECANCELED is never kept: raising one only cancels. Failing a ctx's nursery makes the error the answer.
 * @param nursery  the nursery
 * @param err      the error; a reference is taken
 * @return ::TRACTOR_OK, ::TRACTOR_ECLOSED if it has ended, ::TRACTOR_EINVAL if `err` is NULL
 * @loopthread
 */
TRACTOR_API int tractor_nursery_fail(tractor_nursery *nursery, const tractor_error *err);

/**
 * @brief Moves the nursery's deadline.
 * @param nursery  the nursery
 * @param from_now_ns  nanoseconds from now; 0 or ::TRACTOR_FOREVER: no deadline
 * @return ::TRACTOR_OK, ::TRACTOR_ECLOSED, or ::TRACTOR_EINVAL if negative, or if a shielded nursery would lose its deadline
 * @loopthread
 */
TRACTOR_API int tractor_nursery_set_timeout(tractor_nursery *nursery, int64_t from_now_ns);

/**
 * @brief The nursery's end as an operation of its parent: tractor_op_cancel() on it cancels the nursery from outside,
 * tractor_op_abandon() also drops its end callback.
 * @param nursery  the nursery
 * @return the token, or ::TRACTOR_ECLOSED; ::TRACTOR_EINVAL for the nursery of an actor or a ctx
 * @loopthread
 */
TRACTOR_API tractor_op tractor_nursery_op(tractor_nursery *nursery);

/**
 * @brief Observes the end of a nursery, after its last completion; the latest registered runs first.
 *
 * Every observer runs, on every path. What it is given is how the nursery ended; it changes nothing.
 * @param nursery  the nursery
 * @param fn       the observer
 * @param user     for `fn`
 * @return ::TRACTOR_OK, ::TRACTOR_ECLOSED, ::TRACTOR_ENOMEM, ::TRACTOR_EINVAL if `fn` is NULL
 * @loopthread
 */
TRACTOR_API int tractor_nursery_on_end(tractor_nursery *nursery, tractor_done_fn fn, void *user);

/**
 * @brief Memory that lives exactly as long as the nursery: freed after its last observer.
 * @param nursery  the nursery
 * @param size     bytes
 * @return zeroed memory, aligned for anything; NULL if there is none or the nursery has ended
 * @loopthread
 */
TRACTOR_API void *tractor_nursery_alloc(tractor_nursery *nursery, size_t size);

/**
 * @brief Has anybody asked it to stop: a cancel from inside or outside, a deadline, or an error?
 * @param nursery  the nursery
 * @loopthread
 */
TRACTOR_API bool tractor_nursery_cancel_called(const tractor_nursery *nursery);

/**
 * @brief Where it stands whether all that is in the nursery was told to stop.
 *
 * For bindings that look at each of their awaits, as often as they send messages: to read it costs no call. It becomes true
 * once, and stays so. An error that was only collected from a one-shot does not stop the others, so
 * tractor_nursery_cancel_called() may be true before.
 * @param nursery  the nursery
 * @return borrowed, valid as long as the handle's memory, to be read only; NULL for NULL
 * @loopthread, which also holds for what it points to
 */
TRACTOR_API const bool *tractor_nursery_stop_flag(const tractor_nursery *nursery);

/**
 * @brief Did its own cancel cut work short, and was that all?
 *
 * False before its end, which its end callback is the first to see. Then true if tractor_nursery_cancel() found work to
 * stop and nothing failed; false if there was nothing to stop, after an error, a deadline, or a cancel from outside: those
 * are not absorbed.
 * @param nursery  the nursery
 * @loopthread
 */
TRACTOR_API bool tractor_nursery_cancelled_caught(const tractor_nursery *nursery);

/**
 * @brief The actor that the nursery belongs to.
 * @param nursery  the nursery
 * @return borrowed; NULL for a dead handle
 * @loopthread
 */
TRACTOR_API tractor_actor *tractor_nursery_actor(tractor_nursery *nursery);

/** @brief Keeps the handle's memory beyond its end. @param nursery the nursery @return it @anythread */
TRACTOR_API tractor_nursery *tractor_nursery_ref(tractor_nursery *nursery);
/** @brief Gives a reference back. @param nursery the nursery, or NULL @anythread */
TRACTOR_API void tractor_nursery_unref(tractor_nursery *nursery);

/** @} */

/**
 * @defgroup op Operations
 * @brief Work in flight, named by a token.
 * @{
 */

/**
 * @brief Asks an operation to stop. Its completion still comes, once: with ::TRACTOR_ECANCELED, or with the outcome that was
 * decided before.
 * @param actor  the actor it belongs to
 * @param op     the token
 * @return ::TRACTOR_OK, or ::TRACTOR_ECLOSED if it is over
 * @loopthread
 */
TRACTOR_API int tractor_op_cancel(tractor_actor *actor, tractor_op op);

/**
 * @brief Cancels an operation and disarms it: once this has returned, its completion never runs and `user` is yours again.
 *
 * The nursery still waits for the work, and a real error that the work still raises goes to the nursery. A hold is over with
 * it: whoever abandons one says that the work it stood for is gone.
 * @param actor  the actor it belongs to
 * @param op     the token
 * @return ::TRACTOR_OK, or ::TRACTOR_ECLOSED if its completion has already begun
 * @loopthread
 */
TRACTOR_API int tractor_op_abandon(tractor_actor *actor, tractor_op op);

/**
 * @brief Declares work that the library cannot see: a thread, a foreign timer, a coroutine.
 * @param nursery    does not end before the hold is completed
 * @param what       names it in the log and in the cancel error of a deadline; copied; may be NULL
 * @param on_cancel  runs at most once, later, when the nursery or the hold is cancelled; NULL: nothing to do. It is a request:
 *                   the hold lasts until tractor_op_complete()
 * @param user       for `on_cancel`
 * @return the token, or ::TRACTOR_ECLOSED, ::TRACTOR_ENOMEM
 * @loopthread
 */
TRACTOR_API tractor_op tractor_nursery_hold(tractor_nursery *nursery, const char *what, tractor_cancel_fn on_cancel,
                                            void *user);

/**
 * @brief Ends a hold. Once this has returned, its `on_cancel` never runs.
 * @param actor  the actor it belongs to
 * @param hold   from tractor_nursery_hold()
 * @param err    NULL, or why the work failed: its nursery gets it
 * @return ::TRACTOR_OK, ::TRACTOR_ECLOSED if it is over, ::TRACTOR_EINVAL if the token is not a hold
 * @loopthread
 */
TRACTOR_API int tractor_op_complete(tractor_actor *actor, tractor_op hold, const tractor_error *err);

/**
 * @brief Completes after a while.
 * @param in    the nursery that waits
 * @param ns    nanoseconds; 0 or less: at once (but later); ::TRACTOR_FOREVER: only when cancelled
 * @param fn    completion; may be NULL
 * @param user  for `fn`
 * @return a token, or a negative status
 * @completes{NULL or ::TRACTOR_ECANCELED}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_nursery_sleep(tractor_nursery *in, int64_t ns, tractor_done_fn fn, void *user);

/** @brief What runs on a worker thread. @param user yours */
typedef void (*tractor_work_fn)(void *user);

/**
 * @brief Runs blocking or CPU-bound work on a worker thread; the loop goes on meanwhile.
 *
 * At most 16 run at once, the rest wait their turn. Work that has begun is not interrupted: the operation, and with it
 * the nursery, lasts until it returns, and then it is a success even if it was cancelled meanwhile. Cancelled before it
 * began, it never runs.
 * @param in    the nursery that waits
 * @param work  runs on another thread: it may use nothing of this library but what is marked `any thread`
 * @param fn    completion, on the loop thread; may be NULL
 * @param user  for both
 * @return a token, or a negative status
 * @completes{NULL, ::TRACTOR_ECANCELED if it never began, or ::TRACTOR_ENOMEM if no thread could be had}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_nursery_run_in_thread(tractor_nursery *in, tractor_work_fn work, tractor_done_fn fn,
                                                     void *user);

/** @} */

/**
 * @defgroup spawn Children
 * @brief Processes started in a nursery.
 *
 * A child is a whole actor in a process of its own. It belongs to the nursery it was started in: that nursery does not
 * end before the process is reaped. A child never outlives its parent: if the parent dies, by whatever means, the
 * kernel kills the child.
 *
 * A child started by tractor_nursery_start_actor() is a *daemon*: it serves until it is cancelled. One started by
 * tractor_nursery_run_in_actor() is a *one-shot*: it is cancelled when its call is answered.
 *
 * A cancelled child is asked first (tractor_spawn_options::cancel_timeout_ns for its acknowledgement), then terminated
 * (SIGTERM), then killed (SIGKILL, tractor_spawn_options::kill_timeout_ns later). All children of a nursery at the same
 * time, and a child with children of its own acknowledges before it has ended them, so that depth costs nothing. A daemon
 * that dies without having been cancelled here is an error with its exit status (tractor_error_exit_status()) and its last
 * lines on stderr; one that leaves with status 0, as an actor does that somebody else cancelled, is none.
 * @{
 */

/** What becomes of a child's standard error. */
enum tractor_stderr {
    TRACTOR_STDERR_RELAY = 0, /**< its lines come out on ours; the last ones stand in errors about it */
    TRACTOR_STDERR_CAPTURE,   /**< only kept for errors */
    TRACTOR_STDERR_INHERIT    /**< it writes to ours directly; errors have no last lines */
};

/** Flags of tractor_spawn_options. */
enum tractor_spawn_flag {
    /** its unexpected end is logged, and no error of the nursery. Calls to it fail as ever */
    TRACTOR_SPAWN_IGNORE_DEATH = 1,
    /** the original's `debug_mode`: not yet there, refused with ::TRACTOR_ENOTSUP */
    TRACTOR_SPAWN_DEBUG_MODE = 2,
    /** the original's `infect_asyncio`: not yet there, refused with ::TRACTOR_ENOTSUP */
    TRACTOR_SPAWN_INFECT_ASYNCIO = 4
};

/** Options of tractor_nursery_start_actor() and tractor_nursery_run_in_actor(). Zero means default everywhere. */
typedef struct tractor_spawn_options {
    size_t struct_size;         /**< sizeof(tractor_spawn_options) */
    const char *const *modules; /**< what it exposes; NULL-terminated. One-shots expose their module anyway */
    /** NULL: this same executable, whose main calls tractor_main() or tractor_child_main(). Else a path or a name in PATH,
        such as ::TRACTOR_ACTOR_PROGRAM or "python3": it is given `argv` and then the standard child flags */
    const char *program;
    const char *const *argv; /**< NULL-terminated, with argv[0]; NULL: just the program's name */
    const char *const *env;  /**< whole environment, "NAME=value", NULL-terminated; NULL: ours */
    const char *cwd;         /**< working directory; NULL: ours */
    const char *log_level;   /**< NULL: ours */
    /** "tcp", "uds", or both, separated by a comma: it listens at a random address of each. Inherited by its descendants.
        NULL: ours */
    const char *enable_transports;
    const char *const *bind_addrs; /**< where to listen instead, as tractor_root_options::tpt_bind_addrs */
    int64_t boot_timeout_ns;       /**< from the start to its readiness; 0: 30 s */
    int64_t cancel_timeout_ns;     /**< for the acknowledgement of a cancel; 0: as its nursery says, 0.5 s */
    int64_t kill_timeout_ns; /**< between SIGTERM (or the acknowledgement) and SIGKILL; 0: as its nursery says, 1.6 s */
    tractor_done_fn on_exit; /**< receiver of its unexpected end; NULL: the nursery. At most once, with an error */
    void *on_exit_user;      /**< for `on_exit` */
    const int32_t *pass_fds; /**< descriptors that it inherits under the same number, 3 or above */
    size_t pass_fds_count;   /**< how many */
    uint32_t stderr_mode;    /**< ::tractor_stderr */
    uint32_t flags;          /**< ::tractor_spawn_flag */
    /** of tractor_nursery_run_in_actor(): what the child is called, as in tractor_nursery_start_actor(), where it has to be
        NULL. NULL: as its endpoint */
    const char *name;
    /** a nursery in the one that owns the child, to wait for the completion in its place: if it is cancelled, so is the start, or
        the one call, and with it the child. NULL, or one from elsewhere: the owner */
    tractor_nursery *wait_in;
} tractor_spawn_options;
/** Starts a designated initialiser. */
#define TRACTOR_SPAWN_OPTIONS .struct_size = sizeof(tractor_spawn_options)
/** The installed program that loads modules from shared objects: module `primes` from `libprimes.so`. */
#define TRACTOR_ACTOR_PROGRAM "tractor-actor"

/**
 * @brief Starts a child that serves.
 * @param in       owns the child
 * @param name     what it is called; need not be unique, must not be empty; copied
 * @param options  NULL for defaults; read before the call returns
 * @param fn       completion: the child is up and registered; its portal lives as long as `in`. May be NULL
 * @param user     for `fn`
 * @return a token, or a negative status
 *
 * It completes with ::TRACTOR_ESPAWN, at once, when the child fails or dies at any step of its boot, with its exit status,
 * its own error if it could still send one, and its last lines on stderr; ::TRACTOR_EINVAL for a bad option.
 * @completes{the portal, ::TRACTOR_ESPAWN, ::TRACTOR_EINVAL, ::TRACTOR_ENOTSUP, ::TRACTOR_ECANCELED, ::TRACTOR_ETIMEDOUT}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_nursery_start_actor(tractor_nursery *in, const char *name,
                                                   const tractor_spawn_options *options, tractor_portal_fn fn,
                                                   void *user);

/**
 * @brief Starts a child for one call, answers the call, and cancels the child.
 * @param in       owns the child
 * @param module   the endpoint's module, which is enabled in the child
 * @param func     the endpoint; also the child's name, if the options do not say another
 * @param args     a map of arguments
 * @param options  NULL for defaults
 * @param fn       completion with the answer; NULL: an error goes to `in`, when its sibling one-shots have ended
 * @param user     for `fn`
 * @return a token, or a negative status
 *
 * The completion is what the original's `Portal.wait_for_result()` waits for: there is no portal to ask, a one-shot has no other
 * use. Keep the value if you want to look at it again. A child of tractor_nursery_start_actor() has no result.
 * @completes{the value, or as tractor_nursery_start_actor() and tractor_portal_run()}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_nursery_run_in_actor(tractor_nursery *in, const char *module, const char *func,
                                                    tractor_bytes args, const tractor_spawn_options *options,
                                                    tractor_value_fn fn, void *user);

/** Options of tractor_nursery_open_actor_cluster(). Zero means default everywhere. */
typedef struct tractor_cluster_options {
    size_t struct_size;       /**< sizeof(tractor_cluster_options) */
    uint32_t count;           /**< how many actors, at most 65536; 0: as many as this process may use processors */
    uint32_t flags;           /**< 0, or ::TRACTOR_NURSERY_HARD_KILL */
    const char *const *names; /**< theirs, `count` of them; NULL: "<this actor's name>.worker_<index>" */
    const tractor_spawn_options *spawn; /**< what each is started with, such as its modules; NULL for defaults */
} tractor_cluster_options;
/** Starts a designated initialiser. */
#define TRACTOR_CLUSTER_OPTIONS .struct_size = sizeof(tractor_cluster_options)

/**
 * @brief What runs when all actors of a cluster are up: the body of its nursery.
 * @param cluster  the cluster's nursery; its body is over when this returns
 * @param portals  to the actors, in the order of their names; the array lives as long as `cluster`
 * @param count    how many
 * @param user     yours
 */
typedef void (*tractor_cluster_fn)(tractor_nursery *cluster, tractor_portal *const *portals, size_t count, void *user);

/**
 * @brief Opens a nursery with equal children in it, started side by side: a pool of workers.
 *
 * When `body` has returned and the work that it started in the cluster's nursery has ended, the actors are cancelled and
 * the nursery ends. All or nothing: if one can't be started, or dies, the others are cancelled and the error is the
 * nursery's; `body` does not run unless all are up.
 * @param parent   the nursery around it
 * @param options  NULL for defaults; read before the call returns
 * @param body     runs at most once
 * @param fn       its end, as in tractor_nursery_open(); NULL: an error goes to `parent`
 * @param user     for both
 * @return the cluster's nursery, as tractor_nursery_open()
 * @completes{NULL, as tractor_nursery_start_actor(), ::TRACTOR_EINVAL for a bad option, or how its nursery ended}
 * @loopthread
 */
TRACTOR_API tractor_nursery *tractor_nursery_open_actor_cluster(tractor_nursery *parent,
                                                                const tractor_cluster_options *options,
                                                                tractor_cluster_fn body, tractor_done_fn fn,
                                                                void *user);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
