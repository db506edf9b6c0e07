/* A child that says what Python's actors said in a record: replay RECORD US VERDICT [HOW] --uid ... --parent_addr ...
 * US is the actor of ours. If that is the root, the child speaks for all that the root speaks with, else, or with HOW "alone",
 * for itself. How it went is written to the file VERDICT: "good", or what differs. With HOW "killed" it dies of SIGKILL then. */
#include "robust/raw_value.c"
#include "robust/raw_peer.c"
#include "robust/replay.c"
#include "robust/replay_better.c"

#include <signal.h>
#include <sys/prctl.h>

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    replay r = { .me = NULL };
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--uid") == 0) {
            const raw_node *uid = raw_parse(&r.arena, argv[i + 1]);
            r.me = uid->items[0].s;
            r.own_uuid = uid->items[1].s;
        }
        if (strcmp(argv[i], "--parent_addr") == 0)
            r.address = raw_multiaddr(&r.arena, raw_parse(&r.arena, argv[i + 1]));
    }
    if (argc < 5 || !r.me || !r.address)
        return 9;
    r.us = argv[2];
    r.everybody = strcmp(r.us, "root") == 0 && strcmp(argv[4], "alone") != 0;
    r.transport = strncmp(r.address, "/unix/", 6) == 0 ? "uds" : "tcp";
    bool good = replay_run(&r, argv[1]);
    FILE *verdict = fopen(argv[3], "we");
    fprintf(verdict, "%s", good ? "good" : r.wrong[0] ? r.wrong : "stopped");
    fclose(verdict);
    if (strcmp(argv[4], "killed") == 0)
        raise(SIGKILL);
    replay_close(&r);
    return good ? 0 : 8;
}
