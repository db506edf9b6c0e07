/**
 * @file tractor/status.h
 * @brief Status codes and error kinds.
 */
#ifndef TRACTOR_STATUS_H
#define TRACTOR_STATUS_H

#include <tractor/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup status Status codes
 * @brief What a call answers at once, and what an error carries as its code.
 *
 * A function that returns `int` returns ::TRACTOR_OK or a negative code. Such an answer speaks of the call itself:
 * a bad argument, a handle whose work has ended, the wrong thread. Whatever happens to the work that a call starts
 * comes later, as a `tractor_error` handed to the completion. Codes are never renumbered or reused.
 * @{
 */

/** The whole list: X(NAME, number, text). Bindings may expand it. */
#define TRACTOR_STATUS_MAP(X)                                        \
    X(OK, 0, "ok")                                                   \
    X(EINVAL, -1, "bad argument")                                    \
    X(ENOMEM, -2, "out of memory")                                   \
    X(ECLOSED, -3, "ended")                                          \
    X(EWRONGTHREAD, -4, "called from a thread that does not own it") \
    X(EFORKED, -5, "used after fork")                                \
    X(EDEADLK, -6, "would deadlock")                                 \
    X(E2BIG, -7, "options from a newer version")                     \
    X(EAGAIN, -8, "not now")                                         \
    X(EALREADY, -9, "already done")                                  \
    X(EBUSY, -10, "in use")                                          \
    X(EMSGTYPE, -11, "wrong type in a message")                      \
    X(ENOTSUP, -12, "not supported")                                 \
    X(ECANCELED, -20, "cancelled")                                   \
    X(ETIMEDOUT, -21, "deadline passed")                             \
    X(ECTXCANCELED, -22, "remote task cancelled")                    \
    X(EREMOTE, -23, "remote task raised")                            \
    X(EGROUP, -24, "several errors")                                 \
    X(EEOF, -25, "end of stream")                                    \
    X(EOVERRUN, -26, "stream overrun")                               \
    X(ECHILD, -27, "child process died")                             \
    X(ETRANSPORT, -28, "connection lost")                            \
    X(ENOENDPOINT, -29, "not exposed")                               \
    X(EUNANSWERED, -30, "endpoint ended without an answer")          \
    X(EINTERRUPTED, -31, "interrupted by a signal")                  \
    X(ESPAWN, -32, "child failed to start")                          \
    X(EREGISTRY, -33, "registrar")                                   \
    X(ERUNTIME, -34, "wrong use of the runtime")                     \
    X(EUSER, -35, "raised by the program")                           \
    X(ELAGGED, -36, "subscriber fell behind")                        \
    X(EPROCESS, -37, "program failed")

/** Status codes; see the table in the documentation of each function for those it can answer. */
enum tractor_status {
#define TRACTOR_X_(name, number, text) TRACTOR_##name = (number),
    TRACTOR_STATUS_MAP(TRACTOR_X_)
#undef TRACTOR_X_
};

/** What to do about an error: a coarse grouping of the codes, given by tractor_error_kind(). */
enum tractor_kind {
    TRACTOR_KIND_MISUSE = 1, /**< the program used the library wrongly; fix the program */
    TRACTOR_KIND_CANCELED,   /**< somebody asked for it to stop; tractor_error_canceller() says who */
    TRACTOR_KIND_REMOTE,     /**< a task in another process raised it, or a program failed */
    TRACTOR_KIND_TRANSPORT,  /**< a connection or a process is gone; retry elsewhere */
    TRACTOR_KIND_TIMEOUT,    /**< a deadline passed */
    TRACTOR_KIND_PROTOCOL,   /**< a message had the wrong shape or type */
    TRACTOR_KIND_RESOURCE,   /**< memory, descriptors or processes ran out */
    TRACTOR_KIND_GROUP,      /**< several errors; look at the members */
    TRACTOR_KIND_USER        /**< raised by the program itself */
};

/**
 * @brief The text of a status code, such as "deadline passed".
 * @param code  a ::tractor_status; any other number gives "unknown status"
 * @return a static string, never NULL
 * @anythread
 */
TRACTOR_API const char *tractor_strerror(int code);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
