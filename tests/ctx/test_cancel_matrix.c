// ctest: timeout=120 processors=2
/* who ends a context, when, and what either side waits for at that moment. docs/cancellation.md shows the table for
 * people; what stands there has to be what stands here.
 *
 * All cases of one column run at once, each with a child of its own. test_cancel_matrix_2.c has the second half of the columns. */
#include "kit/kit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* How it is ended. */
enum column {
    PARENT,  /* the caller cancels the ctx, or its token if it has no ctx yet */
    CHILD,   /* the endpoint cancels itself */
    ACTOR,   /* the caller asks the whole actor to end */
    NURSERY, /* the nursery around the context is cancelled */
    KILLED,  /* the callee's process dies of SIGKILL */
    TABLED,
    HOME = TABLED, /* the nursery of the callee's process is cancelled */
    SIGINTED,      /* the root is interrupted */
    CUT,           /* the connection breaks, and both processes live */
    THIRD,         /* another actor finds the callee, and asks the whole actor to end */
    COLUMNS
};

/* When. */
enum row {
    BEFORE_ACK,     /* the endpoint may not even run */
    BEFORE_STARTED, /* it runs, and has not said `started` */
    IDLE,           /* started, no stream */
    MID_STREAM,     /* both streams are open */
    AFTER_STOP,     /* the callee's is ended, and the caller knows */
    DRAINING,       /* the caller has closed its own, and the callee goes on */
    ROWS
};

/* What both sides wait for, as far as they can. */
enum wait {
    RECEIVE,
    SEND,   /* the window is used up */
    RESULT, /* the callee: a hold */
    SLEEP,
    SYNC, /* the callee does not return to its loop any more; in column CHILD the caller does not for a while */
    WAITS
};

static const char *const column_names[] = { "ctx_cancel", "cancels itself", "cancel_actor",
                                            "nursery",    "SIGKILL",        "its actor's nursery",
                                            "SIGINT",     "socket cut",     "third peer" };
static const char *const row_names[] = { "before StartAck", "before Started", "idle",
                                         "mid-stream",      "after Stop",     "draining" };
static const char *const wait_names[] = { "receive", "send", "result", "sleep", "sync code" };

#ifndef FIRST_COLUMN
#define FIRST_COLUMN PARENT
#define LAST_COLUMN TABLED
#endif

/* ---- what comes of it ---- */

enum who { NOBODY, US, IT, THEY };

typedef struct outcome {
    int code;     /* of on_result */
    enum who by;  /* who its error says has cancelled it; without an error, who the ctx says */
    int waiter;   /* what the caller's wait came to; NONE: it had nothing to wait in */
    int bound_ms; /* from the cancel to on_result; 0: the case does not exist */
} outcome;
#define SOON 500
#define LAST_WORD (616 + SOON)     /* a cancelled task's */
#define LADDER (500 + 1600 + SOON) /* asked, told, killed */
#define ABSENT \
    { 0, NOBODY, NONE, 0 }
/* Neither error nor value: this side has cancelled it. */
#define ABSORBED(waiter, bound) \
    { TRACTOR_OK, US, waiter, bound }
#define CALLED_OFF(waiter, bound) \
    { TRACTOR_ECANCELED, US, waiter, bound }
#define LEFT(waiter, bound) \
    { TRACTOR_ECTXCANCELED, IT, waiter, bound }
#define DISMISSED(waiter, bound) \
    { TRACTOR_ECTXCANCELED, US, waiter, bound }
#define DIED(waiter, bound) \
    { TRACTOR_ECHILD, NOBODY, waiter, bound }
/* What the waiter gets. */
enum {
    NONE = 1,
    NOTHING = TRACTOR_OK,
    AT_END = TRACTOR_EEOF,
    CANCELED = TRACTOR_ECANCELED,
    CTXCANCELED = TRACTOR_ECTXCANCELED,
    CHILD_DIED = TRACTOR_ECHILD
};

