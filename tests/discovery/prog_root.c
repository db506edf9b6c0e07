/* A root that is there and does nothing: root REGISTRY NAME. It says a byte on its standard output when it is up. */
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <tractor.h>

static void body(tractor_nursery *root, void *user) {
    (void)user;
    if (write(STDOUT_FILENO, "+", 1) != 1)
        abort();
    tractor_nursery_sleep(root, TRACTOR_FOREVER, NULL, NULL);
}

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc != 3)
        return 2;
    const char *registries[] = { argv[1], NULL };
    tractor_root_options options = { TRACTOR_ROOT_OPTIONS, .name = argv[2], .registry_addrs = registries };
    return tractor_main(argc, argv, &options, body, NULL);
}
