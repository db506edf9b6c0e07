#include "robust/raw_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int raw_patience(int ms) {
    const char *text = getenv("TRACTOR_TEST_HEADROOM");
    int factor = text ? atoi(text) : 1;
    return ms * (factor < 1 ? 1 : factor);
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void raw_uuid(char uuid[37]) {
    unsigned char b[16];
    if (getrandom(b, sizeof b, 0) != sizeof b)
        abort();
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    snprintf(uuid, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
             b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

/* ---- addresses ---- */

static socklen_t socket_address(const char *multiaddr, struct sockaddr_storage *to) {
    memset(to, 0, sizeof *to);
    char host[64];
    int port;
    if (strncmp(multiaddr, "/unix/", 6) == 0) {
        struct sockaddr_un *un = (struct sockaddr_un *)to;
        un->sun_family = AF_UNIX;
        const char *path = multiaddr + 5;
        if (strlen(path) >= sizeof un->sun_path)
            return 0;
        memcpy(un->sun_path, path, strlen(path) + 1);
        return sizeof *un;
    }
    if (sscanf(multiaddr, "/ip4/%63[^/]/tcp/%d", host, &port) != 2)
        return 0;
    struct sockaddr_in *in = (struct sockaddr_in *)to;
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, host, &in->sin_addr) == 1 ? sizeof *in : 0;
}

const char *raw_wire_address(raw_arena *arena, const char *multiaddr) {
    char host[64];
    int port;
    if (sscanf(multiaddr, "/ip4/%63[^/]/tcp/%d", host, &port) == 2)
        return raw_format(arena, "['%s',%d]", host, port);
    const char *path = multiaddr + 5, *slash = strrchr(path, '/');
    const char *folder = raw_format(arena, "%.*s", (int)(slash - path), path);
    return raw_format(arena, "['%s','%s']", raw_quoted(arena, folder), raw_quoted(arena, slash + 1));
}

const char *raw_multiaddr(raw_arena *arena, const raw_node *wire) {
    if (!wire || wire->kind != RAW_ARRAY || wire->count != 2 || wire->items[0].kind != RAW_STR)
        return NULL;
    if (wire->items[1].kind == RAW_INT)
        return raw_format(arena, "/ip4/%s/tcp/%d", wire->items[0].s, (int)wire->items[1].i);
    return raw_format(arena, "/unix%s/%s", wire->items[0].s, wire->items[1].s);
}

/* ---- connections ---- */

int raw_connect(const char *multiaddr) {
    struct sockaddr_storage to;
    socklen_t len = socket_address(multiaddr, &to);
    int fd = len ? socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, len) != 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    int on = 1;
    if (to.ss_family == AF_INET)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

raw_peer *raw_on_fd(int fd, const char *name) {
    if (fd < 0)
        return NULL;
    raw_peer *peer = calloc(1, sizeof *peer);
    if (!peer)
        abort();
    peer->fd = fd;
    snprintf(peer->name, sizeof peer->name, "%s", name);
    raw_uuid(peer->uuid);
    return peer;
}

raw_peer *raw_open(const char *multiaddr, const char *name) { return raw_on_fd(raw_connect(multiaddr), name); }

raw_peer *raw_open_greeted(const char *multiaddr, const char *name) {
    raw_peer *peer = raw_open(multiaddr, name);
    if (peer && !raw_greet(peer)) {
        raw_close(peer);
        return NULL;
    }
    return peer;
}

void raw_close(raw_peer *peer) {
    if (!peer)
        return;
    if (peer->fd >= 0)
        close(peer->fd);
    free(peer->in);
    raw_release(&peer->arena);
    free(peer);
}

void raw_reset(raw_peer *peer) {
    struct linger now = { 1, 0 };
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    raw_close(peer);
}

/* ---- bytes ---- */

static bool wait_for(raw_peer *peer, short events, int64_t deadline) {
    for (;;) {
        int64_t left = deadline - now_ms();
        struct pollfd p = { peer->fd, events, 0 };
        int n = poll(&p, 1, left > 0 ? (int)left : 0);
        if (n > 0)
            return true;
        if (n == 0)
            return false;
        if (errno != EINTR)
            return true;
    }
}

bool raw_write(raw_peer *peer, const void *data, size_t len) {
    const char *at = data;
    int64_t deadline = now_ms() + raw_patience(RAW_WAIT);
    while (len > 0) {
        ssize_t n = send(peer->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            if (!wait_for(peer, POLLOUT, deadline))
                return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

bool raw_send_body(raw_peer *peer, const void *body, size_t len) {
    unsigned char *frame = malloc(len + 4);
    for (int i = 0; i < 4; i++)
        frame[i] = (unsigned char)(len >> (8 * i));
    if (len)
        memcpy(frame + 4, body, len);
    bool ok = raw_write(peer, frame, len + 4);
    free(frame);
    return ok;
}

static unsigned char *vframe(raw_peer *peer, size_t *len, const char *format, va_list args) {
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        abort();
    size_t body_len;
    unsigned char *body = raw_compile(&peer->arena, text, &body_len);
    if (!body) {
        fprintf(stderr, "raw_peer: bad text: %s\n", text);
        abort();
    }
    free(text);
    unsigned char *frame = raw_alloc(&peer->arena, body_len + 4);
    for (int i = 0; i < 4; i++)
        frame[i] = (unsigned char)(body_len >> (8 * i));
    memcpy(frame + 4, body, body_len);
    *len = body_len + 4;
    return frame;
}

unsigned char *raw_frame(raw_peer *peer, size_t *len, const char *format, ...) {
    va_list args;
    va_start(args, format);
    unsigned char *frame = vframe(peer, len, format, args);
    va_end(args);
    return frame;
}

bool raw_send(raw_peer *peer, const char *format, ...) {
    va_list args;
    va_start(args, format);
    size_t len;
    unsigned char *frame = vframe(peer, &len, format, args);
    va_end(args);
    return raw_write(peer, frame, len);
}

/* At least `need` bytes from `begin` on. */
static bool fill(raw_peer *peer, size_t need, int64_t deadline) {
    while (peer->end - peer->begin < need) {
        if (peer->begin > 0) {
            memmove(peer->in, peer->in + peer->begin, peer->end - peer->begin);
            peer->end -= peer->begin;
            peer->begin = 0;
        }
        if (need > peer->capacity || peer->end == peer->capacity) {
            peer->capacity = need > 65536 ? need : 65536;
            peer->in = realloc(peer->in, peer->capacity);
        }
        if (!wait_for(peer, POLLIN, deadline)) {
            peer->state = RAW_TIMEOUT;
            return false;
        }
        ssize_t n = recv(peer->fd, peer->in + peer->end, peer->capacity - peer->end, 0);
        if (n > 0) {
            peer->end += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            peer->state = RAW_EOF;
            return false;
        }
    }
    return true;
}

const raw_node *raw_receive(raw_peer *peer, int ms) {
    int64_t deadline = now_ms() + ms;
    peer->state = RAW_OPEN;
    if (!fill(peer, 4, deadline))
        return NULL;
    const unsigned char *p = peer->in + peer->begin;
    size_t len = p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
    if (len > 256u << 20) {
        peer->state = RAW_GARBAGE;
        return NULL;
    }
    if (!fill(peer, 4 + len, deadline))
        return NULL;
    const raw_node *message = raw_decode(&peer->arena, peer->in + peer->begin + 4, len);
    peer->begin += 4 + len;
    if (!message || message->kind != RAW_MAP) {
        peer->state = RAW_GARBAGE;
        return NULL;
    }
    return message;
}

bool raw_wait_closed(raw_peer *peer, int ms) {
    int64_t deadline = now_ms() + ms;
    peer->begin = peer->end = 0;
    peer->state = RAW_OPEN;
    while (fill(peer, 1, deadline))
        peer->begin = peer->end = 0;
    return peer->state == RAW_EOF;
}

/* ---- as Python speaks ---- */

bool raw_send_aid(raw_peer *peer) {
    return raw_send(peer, "{'msg_type':'Aid','name':'%s','uuid':'%s','pid':%d,'is_registrar':%s,'is_probe':false%s}",
                    raw_quoted(&peer->arena, peer->name), peer->uuid, (int)getpid(), peer->registrar ? "true" : "false",
                    peer->native ? ",'ext':{'v':1}" : "");
}

bool raw_receive_aid(raw_peer *peer, int ms) {
    peer->aid = raw_receive(peer, ms);
    return peer->aid && strcmp(raw_str(peer->aid, "msg_type"), "Aid") == 0;
}

bool raw_greet(raw_peer *peer) { return raw_send_aid(peer) && raw_receive_aid(peer, raw_patience(RAW_WAIT)); }

const char *raw_start(raw_peer *peer, const char *ns, const char *func, const char *kwargs) {
    char *cid = raw_alloc(&peer->arena, 37);
    raw_uuid(cid);
    raw_send(
        peer,
        "{'msg_type':'Start','cid':'%s','ns':'%s','func':'%s','kwargs':%s,'uid':['%s','%s'],'pld_spec':'typing.Any'}",
        cid, ns, func, kwargs, raw_quoted(&peer->arena, peer->name), peer->uuid);
    return cid;
}

bool raw_send_ack(raw_peer *peer, const char *cid, const char *functype) {
    return raw_send(peer, "{'msg_type':'StartAck','cid':'%s','functype':'%s'}", cid, functype);
}

bool raw_send_return(raw_peer *peer, const char *cid, const char *pld) {
    return raw_send(peer, "{'msg_type':'Return','cid':'%s','pld':%s}", cid, pld);
}

bool raw_send_cancel_ack(raw_peer *peer, const char *cid) {
    return raw_send(peer, "{'msg_type':'CancelAck','cid':'%s','pld':true}", cid);
}

bool raw_send_error(raw_peer *peer, const char *cid, const char *type, const raw_peer *canceller) {
    const char *who = canceller ? raw_format(&peer->arena, "['%s','%s']", raw_str(canceller->aid, "name"),
                                             raw_str(canceller->aid, "uuid"))
                                : "nil";
    const char *dialog = cid ? raw_format(&peer->arena, "'%s'", cid) : "nil";
    return raw_send(
        peer,
        "{'msg_type':'Error','src_uid':['%s','%s'],'src_type_str':'%s','boxed_type_str':'%s','relay_path':[['%s','%s']]"
        ","
        "'message':'','tb_str':'Traceback (most recent call last):\\n%s: raised by a raw peer\\n','canceller':%s,"
        "'sender':nil,'cid':%s,'_bad_msg':nil,'_bad_msg_as_dict':nil}",
        raw_quoted(&peer->arena, peer->name), peer->uuid, type, type, raw_quoted(&peer->arena, peer->name), peer->uuid,
        type, who, dialog);
}

const raw_node *raw_expect(raw_peer *peer, const char *type, const char *cid) {
    const raw_node *message = raw_receive(peer, raw_patience(RAW_WAIT));
    if (!message) {
        fprintf(stderr, "raw_peer: expected %s, but %s\n", type,
                peer->state == RAW_EOF       ? "the connection is closed"
                : peer->state == RAW_TIMEOUT ? "nothing came"
                                             : "garbage came");
        return NULL;
    }
    if (strcmp(raw_str(message, "msg_type"), type) == 0 && (!cid || strcmp(raw_str(message, "cid"), cid) == 0))
        return message;
    fprintf(stderr, "raw_peer: expected %s of %s, received %s\n", type, cid ? cid : "any",
            raw_show(&peer->arena, message));
    return NULL;
}

const raw_node *raw_call(raw_peer *peer, const char *ns, const char *func, const char *kwargs) {
    const char *cid = raw_start(peer, ns, func, kwargs);
    if (!raw_expect(peer, "StartAck", cid))
        return NULL;
    return raw_get(raw_expect(peer, "Return", cid), "pld");
}

/* ---- a listener ---- */

bool raw_listen(raw_listener *listener, const char *multiaddr) {
    struct sockaddr_storage at;
    socklen_t len = socket_address(multiaddr, &at);
    int fd = len ? socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    int on = 1;
    if (fd >= 0 && at.ss_family == AF_INET)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 || listen(fd, 64) != 0) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    listener->fd = fd;
    snprintf(listener->multiaddr, sizeof listener->multiaddr, "%s", multiaddr);
    if (at.ss_family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)&at;
        char host[64];
        getsockname(fd, (struct sockaddr *)&at, &len);
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(listener->multiaddr, sizeof listener->multiaddr, "/ip4/%s/tcp/%d", host, ntohs(in->sin_port));
    }
    return true;
}

raw_peer *raw_accept(raw_listener *listener, int ms, const char *name, const char *uuid) {
    struct pollfd p = { listener->fd, POLLIN, 0 };
    int64_t deadline = now_ms() + ms;
    int n;
    do {
        int64_t left = deadline - now_ms();
        n = poll(&p, 1, left > 0 ? (int)left : 0);
    } while (n < 0 && errno == EINTR);
    int fd = n == 1 ? accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC) : -1;
    raw_peer *peer = raw_on_fd(fd, name);
    if (peer && uuid)
        snprintf(peer->uuid, sizeof peer->uuid, "%s", uuid);
    return peer;
}

void raw_unlisten(raw_listener *listener) {
    close(listener->fd);
    if (strncmp(listener->multiaddr, "/unix/", 6) == 0)
        unlink(listener->multiaddr + 5);
}