/* clang-format off */
static const outcome expected[TABLED][ROWS][WAITS] = {
    /* receive, send, result, sleep, sync code */
    [PARENT] = {
        [BEFORE_ACK] = { ABSENT, ABSENT, CALLED_OFF(NONE, SOON), CALLED_OFF(NONE, SOON), CALLED_OFF(NONE, LAST_WORD) },
        [BEFORE_STARTED] = { ABSENT, ABSENT, CALLED_OFF(NONE, SOON), CALLED_OFF(NONE, SOON), CALLED_OFF(NONE, LAST_WORD) },
        [IDLE] = { ABSENT, ABSENT, ABSORBED(NOTHING, SOON), ABSORBED(CANCELED, SOON), ABSORBED(NOTHING, LAST_WORD) },
        [MID_STREAM] = { ABSORBED(CANCELED, SOON), ABSORBED(CANCELED, SOON), ABSORBED(NOTHING, SOON),
            ABSORBED(CANCELED, SOON), ABSORBED(NOTHING, LAST_WORD) },
        [AFTER_STOP] = { ABSORBED(AT_END, SOON), ABSORBED(CANCELED, SOON), ABSORBED(NOTHING, SOON),
            ABSORBED(CANCELED, SOON), ABSORBED(NOTHING, LAST_WORD) },
        [DRAINING] = { ABSORBED(NOTHING, SOON), ABSORBED(NOTHING, SOON), ABSORBED(NOTHING, SOON),
            ABSORBED(CANCELED, SOON), ABSORBED(NOTHING, LAST_WORD) },
    },
    [CHILD] = {
        [BEFORE_ACK] = { ABSENT, ABSENT, LEFT(NONE, SOON), LEFT(NONE, SOON), LEFT(NONE, SOON) },
        [BEFORE_STARTED] = { ABSENT, ABSENT, LEFT(NONE, SOON), LEFT(NONE, SOON), LEFT(NONE, SOON) },
        [IDLE] = { ABSENT, ABSENT, LEFT(CTXCANCELED, SOON), LEFT(CANCELED, SOON), LEFT(CTXCANCELED, SOON) },
        [MID_STREAM] = { LEFT(CTXCANCELED, SOON), LEFT(CANCELED, SOON), LEFT(CTXCANCELED, SOON),
            LEFT(CANCELED, SOON), LEFT(CTXCANCELED, SOON) },
        [AFTER_STOP] = { LEFT(AT_END, SOON), LEFT(CANCELED, SOON), LEFT(CTXCANCELED, SOON),
            LEFT(CANCELED, SOON), LEFT(CTXCANCELED, SOON) },
        [DRAINING] = { LEFT(CTXCANCELED, SOON), LEFT(CTXCANCELED, SOON), LEFT(CTXCANCELED, SOON),
            LEFT(CANCELED, SOON), LEFT(CTXCANCELED, SOON) },
    },
    [ACTOR] = {
        [BEFORE_ACK] = { ABSENT, ABSENT, DISMISSED(NONE, SOON), DISMISSED(NONE, SOON), DIED(NONE, LADDER) },
        [BEFORE_STARTED] = { ABSENT, ABSENT, DISMISSED(NONE, SOON), DISMISSED(NONE, SOON), DIED(NONE, LADDER) },
        [IDLE] = { ABSENT, ABSENT, DISMISSED(CTXCANCELED, SOON), DISMISSED(CANCELED, SOON), DIED(CHILD_DIED, LADDER) },
        [MID_STREAM] = { DISMISSED(CTXCANCELED, SOON), DISMISSED(CANCELED, SOON), DISMISSED(CTXCANCELED, SOON),
            DISMISSED(CANCELED, SOON), DIED(CHILD_DIED, LADDER) },
        [AFTER_STOP] = { DISMISSED(AT_END, SOON), DISMISSED(CANCELED, SOON), DISMISSED(CTXCANCELED, SOON),
            DISMISSED(CANCELED, SOON), DIED(CHILD_DIED, LADDER) },
        [DRAINING] = { DISMISSED(CTXCANCELED, SOON), DISMISSED(CTXCANCELED, SOON), DISMISSED(CTXCANCELED, SOON),
            DISMISSED(CANCELED, SOON), DIED(CHILD_DIED, LADDER) },
    },
    [NURSERY] = {
        [BEFORE_ACK] = { ABSENT, ABSENT, CALLED_OFF(NONE, SOON), CALLED_OFF(NONE, SOON), CALLED_OFF(NONE, LAST_WORD) },
        [BEFORE_STARTED] = { ABSENT, ABSENT, CALLED_OFF(NONE, SOON), CALLED_OFF(NONE, SOON), CALLED_OFF(NONE, LAST_WORD) },
        [IDLE] = { ABSENT, ABSENT, CALLED_OFF(CANCELED, SOON), CALLED_OFF(CANCELED, SOON), CALLED_OFF(CANCELED, LAST_WORD) },
        [MID_STREAM] = { CALLED_OFF(CANCELED, SOON), CALLED_OFF(CANCELED, SOON), CALLED_OFF(CANCELED, SOON),
            CALLED_OFF(CANCELED, SOON), CALLED_OFF(CANCELED, LAST_WORD) },
        [AFTER_STOP] = { CALLED_OFF(AT_END, SOON), CALLED_OFF(CANCELED, SOON), CALLED_OFF(CANCELED, SOON),
            CALLED_OFF(CANCELED, SOON), CALLED_OFF(CANCELED, LAST_WORD) },
        [DRAINING] = { CALLED_OFF(CANCELED, SOON), CALLED_OFF(CANCELED, SOON), CALLED_OFF(CANCELED, SOON),
            CALLED_OFF(CANCELED, SOON), CALLED_OFF(CANCELED, LAST_WORD) },
    },
    [KILLED] = {
        [BEFORE_ACK] = { ABSENT, ABSENT, DIED(NONE, SOON), DIED(NONE, SOON), DIED(NONE, SOON) },
        [BEFORE_STARTED] = { ABSENT, ABSENT, DIED(NONE, SOON), DIED(NONE, SOON), DIED(NONE, SOON) },
        [IDLE] = { ABSENT, ABSENT, DIED(CHILD_DIED, SOON), DIED(CANCELED, SOON), DIED(CHILD_DIED, SOON) },
        [MID_STREAM] = { DIED(CHILD_DIED, SOON), DIED(CANCELED, SOON), DIED(CHILD_DIED, SOON),
            DIED(CANCELED, SOON), DIED(CHILD_DIED, SOON) },
        [AFTER_STOP] = { DIED(AT_END, SOON), DIED(CANCELED, SOON), DIED(CHILD_DIED, SOON),
            DIED(CANCELED, SOON), DIED(CHILD_DIED, SOON) },
        [DRAINING] = { DIED(CHILD_DIED, SOON), DIED(CHILD_DIED, SOON), DIED(CHILD_DIED, SOON),
            DIED(CANCELED, SOON), DIED(CHILD_DIED, SOON) },
    },
};
/* clang-format on */

