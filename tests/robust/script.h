/* What a raw peer does to a live actor of this process, on a thread of its own. */
#ifndef TRACTOR_TESTS_SCRIPT_H
#define TRACTOR_TESTS_SCRIPT_H

#include "kit/kit.h"
#include "robust/raw_peer.h"

typedef struct script {
    void (*run)(struct script *self); /* on the thread; CHECK() instead of assertions */
    const char *address;              /* the actor's */
    raw_peer *witness;                /* greeted before `run`; what happens to others must not concern it */
    void *user;
    char wrong[1024]; /* the first CHECK that failed */
} script;

/* Notes what is wrong and returns from the function. */
#define CHECK(s, condition, ...)                                                \
    do {                                                                        \
        if (!(condition)) {                                                     \
            script_wrong((s), __FILE__, __LINE__, #condition, " " __VA_ARGS__); \
            return;                                                             \
        }                                                                       \
    } while (0)
void script_wrong(script *s, const char *file, int line, const char *condition, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Opens a root that exposes the module "kit", runs the script against it, and asserts that all went well: with the
 * script, the witness and the root. */
void script_play(void (*run)(script *), const tractor_root_options *options, void *user);
/* Is the witness served as ever? */
bool script_undisturbed(script *s);

/* Resident memory of this process, in KiB. */
long script_memory(void);

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
