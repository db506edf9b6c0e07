/* A module that ends its process while it is loaded, as ROBUST_DIE says; else it has one endpoint. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tractor.h>
#include <unistd.h>

static const char *where(void) {
    const char *text = getenv("ROBUST_DIE");
    return text ? text : "";
}

static void say(void) { fprintf(stderr, "native: dying at %s\n", where()); }

__attribute__((constructor)) static void loaded(void) {
    if (strcmp(where(), "constructor") == 0) {
        say();
        signal(SIGABRT, SIG_DFL);
        abort();
    }
}

static void answer(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_return(ctx, "i", 42);
}
static const tractor_endpoint list[] = { TRACTOR_FUNC("answer", answer), TRACTOR_ENDPOINTS_END };

__attribute__((visibility("default"))) int tractor_module_init(const char *module) {
    if (strcmp(where(), "init") == 0) {
        say();
        _exit(2);
    }
    if (strcmp(where(), "segv") == 0) {
        say();
        signal(SIGSEGV, SIG_DFL);
        kill(getpid(), SIGSEGV);
    }
    if (strcmp(where(), "hang") == 0) {
        say();
        for (;;)
            pause();
    }
    if (strcmp(where(), "refuse") == 0)
        return TRACTOR_EBUSY;
    return tractor_register(module, list, NULL);
}