/* The others are like one of these. */
static outcome expect(enum column column, enum row row, enum wait wait) {
    switch (column) {
        case HOME: /* which asks the actor to end, and goes further by itself */
            return expected[ACTOR][row][wait];
        case THIRD: { /* the same, by somebody else */
            outcome o = expected[ACTOR][row][wait];
            o.by = o.by == US ? THEY : o.by;
            return o;
        }
        case SIGINTED: /* which cancels all nurseries */
            return expected[NURSERY][row][wait];
        case CUT: { /* the callee ends when its parent is gone; if it can't, it is ended as by a nursery */
            outcome o = expected[KILLED][row][wait];
            if (!o.bound_ms)
                return o;
            o.code = TRACTOR_ETRANSPORT;
            o.waiter = o.waiter == CHILD_DIED ? TRACTOR_ETRANSPORT : o.waiter;
            o.bound_ms = wait == SYNC ? LADDER : SOON;
            return o;
        }
        default:
            return expected[column][row][wait];
    }
}

/* ---- the callee ---- */

typedef struct task {
    tractor_ctx *ctx;
    tractor_stream *stream;
    tractor_op hold;
    int column, row, wait;
    char fifo[200];
} task;
static task *only; /* a child has one */

static void block(task *t) {
    int fd = open(t->fifo, O_WRONLY | O_CLOEXEC); /* returns when the other side has opened it too */
    if (fd >= 0)
        close(fd);
    for (;;)
        pause();
}

