/**
 * @file tractor/process.h
 * @brief Programs that are no actors, run by a task.
 */
#ifndef TRACTOR_PROCESS_H
#define TRACTOR_PROCESS_H

#include <tractor/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup process Programs
 * @brief A plain program as an operation: it belongs to the nursery that waits for it, and ends with it.
 *
 * The program reads nothing (its stdin is /dev/null) and never writes to a terminal of ours: its stdout and stderr are pipes,
 * whose content is kept for the result, or goes line by line into the log. It starts with default signal handlers, but that
 * SIGINT and SIGUSR1 are ignored: what an interrupt of a terminal means is for the root to decide, and its cancel will come.
 *
 * **Its end.** A cancel sends it SIGTERM, and SIGKILL when it has not ended in time; the operation is over when it is reaped.
 * If this process dies, by whatever means, the kernel kills it. In an actor that is a subreaper (the root of tractor_main()
 * and its actors are; see ::TRACTOR_ROOT_SUBREAPER) that goes for all processes that the program has started, too: those that
 * it leaves behind when it ends are killed.
 *
 * **Its output** is read to the end. Only if somebody whom it has left behind keeps a pipe open, reading stops 50 ms after its
 * end.
 * @{
 */

/** Flags of tractor_process_options. */
enum tractor_process_flag {
    /** each line that it writes to stdout goes to the log as `[label:out] line`; the last 16 KiB are kept as well */
    TRACTOR_PROCESS_RELAY_STDOUT = 1,
    /** the same for stderr, as `[label:err] line` */
    TRACTOR_PROCESS_RELAY_STDERR = 2,
    /** any end is a success: look at `returncode` */
    TRACTOR_PROCESS_NO_CHECK = 4
};

/** Options of tractor_nursery_run_process(). Zero means default everywhere but for `argv`. */
typedef struct tractor_process_options {
    size_t struct_size;      /**< sizeof(tractor_process_options) */
    const char *const *argv; /**< NULL-terminated; the first is the program: a path, or a name in PATH */
    const char *const *env;  /**< whole environment, "NAME=value", NULL-terminated; NULL: ours */
    const char *cwd;         /**< working directory; NULL: ours */
    const char *label; /**< what it is called in the log and in errors; NULL: the program's name without its folder */
    int64_t kill_timeout_ns; /**< between SIGTERM and SIGKILL; 0: as its nursery says, 1.6 s */
    uint64_t capture_limit; /**< bytes that are kept of stdout, and of stderr, where they are not relayed; 0: 64 MiB, at
                                  most 1 GiB. More is a failure, and ends the program */
    int32_t stdout_fd;      /**< a descriptor that it writes its stdout to instead, ours to close; 0: a pipe */
    int32_t relay_level;    /**< the ::tractor_log_level of relayed lines; 0: ::TRACTOR_LOG_IO */
    uint32_t flags;         /**< ::tractor_process_flag */
    uint32_t reserved0;     /**< 0 */
} tractor_process_options;
/** Starts a designated initialiser. */
#define TRACTOR_PROCESS_OPTIONS .struct_size = sizeof(tractor_process_options)

/**
 * @brief Runs a program to its end.
 * @param in       the nursery that waits; it does not end before the program has
 * @param options  what to run; read before the call returns
 * @param fn       completion; NULL: a failure goes to `in`
 * @param user     for `fn`
 * @return a token, or a negative status
 *
 * The value is `{"returncode": int, "stdout": bytes, "stderr": bytes}`, for `tractor_unpack(value, "{s:i,s:y,s:y}", ...)`.
 * `returncode` is the exit status, or minus the number of the signal that killed it; INT_MIN if somebody else has taken its
 * status. The bytes are all that was written, or the last of it if it was relayed.
 *
 * ::TRACTOR_EPROCESS: it ended with anything but status 0, or wrote more than may be kept. The error has the exit status
 * (tractor_error_exit_status()), the last 16 KiB of stderr as its traceback, and the whole result
 * (tractor_error_process_result()). ::TRACTOR_ESPAWN: it could not be started; the type says why, such as FileNotFoundError.
 * ::TRACTOR_EINVAL: a bad option. ::TRACTOR_ECANCELED: it was cancelled, however it ended then.
 * @completes{the value, ::TRACTOR_EPROCESS, ::TRACTOR_ESPAWN, ::TRACTOR_EINVAL, ::TRACTOR_E2BIG, ::TRACTOR_ENOMEM, ::TRACTOR_ECANCELED}
 * @loopthread
 */
TRACTOR_API tractor_op tractor_nursery_run_process(tractor_nursery *in, const tractor_process_options *options,
                                                   tractor_value_fn fn, void *user);

/**
 * @brief What came of the program whose failure this error tells: the value that a success would have had.
 * @param err  an error, or NULL
 * @return the value, or NULL if the error is no ::TRACTOR_EPROCESS of this process. Borrowed from the error
 * @anythread
 */
TRACTOR_API const tractor_value *tractor_error_process_result(const tractor_error *err);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
