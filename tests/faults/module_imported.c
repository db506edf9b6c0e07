/* A module with nothing in it. */
#include <tractor.h>

int tractor_module_init(const char *module);
int tractor_module_init(const char *module) {
    static const tractor_endpoint nothing[] = { TRACTOR_ENDPOINTS_END };
    return tractor_register(module, nothing, NULL);
}
