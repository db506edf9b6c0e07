/* The relay: a process that polls. What it is to do lies in memory that it shares with the test. */
#include "kit/proxy.h"
#include "kit/kit_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { AT_ONCE = 256, PIECE = 64 * 1024 };

typedef struct setting {
    _Atomic int64_t after;
    _Atomic int how;
} setting;

typedef struct shared {
    setting breaks[KIT_PROXY_MOST][2];
    _Atomic int64_t counts[KIT_PROXY_MOST][2];
    _Atomic int connections, split[2], delay_ms[2];
    char bytes[KIT_PROXY_KEPT][2][KIT_PROXY_BYTES];
} shared;

struct kit_proxy {
    shared *s;
    pid_t pid;
    int wake;
    const char *address;
};

const char *kit_break_name(enum kit_break how) {
    static const char *const names[] = { "whole", "close", "reset", "half-close", "stall" };
    return names[how];
}

/* ---- addresses ---- */

typedef union name {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_un un;
} name;

static socklen_t parse(const char *address, name *out) {
    int a, b, c, d, port;
    memset(out, 0, sizeof *out);
    if (sscanf(address, "/ip4/%d.%d.%d.%d/tcp/%d", &a, &b, &c, &d, &port) == 5) {
        out->in.sin_family = AF_INET;
        out->in.sin_port = htons((uint16_t)port);
        out->in.sin_addr.s_addr = htonl((uint32_t)(a << 24 | b << 16 | c << 8 | d));
        return sizeof out->in;
    }
    out->un.sun_family = AF_UNIX;
    strncpy(out->un.sun_path, address + strlen("/unix"), sizeof out->un.sun_path - 1);
    return sizeof out->un;
}

/* ---- the process ---- */

/* One direction of a connection. */
typedef struct lane {
    int from, to;
    int64_t gone;
    size_t held; /* in `buffer`, on its way since `came` */
    int64_t came;
    bool ended, swallows;
    char *buffer;
} lane;

typedef struct pair {
    int number;
    bool finishing; /* closed for both: waits until they have noticed */
    lane lanes[2];
} pair;

typedef struct relay {
    shared *s;
    int listener, wake;
    name to;
    socklen_t to_size;
    pair pairs[AT_ONCE];
    int count;
} relay;

static void drop(relay *r, int i) {
    pair *p = &r->pairs[i];
    close(p->lanes[0].from);
    close(p->lanes[0].to);
    free(p->lanes[0].buffer);
    free(p->lanes[1].buffer);
    r->pairs[i] = r->pairs[--r->count];
}

