#include "tests.h"

#include <fcntl.h>

static void forwarded(const tractor_error *err, const tractor_value *value, void *user) {
    tractor_ctx *ctx = user;
    if (err)
        tractor_ctx_raise(ctx, err);
    else
        tractor_ctx_return_value(ctx, tractor_value_bytes(value));
}

void forward(tractor_ctx *ctx, tractor_portal *to, const char *module, const char *func, tractor_bytes args) {
    tractor_portal_run(to, tractor_ctx_nursery(ctx), module, func, args, NULL, forwarded, ctx);
}

capture capture_stderr(void) {
    static int count;
    capture c = { dup(STDERR_FILENO), kit_path(kit_text("stderr-%d", count++)) };
    fflush(stderr);
    int fd = open(c.path, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    dup2(fd, STDERR_FILENO);
    close(fd);
    return c;
}

const char *capture_end(capture *c) {
    fflush(stderr);
    dup2(c->saved, STDERR_FILENO);
    close(c->saved);
    const char *text = kit_read_file(c->path);
    fputs(text, stderr);
    return text;
}

tractor_spawn_options kit_child(void) {
    return (tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = kit_modules };
}
