/* What the actors of a chaos round share. All of them are this one program; what each has to be, do and suffer stands in
 * the round's plan, a file that plan.py writes and the environment names. */
#ifndef TRACTOR_TESTS_CHAOS_H
#define TRACTOR_TESTS_CHAOS_H

#include <stdbool.h>
#include <stdint.h>
#include <tractor.h>

enum { MAX_NODES = 64, MAX_WORKS = 256, MAX_FAULTS = 32 };

/* ---- the plan ---- */

enum kind {
    KIND_CONTEXT, /* a daemon in which a context grows the tree */
    KIND_CALL,    /* a daemon in which a function call does */
    KIND_HOME,    /* a daemon whose children live in the actor's own nursery */
    KIND_ONE_SHOT
};

typedef struct node {
    int index, parent;
    enum kind kind;
    char name[8];
    char transport[8];
    int delay_ms;    /* before its parent starts it */
    int life_ms;     /* until it ends by itself; -1: never */
    int deadline_ms; /* of the nursery with its children; 0: none */
    bool ignore;     /* its parent takes its death for no error */
    bool pass_up;    /* a deadline that has cut its nursery is an error */
} node;

/* What a parent asks of a child. */
typedef struct work {
    int node, number;
    char what[16];
} work;

/* What a node does to its children or itself, some time after it began to grow. */
typedef struct inside_fault {
    int node, target, at_ms;
    char what[16];
} inside_fault;

typedef struct plan {
    node nodes[MAX_NODES];
    work works[MAX_WORKS];
    inside_fault faults[MAX_FAULTS];
    int node_count, work_count, fault_count;
    char transport[8], registry[128];
    bool embedded, subreaper;
    int end_ms;
} plan;

/* The round's plan; NULL: there is none. */
const plan *the_plan(void);

/* One line of the round's diary, with the time and who writes it. */
void note(int node, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- growing ---- */

struct grower;

typedef struct kid {
    struct grower *grower;
    const node *node;
    tractor_portal *portal;
    tractor_ctx *ctx;
    tractor_op op;
} kid;

typedef struct grower {
    const node *node;
    tractor_ctx *ctx;        /* NULL: in the root, or it is answered */
    tractor_nursery *around; /* of the pool */
    tractor_nursery *pool;   /* of the children, and of the works with them */
    kid *kids;
    int kid_count, settled;
    void (*on_end)(struct grower *self, const tractor_error *err);
    tractor_op end_timer;
} grower;

/* Starts the children of a node. `ctx` may be NULL; `on_end` runs when the pool has ended. */
grower *grow(tractor_nursery *around, tractor_ctx *ctx, int index, void (*on_end)(grower *, const tractor_error *));
/* An operation with a child has failed: tells the diary, and the pool if it is an error. */
void kid_failed(kid *k, const char *what, const tractor_error *err);
void start_works(kid *k);
void plan_faults(grower *g);
/* Makes SIGUSR2 cut a connection of this process. */
void catch_cuts(void);

void register_growing(void);
void register_working(void);

#endif
