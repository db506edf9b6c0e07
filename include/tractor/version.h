/**
 * @file tractor/version.h
 * @brief Version numbers; the only place they are written down.
 */
#ifndef TRACTOR_VERSION_H
#define TRACTOR_VERSION_H

#include <tractor/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup version Version
 * @brief Which libtractor a program was compiled against, and which one it runs with.
 *
 * The version follows semver.org; until 1.0 a new minor version may break the API. The ABI epoch is the number in
 * `libtractor.so.<epoch>`: two libraries with the same epoch can take each other's place.
 * @{
 */

#define TRACTOR_VERSION_MAJOR 0 /**< changes when programs must be changed */
#define TRACTOR_VERSION_MINOR 1 /**< changes when something is added (before 1.0: or broken) */
#define TRACTOR_VERSION_PATCH 0 /**< changes when something is repaired */
#define TRACTOR_ABI_EPOCH 0     /**< changes when programs must be compiled again */

/** The headers' version as one number, to compare in `#if`: 0.1.0 is 100, 1.2.3 is 10203. */
#define TRACTOR_VERSION_NUMBER (TRACTOR_VERSION_MAJOR * 10000 + TRACTOR_VERSION_MINOR * 100 + TRACTOR_VERSION_PATCH)

/**
 * @brief The version of the library that is loaded, such as "0.1.0".
 * @return a static string, never NULL
 * @anythread
 */
TRACTOR_API const char *tractor_version(void);

/**
 * @brief The ABI epoch of the library that is loaded; compare it with ::TRACTOR_ABI_EPOCH after `dlopen`.
 * @return the epoch
 * @anythread
 */
TRACTOR_API int tractor_abi_epoch(void);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