static void block_now(const tractor_error *err, void *user) {
    if (!err)
        block(user);
}

static void let_go(void *user) {
    task *t = user;
    tractor_op_complete(tractor_ctx_actor(t->ctx), t->hold, NULL);
}

static void stay(task *t) { t->hold = tractor_nursery_hold(tractor_ctx_nursery(t->ctx), "stay", let_go, t); }

static void no_more(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value;
    if (tractor_error_code(err) == TRACTOR_EEOF)
        stay(user);
}

static char filler[16 * 1024];

static void sent(const tractor_error *err, void *user) {
    task *t = user;
    if (err)
        return;
    tractor_stream_send_wait(t->stream, NULL, tractor_pack("y", filler, sizeof filler), sent, t);
}

static void callee_waits(task *t) {
    tractor_nursery *own = tractor_ctx_nursery(t->ctx);
    switch (t->wait) {
        case RECEIVE:
            tractor_stream_receive(t->stream, NULL, no_more, t);
            break;
        case SEND:
            if (t->row == AFTER_STOP)
                stay(t);
            else
                sent(NULL, t);
            break;
        case RESULT:
            stay(t);
            break;
        case SLEEP:
            tractor_nursery_sleep(own, TRACTOR_FOREVER, NULL, NULL);
            break;
        default:
            if (t->column == CHILD)
                stay(t);
            else if (t->row == BEFORE_ACK)
                block(t);
            else /* what was said before has left then */
                tractor_nursery_sleep(own, 5 * TRACTOR_MS, block_now, t);
    }
}

static void talked(const tractor_error *err, const tractor_value *value, void *user) {
    task *t = user;
    (void)value;
    if (err)
        return;
    tractor_stream_sendf(t->stream, "s", "ready");
    if (t->row == AFTER_STOP)
        tractor_stream_send_eof(t->stream);
    callee_waits(t);
}

static void cell_task(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *fifo;
    (void)user;
    task *t = only = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *t);
    t->ctx = ctx;
    if (tractor_ctx_unpack(ctx, args, "{s:i,s:i,s:i,s:s}", "column", &t->column, "row", &t->row, "wait", &t->wait,
                           "fifo", &fifo) != TRACTOR_OK)
        return;
    snprintf(t->fifo, sizeof t->fifo, "%s", fifo);
    if (t->row == BEFORE_ACK && t->column == CHILD)
        tractor_ctx_cancel(ctx, NULL, NULL, NULL, NULL);
    if (t->row >= IDLE)
        tractor_ctx_started(ctx, NULL);
    if (t->row <= IDLE)
        return callee_waits(t);
    tractor_ctx_open_stream(ctx, NULL, &t->stream);
    tractor_stream_sendf(t->stream, "s", "hello");
    tractor_stream_receive(t->stream, NULL, talked, t);
}

static void cancel_now(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_cancel(only->ctx, NULL, NULL, NULL, NULL);
    tractor_ctx_return(ctx, NULL);
}

static void ping(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_ctx_return(ctx, NULL);
}

/* ---- the third peer ---- */

