/**
 * @file tractor/error.h
 * @brief Error objects: what went wrong, where, and who asked for it.
 */
#ifndef TRACTOR_ERROR_H
#define TRACTOR_ERROR_H

#ifndef TRACTOR_FFI
#include <stdio.h>
#endif

#include <tractor/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup error Errors
 * @brief What went wrong, as an object that you are handed.
 *
 * Completions get a `const tractor_error *`, NULL on success. It is borrowed until the callback returns; take a reference
 * with tractor_error_ref() to keep it. An error never changes, so every function of this group may be called from any
 * thread, on one object from several at once. All accept NULL, which reads as success: code ::TRACTOR_OK, an empty
 * message, nothing else. Texts and identities that an error hands out live as long as the error.
 *
 * **What to branch on.** tractor_error_code() says what happened; tractor_error_kind() what to do about it. An error that a
 * task in another process raised is ::TRACTOR_EREMOTE whatever its type was there; tractor_error_boxed_type() has the
 * name of that type. Types are names of Python's exceptions, because that is what travels between actors of all
 * languages; names of your own are welcome too.
 *
 * **Raising.** An endpoint raises with tractor_ctx_raise() or tractor_ctx_raisef(), any other work by failing its
 * nursery. To pass on what a completion was given, raise that very object. To add what you were doing, make a new one
 * with the old one as `cause`; both are one failure, and a nursery keeps it once.
 *
 * An error that a completion gets but neither reads, keeps nor raises is logged as unhandled.
 * @{
 */

/** What an error is made of; see tractor_error_new(). Zero means default everywhere. */
typedef struct tractor_error_options {
    size_t struct_size; /**< sizeof(tractor_error_options) */
    int32_t code;       /**< a ::tractor_status; 0: ::TRACTOR_EUSER */
    int32_t reserved0;  /**< 0 */
    const char *
        type; /**< the type that other actors see, such as "ValueError"; NULL: the code's own, for EUSER "RuntimeError". Copied */
    const char *message; /**< what went wrong, one line; NULL: the code's text. Copied; line breaks become spaces */
    const char
        *traceback; /**< where, in your language's form, several lines; NULL: none. Copied; travels with the error */
    const tractor_error *cause; /**< the error that led to this one; NULL: none. A reference is taken */
    const void *payload_tag;    /**< the address of something of yours that says what `payload` is */
    /** a language's own exception; rides along inside this process. Owned by the error from the call on. Two errors with the
        same tag and payload tell of one failure: a nursery that both reach counts it once */
    void *payload;
    tractor_release_fn
        payload_release; /**< frees `payload`, once, on whatever thread drops the last reference; NULL: nothing to free */
} tractor_error_options;
/** Starts a designated initialiser: `{ TRACTOR_ERROR_OPTIONS, .type = "KeyError", .message = name }`. */
#define TRACTOR_ERROR_OPTIONS .struct_size = sizeof(tractor_error_options)

/**
 * @brief Makes an error.
 * @param options  what it says; NULL: all defaults. Read before the call returns
 * @return the error; you own one reference. Never NULL: without memory it is a static object with ::TRACTOR_ENOMEM, and for
 *         bad options an error that names what is wrong with them: ::TRACTOR_EINVAL for a code that is none or a
 *         `reserved0` that is not 0, ::TRACTOR_E2BIG for fields that this library does not know
 *
 * The payload is owned by the library in every case, and released at once where the error could not be made; only if
 * `struct_size` is below the size of the first version of the options, none of its fields is looked at.
 * Bytes that are not UTF-8 become U+FFFD.
 * @anythread
 */
TRACTOR_API tractor_error *tractor_error_new(const tractor_error_options *options);

/**
 * @brief Makes an error with a formatted message.
 * @param code    a ::tractor_status; 0: ::TRACTOR_EUSER
 * @param type    as in the options; NULL: the code's own. Copied
 * @param format  as of printf; NULL: the code's text
 * @return as tractor_error_new(), which is the function to call where variadic ones can't be
 * @anythread
 */
TRACTOR_API tractor_error *tractor_error_newf(int code, const char *type, const char *format, ...) TRACTOR_PRINTF(3, 4);

/**
 * @brief Makes one error of several: a group, as a nursery does of what fails in it.
 * @param message  one line about them all; NULL: how many there are, and the first one's. Copied
 * @param members  at least one error; a reference of each is taken
 * @param count    how many
 * @return a ::TRACTOR_EGROUP whose reference you own; of one member that very error. Without memory the static
 *         ::TRACTOR_ENOMEM; an ::TRACTOR_EINVAL that says so if there is no member or one is NULL
 * @anythread
 */
TRACTOR_API tractor_error *tractor_error_group(const char *message, const tractor_error *const *members, size_t count);

/**
 * @brief Keeps an error beyond the callback that it was given to.
 * @param err  an error, or NULL
 * @return `err`; you owe one tractor_error_unref()
 * @anythread
 */
TRACTOR_API tractor_error *tractor_error_ref(const tractor_error *err);

/**
 * @brief Drops a reference. The last one frees the error and releases its payload.
 * @param err  an error that you own a reference of, or NULL
 * @anythread
 */
TRACTOR_API void tractor_error_unref(const tractor_error *err);

/**
 * @brief What happened.
 * @param err  an error, or NULL
 * @return a negative ::tractor_status; ::TRACTOR_OK for NULL. A later library may return numbers that you don't know
 * @anythread
 */
TRACTOR_API int tractor_error_code(const tractor_error *err);

/**
 * @brief What to do about it.
 * @param err  an error, or NULL
 * @return a ::tractor_kind; 0 for NULL
 * @anythread
 */
TRACTOR_API int tractor_error_kind(const tractor_error *err);

/**
 * @brief The code's name, such as "ETIMEDOUT".
 * @param err  an error, or NULL
 * @return a static string, never NULL; "OK" for NULL
 * @anythread
 */
TRACTOR_API const char *tractor_error_name(const tractor_error *err);

/**
 * @brief What went wrong, for people: one line without a line break at its end.
 * @param err  an error, or NULL
 * @return the text, never NULL. Of a remote error it is "ValueError: what that task said"
 * @anythread
 */
TRACTOR_API const char *tractor_error_message(const tractor_error *err);

/**
 * @brief The type that the error has, or had where it came from.
 *
 * For an error that was made here, the type that other actors see. For one that came from another actor, the type that
 * actor gave: what its task raised, or "RemoteActorError" if it only passed on what it was told; then
 * tractor_error_source_type() has more. "<unknown>" for an ::TRACTOR_EREMOTE that was made here without a type.
 * @param err  an error, or NULL
 * @return the name, never NULL; "" for NULL. tractor_error_type_known() says whether this program knows it
 * @anythread
 */
TRACTOR_API const char *tractor_error_boxed_type(const tractor_error *err);

/**
 * @brief The type that the error was raised as first.
 *
 * Reliable for two hops; after more, and after one for types that the relaying actor does not know, it is
 * "RemoteActorError". That is how the protocol works; tractor_error_traceback() still has the text of the origin.
 * @param err  an error, or NULL
 * @return the name, never NULL; "" for NULL
 * @anythread
 */
TRACTOR_API const char *tractor_error_source_type(const tractor_error *err);

/**
 * @brief Where it was raised, in the form of the language that raised it: several lines.
 * @param err  an error, or NULL
 * @return the text, or NULL if there is none. Never parse it
 * @anythread
 */
TRACTOR_API const char *tractor_error_traceback(const tractor_error *err);

/**
 * @brief The actor that raised it first, as far as the protocol knows; see tractor_error_source_type().
 * tractor_error_relay() with index 0 always names the origin.
 * @param err  an error, or NULL
 * @return the identity, or NULL if it was raised in this process. Borrowed from the error
 * @anythread
 */
TRACTOR_API const tractor_id *tractor_error_source(const tractor_error *err);

/**
 * @brief The actor whose message caused the error, such as the one that sent too much into a stream.
 * @param err  an error, or NULL
 * @return the identity, or NULL. Borrowed from the error
 * @anythread
 */
TRACTOR_API const tractor_id *tractor_error_sender(const tractor_error *err);

/**
 * @brief The actor that asked for the cancellation. Survives any number of hops.
 * @param err  an error, or NULL
 * @return the identity; NULL if nobody cancelled, or if the cancellation came from inside this process. Borrowed from the error
 * @anythread
 */
TRACTOR_API const tractor_id *tractor_error_canceller(const tractor_error *err);

/**
 * @brief The number of actors that the error came through, its origin included.
 * @param err  an error, or NULL
 * @return 0 for an error of this process
 * @anythread
 */
TRACTOR_API size_t tractor_error_relay_count(const tractor_error *err);

/**
 * @brief An actor on the error's way to here.
 * @param err    an error, or NULL
 * @param index  0: the origin; the last: who told us
 * @return the identity, or NULL if there is no such index. Borrowed from the error
 * @anythread
 */
TRACTOR_API const tractor_id *tractor_error_relay(const tractor_error *err, size_t index);

/**
 * @brief The error that led to this one.
 * @param err  an error, or NULL
 * @return the cause, or NULL. Borrowed from `err`
 * @anythread
 */
TRACTOR_API const tractor_error *tractor_error_cause(const tractor_error *err);

/**
 * @brief The number of errors in a group.
 * @param err  an error, or NULL
 * @return 0 if it is not a group. Groups that another actor sent have no members here, only a traceback that tells them
 * @anythread
 */
TRACTOR_API size_t tractor_error_child_count(const tractor_error *err);

/**
 * @brief A member of a group.
 * @param err    an error, or NULL
 * @param index  less than tractor_error_child_count()
 * @return the member, or NULL if there is no such index. Borrowed from `err`
 * @anythread
 */
TRACTOR_API const tractor_error *tractor_error_child(const tractor_error *err, size_t index);

/**
 * @brief Looks for a code in an error, its members and its causes, depth first.
 * @param err   an error, or NULL
 * @param code  a ::tractor_status
 * @return the first error with that code, `err` itself included, or NULL. Borrowed from `err`
 * @anythread
 */
TRACTOR_API const tractor_error *tractor_error_find(const tractor_error *err, int code);

/**
 * @brief How the process ended whose death this error tells: an ::TRACTOR_ECHILD or ::TRACTOR_ESPAWN. Its last lines on
 * stderr are tractor_error_traceback().
 * @param err  an error, or NULL
 * @return the exit status, 0 or more; minus the number of the signal that killed it; INT_MIN if there was no process, it runs
 *         on, or somebody else has taken its status
 * @anythread
 */
TRACTOR_API int tractor_error_exit_status(const tractor_error *err);

/**
 * @brief The payload that the error was made with, if it is yours.
 * @param err  an error, or NULL
 * @param tag  the tag that it was made with
 * @return the payload, or NULL if there is none or it has another tag. Payloads never leave the process
 * @anythread
 */
TRACTOR_API void *tractor_error_payload(const tractor_error *err, const void *tag);

/**
 * @brief The whole error as an indented tree for people: codes, messages, identities, tracebacks, members and causes.
 * @param err  an error, or NULL
 * @return several lines with a line break at the end; yours, for tractor_free(). NULL only without memory
 * @anythread
 */
TRACTOR_API char *tractor_error_format(const tractor_error *err);

#ifndef TRACTOR_FFI
/**
 * @brief Writes what tractor_error_format() says.
 * @param err  an error; NULL writes nothing
 * @param to   an open file, such as `stderr`
 * @anythread
 */
TRACTOR_API void tractor_error_print(const tractor_error *err, FILE *to);
#endif

/**
 * @brief Makes an exception type of your own known to this program.
 *
 * Known are Python's builtin exceptions and the runtime's own. Errors of unknown types arrive all the same, with the name
 * of their type as text; but when this actor passes one on, the name of its source is lost one hop earlier. Register the
 * types that your actors raise in every program that takes part.
 * @param name  a name such as "OutOfStock"; copied
 * @return ::TRACTOR_OK, ::TRACTOR_EALREADY if it is known, ::TRACTOR_EINVAL if it is no name (letters, digits, `_`, not
 *         beginning with a digit), ::TRACTOR_ENOMEM
 *
 * Lasts as long as the process, over any number of actors.
 * @anythread
 */
TRACTOR_API int tractor_error_type_register(const char *name);

/**
 * @brief Does this program know an exception type?
 * @param name  such as tractor_error_boxed_type() returns; NULL is unknown
 * @anythread
 */
TRACTOR_API bool tractor_error_type_known(const char *name);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
