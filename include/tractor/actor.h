/**
 * @file tractor/actor.h
 * @brief Endpoints, boot, the loop.
 */
#ifndef TRACTOR_ACTOR_H
#define TRACTOR_ACTOR_H

#include <tractor/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup endpoint Endpoints
 * @brief What others may call: functions by module and name.
 *
 * The table is the program's: filled before the actor opens, the same in parent and child because both are this
 * executable. Registered is not exposed: an actor serves only the modules that its parent (or the root's options)
 * enabled.
 * @{
 */

/** Kinds of endpoint. */
enum tractor_endpoint_kind {
    TRACTOR_FUNCTION = 0, /**< called with tractor_portal_run(), answers once */
    TRACTOR_CONTEXT = 1,  /**< opened with tractor_portal_open_context(): starts, may stream, answers once */
    TRACTOR_GENERATOR = 2 /**< opened with tractor_portal_open_stream_from(): only sends, and answers nil to end */
};

/** One endpoint. The layout is frozen, because programs have arrays of it. */
typedef struct tractor_endpoint {
    const char *name;       /**< NULL ends an array */
    tractor_endpoint_fn fn; /**< the body */
    uint32_t kind;          /**< ::tractor_endpoint_kind */
    uint32_t flags;         /**< 0 */
    const char *schema;     /**< the types of what it starts with, streams and returns, see schema.h; NULL: any */
    const char *doc;        /**< one line for people, or NULL */
    void *reserved[2];      /**< NULL */
} tractor_endpoint;
/** A function endpoint. */
#define TRACTOR_FUNC(name, fn)                                        \
    {                                                                 \
        (name), (fn), TRACTOR_FUNCTION, 0, NULL, NULL, { NULL, NULL } \
    }
/** A context endpoint. */
#define TRACTOR_CTX(name, fn)                                        \
    {                                                                \
        (name), (fn), TRACTOR_CONTEXT, 0, NULL, NULL, { NULL, NULL } \
    }
/** A generator endpoint. */
#define TRACTOR_GEN(name, fn)                                          \
    {                                                                  \
        (name), (fn), TRACTOR_GENERATOR, 0, NULL, NULL, { NULL, NULL } \
    }
/** A context endpoint with payload types, such as `"int | None"`. */
#define TRACTOR_CTX_TYPED(name, fn, schema)                              \
    {                                                                    \
        (name), (fn), TRACTOR_CONTEXT, 0, (schema), NULL, { NULL, NULL } \
    }
/** The end of an array of endpoints. */
#define TRACTOR_ENDPOINTS_END                        \
    {                                                \
        NULL, NULL, 0, 0, NULL, NULL, { NULL, NULL } \
    }

/**
 * @brief Adds endpoints to a module of the program.
 * @param module  its name, dotted if you like; not empty, not "self", no colon
 * @param list    ended by ::TRACTOR_ENDPOINTS_END; must stay valid for ever
 * @param user    for the endpoint functions
 * @return ::TRACTOR_OK; ::TRACTOR_EINVAL for a bad name, a NULL list or a NULL function, ::TRACTOR_EALREADY if one of the names is taken (then
 *         none is added), ::TRACTOR_ENOTSUP for an unknown kind, ::TRACTOR_EMSGTYPE for a schema that is none, ::TRACTOR_EBUSY while an actor is open (but in `tractor_module_init`), ::TRACTOR_ENOMEM
 * @anythread
 */
TRACTOR_API int tractor_register(const char *module, const tractor_endpoint *list, void *user);

/**
 * @brief Adds one endpoint; for bindings that make them at run time.
 * @param module    as tractor_register()
 * @param endpoint  copied, with its texts
 * @param user      for its function
 * @param release   runs on `user` when the process exits; may be NULL
 * @return as tractor_register()
 * @anythread
 */
TRACTOR_API int tractor_register_endpoint(const char *module, const tractor_endpoint *endpoint, void *user,
                                          tractor_release_fn release);

/**
 * @brief What a shared object exports as `tractor_module_init`, so that a child can load it by module name: it calls
 * tractor_register() and answers its status.
 *
 * `tractor-actor` and every program that serves as a child load a module that is not registered from the file that the
 * parent named (`"primes=/opt/lib/libprimes.so"` in tractor_spawn_options::modules), else from `lib<module>.so` on the
 * loader's path.
 * @param module  the name it was asked for by
 */
typedef int (*tractor_module_init_fn)(const char *module);

/** @} */

/**
 * @defgroup actor Actor
 * @brief This process as a node of the tree: its boot, its loop, its end.
 *
 * There is one actor per process. A process is root or child by how it was started: tractor_main() runs the root function
 * in a root and serves in a child, so one executable is both.
 *
 * The root asks at all its registry addresses at once whether a registrar answers. If one does, the root joins it (or them
 * all, if there are several) and listens at addresses of its own; if nobody is there, the root listens there and is the
 * registrar itself. Of several that start at the same time one becomes the registrar, and the others join it. If somebody
 * is there who is no registrar, which takes up to 3 s to find out, the root does not boot: ::TRACTOR_EREGISTRY.
 *
 * It ends when its nursery has ended: the program closes that, something in it fails, or it is cancelled. A root that another
 * actor cancels (tractor_portal_cancel_actor()) ends like one that closes: its tasks and children are cancelled, its listeners
 * go, and that is no error. tractor_main() and tractor_run_daemon() then return 0; the code of a host program, which has
 * opened the root with tractor_actor_open(), is told by `on_end` and goes on.
 * @{
 */

struct event_base;

/** Flags of tractor_root_options. */
enum tractor_root_flag {
    TRACTOR_ROOT_ENSURE_REGISTRY = 1, /**< fail unless this root becomes the registrar */
    TRACTOR_ROOT_SUBREAPER =
        2,                    /**< inherit, kill and bury what a dead child leaves behind: its actors and the processes
                                     that its code forked; process-wide. tractor_main() sets it, children do so anyway */
    TRACTOR_ROOT_SIGNALS = 4, /**< SIGINT and SIGTERM end the root in order; process-wide. tractor_main() sets it */
    /** only ask others: it finds actors and calls them, but listens nowhere, is not registered, never keeps the registry,
        serves no modules and has no children: to start one completes with ::TRACTOR_ESPAWN, because of ::TRACTOR_ENOTSUP. It
        does not boot where no registrar answers */
    TRACTOR_ROOT_CLIENT = 8,
    /** the original's `debug_mode`: not yet there, refused with ::TRACTOR_ENOTSUP */
    TRACTOR_ROOT_DEBUG_MODE = 16,
    /** the original's `enable_stack_on_sig`: not yet there, refused with ::TRACTOR_ENOTSUP */
    TRACTOR_ROOT_ENABLE_STACK_ON_SIG = 32,
    /** begin without a runtime: nurseries, sleeps, holds, threads and calls to oneself work, but nothing is bound and no
        registrar is asked, so there are neither children nor discovery until tractor_actor_boot(): what needs them
        completes with ::TRACTOR_ERUNTIME, a child's start with ::TRACTOR_ESPAWN because of that */
    TRACTOR_ROOT_LOCAL = 64
};

/** Options of a root. Zero means default everywhere. */
typedef struct tractor_root_options {
    size_t struct_size;                /**< sizeof(tractor_root_options) */
    const char *name;                  /**< NULL or empty: "root". UTF-8, at most 1024 bytes, as all names of actors */
    const char *const *enable_modules; /**< modules that it serves; NULL-terminated */
    /** Where a registrar is looked for, NULL-terminated: multiaddrs, or pairs as the original has them, such as
        "('127.0.0.1', 1616)". NULL: of each enabled transport its default, "/ip4/127.0.0.1/tcp/1616" and
        `registry@1616.sock` in the runtime directory */
    const char *const *registry_addrs;
    /** Where to listen, likewise, of any transport, NULL-terminated; a registrar listens at its registry addresses as well.
        NULL: at a random address of each enabled transport that would else have none; that of one which joins a registrar
        is on the registrar's host, or in its folder. If that is another machine it is on loopback, where nobody there can
        reach it: a warning says so */
    const char *const *tpt_bind_addrs;
    /** "tcp", "uds", or both, separated by a comma: its children connect to it by the first one. Inherited by all
        descendants. NULL: the transports of `registry_addrs`, else "tcp". A registry address of a transport that is not
        enabled is refused */
    const char *enable_transports;
    const char *log_level;         /**< name or number; NULL: "error". TRACTOR_LOGLEVEL in the environment wins */
    struct event_base *event_base; /**< run on this loop instead of an own one; stays the host's */
    uint32_t flags;                /**< ::tractor_root_flag */
    uint32_t reserved0;            /**< 0 */
    int64_t handshake_timeout_ns;  /**< for connections made to us; 0: 10 s */
    /** How much of one stream may be on its way to this actor, in bytes; 0: 2 MiB; ::TRACTOR_NO_WINDOW: no back-pressure,
        as with a peer of another make. Inherited by all descendants */
    uint64_t stream_window;
    /** Longest message taken, in bytes; 0: 64 MiB. Inherited by all descendants and told to all actors that use this
        library: a call that would exceed it completes with EINVAL, an answer is replaced by a ValueError that names both
        sizes. Whoever sends more all the same loses the connection. There is no limit for calls to oneself */
    uint64_t max_frame;
    /** How its children are started: NULL or "exec"; "trio" is the original's name for that. TRACTOR_SPAWN_METHOD in the
        environment wins. The original's other ones are refused with ::TRACTOR_ENOTSUP, all else with ::TRACTOR_EINVAL */
    const char *start_method;
} tractor_root_options;
/** For tractor_root_options::stream_window. */
#define TRACTOR_NO_WINDOW 0xffffffffffffffffULL
/** Starts a designated initialiser: `{ TRACTOR_ROOT_OPTIONS, .name = "root" }`. */
#define TRACTOR_ROOT_OPTIONS .struct_size = sizeof(tractor_root_options)

/**
 * @brief Runs a whole program: the root, or, in a process that a parent started, the child.
 *
 * In a root, `root` is called once the actor is up; the program ends when `root` has returned and everything started in its
 * nursery has ended. An error that reached the root's nursery is printed on stderr as one report. SIGINT and SIGTERM end
 * the root in order: everything is cancelled, and the process then dies of the same signal; a second one kills at once.
 * In a child it serves and exits; it does not return.
 * @param argc     of main
 * @param argv     of main; the area is used for the process title. NULL: found without you, for languages whose main has none
 * @param options  NULL for defaults; `event_base` must be NULL
 * @param root     the body; its nursery is open while it runs
 * @param user     for `root`
 * @return exit status for main: 0, or 1 after an error, 2 for bad options
 * @loopthread
 */
TRACTOR_API int tractor_main(int argc, char **argv, const tractor_root_options *options, tractor_root_fn root,
                             void *user);

/**
 * @brief Runs a whole program that only serves: a root whose modules others call, or, in a process that a parent started,
 * the child.
 *
 * The modules of the options are loaded first: if one is missing, nothing is asked, bound or registered. It then serves until
 * it is cancelled by another actor or by tractor_actor_cancel_soon(), or until a child of it fails. Errors and signals as in
 * tractor_main().
 * @param argc     of main
 * @param argv     of main; the area is used for the process title. NULL: as in tractor_main()
 * @param options  NULL for defaults; `event_base` must be NULL, ::TRACTOR_ROOT_CLIENT makes no sense
 * @return exit status for main: 0 when it was cancelled, 1 after an error, 2 for bad options. After SIGINT or SIGTERM it does not
 *         return
 * @loopthread
 */
TRACTOR_API int tractor_run_daemon(int argc, char **argv, const tractor_root_options *options);

/**
 * @brief For programs that do not use tractor_main(): serves and exits if this process was started as a child, else returns
 * at once. Call it first in main, after tractor_register().
 * @param argc  of main
 * @param argv  of main, or NULL, as in tractor_main()
 * @loopthread
 */
TRACTOR_API void tractor_child_main(int argc, char **argv);

/**
 * @brief Serves and exits as a child whose command line carries the standard flags (`--uid`, `--parent_addr`, `--loglevel`):
 * for programs that parents start by a command line.
 * @param argc  of main
 * @param argv  of main, or NULL, as in tractor_main()
 * @return only if the flags are bad: 2, after a message on stderr
 * @loopthread
 */
TRACTOR_API int tractor_child_main_from_flags(int argc, char **argv);

/**
 * @brief Opens a root inside a host program.
 *
 * The boot goes on in the background: run the loop with tractor_actor_run(), or, on a foreign `event_base`, run that. The
 * root's nursery stays open until tractor_actor_close(). The calling thread owns the actor.
 * @param options  NULL for defaults
 * @param body     runs once when the actor is up; may be NULL
 * @param on_end   runs once, the last callback of this actor: how the root ended, or why it could not boot. May be NULL
 * @param user     for both
 * @param out      the actor; valid until `on_end` has returned, then a tombstone if you took a reference
 * @return ::TRACTOR_OK; ::TRACTOR_ERUNTIME if this process has an actor, be it a root or a child, ::TRACTOR_EINVAL for bad
 *         options, ::TRACTOR_E2BIG, ::TRACTOR_ENOTSUP for what is not there yet and for an `event_base` under a static libtractor,
 *         ::TRACTOR_EFORKED, ::TRACTOR_ENOMEM. Then nothing runs, and the log says why
 * @completes{NULL; the error of the root's nursery; ::TRACTOR_EREGISTRY if a registry address is occupied by something that
 * is no registrar, if one answers in spite of ::TRACTOR_ROOT_ENSURE_REGISTRY, or none to a ::TRACTOR_ROOT_CLIENT;
 * ::TRACTOR_ETRANSPORT if it can't listen at an address; ::TRACTOR_ENOENDPOINT for a module that can't be loaded}
 * @loopthread
 */
TRACTOR_API int tractor_actor_open(const tractor_root_options *options, tractor_root_fn body, tractor_done_fn on_end,
                                   void *user, tractor_actor **out);

/**
 * @brief Gives a root that was opened with ::TRACTOR_ROOT_LOCAL its runtime: from then on it is a root like any other.
 *
 * The first who asks decides by which options; who asks meanwhile waits for the same boot, and later there is nothing to do. A
 * boot is not cut short when those who wait for it are cancelled, only when the actor is, and it is not tried twice.
 * @param in       the nursery that waits
 * @param options  NULL: those that the root was opened with; else all that is said of registry_addrs, tpt_bind_addrs,
 *                 enable_transports and enable_modules, and the flags ENSURE_REGISTRY and CLIENT; the others have to be
 *                 zero, because it is too late for them. Read before this returns
 * @param fn       completion; may be NULL
 * @param user     for `fn`
 * @return a token; ::TRACTOR_ECLOSED if the nursery has ended, ::TRACTOR_EINVAL if it is NULL, ::TRACTOR_ERUNTIME without an
 *         actor, ::TRACTOR_ENOMEM
 * @completes{NULL, at once where there is a runtime already; the errors of tractor_actor_open(), also of an earlier boot that
 * has failed; ::TRACTOR_EINVAL for bad options; ::TRACTOR_ECANCELED}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_actor_boot(tractor_nursery *in, const tractor_root_options *options, tractor_done_fn fn,
                                          void *user);
/** @brief Can it have children, and find others? False in a ::TRACTOR_ROOT_LOCAL before its boot. @param actor the actor @loopthread */
TRACTOR_API bool tractor_actor_has_runtime(tractor_actor *actor);

/**
 * @brief Closes the root's nursery: when everything in it has ended, the actor ends. Cancel the nursery to make haste.
 * @param actor  NULL and ended ones are ignored
 * @loopthread
 */
TRACTOR_API void tractor_actor_close(tractor_actor *actor);

/**
 * @brief Cancels the whole actor, as if another one had: its tasks, its children, its nursery. That is no error of it.
 *
 * It returns at once; the end comes as ever, when everything has ended. An actor that boots does not come up: its body never
 * runs.
 * @param actor  NULL and ended ones are ignored
 * @loopthread
 */
TRACTOR_API void tractor_actor_cancel_soon(tractor_actor *actor);
/**
 * @brief Has an actor asked it to end: its parent, another one (tractor_portal_cancel_actor()), or itself
 * (tractor_actor_cancel_soon())?
 *
 * A signal, an error and a cancel of the nursery by the program are none of that.
 * @param actor  the actor
 * @loopthread
 */
TRACTOR_API bool tractor_actor_cancel_called(tractor_actor *actor);
/**
 * @brief Who was the first to ask.
 * @param actor  the actor
 * @return borrowed, lives as long as the actor; NULL if nobody has
 * @loopthread
 */
TRACTOR_API const tractor_id *tractor_actor_cancel_caller(tractor_actor *actor);

/**
 * @brief Runs the actor's own loop until the actor has ended. The calling thread becomes the owner.
 * @param actor  the actor
 * @return ::TRACTOR_OK; ::TRACTOR_EDEADLK inside a callback, ::TRACTOR_EWRONGTHREAD while another thread runs it, ::TRACTOR_ENOTSUP on a
 *         foreign `event_base`, ::TRACTOR_ECLOSED
 * @anythread
 */
TRACTOR_API int tractor_actor_run(tractor_actor *actor);

/**
 * @brief Runs `fn` on the loop thread soon: the bridge from other threads.
 * @param actor  the actor; keep a reference while other threads use it
 * @param fn     runs exactly once if this answered OK: with NULL, or with ::TRACTOR_ECLOSED if the actor ended first
 * @param user   for `fn`
 * @return ::TRACTOR_OK, ::TRACTOR_ECLOSED if the actor has ended, ::TRACTOR_ENOMEM, ::TRACTOR_EINVAL if `fn` is NULL,
 *         ::TRACTOR_EFORKED
 * @anythread
 */
TRACTOR_API int tractor_actor_post(tractor_actor *actor, tractor_done_fn fn, void *user);

/** @brief The actor's nursery. @param actor the actor @return borrowed; a dead handle before the boot is done and after the end; never NULL @loopthread */
TRACTOR_API tractor_nursery *tractor_actor_nursery(tractor_actor *actor);
/**
 * @brief What an actor does last.
 * @param actor  the actor; its nursery is still there: an error is raised with tractor_nursery_fail(), and work that is started
 *               in it is waited for before the next of these runs
 * @param user   yours
 */
typedef void (*tractor_exit_fn)(tractor_actor *actor, void *user);
/**
 * @brief Pushes onto the actor's exit stack, which is run when all its tasks, children and other work have ended, the latest
 * first.
 *
 * Every one runs, on every path: success, error, cancel, signals that are caught, a boot that failed, and whatever those before it
 * raised. Several errors make a group. Only a process that is killed runs none. It is the place to give back what the
 * actor holds for all its tasks.
 * @param actor  the actor
 * @param fn     runs once
 * @param user   for `fn`
 * @return ::TRACTOR_OK, ::TRACTOR_ECLOSED if the actor has ended, ::TRACTOR_EINVAL if `fn` is NULL, ::TRACTOR_ENOMEM
 * @loopthread
 */
TRACTOR_API int tractor_actor_on_exit(tractor_actor *actor, tractor_exit_fn fn, void *user);
/**
 * @brief The actor of this process.
 * @return borrowed, as tractor_actor_open() yields it. NULL where there is no runtime: before the opening, from the actor's last
 *         callback on, and on all threads but the actor's own
 * @loopthread
 */
TRACTOR_API tractor_actor *tractor_current_actor(void);
/** @brief Is there an actor in this process, and is it the root of its tree? False on other threads. @loopthread */
TRACTOR_API bool tractor_is_root_process(void);
/** @brief Who this is. @param actor the actor @return borrowed, lives as long as the actor; never NULL @loopthread */
TRACTOR_API const tractor_id *tractor_actor_id(tractor_actor *actor);
/** @brief Is it the root of its tree? @param actor the actor @loopthread */
TRACTOR_API bool tractor_actor_is_root(tractor_actor *actor);
/** @brief Does it keep the registry? @param actor the actor @loopthread */
TRACTOR_API bool tractor_actor_is_registrar(tractor_actor *actor);

/**
 * @brief A portal to oneself: calls go through the same messages as any other.
 * @param actor  the actor
 * @return borrowed, lives as long as the actor; never NULL
 * @loopthread
 */
TRACTOR_API tractor_portal *tractor_actor_self(tractor_actor *actor);
/**
 * @brief The portal to the parent.
 * @param actor  the actor
 * @return borrowed, lives as long as the actor; NULL in a root
 * @loopthread
 */
TRACTOR_API tractor_portal *tractor_actor_parent(tractor_actor *actor);

/**
 * @brief One of the addresses it listens at, as multiaddr.
 * @param actor  the actor
 * @param index  from 0
 * @return borrowed, lives as long as the actor; NULL beyond the last
 * @loopthread
 */
TRACTOR_API const char *tractor_actor_address(tractor_actor *actor, size_t index);

/**
 * @brief One of the registrars that it is registered with and that it asks, as multiaddr; of a registrar its own registry
 * addresses.
 * @param actor  the actor
 * @param index  from 0
 * @return borrowed until tractor_set_runtime_vars(), or as long as the actor; NULL beyond the last
 * @loopthread
 */
TRACTOR_API const char *tractor_actor_registry_address(tractor_actor *actor, size_t index);

/**
 * @brief The runtime variables: what an actor tells each child that it starts, and what it was told itself.
 *
 * An address is `[host, port]` or `[directory, file]`.
 *
 * | key | value | |
 * |---|---|---|
 * | `_is_root` | bool | is this the root of its tree? |
 * | `_root_mailbox` | address, or `[nil, nil]` | where tractor_get_root() connects |
 * | `_root_addrs` | addresses | all addresses of the root |
 * | `_enable_tpts` | "tcp", "uds": at least one | the transports that later children listen by |
 * | `_registry_addrs` | addresses | the registrars that this actor asks, and that later children register with |
 * | `_debug_mode` | bool | true is not yet supported |
 * | `repl_fixture`, `use_greenback`, `use_stackscope` | bool | for children that run Python |
 * | `_is_infected_aio` | bool | true is not yet supported |
 *
 * All others are the program's own, with any value.
 * @return a map in this thread's scratch, valid until your callback returns; without a runtime the defaults. nil on another
 *         thread, or if there is no memory
 * @loopthread
 */
TRACTOR_API tractor_bytes tractor_get_runtime_vars(void);
/**
 * @brief Changes runtime variables: all that are given, or none. Those that are not stay.
 *
 * Children that are started from then on inherit them, with their descendants; nobody else is told. An actor stays registered
 * and listening where it is.
 * @param vars      a map with text keys; `{NULL, 0}`: nothing
 * @param why       [out] what is wrong, with the key, NUL-terminated, cut to its room between two characters; empty on
 *                  success. May be NULL
 * @param why_size  the room in `why`, in bytes; 0: nothing is written
 * @return ::TRACTOR_OK; ::TRACTOR_EINVAL for a value that the key can't have, ::TRACTOR_ENOTSUP for what is not there yet, ::TRACTOR_EBUSY while
 *         the actor boots, ::TRACTOR_ERUNTIME if there is no runtime, ::TRACTOR_ENOMEM
 * @loopthread
 */
TRACTOR_API int tractor_set_runtime_vars(tractor_bytes vars, char *why, size_t why_size);

/**
 * @brief What is going on, as a map: `children` (list of maps with `name`, `uuid`, `pid`, `state`), `peers` (list of
 * `[name, uuid]` of connections made to us), `tasks` (endpoints running), `calls` (calls in flight), `log_level`. More keys may come.
 * @param actor  the actor
 * @return one value in this thread's scratch, valid until your callback returns; nil if there is no memory
 * @loopthread
 */
TRACTOR_API tractor_bytes tractor_actor_stats(tractor_actor *actor);

/** @brief Keeps the handle's memory beyond its end. @param actor the actor @return it @anythread */
TRACTOR_API tractor_actor *tractor_actor_ref(tractor_actor *actor);
/** @brief Gives a reference back. @param actor the actor, or NULL @anythread */
TRACTOR_API void tractor_actor_unref(tractor_actor *actor);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
