/* A child that says what a Python child said in a record: replay RECORD [better] --uid ... --parent_addr ... */
#include "robust/raw_value.c"
#include "robust/raw_peer.c"
#include "robust/replay.c"

#include <signal.h>
#include <sys/prctl.h>

static char sleeping[37];

/* Python's caller is silent when it is cancelled; ours asks the task to stop. A Python task that is a plain function has no
 * last word then: there is only the acknowledgement. */
static bool cancel_comes(replay *r, int conn, const char *type, const char *func) {
    (void)func;
    if (conn != 0 || strcmp(type, "StartAck") != 0 || sleeping[0])
        return true;
    strcpy(sleeping, "asked");
    raw_peer *parent = r->conns[0];
    const raw_node *start = raw_expect(parent, "Start", NULL);
    if (strcmp(raw_str(start, "ns"), "self") != 0 || strcmp(raw_str(start, "func"), "_cancel_task") != 0)
        return wrong(r, "no _cancel_task but %s", raw_show(&parent->arena, start));
    const char *target = raw_str(raw_get(start, "kwargs"), "cid");
    if (r->names < 3 || strcmp(target, replay_actual(r, "8c026eec-329b-4875-b6db-3934d6281504")) != 0)
        return wrong(r, "_cancel_task of another task: %s", target);
    raw_send_ack(parent, raw_str(start, "cid"), "asyncfunc");
    return raw_send_cancel_ack(parent, raw_str(start, "cid"));
}

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    replay r = { .me = "child" };
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--uid") == 0)
            r.own_uuid = raw_parse(&r.arena, argv[i + 1])->items[1].s;
        if (strcmp(argv[i], "--parent_addr") == 0)
            r.address = raw_multiaddr(&r.arena, raw_parse(&r.arena, argv[i + 1]));
    }
    if (argc > 2 && strcmp(argv[2], "better") == 0)
        r.after = cancel_comes;
    if (argc < 2 || !r.own_uuid || !r.address)
        return 9;
    r.transport = strncmp(r.address, "/unix/", 6) == 0 ? "uds" : "tcp";
    bool good = replay_run(&r, argv[1]);
    if (!good)
        fprintf(stderr, "replay: %s\n", r.wrong);
    replay_close(&r);
    return good ? 0 : 8;
}
