/* The n-th fork, socket, connect, accept, write and so on fails, once, in the root or in its child, from the root's boot to
 * its end: every start completes once, the error says what failed, nothing is left, and all is over in time. */
// ctest: timeout=240
#include "faults/life.h"
#include "kit/fault.h"

typedef struct shortage {
    kit_call call;
    int error;
    unsigned where;
    const char *logs; /* what may be logged */
} shortage;
enum { ROOT = 1, CHILD = 2, TCP_ONLY = 4 };

/* Where a failure may cost time: a step of the ladder, or a connection that waits for the exit of its process. */
enum { LIMIT_MS = 3500 };

static bool in_child;

/* One of the words that say what failed. */
static bool names_it(const char *text, const shortage *s) {
    if (strstr(text, strerror(s->error)) || (s->error == ENOMEM && strstr(text, "memory")))
        return true;
    /* Of what costs a connection, the other side knows no more than that. */
    /* What it opens with has no code for it. */
    if (strstr(text, "open: wrong use of the runtime"))
        return s->call == KIT_EVENTFD || s->call == KIT_TIMERFD || s->call == KIT_EPOLL || s->call == KIT_EPOLL_CTL;
    bool connection = s->call == KIT_ACCEPT || s->call == KIT_SEND || s->call == KIT_RECV || s->call == KIT_GETSOCKOPT;
    return connection && strstr(text, "connection");
}

/* True if it came to the fault. */
static bool disturb(const shortage *s, long nth, int *bad) {
    kit_fault fault = { .call = s->call, .nth = nth, .error = s->error };
    life l = { .boot_timeout = 3 * TRACTOR_SECOND };
    const char *what = kit_text("%s %ld of the %s fails: %s", kit_call_name(s->call), nth, in_child ? "child" : "root",
                                strerror(s->error));
    life_watch(what, 10);
    if (in_child)
        l.child_env = kit_fault_env(&fault, 1);
    else
        kit_fault_begin(&fault, 1);
    life_run(&l);
    bool struck = in_child ? access(fault.struck, F_OK) == 0 : kit_fault_end();
    const char *wrong = life_wrong(&l), *errors = life_errors(&l);
    if (!wrong && !struck && !life_undisturbed(&l))
        wrong = "went wrong without it";
    if (!wrong && errors[0] && !names_it(errors, s))
        wrong = "nobody says why";
    if (!wrong && !kit_within_ms(l.ns, LIMIT_MS))
        wrong = "took too long";
    if (getenv("TRACTOR_TEST_SHOW"))
        fprintf(stderr, "%s: %.1f ms%s\n%s", what, (double)l.ns / 1e6, struck ? "" : " (not reached)", errors);
    if (wrong) {
        fprintf(stderr, "WRONG: %s: %s (%.1f ms)\n%s", what, wrong, (double)l.ns / 1e6, errors);
        ++*bad;
    }
    return struck;
}

static void sweep(const shortage *s) {
    int bad = 0;
    const char *only = getenv("TRACTOR_TEST_NTH");
    life_begin();
    if (s->logs)
        kit_expect_log(s->logs);
    long n = only ? atol(only) : 1;
    while (disturb(s, n, &bad) && !only && n < 500)
        n++;
    print_message("             %ld times\n", n - 1);
    if (n == 1 && !only)
        fail_msg("it never came to that");
    if (bad > 0)
        fail_msg("%d of %ld went wrong", bad, n);
}

static void root_s(void **state) {
    in_child = false;
    sweep(*state);
}

static void child_s(void **state) {
    in_child = true;
    sweep(*state);
}

int main(int argc, char **argv) {
    life_register();
    kit_begin(argc, argv);
    static const shortage shortages[] = {
#ifndef __SANITIZE_THREAD__ /* there the library goes by libc's other name for it, which is not in our hands */
        { KIT_CLONE, EAGAIN, ROOT, NULL },
        { KIT_CLONE, ENOMEM, ROOT, NULL },
#endif
        { KIT_SOCKET, EMFILE, ROOT | CHILD, NULL },
        { KIT_CONNECT, ECONNREFUSED, ROOT | CHILD, NULL },
        { KIT_BIND, EADDRINUSE, ROOT | CHILD, NULL },
        { KIT_LISTEN, EADDRINUSE, ROOT | CHILD, NULL },
        { KIT_ACCEPT, ENFILE, ROOT, "can't accept connections" },
        { KIT_ACCEPT, ECONNABORTED, ROOT, NULL },
        { KIT_ACCEPT, ENOMEM, ROOT, "can't accept connections" },
        { KIT_SEND, ECONNRESET, ROOT | CHILD, NULL },
        { KIT_SEND, EPIPE, ROOT | CHILD, NULL },
        { KIT_SEND, EAGAIN, ROOT | CHILD, NULL },
        { KIT_RECV, ECONNRESET, ROOT | CHILD, NULL },
        { KIT_RECV, ENOMEM, ROOT | CHILD, NULL },
        { KIT_READ, EIO, ROOT, NULL },
        { KIT_PWRITE, ENOSPC, ROOT, NULL },
        { KIT_PIPE, EMFILE, ROOT | CHILD, NULL },
        { KIT_MEMFD, ENFILE, ROOT, NULL },
        { KIT_EVENTFD, EMFILE, ROOT | CHILD, NULL },
        { KIT_TIMERFD, EMFILE, ROOT | CHILD, NULL },
        { KIT_EPOLL, EMFILE, ROOT | CHILD, NULL },
        { KIT_EPOLL_CTL, ENOMEM, ROOT | CHILD, "can't watch descriptor" },
        { KIT_OPEN, EMFILE, ROOT | CHILD, NULL },
        { KIT_FCNTL, EMFILE, ROOT, NULL },
        { KIT_GETSOCKNAME, ENOBUFS, ROOT | CHILD | TCP_ONLY, NULL },
        { KIT_GETSOCKOPT, ENOBUFS, ROOT | CHILD, "refused a connection of user -1" },
    };
    enum { COUNT = sizeof shortages / sizeof *shortages };
    static kit_test tests[2 * COUNT];
    static char names[2 * COUNT][100];
    size_t count = 0;
    for (size_t i = 0; i < COUNT; i++) {
        const shortage *s = &shortages[i];
        for (unsigned who = ROOT; who <= CHILD; who++) {
            if (!(s->where & who))
                continue;
            snprintf(names[count], sizeof names[count], "%s of %s fails: %s", kit_call_name(s->call),
                     who == CHILD ? "the child" : "the root", strerror(s->error));
            tests[count] = (kit_test){ names[count], who == CHILD ? child_s : root_s, (s->where & TCP_ONLY) != 0,
                                       (void *)(uintptr_t)s };
            count++;
        }
    }
    return kit_run_tests_(tests, count);
}
