/* What tests of contexts share: children that are up, a context that was opened, and what became of it. */
#ifndef TRACTOR_TESTS_CTX_DIALOG_H
#define TRACTOR_TESTS_CTX_DIALOG_H

#include "kit/kit.h"

/* ---- a root with children ---- */

#define STAGE_MAX 4

/* `when_up` runs once all `names` (default: one "child") are up; they serve `module` and "kit". */
typedef struct stage {
    const char *names[STAGE_MAX];
    const char *module;
    void (*when_up)(struct stage *);
    void *user;

    tractor_nursery *root;
    tractor_portal *portals[STAGE_MAX]; /* in the order of the names */
    kit_outcome started[STAGE_MAX];
    int count, up;
    kit_outcome cancelled; /* stage_cancel_actor() */
} stage;
kit_run stage_play(stage *s, const tractor_root_options *more);
/* Ends it all; the root ends well unless something failed. */
void stage_end(stage *s);
/* Asks the first child to end. */
void stage_cancel_actor(stage *s);
#define FIRST(s) ((s)->portals[0])

/* ---- a context that this side opens ---- */

typedef struct opened {
    void (*then)(struct opened *); /* it has started */
    void (*over)(struct opened *); /* its result is known */
    void *user;

    tractor_op op;
    tractor_ctx *ctx; /* from `then` until `over` */
    tractor_nursery *block;
    tractor_stream *stream; /* opened_stream() */
    int starts;
    int64_t started_at;
    tractor_value *first;
    kit_outcome result;
    bool uncaught; /* set before: its error goes to the nursery that waits */

    /* As of its end. */
    int state;
    bool cancel_called, cancel_acked;
    const char *canceller; /* a name, or NULL */
    const tractor_error *remote_error, *local_error, *maybe_error;
} opened;
/* Opens `module`:`func` of the peer. */
void opened_open(opened *o, tractor_portal *portal, tractor_nursery *in, const char *module, const char *func,
                 tractor_bytes args, const tractor_call_options *options);
/* Opens its stream; NULL: default options. */
tractor_stream *opened_stream(opened *o, const tractor_call_options *options);
/* Keeps what the getters say now. */
void opened_snapshot(opened *o);
/* It ended neither with a value nor an error, because this side cancelled it and the peer said so. */
#define assert_absorbed(o) assert_absorbed_((o), __FILE__, __LINE__)
void assert_absorbed_(const opened *o, const char *file, int line);
/* An ECTXCANCELED that `name` asked for. */
#define assert_cancelled_by(err, name) assert_cancelled_by_((err), (name), __FILE__, __LINE__)
void assert_cancelled_by_(const tractor_error *err, const char *name, const char *file, int line);

/* ---- in endpoints and blocks ---- */

/* Keeps a nursery from its end until it is cancelled. */
void stay(tractor_nursery *nursery);
/* An error of that type with that text; dropped when the test ends. */
const tractor_error *an_error(int code, const char *type, const char *text);
int64_t int_of(const tractor_value *value);

/* ---- tests with many variants ---- */

/* The bits of a variant, which its test gets by variant_of(state). */
void add_variant(void (*fn)(void **), int bits, const char *format, ...) __attribute__((format(printf, 3, 4)));
void add_test(const char *name, void (*fn)(void **), bool once);
#define ADD_TEST(fn) add_test(#fn, (fn), false)
#define ADD_TEST_ONCE(fn) add_test(#fn, (fn), true)
int run_added_tests(void);
int variant_of(void **state);

#endif
