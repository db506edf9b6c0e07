/* Faults on demand, in this process or in a child: a system call that fails, or a process that is killed, stops or exits
 * just before or after a call.
 *
 *     kit_fault_begin(&(kit_fault){ .call = KIT_SOCKET, .nth = 2, .error = EMFILE }, 1);
 *     kit_run run = kit_run_root(NULL, body, NULL);                        // its second socket() fails
 *     assert_true(kit_fault_end());                                       // it came to that
 *
 *     kit_fault f = { KIT_AFTER_AID, .signal = SIGSTOP };
 *     tractor_nursery_start_actor(root, "child", &(tractor_spawn_options){ .env = kit_fault_env(&f, 1), ... }, ...);
 *     kit_wait_file(f.struck);                                             // now it has stopped
 *
 * A test that includes this header is linked with functions of its own in the place of libc's: the library, shared or
 * static, and libevent call them, and so they do in children that run this same executable. Children take their faults
 * from the environment and remove them from it: theirs have none. Until faults begin, every call goes straight through.
 * Calls are counted from kit_fault_begin(), in a child from its start, in whatever thread they are made. What the library
 * asks of the kernel without libc (between fork and exec) is out of reach.
 *
 * kit_redirect_env() leads a child's first connection, the one to its parent, elsewhere: through a proxy (kit/proxy.h).
 * kit_break_sockets() breaks the connections of this process from inside.
 */
#ifndef TRACTOR_TESTS_KIT_FAULT_H
#define TRACTOR_TESTS_KIT_FAULT_H

#include "kit/kit.h"

#include <errno.h>
#include <signal.h>

typedef enum kit_call {
    KIT_CLONE, /* fork() and clone() */
    KIT_THREAD,
    KIT_SOCKET,
    KIT_CONNECT,
    KIT_BIND,
    KIT_LISTEN,
    KIT_ACCEPT,
    KIT_SEND, /* send() and sendmsg() */
    KIT_RECV,
    KIT_READ,
    KIT_WRITE,     /* write() and writev() */
    KIT_PWRITE,    /* what a boot record is written with */
    KIT_PIPE,      /* pipe2() and socketpair() */
    KIT_MEMFD,     /* memfd_create() */
    KIT_EVENTFD,   /* eventfd() */
    KIT_TIMERFD,   /* timerfd_create() */
    KIT_EPOLL,     /* epoll_create() */
    KIT_EPOLL_CTL, /* epoll_ctl(): to add or to change, not to remove */
    KIT_OPEN,      /* open() and opendir() */
    KIT_FCNTL,     /* fcntl() */
    KIT_GETSOCKNAME,
    KIT_GETSOCKOPT,
    KIT_MKDIR,
    KIT_DLOPEN, /* an import */
    KIT_CALLS
} kit_call;
const char *kit_call_name(kit_call call);

typedef struct kit_fault {
    kit_call call;
    long nth;         /* which call, from 1; 0: the first */
    long length;      /* how many in a row; 0: 1 */
    const char *with; /* only calls with this text in what they send, have received, open or load are counted */
    bool after;       /* for signal and leave: once the call is made */

    /* One of: */
    int error;  /* the call is not made and fails with this; what a KIT_RECV has received is lost */
    int signal; /* the process gets this */
    int leave;  /* the process exits with this status */

    const char *struck; /* set by kit_fault_env(): a file that is there once it has happened, with the process's id */
} kit_fault;
/* Steps of a child's boot, for the first fields of a kit_fault. */
#define KIT_BEFORE_CONNECT .call = KIT_CONNECT
#define KIT_AFTER_CONNECT .call = KIT_CONNECT, .after = true
#define KIT_BEFORE_AID .call = KIT_SEND, .with = "Aid"
#define KIT_AFTER_AID .call = KIT_SEND, .with = "Aid", .after = true
#define KIT_WITH_SPEC .call = KIT_RECV, .with = "SpawnSpec", .after = true
#define KIT_WHILE_IMPORTING .call = KIT_DLOPEN
#define KIT_BEFORE_BIND .call = KIT_BIND
#define KIT_BEFORE_REGISTER .call = KIT_SEND, .with = "register_actor"
#define KIT_WHILE_REGISTERING .call = KIT_SEND, .with = "register_actor", .after = true
#define KIT_REGISTERED .call = KIT_RECV, .with = "Return", .after = true
#define KIT_BEFORE_READY .call = KIT_SEND, .with = "Return"

/* In this process, from now on; they replace those before. */
void kit_fault_begin(const kit_fault *faults, size_t count);
/* No more. True if each of them has happened. */
bool kit_fault_end(void);
/* The environment of a child to which they happen; sets `struck`. It lives until the test ends. */
const char *const *kit_fault_env(kit_fault *faults, size_t count);
/* The environment of a child whose first connect() goes to another address; with its faults. */
const char *const *kit_redirect_env(const char *to, kit_fault *faults, size_t count);

enum kit_shut { KIT_SHUT_READ, KIT_SHUT_WRITE, KIT_SHUT_BOTH, KIT_SHUT_RESET /* uds knows none: as KIT_SHUT_BOTH */ };
/* Does that to each connection of this process. How many there were. */
int kit_break_sockets(enum kit_shut how);

#endif