static void third_asked(const tractor_error *err, void *user) {
    if (err)
        tractor_ctx_raise(user, err);
    else
        tractor_ctx_return(user, NULL);
}

static void third_found(const tractor_error *err, tractor_portal *portal, void *user) {
    if (err)
        tractor_ctx_raise(user, err);
    else
        tractor_portal_cancel_actor(portal, tractor_ctx_nursery(user), NULL, third_asked, user);
}

static void cancel_actor(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *uuid;
    tractor_find_options soon = { TRACTOR_FIND_OPTIONS, .timeout_ns = SOON * TRACTOR_MS };
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "uuid", &uuid) == TRACTOR_OK)
        tractor_find_actor(tractor_ctx_nursery(ctx), uuid, &soon, third_found, ctx);
}

static const tractor_endpoint module[] = { TRACTOR_CTX("cell", cell_task), TRACTOR_FUNC("cancel_now", cancel_now),
                                           TRACTOR_FUNC("ping", ping), TRACTOR_FUNC("cancel_actor", cancel_actor),
                                           TRACTOR_ENDPOINTS_END };

/* ---- the caller ---- */

typedef struct cell {
    enum column column;
    enum row row;
    enum wait wait;
    tractor_nursery *home, *work; /* of the child; around the context */
    tractor_portal *portal;
    tractor_ctx *ctx;
    tractor_stream *stream;
    tractor_op op;
    int64_t pid;
    char fifo[200];

    int64_t cancelled_at, told_at, ended_at;
    int results, waits, code, waiter;
    enum who by;
    bool acked;
    tractor_value *value;
    char text[300];
} cell;

static tractor_nursery *third_home;
static tractor_portal *third; /* in its column */

static enum who who(cell *c, const tractor_id *id) {
    if (!id)
        return NOBODY;
    if (strcmp(id->uuid, tractor_actor_id(kit_actor())->uuid) == 0)
        return US;
    if (third && strcmp(id->uuid, tractor_portal_id(third)->uuid) == 0)
        return THEY;
    assert_string_equal(id->uuid, tractor_portal_id(c->portal)->uuid);
    return IT;
}

static void waited(const tractor_error *err, void *user) {
    cell *c = user;
    c->waits++;
    c->waiter = tractor_error_code(err);
}

static void waited_for_value(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value;
    waited(err, user);
}

static void caller_waits(cell *c) {
    tractor_nursery *own = tractor_ctx_nursery(c->ctx);
    bool streams = c->row == MID_STREAM || c->row == AFTER_STOP;
    switch (c->wait) {
        case RECEIVE:
            if (streams)
                tractor_stream_receive(c->stream, NULL, waited_for_value, c);
            break;
        case SEND:
            if (!streams)
                break;
            while (tractor_stream_send(c->stream, tractor_pack("y", filler, sizeof filler)) == TRACTOR_OK) {
            }
            tractor_stream_send_wait(c->stream, NULL, tractor_pack("i", 1), waited, c);
            return;
        case SLEEP:
            tractor_nursery_sleep(own, TRACTOR_FOREVER, waited, c);
            return;
        default:
            break;
    }
    if (c->wait != RECEIVE || !streams)
        tractor_ctx_wait_for_result(c->ctx, NULL, waited_for_value, c);
}

static void actor_asked(const tractor_error *err, void *user) {
    cell *c = user;
    if (c->wait == SYNC) {
        /* It does not hear us: its nursery goes further. */
        if (c->column == THIRD) /* which can't even connect */
            kit_assert_remote(err, "TimeoutError");
        else
            kit_assert_code(err, TRACTOR_ETIMEDOUT);
        kit_assert_within_ms(tractor_now() - c->cancelled_at, SOON + 250);
        c->cancelled_at = tractor_now();
        tractor_nursery_cancel(c->home, "it does not answer");
    } else {
        kit_assert_code(err, TRACTOR_OK);
    }
}

