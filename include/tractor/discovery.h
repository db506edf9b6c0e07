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
 * The portal that a search yields belongs to `in`; its connection ends with `in`, or by tractor_portal_close(). A child
 * of this actor is found without asking anybody.
 * @{
 */

/**
 * @brief Looks for an actor by name.
 * @param in       owns the portal
 * @param name     whom; of several, the last registered
 * @param options  NULL for defaults; timeout 0: none
 * @param fn       completion; both arguments NULL: nobody has that name
 * @param user     for `fn`
 * @return a token, or a negative status; ::TRACTOR_ERUNTIME if there is no runtime (`in` is NULL)
 *
 * A registered address where nobody answers any more is reported to the registrar and counts as nobody.
 * @completes{the portal or NULL, ::TRACTOR_EREGISTRY if the registrar can't be asked, ::TRACTOR_ETIMEDOUT, ::TRACTOR_ECANCELED,
 * ::TRACTOR_EINVAL}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_find_actor(tractor_nursery *in, const char *name, const tractor_call_options *options,
                                          tractor_portal_fn fn, void *user);

/**
 * @brief Looks for an actor by name and waits until it has registered.
 * @param in       owns the portal
 * @param name     whom
 * @param options  NULL for defaults; timeout 0: none
 * @param fn       completion
 * @param user     for `fn`
 * @return a token, or a negative status; ::TRACTOR_ERUNTIME if there is no runtime (`in` is NULL)
 * @completes{the portal, ::TRACTOR_EREGISTRY, ::TRACTOR_ETRANSPORT if it is registered but can't be reached, ::TRACTOR_ETIMEDOUT,
 * ::TRACTOR_ECANCELED, ::TRACTOR_EINVAL}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_wait_for_actor(tractor_nursery *in, const char *name,
                                              const tractor_call_options *options, tractor_portal_fn fn, void *user);

/**
 * @brief A portal to a registrar: its end points are called with tractor_portal_run_from_ns() in "self".
 * @param in       owns the portal
 * @param addr     multiaddr; NULL: this actor's registrar, which may be itself
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

/** @} */

#ifdef __cplusplus
}
#endif
#endif
