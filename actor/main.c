/* An actor without code of its own: it is started by a parent with the standard child flags and serves the modules that the
 * parent names, from shared objects. */
#include <stdio.h>
#include <string.h>
#include <tractor.h>

static const char usage[] =
    "usage: tractor-actor --uid \"('NAME', 'UUID')\" --parent_addr \"('HOST', PORT)\" [--loglevel LEVEL]\n"
    "\n"
    "Started by an actor, which adds these flags. Module `m` is loaded from the file that the parent named, else from\n"
    "libm.so on the loader's path; the object exports `int tractor_module_init(const char *module)`.\n";

int main(int argc, char **argv) {
    tractor_child_main(argc, argv); /* its own children are this program too */
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("tractor-actor %s\n", tractor_version());
        return 0;
    }
    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        fputs(usage, argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    return tractor_child_main_from_flags(argc, argv);
}