static cell cells[ROWS * WAITS];
static int count, ready, over, answers;

static void when_all_are_over(void) {
    if (over == count && answers == count)
        tractor_nursery_cancel(third_home, "all cases are over");
}

static void third_answered(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value;
    answers++;
    actor_asked(err, user);
    when_all_are_over();
}

/* What it says is looked at elsewhere. */
static void ignored(const tractor_error *err, void *user) {
    (void)user;
    (void)tractor_error_code(err);
}

static void ignored_value(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value;
    ignored(err, user);
}

/* From outside: what the callee does at that moment does not matter. */
static void cut_connection(pid_t pid) {
    int cut = 0, process = (int)syscall(SYS_pidfd_open, pid, 0);
    for (int fd = 3; fd < 64; fd++) {
        int copy = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
        struct sockaddr_storage peer;
        socklen_t length = sizeof peer;
        if (copy >= 0 && getpeername(copy, (struct sockaddr *)&peer, &length) == 0)
            cut += shutdown(copy, SHUT_RDWR) == 0;
        if (copy >= 0)
            close(copy);
    }
    close(process);
    assert_true(cut > 0);
}

/* All at once, when all are where they are to be. */
static void interrupt(void) {
    if (++ready < count)
        return;
    for (int i = 0; i < count; i++)
        cells[i].cancelled_at = tractor_now();
    kill(getpid(), SIGINT);
}

static void cancel_cell(cell *c) {
    c->cancelled_at = tractor_now();
    switch (c->column) {
        case PARENT:
            if (c->ctx)
                tractor_ctx_cancel(c->ctx, c->home, NULL, ignored, NULL);
            else
                tractor_op_cancel(kit_actor(), c->op);
            break;
        case CHILD:
            if (c->row != BEFORE_ACK)
                tractor_portal_run(c->portal, c->home, "matrix", "cancel_now", TRACTOR_ARGS("{}"), NULL, ignored_value,
                                   c);
            if (c->wait == SYNC)
                usleep(30 * 1000);
            break;
        case ACTOR:
            tractor_portal_cancel_actor(c->portal, c->home, NULL, actor_asked, c);
            break;
        case THIRD:
            tractor_portal_run(third, NULL, "matrix", "cancel_actor",
                               TRACTOR_ARGS("{s:s}", "uuid", tractor_portal_id(c->portal)->uuid), NULL, third_answered,
                               c);
            break;
        case NURSERY:
            tractor_nursery_cancel(c->work, "the nursery around it");
            break;
        case HOME:
            tractor_nursery_cancel(c->home, "the nursery of its actor");
            break;
        case SIGINTED:
            interrupt();
            break;
        case CUT:
            cut_connection((pid_t)c->pid);
            break;
        default:
            kill((pid_t)c->pid, SIGKILL);
    }
}

static void wait_for_blocked(void *user) {
    cell *c = user;
    int fd = open(c->fifo, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
}

static void is_blocked(const tractor_error *err, void *user) {
    assert_null(err);
    cancel_cell(user);
}

/* The callee waits or is about to. */
static void all_wait(cell *c) {
    if (c->wait == SYNC && c->column != CHILD)
        tractor_nursery_run_in_thread(tractor_actor_nursery(kit_actor()), wait_for_blocked, is_blocked, c);
    else
        cancel_cell(c);
}

static void heard(const tractor_error *err, const tractor_value *value, void *user) {
    cell *c = user;
    const char *text = NULL;
    if (err) {
        kit_assert_code(err, TRACTOR_EEOF);
        assert_int_equal(c->row, AFTER_STOP);
        caller_waits(c);
        return all_wait(c);
    }
    assert_int_equal(tractor_unpack(value, "s", &text), TRACTOR_OK);
    if (strcmp(text, "hello") == 0) {
        assert_int_equal(tractor_stream_sendf(c->stream, "s", "hello"), TRACTOR_OK);
        tractor_stream_receive(c->stream, NULL, heard, c);
        return;
    }
    if (c->row == AFTER_STOP) {
        tractor_stream_receive(c->stream, NULL, heard, c);
        return;
    }
    if (c->row == DRAINING)
        tractor_stream_close(c->stream);
    caller_waits(c);
    all_wait(c);
}

static void cell_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    cell *c = user;
    (void)first;
    c->ctx = ctx;
    if (c->row == IDLE) {
        caller_waits(c);
        return all_wait(c);
    }
    assert_int_equal(tractor_ctx_open_stream(ctx, NULL, &c->stream), TRACTOR_OK);
    tractor_stream_receive(c->stream, NULL, heard, c);
}

