/* A shared object that is no module. */
__attribute__((visibility("default"))) int tractor_module_unit(const char *module);
int tractor_module_unit(const char *module) { return module ? 0 : -1; }
