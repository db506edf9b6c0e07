/* The module that the Python actors of the records had. */
#include <tractor.h>

static void add(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int64_t a, b;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:I, s:I}", "a", &a, "b", &b) == TRACTOR_OK)
        tractor_ctx_return(ctx, "I", a + b);
}

static void echo(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)user;
    tractor_ctx_return_value(ctx, tractor_value_bytes(args));
}

static void raises_value_error(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *msg;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "msg", &msg) == TRACTOR_OK)
        tractor_ctx_raisef(ctx, "ValueError", "%s", msg);
}

static void sleep_forever(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, NULL, NULL);
}

__attribute__((visibility("default"))) int tractor_module_init(const char *module) {
    static const tractor_endpoint list[] = { TRACTOR_FUNC("add", add), TRACTOR_FUNC("echo", echo),
                                             TRACTOR_FUNC("raises_value_error", raises_value_error),
                                             TRACTOR_FUNC("sleep_forever", sleep_forever), TRACTOR_ENDPOINTS_END };
    return tractor_register(module, list, NULL);
}