static void cell_ended(const tractor_error *err, const tractor_value *value, void *user) {
    cell *c = user;
    c->results++;
    c->told_at = tractor_now();
    c->code = tractor_error_code(err);
    c->value = kit_keep_value(value);
    c->by = who(c, err ? tractor_error_canceller(err) : c->ctx ? tractor_ctx_canceller(c->ctx) : NULL);
    c->acked = c->ctx && tractor_ctx_cancel_acked(c->ctx);
    snprintf(c->text, sizeof c->text, "%s", tractor_error_message(err));
    tractor_nursery_close(c->work);
    if (c->column != KILLED && c->column != CUT)
        tractor_nursery_cancel(c->home, "the case is over");
}

static void runs(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value;
    assert_null(err);
    all_wait(user);
}

static void cell_up(const tractor_error *err, tractor_portal *portal, void *user) {
    cell *c = user;
    kit_assert_code(err, TRACTOR_OK);
    c->portal = portal;
    c->pid = tractor_portal_id(portal)->pid;
    c->work = tractor_nursery_open(tractor_actor_nursery(kit_actor()), NULL, ignored, NULL);
    c->op = tractor_portal_open_context(portal, c->work, "matrix", "cell",
                                        TRACTOR_ARGS("{s:i,s:i,s:i,s:s}", "column", (int)c->column, "row", (int)c->row,
                                                     "wait", (int)c->wait, "fifo", c->fifo),
                                        NULL, cell_started, cell_ended, c);
    assert_true(c->op > 0);
    if (c->row == BEFORE_ACK) {
        if (c->wait == SYNC && (c->column == ACTOR || c->column == THIRD))
            all_wait(c); /* else it could be acknowledged before the endpoint runs */
        else
            cancel_cell(c);
    } else if (c->row == BEFORE_STARTED && c->wait == SYNC && c->column != CHILD) {
        all_wait(c);
    } else if (c->row == BEFORE_STARTED) {
        tractor_portal_run(portal, c->home, "matrix", "ping", TRACTOR_ARGS("{}"), NULL, runs, c);
    }
}

static void home_ended(const tractor_error *err, void *user) {
    cell *c = user;
    (void)err;
    c->ended_at = tractor_now();
    c->home = NULL;
    over++;
    when_all_are_over();
}

static const char *const modules[] = { "matrix", NULL };

static void start_callees(void) {
    for (int i = 0; i < count; i++) {
        cell *c = &cells[i];
        c->home = tractor_nursery_open(tractor_actor_nursery(kit_actor()), NULL, home_ended, c);
        tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules, .on_exit = ignored };
        tractor_nursery_start_actor(c->home, "callee", &options, cell_up, c);
        if (c->column == KILLED || c->column == CUT)
            tractor_nursery_close(c->home);
    }
}

static void third_up(const tractor_error *err, tractor_portal *portal, void *user) {
    (void)user;
    kit_assert_code(err, TRACTOR_OK);
    third = portal;
    start_callees();
}

static void matrix_body(tractor_nursery *root, void *user) {
    if (*(enum column *)user != THIRD)
        return start_callees();
    third_home = tractor_nursery_open(root, NULL, NULL, NULL);
    tractor_nursery_start_actor(third_home, "third",
                                &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules }, third_up, NULL);
}

