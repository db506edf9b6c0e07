/* Trees of processes that grow by themselves: every actor writes its pid into a pipe when it runs. */
#ifndef TRACTOR_TESTS_SUPERVISE_TREE_H
#define TRACTOR_TESTS_SUPERVISE_TREE_H

#include "supervise/supervise.h"

enum { TREE_MOST = 64 };

typedef struct tree {
    int breadth, depth; /* breadth actors at each place; `depth` levels of spawners below the first one */
    const char *leaf;   /* what the last ones do: "assert", or "stay" until they are cancelled */
    size_t wanted;      /* how many are waited for; 0: all */
    size_t count;       /* of processes, as tree_size() says */
    int ends[2];        /* of the pipe */
    int64_t pids[TREE_MOST];
} tree;

/* 14 with depth 1 and breadth 2, 62 with depth 3. */
size_t tree_size(int breadth, int depth);
/* Registers the module "tree"; before kit_begin(). */
void tree_register(void);
/* Opens the pipe and starts the first ones as one-shots without a completion. */
void tree_plant(tree *t, tractor_nursery *in);
/* Reads the pids of those; blocks, so that it is for a thread. */
void tree_wait_until_grown(void *tree);
/* None is there any more, not even a zombie or one that nobody has waited for. */
void tree_assert_gone(tree *t);

#endif
