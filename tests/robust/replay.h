/* Plays one side of a recorded dialog against an actor of ours, and compares what the actor says with the record, message
 * by message and field by field.
 *
 * Not compared are: the values of cids and uuids (but which ones are the same is), pids, ports and paths of addresses, texts of
 * errors and tracebacks, what a parent says of its main script, the files of modules, modules of Python's runtime, and a
 * field `ext` in our Aid.
 */
#ifndef TRACTOR_TESTS_REPLAY_H
#define TRACTOR_TESTS_REPLAY_H

#include "robust/raw_peer.h"

enum { REPLAY_CONNECTIONS = 8, REPLAY_NAMES = 64 };

typedef struct replay {
    const char *me;        /* whom it plays: "root" or "child" */
    const char *transport; /* of the actor; the records are of tcp */
    const char *address;   /* as a child: the parent's. As a root: its own listener's */
    raw_listener *listener;
    const char *own_uuid; /* as a child: as it was told */
    raw_arena arena;
    raw_peer *conns[REPLAY_CONNECTIONS];
    const char *recorded[REPLAY_NAMES], *actual[REPLAY_NAMES]; /* uuids and cids */
    size_t names;
    /* After that message of the record, which has been played. False: stop. */
    bool (*after)(struct replay *r, int conn, const char *type, const char *func);
    char wrong[2048];
} replay;

/* False: see `wrong`. */
bool replay_run(replay *r, const char *path);
/* What stands in place of a uuid or cid of the record; as it was recorded, if nothing does. */
const char *replay_actual(const replay *r, const char *recorded);
void replay_close(replay *r);

#endif
