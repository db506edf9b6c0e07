/* A child that says what Python's actors said in a record: replay RECORD US VERDICT [HOW] --uid ... --parent_addr ...
 * US is the actor of ours. If that is the root, the child speaks for all that the root speaks with, else, or with HOW "alone",
 * for itself. How it went is written to the file VERDICT: "good", or what differs. With HOW "killed" it dies of SIGKILL then.
 * With HOW "stand-in" it only lends its name to whoever plays with the same VERDICT, and speaks for it; as a "killed stand-in" it
 * dies of SIGKILL when its part is over. */
#include "robust/raw_value.c"
#include "robust/raw_peer.c"
#include "robust/replay.c"
#include "robust/replay_better.c"

#include <signal.h>
#include <sys/prctl.h>

static int lend_name(const char *meeting, const char *name, const char *uuid) {
    raw_peer *player = raw_open(meeting, name);
    if (!player || !raw_send(player, "{'name':'%s','uuid':'%s'}", name, uuid))
        return 7;
    while (!raw_wait_closed(player, RAW_WAIT)) {
    }
    raw_close(player);
    return 0;
}

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
    const char *meeting = raw_format(&r.arena, "/unix%s.stand-ins", argv[3]);
    if (strstr(argv[4], "stand-in")) {
        int status = lend_name(meeting, r.me, r.own_uuid);
        if (strcmp(argv[4], "killed stand-in") == 0)
            raise(SIGKILL);
        raw_release(&r.arena);
        return status;
    }
    r.us = r.host = argv[2];
    r.everybody = strcmp(r.us, "root") == 0 && strcmp(argv[4], "alone") != 0;
    raw_listener stand_ins;
    if (r.everybody && raw_listen(&stand_ins, meeting))
        r.stand_in_listener = &stand_ins;
    r.transport = strncmp(r.address, "/unix/", 6) == 0 ? "uds" : "tcp";
    bool good = replay_run(&r, argv[1]);
    FILE *verdict = fopen(argv[3], "we");
    fprintf(verdict, "%s", good ? "good" : r.wrong[0] ? r.wrong : "stopped");
    fclose(verdict);
    replay_unlisten(&r);
    if (strcmp(argv[4], "killed") == 0)
        raise(SIGKILL);
    replay_close(&r);
    return good ? 0 : 8;
}
