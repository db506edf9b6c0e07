/**
 * @file tractor/schema.h
 * @brief Payload types: what an endpoint takes and gives, as a text that values are checked against.
 */
#ifndef TRACTOR_SCHEMA_H
#define TRACTOR_SCHEMA_H

#include <tractor/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup schema Payload types
 * @brief A small language of types, close to Python's annotations.
 *
 * | type                    | what fits                                                                          |
 * |-------------------------|------------------------------------------------------------------------------------|
 * | `any`                   | everything                                                                         |
 * | `None`, `nil`           | nil                                                                                |
 * | `bool`                  | a bool                                                                             |
 * | `int`                   | an integer; no bool, no float                                                      |
 * | `float`                 | a float or an integer                                                              |
 * | `str`                   | a string in valid UTF-8                                                            |
 * | `bytes`                 | bytes                                                                              |
 * | `list`, `list[T]`       | an array, with elements of `T`                                                     |
 * | `tuple[T1, T2]`         | an array of just these elements; `tuple[T, ...]` and `tuple` are lists             |
 * | `dict`, `dict[K, V]`    | a map, with keys of `K` and values of `V`                                          |
 * | `{x: float, name?: str}` | a map with strings as keys: `x` has to be there, `name` may; others are let pass  |
 * | `'red'`, `-1`           | just this string, just this integer                                                |
 * | `ext`, `ext[5]`         | an extension, with this number                                                     |
 * | `A` &#124; `B`          | what fits one of them                                                              |
 * | `Optional[T]`           | `T` &#124; `None`                                                                  |
 * | `(T)`                   | `T`                                                                                |
 * | a name                  | an extension that tractor_register_ext() has made known                            |
 *
 * Spaces and line breaks mean nothing. Strings stand in single or double quotes, a backslash before a quote or backslash
 * takes it as it is; a key that is no name stands in quotes too. All occurrences of a key that comes twice are checked.
 *
 * **Endpoints.** A schema is one type, which then holds for all that is sent, or up to three of them in any order:
 * `started: T; stream: T; return: T`. What is not mentioned is `any`.
 *
 * **Limits.** A text has at most 4096 bytes and nests at most 32 deep. A check that succeeds allocates nothing, whatever
 * the value, and its time grows with the size of the value times that of the type at worst.
 * @{
 */

/**
 * @brief Looks into an extension of a registered type.
 * @param data  its bytes; never NULL, borrowed until you return
 * @param len   how many
 * @param user  given at registration
 * @return ::TRACTOR_OK if they are well-formed, else a negative ::tractor_status, which the message of the mismatch names
 *
 * Runs on whatever thread checks a value, on several at once, and may run twice for one value. It must not block, and
 * not call the library but for functions of any thread.
 */
typedef int (*tractor_ext_check_fn)(const void *data, size_t len, void *user);

/**
 * @brief Makes an extension type known to schemas by a name.
 *
 * Register it before the endpoints whose schemas name it. Several names may share one number.
 * @param name    letters, digits and `_`, not beginning with a digit, no word of the language; copied
 * @param number  its number on the wire, -128 to 127; negative ones are MessagePack's own, -1 is a timestamp
 * @param check   looks into the bytes; NULL: all bytes fit
 * @param user    for `check`; has to live as long as the process
 * @return ::TRACTOR_OK; ::TRACTOR_EINVAL for a bad name or number, ::TRACTOR_EALREADY if the name is taken,
 *         ::TRACTOR_ENOMEM
 *
 * Lasts as long as the process, over any number of actors.
 * @anythread
 */
TRACTOR_API int tractor_register_ext(const char *name, int32_t number, tractor_ext_check_fn check, void *user);

/**
 * @brief Checks one value against one type: for tests and tools, since the text is read anew by each call.
 * @param schema_type  one type, as in the table above
 * @param value        exactly one value; `{NULL, 0}`: nil
 * @param why          [out] why not, NUL-terminated, cut to its room between two characters; empty if the value fits.
 *                     May be NULL
 * @param why_size     the room in `why`, in bytes; 0: nothing is written
 * @return ::TRACTOR_OK if it fits; ::TRACTOR_EMSGTYPE if not: "$.points[3].x: expected float, found 'hello' (str)";
 *         ::TRACTOR_EINVAL if the text is no type, which names the column, or the bytes are not one value; ::TRACTOR_ENOMEM
 * @anythread
 */
TRACTOR_API int tractor_schema_check(const char *schema_type, tractor_bytes value, char *why, size_t why_size);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