static void reset_on_close(int fd) {
    struct linger hard = { 1, 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

/* True if the connection is gone. */
static bool break_now(relay *r, int i, int way, enum kit_break how) {
    pair *p = &r->pairs[i];
    lane *l = &p->lanes[way];
    switch (how) {
        case KIT_RESET:
            reset_on_close(l->from);
            reset_on_close(l->to);
            drop(r, i);
            return true;
        case KIT_CLOSE:
            /* Bytes that nobody has read would make an RST of it. */
            shutdown(l->from, SHUT_WR);
            shutdown(l->to, SHUT_WR);
            p->finishing = true;
            p->lanes[0].swallows = p->lanes[1].swallows = true;
            return false;
        case KIT_HALF_CLOSE:
            if (!l->swallows)
                shutdown(l->to, SHUT_WR);
            l->swallows = true;
            return false;
        case KIT_STALL:
        case KIT_WHOLE:
            return false;
    }
    return false;
}

static enum kit_break due(const relay *r, const pair *p, int way, int64_t *room) {
    const setting *b = &r->s->breaks[p->number][way];
    enum kit_break how = (enum kit_break)b->how;
    *room = how == KIT_WHOLE ? PIECE : b->after - p->lanes[way].gone;
    return *room <= 0 ? how : KIT_WHOLE;
}

static void passed(relay *r, pair *p, int way, const char *bytes, size_t n) {
    lane *l = &p->lanes[way];
    if (p->number < KIT_PROXY_KEPT && l->gone + (int64_t)n <= KIT_PROXY_BYTES)
        memcpy(r->s->bytes[p->number][way] + l->gone, bytes, n);
    l->gone += (int64_t)n;
    r->s->counts[p->number][way] = l->gone;
}

/* False: the connection is over. */
static bool take(relay *r, pair *p, int way, int64_t room) {
    lane *l = &p->lanes[way];
    int split = r->s->split[way];
    size_t most = l->swallows ? PIECE : (size_t)(room < PIECE ? room : PIECE);
    if (split > 0 && most > (size_t)split)
        most = (size_t)split;
    ssize_t n = recv(l->from, l->buffer, most, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0) {
        l->ended = true;
        if (n < 0) { /* as it was told */
            reset_on_close(l->to);
            return false;
        }
        if (!l->swallows)
            shutdown(l->to, SHUT_WR);
        return !p->lanes[!way].ended;
    }
    if (!l->swallows) {
        l->held = (size_t)n;
        l->came = tractor_now();
    }
    return true;
}

static bool give(relay *r, pair *p, int way) {
    lane *l = &p->lanes[way];
    /* Whoever receives them may look at once. */
    r->s->counts[p->number][way] = l->gone + (int64_t)l->held;
    ssize_t n = send(l->to, l->buffer, l->held, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
        r->s->counts[p->number][way] = l->gone;
    if (n < 0 && errno == EAGAIN)
        return true;
    if (n < 0) { /* it is read no more: whoever sends has to know */
        l->held = 0;
        l->ended = true;
        shutdown(l->from, SHUT_RD);
        return !p->lanes[!way].ended;
    }
    passed(r, p, way, l->buffer, (size_t)n);
    l->held -= (size_t)n;
    memmove(l->buffer, l->buffer + n, l->held);
    return true;
}

static void accept_one(relay *r) {
    int fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    int other = socket(r->to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int number = r->s->connections;
    if (number == KIT_PROXY_MOST || r->count == AT_ONCE || connect(other, &r->to.any, r->to_size) != 0) {
        close(fd);
        close(other);
        return;
    }
    int on = 1;
    if (r->to.any.sa_family == AF_INET) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(other, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    r->pairs[r->count++] = (pair){ .number = number,
                                   .lanes = { { .from = fd, .to = other, .buffer = malloc(PIECE) },
                                              { .from = other, .to = fd, .buffer = malloc(PIECE) } } };
    r->s->connections = number + 1;
}

static bool serve_pair(relay *r, int i, const short got[2]) {
    for (int way = 0; way < 2; way++) {
        pair *p = &r->pairs[i];
        lane *l = &p->lanes[way];
        if (l->held > 0 && tractor_now() - l->came >= r->s->delay_ms[way] * TRACTOR_MS && !give(r, p, way))
            return false;
        int64_t room;
        enum kit_break how = due(r, p, way, &room);
        if (how != KIT_WHOLE && l->held == 0 && !l->swallows && break_now(r, i, way, how))
            return true;
        if (l->held == 0 && !l->ended && (got[way] & (POLLIN | POLLHUP | POLLERR)) &&
            (how == KIT_WHOLE || l->swallows) && !take(r, p, way, room))
            return false;
    }
    pair *p = &r->pairs[i];
    return !(p->finishing && p->lanes[0].ended && p->lanes[1].ended);
}

/* What each lane waits for. The soonest that is due in ms, or -1. */
static int fill(relay *r, struct pollfd *fds) {
    int patience = -1;
    for (int i = 0; i < r->count; i++) {
        for (int way = 0; way < 2; way++) {
            lane *l = &r->pairs[i].lanes[way];
            int64_t room, wait = r->s->delay_ms[way] * TRACTOR_MS - (tractor_now() - l->came);
            struct pollfd *in = &fds[2 + 4 * i + 2 * way], *out = in + 1;
            bool stalled = due(r, &r->pairs[i], way, &room) == KIT_STALL;
            *in = (struct pollfd){ l->held == 0 && !l->ended && (!stalled || l->swallows) ? l->from : -1, POLLIN, 0 };
            *out = (struct pollfd){ l->held > 0 && wait <= 0 ? l->to : -1, POLLOUT, 0 };
            if (l->held > 0 && wait > 0) {
                int ms = (int)(wait / TRACTOR_MS) + 1;
                patience = patience < 0 || ms < patience ? ms : patience;
            }
        }
    }
    return patience;
}

_Noreturn static void run(relay *r) {
    static struct pollfd fds[2 + 4 * AT_ONCE];
    for (;;) {
        fds[0] = (struct pollfd){ r->count < AT_ONCE ? r->listener : -1, POLLIN, 0 };
        fds[1] = (struct pollfd){ r->wake, POLLIN, 0 };
        int patience = fill(r, fds);
        poll(fds, (nfds_t)(2 + 4 * r->count), patience);
        uint64_t woken;
        if ((fds[1].revents & POLLIN) && read(r->wake, &woken, sizeof woken) < 0)
            _exit(1);
        /* Backwards: what drop() moves has been served. */
        for (int i = r->count - 1; i >= 0; i--) {
            const struct pollfd *f = &fds[2 + 4 * i];
            int before = r->count;
            if (!serve_pair(r, i, (short[]){ f[0].revents, f[2].revents }) && r->count == before)
                drop(r, i);
        }
        if (fds[0].revents & POLLIN) {
            accept_one(r);
            /* It may have to break before a byte has come. */
            if (r->count > 0 && !serve_pair(r, r->count - 1, (short[]){ 0, 0 }))
                drop(r, r->count - 1);
        }
    }
}

/* ---- the test's side ---- */

static void close_proxy(void *user) {
    kit_proxy *p = user;
    if (p->pid > 0) {
        kill(p->pid, SIGKILL);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        p->pid = 0;
        close(p->wake);
        if (strncmp(p->address, "/unix", 5) == 0)
            unlink(p->address + 5);
    }
}

static void free_proxy(void *user) {
    kit_proxy *p = user;
    close_proxy(p);
    munmap(p->s, sizeof *p->s);
    free(p);
}

void kit_proxy_close(kit_proxy *p) { close_proxy(p); }

static void start(kit_proxy *p, relay *r) {
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN);
    /* Nothing of the test's is kept open here: connections end when it closes them. */
    int first = r->listener < r->wake ? r->listener : r->wake, last = r->listener < r->wake ? r->wake : r->listener;
    syscall(SYS_close_range, 3, first - 1, 0);
    syscall(SYS_close_range, first + 1, last - 1, 0);
    syscall(SYS_close_range, last + 1, ~0U, 0);
    run(r);
}

kit_proxy *kit_proxy_open_at(const char *address, const char *to) {
    kit_proxy *p = calloc(1, sizeof *p);
    relay *r = calloc(1, sizeof *r);
    p->s = mmap(NULL, sizeof *p->s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(p->s != MAP_FAILED);
    p->address = address;
    p->wake = r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->s = p->s;
    r->to_size = parse(to, &r->to);
    name own;
    socklen_t size = parse(address, &own);
    int on = 1;
    r->listener = socket(own.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(r->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(r->listener, &own.any, size), 0);
    assert_int_equal(listen(r->listener, 512), 0);
    start(p, r);
    close(r->listener);
    free(r);
    kit_at_end(free_proxy, p);
    return p;
}

kit_proxy *kit_proxy_open(const char *to) {
    return kit_proxy_open_at(kit_fresh_address_of(strncmp(to, "/unix", 5) == 0 ? "uds" : "tcp"), to);
}

const char *kit_proxy_address(const kit_proxy *p) { return p->address; }

static void wake(kit_proxy *p) {
    if (p->pid > 0)
        assert_int_equal(write(p->wake, &(uint64_t){ 1 }, sizeof(uint64_t)), sizeof(uint64_t));
}

void kit_proxy_break(kit_proxy *p, int connection, enum kit_way way, int64_t after, enum kit_break how) {
    assert_true(connection >= 0 && connection < KIT_PROXY_MOST);
    p->s->breaks[connection][way].after = after;
    p->s->breaks[connection][way].how = (int)how;
    wake(p);
}

void kit_proxy_go_on(kit_proxy *p, int connection, enum kit_way way) {
    p->s->breaks[connection][way].how = KIT_WHOLE;
    wake(p);
}

void kit_proxy_split(kit_proxy *p, enum kit_way way, int bytes) {
    p->s->split[way] = bytes;
    wake(p);
}

void kit_proxy_delay(kit_proxy *p, enum kit_way way, int ms) {
    p->s->delay_ms[way] = ms;
    wake(p);
}

int kit_proxy_connections(const kit_proxy *p) { return p->s->connections; }

int64_t kit_proxy_count(const kit_proxy *p, int connection, enum kit_way way) { return p->s->counts[connection][way]; }

const char *kit_proxy_bytes(const kit_proxy *p, int connection, enum kit_way way) {
    assert_true(connection < KIT_PROXY_KEPT);
    return p->s->bytes[connection][way];
}
