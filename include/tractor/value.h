/**
 * @file tractor/value.h
 * @brief Values: what calls, answers and streams carry. Pack, unpack, keep, read, write.
 */
#ifndef TRACTOR_VALUE_H
#define TRACTOR_VALUE_H

#ifndef TRACTOR_FFI
#include <stdarg.h>
#endif

#include <tractor/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup value Values
 * @brief What calls, answers and streams carry.
 *
 * A value is nil, a bool, an integer of -2^63 to 2^64-1, a 64-bit float, a UTF-8 string, bytes, an array, a map, or an
 * extension (a number of -128 to 127 with bytes), and travels as MessagePack. You hand in ::tractor_bytes, which the
 * library reads or copies before the call returns; you are handed a `const tractor_value *`, which never changes, is
 * borrowed until your callback returns, and may be read from any thread.
 *
 * **Limits.** Containers nest at most 512 deep. A string, bytes or an extension have at most 2^32-1 bytes, a container as
 * many elements. A whole message has to fit into the frame limit of the receiver. A length that claims more than there
 * is, is an error as soon as it is met; no input makes the library allocate what it only promises.
 *
 * **Scratch.** tractor_pack() and the strings of tractor_unpack() live in memory of the calling thread that nobody frees
 * by hand. On a loop thread it is dropped when the outermost callback has returned to the loop; what was packed before
 * tractor_actor_run() is dropped by it. On a thread without a loop it is kept until the thread ends: use a
 * ::tractor_writer there if the thread lives long.
 *
 * **Poison.** Making a value has no error to check. A wrong format or a string that is not UTF-8 gives *poisoned* bytes:
 * whatever gets them, a start, a send or an answer, fails with ::TRACTOR_EINVAL and names the reason, or with
 * ::TRACTOR_ENOMEM if there was no memory to make them.
 * tractor_bytes_error() tells it before. Poisoned bytes must not be read; their length is no length.
 * @{
 */

typedef struct tractor_writer tractor_writer; /**< builds one value piece by piece */
typedef struct tractor_reader tractor_reader; /**< walks through one value */

/** @name Pack and unpack
 *
 * A format has a letter for each value. Brackets enclose the contents of arrays and maps, in a map keys and values in
 * turn. Colons, commas and spaces mean nothing: `"{s:i, s:[d,d]}"` is `"{sis[dd]}"`.
 *
 * | letter | value            | tractor_pack() takes              | tractor_unpack() takes           |
 * |--------|------------------|-----------------------------------|----------------------------------|
 * | `s`    | string           | `const char *`, UTF-8, not NULL   | `const char **`                  |
 * | `i`    | integer          | `int`                             | `int *`                          |
 * | `I`    | integer          | `int64_t`                         | `int64_t *`                      |
 * | `U`    | integer          | `uint64_t`                        | `uint64_t *`                     |
 * | `d`    | float            | `double`                          | `double *`; integers fit if exact |
 * | `b`    | bool             | `int` (or `bool`)                 | `bool *`                         |
 * | `n`    | nil              | nothing                           | nothing                          |
 * | `y`    | bytes            | `const void *`, `size_t`          | `const void **`, `size_t *`      |
 * | `v`    | any one value    | `const tractor_bytes *`           | `tractor_bytes *`                |
 * | `{}`   | map              | what is inside                    | what is inside; keys are `s`     |
 * | `[]`   | array            | what is inside                    | what is inside                   |
 *
 * Arguments must have exactly these types, as with printf: a plain `5` is not a `uint64_t`. Brackets nest at most 32 deep.
 * @{ */

/**
 * @brief Makes a value.
 *
 * @code{.c}
 * tractor_pack("{s:U, s:[d,d]}", "n", UINT64_C(7), "range", 0.0, 1.0)
 * @endcode
 * Strings and bytes are copied. A `v` of `{NULL, 0}` gives nil; a poisoned one poisons the whole.
 * @param format  see above, exactly one value; NULL: nil
 * @return the bytes, in scratch; poisoned if the format is wrong, a string is NULL or not UTF-8, a `v` is not one value, a
 *         limit is passed, or memory is short
 * @anythread
 */
TRACTOR_API tractor_bytes tractor_pack(const char *format, ...);

/** Arguments of a call, where a start wants them: `TRACTOR_ARGS("{s:i}", "n", 7)`. */
#define TRACTOR_ARGS(...) tractor_pack(__VA_ARGS__)

/**
 * @brief Takes a value apart: tractor_pack() with pointers.
 *
 * @code{.c}
 * const char *name; int64_t limit = 100;
 * if (tractor_unpack(value, "{s:s, s?:I}", "name", &name, "limit", &limit) != TRACTOR_OK) ...
 * @endcode
 * - All or nothing: pointers are stored to only if the whole value fits. A NULL pointer checks and stores nothing. At most
 *   64 pointers.
 * - The key `s` takes a `const char *`, the name to look for; the map may have its keys in any order. Every key must be
 *   there, and no other: `*` before `}` lets unknown ones pass, `?` behind a key's `s` makes it optional. The pointers of
 *   an optional key that is absent, or there with nil (except for `n` and `v`), are left as they are. A key that comes
 *   twice is an error.
 * - An array must be as long as its format; `*` before `]` lets more elements pass.
 * - `s` is a NUL-terminated copy in scratch; a string with a NUL inside or invalid UTF-8 is refused. `y` and `v` point into
 *   the value and live as long as it.
 * - Integers that do not fit are refused, never cut.
 *
 * tractor_ctx_unpack() does the same for the arguments of an endpoint and tells the caller what was wrong.
 * @param value   NULL reads as nil
 * @param format  see above; NULL: only nil fits
 * @return ::TRACTOR_OK, ::TRACTOR_EMSGTYPE if the value does not fit, ::TRACTOR_EINVAL for a wrong format, ::TRACTOR_ENOMEM
 * @anythread
 */
TRACTOR_API int tractor_unpack(const tractor_value *value, const char *format, ...);

#ifndef TRACTOR_FFI
/** @brief tractor_pack() with a `va_list`. @param format as there @param args its arguments @return as there @anythread */
TRACTOR_API tractor_bytes tractor_vpack(const char *format, va_list args);
/**
 * @brief tractor_unpack() with a `va_list`.
 * @param value   as there
 * @param format  as there
 * @param args    its arguments
 * @return as there
 * @anythread
 */
TRACTOR_API int tractor_vunpack(const tractor_value *value, const char *format, va_list args);
#endif

/**
 * @brief Why bytes can't be sent.
 * @param bytes  from anywhere
 * @return NULL if they are exactly one value, or `{NULL, 0}`; else a text: the reason of poisoned bytes, which lives as
 *         long as they, or a static one
 * @anythread
 */
TRACTOR_API const char *tractor_bytes_error(tractor_bytes bytes);

/** @} */
/** @name Values
 * @{ */

/**
 * @brief The bytes of a value, to send them on or to read them with another MessagePack library.
 * @param value  NULL reads as nil
 * @return borrowed from the value
 * @anythread
 */
TRACTOR_API tractor_bytes tractor_value_bytes(const tractor_value *value);

/**
 * @brief tractor_value_bytes() for languages that can't take a struct by value.
 * @param value  NULL reads as nil
 * @param len    [out] the number of bytes; NULL: not wanted
 * @return the first byte; borrowed from the value, never NULL
 * @anythread
 */
TRACTOR_API const void *tractor_value_data(const tractor_value *value, size_t *len);

/**
 * @brief Keeps a value beyond the callback that it was given to.
 *
 * A large value shares the buffer that it was received in, a small one is copied, one that is kept already only gets
 * another reference. Call it before the borrowed value ends, on the thread that it was given to.
 * @param value  NULL reads as nil
 * @return a value that you own a reference of; NULL only if memory is short
 * @anythread
 */
TRACTOR_API tractor_value *tractor_value_keep(const tractor_value *value);

/**
 * @brief Makes a value of your own from bytes, which are copied.
 * @param bytes  exactly one value; `{NULL, 0}`: nil
 * @return a value that you own a reference of; NULL if the bytes are not one value (tractor_bytes_error() says why) or
 *         memory is short
 * @anythread
 */
TRACTOR_API tractor_value *tractor_value_new(tractor_bytes bytes);

/**
 * @brief Makes a value from memory of yours without a copy.
 *
 * The memory must not change, and stays yours to keep until `release` runs: once, on whatever thread drops the last
 * reference, which may be the library's own while it is still writing.
 * @param data     exactly one value
 * @param len      its length
 * @param release  gives the memory back; NULL: it lives for ever
 * @param user     for `release`
 * @return a value that you own a reference of; NULL as from tractor_value_new(): then `release` will not run
 * @anythread
 */
TRACTOR_API tractor_value *tractor_value_new_external(const void *data, size_t len, tractor_release_fn release,
                                                      void *user);

/**
 * @brief Drops a reference.
 * @param value  one that you own a reference of, or NULL. On a borrowed value it does nothing
 * @anythread
 */
TRACTOR_API void tractor_value_unref(tractor_value *value);

/**
 * @brief A value as JSON on one line, for logs and people.
 *
 * Bytes become `{"$bin":"hex"}`, extensions `{"$ext":[number,"hex"]}`, NaN and infinities strings. A key that is no string
 * is rendered and quoted, what is not UTF-8 becomes U+FFFD, what lies deeper than 64 levels `"..."`. Not meant to be read
 * back.
 * @param value  NULL reads as nil
 * @return the text, yours, for tractor_free(); NULL only if memory is short
 * @anythread
 */
TRACTOR_API char *tractor_value_json(const tractor_value *value);

/** @} */
/** @name Writer
 *
 * For values whose shape is only known while they are made, and for languages without variadic calls. Containers are
 * announced with their number of elements, which then follow; of a map first the key, then the value.
 *
 * Every function answers ::TRACTOR_OK, ::TRACTOR_EINVAL (a second value begins, a string is not UTF-8, a limit is passed, the
 * writer is NULL) or ::TRACTOR_ENOMEM. The first failure sticks: later calls answer the same and write nothing, so it is
 * enough to look at the bytes in the end. A writer may be used on any thread, but by one at a time.
 * @{ */

/** @brief Makes a writer. @return yours, for tractor_writer_free(); NULL if memory is short @anythread */
TRACTOR_API tractor_writer *tractor_writer_new(void);
/** @brief Frees a writer and the bytes it has handed out. @param writer yours, or NULL @anythread */
TRACTOR_API void tractor_writer_free(tractor_writer *writer);
/** @brief Begins anew, without a failure; keeps the memory. @param writer the writer @anythread */
TRACTOR_API void tractor_writer_reset(tractor_writer *writer);
/** @brief Writes nil. @param writer the writer @return see above @anythread */
TRACTOR_API int tractor_writer_nil(tractor_writer *writer);
/** @brief Writes a bool. @param writer the writer @param v the value @return see above @anythread */
TRACTOR_API int tractor_writer_bool(tractor_writer *writer, bool v);
/** @brief Writes an integer. @param writer the writer @param v the value @return see above @anythread */
TRACTOR_API int tractor_writer_i64(tractor_writer *writer, int64_t v);
/** @brief Writes an integer. @param writer the writer @param v the value @return see above @anythread */
TRACTOR_API int tractor_writer_u64(tractor_writer *writer, uint64_t v);
/** @brief Writes a float. @param writer the writer @param v the value @return see above @anythread */
TRACTOR_API int tractor_writer_f64(tractor_writer *writer, double v);
/**
 * @brief Writes a string.
 * @param writer  the writer
 * @param s       UTF-8, may contain NUL; copied
 * @param len     its length in bytes
 * @return see above
 * @anythread
 */
TRACTOR_API int tractor_writer_str(tractor_writer *writer, const char *s, size_t len);
/** @brief Writes bytes, which are copied. @param writer the writer @param data first byte @param len how many @return see above @anythread */
TRACTOR_API int tractor_writer_bin(tractor_writer *writer, const void *data, size_t len);
/**
 * @brief Writes an extension.
 * @param writer  the writer
 * @param type    which one; negative numbers are MessagePack's own, -1 is a timestamp
 * @param data    its bytes; copied
 * @param len     how many
 * @return see above
 * @anythread
 */
TRACTOR_API int tractor_writer_ext(tractor_writer *writer, int8_t type, const void *data, size_t len);
/** @brief Writes a value that is made already. @param writer the writer @param value exactly one; `{NULL, 0}`: nil @return see above @anythread */
TRACTOR_API int tractor_writer_raw(tractor_writer *writer, tractor_bytes value);
/** @brief Begins an array. @param writer the writer @param count how many elements follow @return see above @anythread */
TRACTOR_API int tractor_writer_array(tractor_writer *writer, uint32_t count);
/** @brief Begins a map. @param writer the writer @param count how many pairs follow @return see above @anythread */
TRACTOR_API int tractor_writer_map(tractor_writer *writer, uint32_t count);
/**
 * @brief What was written.
 * @param writer  the writer; NULL gives poisoned bytes
 * @return borrowed from the writer until it is changed or freed; poisoned unless exactly one whole value was written
 * @anythread
 */
TRACTOR_API tractor_bytes tractor_writer_bytes(const tractor_writer *writer);

/** @} */
/** @name Reader
 *
 * Reads a value from its beginning to its end. tractor_reader_array() and tractor_reader_map() enter a container and say
 * how many elements or pairs follow; it is left by itself after its last one. In a map keys and values come in turn.
 *
 * Every reading function answers ::TRACTOR_OK, or ::TRACTOR_EMSGTYPE if the next value is of another type, does not fit, or there
 * is none; ::TRACTOR_EINVAL if the reader or a pointer is NULL; ::TRACTOR_ENOMEM. A failure stores nothing and sticks: later
 * calls answer the same, so it is enough to look once, in the end. tractor_reader_error() names the place. To take what
 * comes, ask tractor_reader_type() first. A reader may be used on any thread, but by one at a time; what it hands out
 * points into the value and lives as long as that.
 * @{ */

/** What comes next; tractor_reader_type(). */
enum tractor_type {
    TRACTOR_TYPE_END = 0, /**< nothing: the value is over, or reading has failed */
    TRACTOR_TYPE_NIL,     /**< nil */
    TRACTOR_TYPE_BOOL,    /**< true or false */
    TRACTOR_TYPE_INT,     /**< an integer that fits into int64_t */
    TRACTOR_TYPE_UINT,    /**< an integer that fits only into uint64_t */
    TRACTOR_TYPE_FLOAT,   /**< a float */
    TRACTOR_TYPE_STR,     /**< a string */
    TRACTOR_TYPE_BIN,     /**< bytes */
    TRACTOR_TYPE_EXT,     /**< an extension */
    TRACTOR_TYPE_ARRAY,   /**< an array */
    TRACTOR_TYPE_MAP      /**< a map */
};

/**
 * @brief Makes a reader that stands before a value.
 * @param value  has to outlive the reader; NULL reads as nil
 * @return yours, for tractor_reader_free(); NULL if memory is short
 * @anythread
 */
TRACTOR_API tractor_reader *tractor_reader_new(const tractor_value *value);
/**
 * @brief Puts a reader before another value, as if it were new; no memory is needed for that.
 * @param reader  the reader; NULL is ignored
 * @param value   has to outlive its use; NULL reads as nil
 * @anythread
 */
TRACTOR_API void tractor_reader_reset(tractor_reader *reader, const tractor_value *value);
/** @brief Frees a reader. @param reader yours, or NULL @anythread */
TRACTOR_API void tractor_reader_free(tractor_reader *reader);
/** @brief What comes next. @param reader the reader @return a ::tractor_type; its end for NULL @anythread */
TRACTOR_API int tractor_reader_type(const tractor_reader *reader);
/** @brief Reads nil. @param reader the reader @return see above @anythread */
TRACTOR_API int tractor_reader_nil(tractor_reader *reader);
/** @brief Reads a bool. @param reader the reader @param out [out] the value @return see above @anythread */
TRACTOR_API int tractor_reader_bool(tractor_reader *reader, bool *out);
/** @brief Reads an integer that fits. @param reader the reader @param out [out] the value @return see above @anythread */
TRACTOR_API int tractor_reader_i64(tractor_reader *reader, int64_t *out);
/** @brief Reads an integer of 0 or more. @param reader the reader @param out [out] the value @return see above @anythread */
TRACTOR_API int tractor_reader_u64(tractor_reader *reader, uint64_t *out);
/** @brief Reads a float, or an integer that a float can hold exactly. @param reader the reader @param out [out] the value @return see above @anythread */
TRACTOR_API int tractor_reader_f64(tractor_reader *reader, double *out);
/**
 * @brief Reads a string.
 * @param reader  the reader
 * @param out     [out] its first byte; UTF-8, **not** NUL-terminated
 * @param len     [out] its length in bytes
 * @return see above
 * @anythread
 */
TRACTOR_API int tractor_reader_str(tractor_reader *reader, const char **out, size_t *len);
/** @brief Reads bytes. @param reader the reader @param out [out] the first byte @param len [out] how many @return see above @anythread */
TRACTOR_API int tractor_reader_bin(tractor_reader *reader, const void **out, size_t *len);
/**
 * @brief Reads an extension.
 * @param reader  the reader
 * @param type    [out] which one
 * @param out     [out] its first byte
 * @param len     [out] how many
 * @return see above
 * @anythread
 */
TRACTOR_API int tractor_reader_ext(tractor_reader *reader, int8_t *type, const void **out, size_t *len);
/** @brief Enters an array. @param reader the reader @param count [out] how many elements follow @return see above @anythread */
TRACTOR_API int tractor_reader_array(tractor_reader *reader, uint32_t *count);
/** @brief Enters a map. @param reader the reader @param count [out] how many pairs follow @return see above @anythread */
TRACTOR_API int tractor_reader_map(tractor_reader *reader, uint32_t *count);
/** @brief Takes the next value as it lies, whatever it is. @param reader the reader @param out [out] its bytes @return see above @anythread */
TRACTOR_API int tractor_reader_raw(tractor_reader *reader, tractor_bytes *out);
/** @brief Passes over the next value, with all that is in it. @param reader the reader @return see above @anythread */
TRACTOR_API int tractor_reader_skip(tractor_reader *reader);
/**
 * @brief What went wrong, and where: "at .points[3].x: expected float, found str 'a'".
 * @param reader  the reader
 * @return NULL if nothing did; else a text that lives as long as the reader
 * @anythread
 */
TRACTOR_API const char *tractor_reader_error(const tractor_reader *reader);

/** @} */
/** @} */

#ifdef __cplusplus
}
#endif
#endif