static void show(const cell *c, const outcome *want) {
    print_message("%s, %s, %s: %s by %d, waiter %s x%d, %.0f ms, gone after %.0f ms%s%s\n", column_names[c->column],
                  row_names[c->row], wait_names[c->wait], tractor_strerror(c->code), (int)c->by,
                  tractor_strerror(c->waiter), c->waits, (double)(c->told_at - c->cancelled_at) / 1e6,
                  (double)(c->ended_at - c->cancelled_at) / 1e6, c->text[0] ? ": " : "", c->text);
    if (c->code != want->code || c->by != want->by)
        print_error("expected: %s by %d\n", tractor_strerror(want->code), (int)want->by);
}

static void play_rows(enum column column, int from, int to) {
    count = ready = over = answers = 0;
    for (int row = from; row < to; row++) {
        for (int wait = 0; wait < WAITS; wait++) {
            if (!expect(column, (enum row)row, (enum wait)wait).bound_ms)
                continue;
            cell *c = &cells[count++];
            *c = (cell){ .column = column, .row = (enum row)row, .wait = (enum wait)wait };
            snprintf(c->fifo, sizeof c->fifo, "%s", kit_path(kit_text("%d-%d", row, count)));
            assert_int_equal(mkfifo(c->fifo, 0600), 0);
        }
    }
    kit_expect_log("did not end in time: killed");
    kit_expect_log("was cancelled and then ended with");
    kit_run run = kit_run_root(
        &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .stream_window = 64 * 1024, .flags = TRACTOR_ROOT_SIGNALS },
        matrix_body, &column);
    kit_assert_code(run.err, column == SIGINTED ? TRACTOR_EINTERRUPTED : TRACTOR_OK);
    int wrong = 0;
    for (int i = 0; i < count; i++) {
        const cell *c = &cells[i];
        const outcome expected_here = expect(c->column, c->row, c->wait), *want = &expected_here;
        bool waited_well = want->waiter == NONE ? c->waits == 0 : c->waits == 1 && c->waiter == want->waiter;
        bool acked = (c->column == PARENT || c->column == NURSERY) && c->ctx && c->wait != SYNC;
        /* It is asked in two ways, and may acknowledge either. */
        acked = column == SIGINTED ? c->acked : acked;
        bool well = c->results == 1 && c->acked == acked && !c->value && c->code == want->code && c->by == want->by &&
                    waited_well && kit_within_ms(c->told_at - c->cancelled_at, want->bound_ms) && c->ended_at;
        if (well && !getenv("SHOW"))
            continue;
        show(c, want);
        wrong += !well;
    }
    assert_int_equal(wrong, 0);
    /* The ladder of those that had to be killed begins when their context has ended. */
    kit_assert_within_ms(run.ns, LAST_WORD + LADDER + 2000);
}

static void X_22_matrix(void **state) {
    enum column column = (enum column)((const char *const *)*state - column_names);
    /* One signal for all: those that are interrupted before they are acknowledged are on their own. */
    play_rows(column, 0, column == SIGINTED ? BEFORE_STARTED : ROWS);
    if (column == SIGINTED)
        play_rows(column, BEFORE_STARTED, ROWS);
}

int main(int argc, char **argv) {
    tractor_register("matrix", module, NULL);
    kit_begin(argc, argv);
    kit_test tests[COLUMNS];
    size_t used = 0;
    for (int i = FIRST_COLUMN; i < LAST_COLUMN; i++) {
        static char names[COLUMNS][60];
        snprintf(names[i], sizeof names[0], "X_22_matrix: %s", column_names[i]);
        tests[used++] = (kit_test){ names[i], X_22_matrix, false, (void *)&column_names[i] };
    }
    return kit_run_tests_(tests, used);
}
