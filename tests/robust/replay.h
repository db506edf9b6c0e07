/* Plays the others of a recorded dialog against an actor of ours, and compares what the actor says with the record, message
 * by message and field by field. Where it paused between two messages of a dialog in the record, it pauses too: what was read before
 * the second one came is read now as well.
 *
 * Not compared are: the values of cids, uuids, addresses and of the actor's pid (but which ones are the same is), texts of errors and
 * tracebacks, what a parent says of its main script, the files of modules, modules of Python's runtime, and a field `ext` in our
 * Aid. `_bad_msg` is nil in our Errors. Python's parents may ask a child twice to end, ours ask once; whether a child still
 * answers the second time is left open. Where else ours do better than the record stands in replay_better.c.
 */
#ifndef TRACTOR_TESTS_REPLAY_H
#define TRACTOR_TESTS_REPLAY_H

#include "robust/raw_peer.h"

enum { REPLAY_CONNECTIONS = 16, REPLAY_NAMES = 64, REPLAY_PLACES = 8, REPLAY_STAND_INS = 4, REPLAY_BETTER = 4 };

/* Where an actor lives: as texts on the wire. */
typedef struct replay_place {
    const char *owner, *recorded;
    const char *actual; /* NULL: nobody has said it yet */
    bool inhabited;     /* by one who is played and speaks with the actor; else nobody answers there */
    bool listening;
    raw_listener listener;
} replay_place;

/* The process of one who is played elsewhere: it only brings its uuid, and ends when its part is over. If nobody has asked it to
 * end, it was killed, and its connections are lost with it. */
typedef struct replay_stand_in {
    const char *name, *uuid;
    bool asked_to_end;
    raw_peer *process;
} replay_stand_in;

typedef struct replay {
    const char *us;         /* the actor of ours: "root", "child"... */
    const char *me;         /* whom it plays, */
    bool everybody;         /* or all that "us" speaks with */
    const char *transport;  /* of the actor */
    const char *address;    /* as a child: the parent's. As a root: its own listener's */
    const char *host;       /* who lives at `address`; NULL: root */
    raw_listener *listener; /* at `address`, if its host is played */
    const char *own_uuid;   /* of "me", as a child: as it was told */
    raw_listener *stand_in_listener;
    raw_arena arena;
    raw_peer *conns[REPLAY_CONNECTIONS];
    replay_place places[REPLAY_PLACES];
    size_t place_count;
    replay_stand_in stand_ins[REPLAY_STAND_INS];
    size_t stand_in_count;
    const char *recorded[REPLAY_NAMES], *actual[REPLAY_NAMES]; /* uuids and cids */
    size_t names;
    int64_t recorded_pid, actual_pid;   /* of the actor */
    bool cancelled[REPLAY_CONNECTIONS]; /* the actor at its end was asked to end */
    const char *again;                  /* the cid of asking it again */
    char wrong[2048];
} replay;

/* False: see `wrong`. */
bool replay_run(replay *r, const char *path);
/* Nobody who is played listens any more. */
void replay_unlisten(replay *r);
void replay_close(replay *r);

/* ---- what ours say instead ---- */

/* Messages that come behind one of the record, or instead of it, on its connection. */
typedef struct replay_better {
    const char *record, *us;
    size_t line; /* of the record, from 0 */
    bool instead;
    struct {
        const char *src, *text;
    } messages[REPLAY_BETTER];
} replay_better;
/* Ends with an element without record. */
extern const replay_better replay_betters[];

#endif
