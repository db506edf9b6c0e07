/* Faults: where they come from, when their time has come, and what happens then. */
#include "kit/fault/plan.h"
#include "kit/kit_impl.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

enum { MOST = 8 };

typedef struct armed {
    kit_fault fault;
    atomic_long count; /* of the calls that could be meant */
    atomic_bool happened;
} armed;
static armed plan[MOST];
static size_t planned;
static atomic_int armed_in; /* the process that they are for: what it forks is not meant */

static const char *const names[KIT_CALLS] = {
    [KIT_CLONE] = "clone",
    [KIT_THREAD] = "pthread_create",
    [KIT_SOCKET] = "socket",
    [KIT_CONNECT] = "connect",
    [KIT_BIND] = "bind",
    [KIT_LISTEN] = "listen",
    [KIT_ACCEPT] = "accept",
    [KIT_SEND] = "send",
    [KIT_RECV] = "recv",
    [KIT_READ] = "read",
    [KIT_WRITE] = "write",
    [KIT_PWRITE] = "pwrite",
    [KIT_PIPE] = "pipe",
    [KIT_MEMFD] = "memfd_create",
    [KIT_EVENTFD] = "eventfd",
    [KIT_TIMERFD] = "timerfd",
    [KIT_EPOLL] = "epoll_create",
    [KIT_EPOLL_CTL] = "epoll_ctl",
    [KIT_OPEN] = "open",
    [KIT_FCNTL] = "fcntl",
    [KIT_GETSOCKNAME] = "getsockname",
    [KIT_GETSOCKOPT] = "getsockopt",
    [KIT_MKDIR] = "mkdir",
    [KIT_DLOPEN] = "dlopen",
};

const char *kit_call_name(kit_call call) { return names[call]; }

/* ---- when a call is made ---- */

static bool due(armed *a, kit_call call, const void *bytes, size_t size) {
    const kit_fault *f = &a->fault;
    if (f->call != call || (f->with && (!bytes || !memmem(bytes, size, f->with, strlen(f->with)))))
        return false;
    long first = f->nth ? f->nth : 1, length = f->length ? f->length : 1;
    long n = atomic_fetch_add(&a->count, 1) + 1;
    return n >= first && n - first < length;
}

