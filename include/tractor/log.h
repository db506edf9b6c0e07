/**
 * @file tractor/log.h
 * @brief The log: levels, and where lines go.
 */
#ifndef TRACTOR_LOG_H
#define TRACTOR_LOG_H

#include <tractor/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup log Log
 * @brief One log for the program, shared with the library.
 *
 * The log belongs to the process, not to an actor: set it up before you open one, and it stays when that has ended. Lines
 * go to stderr, coloured on a terminal (unless `NO_COLOR` is in the environment), or to your sink. One looks like this:
 *
 *     May 09 07:29:33 (worker[1f3c9a], 4711, 4711) [WARNING] tractor.ipc channel.cpp:88 closing: frame of 5 GiB
 *
 * with time, actor, process, thread, level, logger, place and message. Lines below the level are dropped before anything
 * is formatted. tractor_main() takes the level from its options, else from `--loglevel`; `TRACTOR_LOGLEVEL` in the
 * environment of the root wins. A child has its parent's level unless it is given its own.
 *
 * Every function of this group may be called from any thread at any time.
 * @{
 */

/** Levels; lines of at least the level that is set come out. The numbers are the same in all languages. */
enum tractor_log_level {
    TRACTOR_LOG_TRANSPORT = 5, /**< every frame */
    TRACTOR_LOG_DEBUG = 10,
    TRACTOR_LOG_RUNTIME = 15, /**< what the runtime does for its actors */
    TRACTOR_LOG_DEVX = 17,    /**< tools for developers */
    TRACTOR_LOG_INFO = 20,
    TRACTOR_LOG_IO = 21,     /**< connections of the program's own */
    TRACTOR_LOG_CANCEL = 22, /**< who cancelled what */
    TRACTOR_LOG_WARNING = 30,
    TRACTOR_LOG_ERROR = 40, /**< the default */
    TRACTOR_LOG_CRITICAL = 50,
    TRACTOR_LOG_PDB = 500 /**< the debugger talking to its user */
};

/**
 * @brief Takes one line of the log.
 *
 * Called on the thread that logs, on several at once if several do. What it logs itself goes to stderr.
 * @param level  its level
 * @param line   the whole line, UTF-8, without a line break at its end; one inside is followed by four spaces. Borrowed
 * @param user   yours
 */
typedef void (*tractor_log_fn)(int level, const char *line, void *user);

/**
 * @brief Sets the level below which lines are dropped.
 * @param level  a ::tractor_log_level, or any other number greater than 0
 * @return ::TRACTOR_OK, ::TRACTOR_EINVAL if `level` is 0 or less
 * @anythread
 */
TRACTOR_API int tractor_log_set_level(int level);

/** @brief The level below which lines are dropped. @return a ::tractor_log_level, or another number that was set @anythread */
TRACTOR_API int tractor_log_get_level(void);

/**
 * @brief Would a line of this level come out? Ask before you gather what is expensive to log.
 * @param level  a ::tractor_log_level
 * @anythread
 */
TRACTOR_API bool tractor_log_enabled(int level);

/**
 * @brief Sends all lines to a function of yours.
 * @param fn       the sink; NULL: stderr again
 * @param user     for `fn`
 * @param release  runs once, with `user`, when the sink was replaced and no thread is inside it any more; NULL: nothing
 * @return ::TRACTOR_OK, ::TRACTOR_ENOMEM (the old sink stays, and `release` never runs)
 * @anythread
 */
TRACTOR_API int tractor_log_set_sink(tractor_log_fn fn, void *user, tractor_release_fn release);

/**
 * @brief Logs a line of your program, under the logger "tractor.app".
 * @param level   a ::tractor_log_level
 * @param format  as of printf
 * @anythread
 */
TRACTOR_API void tractor_log(int level, const char *format, ...) TRACTOR_PRINTF(2, 3);

/**
 * @brief Logs a line as it is, with its place; for bindings, which know logger and place better than C does.
 * @param level   a ::tractor_log_level
 * @param logger  a dotted name; "tractor" is put before it unless it begins with that; NULL: "tractor.app"
 * @param file    where in the program; NULL: no place in the line
 * @param line    its line there
 * @param text    the message
 * @anythread
 */
TRACTOR_API void tractor_log_text(int level, const char *logger, const char *file, int line, const char *text);

/**
 * @brief Finds a level by its name or number, as `--loglevel` and `TRACTOR_LOGLEVEL` do.
 * @param name  such as "info", "INFO" or "20"; in any case
 * @return the level, or 0 if there is none of that name
 * @anythread
 */
TRACTOR_API int tractor_log_level_by_name(const char *name);

/**
 * @brief Names a level of your own.
 * @param level  a number greater than 0 that has no name yet
 * @param name   a name that no level has, in whatever case; copied
 * @param color  on a terminal: black, red, green, yellow, blue, magenta, cyan, white, gray, bold; NULL: none
 * @return ::TRACTOR_OK, ::TRACTOR_EALREADY if number or name is taken, ::TRACTOR_EINVAL if the number is 0 or less, the name
 *         empty or a number, or the colour unknown, ::TRACTOR_ENOMEM
 * @anythread
 */
TRACTOR_API int tractor_log_add_level(int level, const char *name, const char *color);

/**
 * @brief Takes back tractor_log_add_level(). Lines of that level then carry its number.
 * @param level  the number
 * @return ::TRACTOR_OK, ::TRACTOR_EINVAL if it is not a level that was added
 * @anythread
 */
TRACTOR_API int tractor_log_remove_level(int level);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
