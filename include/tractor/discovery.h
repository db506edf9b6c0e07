/**
 * @file tractor/discovery.h
 * @brief Finding actors by name.
 */
#ifndef TRACTOR_DISCOVERY_H
#define TRACTOR_DISCOVERY_H

#include <tractor/portal.h>
#include <tractor/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup discovery Discovery
 * @brief Every actor registers its addresses with the registrar of its tree, a root; others ask there.
 *
 * An entry belongs to the actor that it names. It lives as long as the connection on which that actor registered, so who
 * is killed disappears by itself; a peer of another make, which keeps no connection, is asked every ten seconds
 * whether it is still there. Nobody else can remove it: somebody who met nobody at an address reports that, and the
 * registrar looks for itself. A registrar that was lost and comes back is told again by all who were registered.
 *
 * The portal that a search yields belongs to `in`; its connection ends with `in`, or by tractor_portal_close(). Whoever is
 * connected already is found without asking anybody: the children of this actor, its parent, and, in a registrar, whoever
 * has registered there. Such a portal shares the connection. A search that names its registrars asks them all the same.
 *
 * Of several addresses the nearest that answers is taken: a Unix socket before TCP on this machine before the rest.
 * @{
 */

/** Flags of tractor_find_options. */
enum tractor_find_flag {
    TRACTOR_FIND_RAISE_ON_NONE = 1 /**< tractor_find_actor(): that nobody has the name is an error too */
};

/** Options of a search. Zero means default everywhere. */
typedef struct tractor_find_options {
    size_t struct_size; /**< sizeof(tractor_find_options) */
    int64_t timeout_ns; /**< of the whole search; 0: none */
    const char *const
        *registry_addrs; /**< the registrars to ask, as tractor_root_options::registry_addrs; NULL: those of this actor.
                                            Several are asked at once */
    uint32_t flags;      /**< ::tractor_find_flag */
    uint32_t reserved0;  /**< 0 */
} tractor_find_options;
/** Starts a designated initialiser. */
#define TRACTOR_FIND_OPTIONS .struct_size = sizeof(tractor_find_options)

/**
 * @brief Looks for an actor by name.
 * @param in       owns the portal
 * @param name     whom, by name or uuid; of several, the last registered
 * @param options  NULL for defaults
 * @param fn       completion; both arguments NULL: nobody has that name
 * @param user     for `fn`
 * @return a token, or a negative status; ::TRACTOR_ERUNTIME if there is no runtime (`in` is NULL)
 *
 * Of several registrars, the first that knows somebody who answers wins. An entry whose addresses nobody answers at, or
 * somebody else does, is reported to its registrar and counts as nobody. That a registrar can't be asked is an error only if
 * no other one finds the actor.
 * @completes{the portal or NULL, ::TRACTOR_EREGISTRY if a registrar can't be asked or, if you said so, if nobody has the name,
 * ::TRACTOR_ETIMEDOUT, ::TRACTOR_ECANCELED, ::TRACTOR_EINVAL}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_find_actor(tractor_nursery *in, const char *name, const tractor_find_options *options,
                                          tractor_portal_fn fn, void *user);

/**
 * @brief Looks for an actor by name and waits until it has registered.
 * @param in       owns the portal
 * @param name     whom, by name
 * @param options  NULL for defaults
 * @param fn       completion
 * @param user     for `fn`
 * @return a token, or a negative status; ::TRACTOR_ERUNTIME if there is no runtime (`in` is NULL)
 * @completes{the portal, ::TRACTOR_EREGISTRY if none of the registrars can be asked, ::TRACTOR_ETRANSPORT if it is registered but can't be
 * reached, ::TRACTOR_ETIMEDOUT, ::TRACTOR_ECANCELED, ::TRACTOR_EINVAL}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_wait_for_actor(tractor_nursery *in, const char *name,
                                              const tractor_find_options *options, tractor_portal_fn fn, void *user);

/**
 * @brief Asks where an actor is, without connecting to it.
 * @param in       the nursery that waits
 * @param name     whom, by name or uuid; of several, the last registered
 * @param options  NULL for defaults
 * @param fn       completion: a list of multiaddrs, the nearest first, or nil if nobody has that name
 * @param user     for `fn`
 * @return a token, or a negative status; ::TRACTOR_ERUNTIME if there is no runtime (`in` is NULL)
 * @completes{the value, or as tractor_find_actor()}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_query_actor(tractor_nursery *in, const char *name, const tractor_find_options *options,
                                           tractor_value_fn fn, void *user);

/**
 * @brief A portal to a registrar: its end points are called with tractor_portal_run_from_ns() in "self".
 *
 * | end point | arguments | value |
 * |---|---|---|
 * | `find_actor` | `name` | addresses of the last registered actor of that name or uuid, or nil |
 * | `wait_for_actor` | `name` | addresses of all actors of that name, as soon as there is one |
 * | `get_registry` | | a map from "name.uuid" to addresses |
 * | `register_actor` | `uid`, `addr`; `lease`: until this connection ends | nil |
 * | `unregister_actor` | `uid` | nil |
 * | `delete_addr` | `addr` | the uid that it was taken from, or nil: nobody's, or somebody lives there |
 *
 * A `uid` is `[name, uuid]`, an address `[host, port]` or `[directory, file]`. An address nobody could ever be reached at is a boxed
 * ValueError, what belongs to another actor a boxed PermissionError.
 * @param in       owns the portal
 * @param addr     multiaddr or pair; NULL: this actor's first registrar, which may be itself
 * @param options  NULL for defaults; timeout 0: none
 * @param fn       completion
 * @param user     for `fn`
 * @return a token, or a negative status; ::TRACTOR_ERUNTIME if there is no runtime (`in` is NULL)
 * @completes{the portal, ::TRACTOR_EREGISTRY if what answers there is no registrar, ::TRACTOR_ETRANSPORT, ::TRACTOR_ETIMEDOUT,
 * ::TRACTOR_ECANCELED, ::TRACTOR_EINVAL}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_get_registry(tractor_nursery *in, const char *addr, const tractor_call_options *options,
                                            tractor_portal_fn fn, void *user);

/**
 * @brief A portal to the root of this tree.
 * @param in       owns the portal
 * @param options  NULL for defaults; timeout 0: none
 * @param fn       completion
 * @param user     for `fn`
 * @return a token, or a negative status; ::TRACTOR_ERUNTIME if there is no runtime (`in` is NULL)
 * @completes{the portal: to oneself in a root, the parent's connection if that is the root. ::TRACTOR_ERUNTIME if the parent has not told
 * where the root is, ::TRACTOR_ETRANSPORT, ::TRACTOR_ETIMEDOUT, ::TRACTOR_ECANCELED, ::TRACTOR_EINVAL}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_get_root(tractor_nursery *in, const tractor_call_options *options, tractor_portal_fn fn,
                                        void *user);

/** What a watcher is told. */
enum tractor_watch_event {
    TRACTOR_WATCH_JOIN = 1,  /**< an actor is registered, or its addresses are others now */
    TRACTOR_WATCH_LEAVE = 2, /**< it is not any more */
    TRACTOR_WATCH_SYNCED = 3 /**< all who were there when the watch began have been told; comes once, `id` is NULL */
};

/**
 * @brief Somebody came or went.
 * @param event  a ::tractor_watch_event
 * @param id     who; its pid is 0. Borrowed, as are the addresses
 * @param addrs  where, as multiaddrs, NULL-terminated; empty for a leave
 * @param user   yours
 */
typedef void (*tractor_watch_fn)(int event, const tractor_id *id, const char *const *addrs, void *user);

/**
 * @brief Watches a registrar: first who is registered, then who comes and goes.
 *
 * Every watcher has its own pace: one that is slow may be told of a leave together with a join again, or of neither, but
 * what it has been told in the end is always how things are. It never holds up the registrar.
 * @param in        the watch is work of it
 * @param name      whom, by name; NULL: everybody
 * @param options   NULL for defaults. At most one of `registry_addrs`, else this actor's first registrar; the timeout bounds the
 *                  whole watch
 * @param on_event  runs for each event
 * @param on_end    runs once, last; NULL: an error goes to `in`
 * @param user      for both
 * @return a token, or a negative status; cancelling it ends the watch. ::TRACTOR_ERUNTIME if there is no runtime (`in` is NULL),
 *         ::TRACTOR_EINVAL if `on_event` is NULL
 * @completes{::TRACTOR_EREGISTRY if the registrar can't be asked, is lost or closes, ::TRACTOR_ENOTSUP if it is of another make, which can't be
 * watched, ::TRACTOR_ETIMEDOUT, ::TRACTOR_ECANCELED, ::TRACTOR_EINVAL}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_watch_actors(tractor_nursery *in, const char *name, const tractor_find_options *options,
                                            tractor_watch_fn on_event, tractor_done_fn on_end, void *user);

/**
 * @brief Checks a table of where actors are to be, as a configuration has it, and gives all its addresses one form.
 *
 * @code{.c}
 * tractor_bytes table = tractor_parse_endpoints(tractor_pack(
 *     "{s:[s,s], s:[[s,i]]}",
 *     "registrar", "/ip4/127.0.0.1/tcp/1616", "/unix/run/user/1000/tractor/registry.sock",
 *     "worker", "127.0.0.1", 0));
 * if (tractor_bytes_error(table)) ...
 * @endcode
 * Here the worker's address becomes "/ip4/127.0.0.1/tcp/0". Nobody is started, asked or looked up; the addresses are good for
 * `tpt_bind_addrs`, `registry_addrs` and wherever else one is wanted.
 * @param endpoints  a map from names to lists of addresses, which may be empty. An address is a multiaddr or a pair, `[host, port]` or
 *                   `[directory, file]`. `{NULL, 0}`: an empty map
 * @return the same map with every address as multiaddr, names and order kept, in this thread's scratch; poisoned if it is no such
 *         map, a name is empty or comes twice, an address is wrong, or memory is short. tractor_bytes_error() tells what and
 *         where: "endpoints.worker[0]: port 70000 is not between 0 and 65535"
 * @anythread
 */
TRACTOR_API tractor_bytes tractor_parse_endpoints(tractor_bytes endpoints);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