/* By the kernel itself: the calls below are counted, too. */
static void tell(armed *a) {
    atomic_store(&a->happened, true);
    if (a->fault.struck) {
        char pid[16];
        int n = snprintf(pid, sizeof pid, "%d", (int)syscall(SYS_getpid));
        long fd = syscall(SYS_openat, AT_FDCWD, a->fault.struck, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        syscall(SYS_write, fd, pid, n);
        syscall(SYS_close, fd);
    }
}

static bool happen(armed *a) {
    const kit_fault *f = &a->fault;
    tell(a);
    if (f->signal)
        kill(getpid(), f->signal);
    if (f->leave)
        _exit(f->leave);
    if (f->error)
        errno = f->error;
    return f->error != 0;
}

static bool armed_here(void) {
    int pid = atomic_load_explicit(&armed_in, memory_order_relaxed);
    return pid != 0 && pid == (int)syscall(SYS_getpid);
}

/* What was received is known only afterwards. */
static bool asks_after(const kit_fault *f) { return f->after || (f->call == KIT_RECV && f->with); }

bool fault_before(kit_call call, const void *bytes, size_t size) {
    bool fails = false;
    if (armed_here())
        for (size_t i = 0; i < planned; i++)
            if (!asks_after(&plan[i].fault) && due(&plan[i], call, bytes, size))
                fails = happen(&plan[i]) || fails;
    return fails;
}

bool fault_after(kit_call call, const void *bytes, size_t size) {
    bool fails = false;
    int saved = errno;
    if (armed_here())
        for (size_t i = 0; i < planned; i++)
            if (asks_after(&plan[i].fault) && due(&plan[i], call, bytes, size))
                fails = happen(&plan[i]) || fails;
    if (!fails)
        errno = saved;
    return fails;
}

/* ---- in this process ---- */

void kit_fault_begin(const kit_fault *faults, size_t count) {
    atomic_store(&armed_in, 0);
    assert_true(count <= MOST);
    for (size_t i = 0; i < count; i++) {
        plan[i].fault = faults[i];
        atomic_store(&plan[i].count, 0);
        atomic_store(&plan[i].happened, false);
    }
    planned = count;
    atomic_store(&armed_in, (int)getpid());
}

bool kit_fault_end(void) {
    atomic_store(&armed_in, 0);
    for (size_t i = 0; i < planned; i++)
        if (!atomic_load(&plan[i].happened))
            return false;
    return true;
}

/* ---- in a child ---- */

#define FAULTS "KIT_FAULTS"
#define REDIRECT "KIT_REDIRECT"

static char *written(const kit_fault *f, const char *rest) {
    return kit_text("%s%d %ld %ld %d %d %d %d %s\t%s\n", rest, (int)f->call, f->nth, f->length, (int)f->after, f->error,
                    f->signal, f->leave, f->struck, f->with ? f->with : "");
}

static const char *const *environment(const char *more[], size_t count) {
    size_t size = 0;
    while (environ[size])
        size++;
    const char **env = calloc(size + count + 1, sizeof *env);
    kit_at_end(free, env);
    memcpy(env, environ, size * sizeof *env);
    memcpy(env + size, more, count * sizeof *env);
    return env;
}

static const char *encoded(kit_fault *faults, size_t count) {
    static int number;
    char *text = kit_text(FAULTS "=");
    for (size_t i = 0; i < count; i++) {
        faults[i].struck = kit_path(kit_text("struck-%d", ++number));
        text = written(&faults[i], text);
    }
    return text;
}

const char *const *kit_fault_env(kit_fault *faults, size_t count) {
    return environment((const char *[]){ encoded(faults, count) }, 1);
}

const char *const *kit_redirect_env(const char *to, kit_fault *faults, size_t count) {
    return environment((const char *[]){ encoded(faults, count), kit_text(REDIRECT "=%s", to) }, 2);
}

static char *redirect_to;

static void take_faults(char *text) {
    for (char *next = NULL, *line = strtok_r(text, "\n", &next); line && planned < MOST;
         line = strtok_r(NULL, "\n", &next)) {
        kit_fault *f = &plan[planned].fault;
        int call, after, used = 0;
        if (sscanf(line, "%d %ld %ld %d %d %d %d %n", &call, &f->nth, &f->length, &after, &f->error, &f->signal,
                   &f->leave, &used) != 7)
            continue;
        f->call = (kit_call)call;
        f->after = after != 0;
        f->struck = line + used;
        char *with = strchr(line + used, '\t');
        *with++ = '\0';
        f->with = *with ? with : NULL;
        planned++;
    }
}

__attribute__((constructor)) static void take_environment(void) {
    const char *faults = getenv(FAULTS), *to = getenv(REDIRECT);
    if (to)
        redirect_to = strdup(to);
    if (faults && *faults) {
        take_faults(strdup(faults)); /* they point into it */
        atomic_store(&armed_in, (int)getpid());
    }
    unsetenv(FAULTS);
    unsetenv(REDIRECT);
}

/* ---- connections ---- */

const struct sockaddr *fault_redirect(const struct sockaddr *to, unsigned *size) {
    static union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_un un;
    } other;
    if (!redirect_to || (to->sa_family != AF_INET && to->sa_family != AF_UNIX))
        return to;
    int port = 0;
    memset(&other, 0, sizeof other);
    if (sscanf(redirect_to, "/ip4/127.0.0.1/tcp/%d", &port) == 1) {
        other.in.sin_family = AF_INET;
        other.in.sin_port = htons((uint16_t)port);
        other.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        *size = sizeof other.in;
    } else {
        other.un.sun_family = AF_UNIX;
        strncpy(other.un.sun_path, redirect_to + strlen("/unix"), sizeof other.un.sun_path - 1);
        *size = sizeof other.un;
    }
    free(redirect_to);
    redirect_to = NULL;
    return &other.any;
}

/* A pair of its own has a name at neither end. */
static bool is_connection(int fd) {
    struct sockaddr_un name, peer;
    socklen_t n = sizeof name, m = sizeof peer;
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM)
        return false;
    if (getsockname(fd, (struct sockaddr *)&name, &n) != 0 || getpeername(fd, (struct sockaddr *)&peer, &m) != 0)
        return false;
    return n > sizeof(sa_family_t) || m > sizeof(sa_family_t);
}

int kit_break_sockets(enum kit_shut how) {
    int count = 0;
    for (int fd = 3; fd < 1024; fd++) {
        if (!is_connection(fd))
            continue;
        count++;
        struct sockaddr nobody = { .sa_family = AF_UNSPEC };
        if (how == KIT_SHUT_RESET && connect(fd, &nobody, sizeof nobody) == 0)
            continue;
        shutdown(fd, how == KIT_SHUT_READ ? SHUT_RD : how == KIT_SHUT_WRITE ? SHUT_WR : SHUT_RDWR);
    }
    return count;
}
