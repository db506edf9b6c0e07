/* Functions in the place of libc's. The executable's come first in the dynamic linker's order, and in a static link, too. Each
 * asks whether it has to fail and else calls the next one of its name: a sanitizer's or libc's. They are written under
 * other names, so that the system's headers need not agree with their declarations. */
#include "kit/fault/plan.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define REPLACES(name) __asm__(#name)
/* In a function called fault_NAME. */
#define NEXT(name)                         \
    static __typeof__(fault_##name) *next; \
    if (!next)                             \
    *(void **)&next = dlsym(RTLD_NEXT, #name)

#define SIMPLE(call, name, parameters, arguments) \
    int fault_##name parameters REPLACES(name);   \
    int fault_##name parameters {                 \
        NEXT(name);                               \
        if (fault_before(call, NULL, 0))          \
            return -1;                            \
        int result = next arguments;              \
        fault_after(call, NULL, 0);               \
        return result;                            \
    }

SIMPLE(KIT_CLONE, fork, (void), ())
SIMPLE(KIT_SOCKET, socket, (int family, int type, int protocol), (family, type, protocol))
SIMPLE(KIT_BIND, bind, (int fd, const void *address, unsigned size), (fd, address, size))
SIMPLE(KIT_LISTEN, listen, (int fd, int backlog), (fd, backlog))
SIMPLE(KIT_ACCEPT, accept4, (int fd, void *address, unsigned *size, int flags), (fd, address, size, flags))
/* Not pipe(): the undefined behaviour sanitizer looks at memory through one. */
SIMPLE(KIT_PIPE, pipe2, (int ends[2], int flags), (ends, flags))
SIMPLE(KIT_PIPE, socketpair, (int family, int type, int protocol, int ends[2]), (family, type, protocol, ends))
SIMPLE(KIT_MEMFD, memfd_create, (const char *name, unsigned flags), (name, flags))
SIMPLE(KIT_EVENTFD, eventfd, (unsigned count, int flags), (count, flags))
SIMPLE(KIT_TIMERFD, timerfd_create, (int clock, int flags), (clock, flags))
SIMPLE(KIT_EPOLL, epoll_create1, (int flags), (flags))
SIMPLE(KIT_EPOLL, epoll_create, (int size), (size))
SIMPLE(KIT_GETSOCKNAME, getsockname, (int fd, void *name, unsigned *size), (fd, name, size))
SIMPLE(KIT_GETSOCKOPT, getsockopt, (int fd, int level, int name, void *value, unsigned *size),
       (fd, level, name, value, size))
SIMPLE(KIT_MKDIR, mkdir, (const char *path, mode_t mode), (path, mode))

int fault_connect(int fd, const struct sockaddr *to, unsigned size) REPLACES(connect);
int fault_connect(int fd, const struct sockaddr *to, unsigned size) {
    NEXT(connect);
    if (fault_before(KIT_CONNECT, NULL, 0))
        return -1;
    const struct sockaddr *where = fault_redirect(to, &size);
    int result = next(fd, where, size);
    fault_after(KIT_CONNECT, NULL, 0);
    return result;
}

int fault_epoll_ctl(int epoll, int op, int fd, void *event) REPLACES(epoll_ctl);
int fault_epoll_ctl(int epoll, int op, int fd, void *event) {
    NEXT(epoll_ctl);
    if (op != EPOLL_CTL_DEL && fault_before(KIT_EPOLL_CTL, NULL, 0))
        return -1;
    return next(epoll, op, fd, event);
}

/* ---- bytes ---- */

ssize_t fault_send(int fd, const void *bytes, size_t size, int flags) REPLACES(send);
ssize_t fault_send(int fd, const void *bytes, size_t size, int flags) {
    NEXT(send);
    if (fault_before(KIT_SEND, bytes, size))
        return -1;
    ssize_t n = next(fd, bytes, size, flags);
    fault_after(KIT_SEND, bytes, size);
    return n;
}

/* `with` is looked for in its first part. */
ssize_t fault_sendmsg(int fd, const struct msghdr *message, int flags) REPLACES(sendmsg);
ssize_t fault_sendmsg(int fd, const struct msghdr *message, int flags) {
    NEXT(sendmsg);
    const struct iovec *first = message->msg_iov;
    if (fault_before(KIT_SEND, first->iov_base, first->iov_len))
        return -1;
    ssize_t n = next(fd, message, flags);
    fault_after(KIT_SEND, first->iov_base, first->iov_len);
    return n;
}

ssize_t fault_recv(int fd, void *bytes, size_t size, int flags) REPLACES(recv);
ssize_t fault_recv(int fd, void *bytes, size_t size, int flags) {
    NEXT(recv);
    if (fault_before(KIT_RECV, NULL, 0))
        return -1;
    ssize_t n = next(fd, bytes, size, flags);
    return fault_after(KIT_RECV, bytes, n > 0 ? (size_t)n : 0) ? -1 : n;
}

ssize_t fault_read(int fd, void *bytes, size_t size) REPLACES(read);
ssize_t fault_read(int fd, void *bytes, size_t size) {
    NEXT(read);
    return fault_before(KIT_READ, NULL, 0) ? -1 : next(fd, bytes, size);
}

ssize_t fault_write(int fd, const void *bytes, size_t size) REPLACES(write);
ssize_t fault_write(int fd, const void *bytes, size_t size) {
    NEXT(write);
    return fault_before(KIT_WRITE, bytes, size) ? -1 : next(fd, bytes, size);
}

ssize_t fault_writev(int fd, const struct iovec *parts, int count) REPLACES(writev);
ssize_t fault_writev(int fd, const struct iovec *parts, int count) {
    NEXT(writev);
    return fault_before(KIT_WRITE, NULL, 0) ? -1 : next(fd, parts, count);
}

ssize_t fault_pwrite(int fd, const void *bytes, size_t size, off_t at) REPLACES(pwrite);
ssize_t fault_pwrite(int fd, const void *bytes, size_t size, off_t at) {
    NEXT(pwrite);
    return fault_before(KIT_PWRITE, NULL, 0) ? -1 : next(fd, bytes, size, at);
}

/* ---- with more arguments than they say ---- */

int fault_open(const char *path, int flags, ...) REPLACES(open);
int fault_open(const char *path, int flags, ...) {
    NEXT(open);
    va_list more;
    va_start(more, flags);
    unsigned mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, unsigned) : 0;
    va_end(more);
    return fault_before(KIT_OPEN, path, strlen(path)) ? -1 : next(path, flags, mode);
}

DIR *fault_opendir(const char *path) REPLACES(opendir);
DIR *fault_opendir(const char *path) {
    NEXT(opendir);
    return fault_before(KIT_OPEN, path, strlen(path)) ? NULL : next(path);
}

int fault_fcntl(int fd, int command, ...) REPLACES(fcntl);
int fault_fcntl(int fd, int command, ...) {
    NEXT(fcntl);
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *); /* an int is as good in a register */
    va_end(more);
    return fault_before(KIT_FCNTL, NULL, 0) ? -1 : next(fd, command, argument);
}

int fault_clone(int (*fn)(void *), void *stack, int flags, void *argument, ...) REPLACES(clone);
int fault_clone(int (*fn)(void *), void *stack, int flags, void *argument, ...) {
    NEXT(clone);
    va_list more;
    va_start(more, argument);
    void *parent_tid = va_arg(more, void *), *tls = va_arg(more, void *), *child_tid = va_arg(more, void *);
    va_end(more);
    if (fault_before(KIT_CLONE, NULL, 0))
        return -1;
    int pid = next(fn, stack, flags, argument, parent_tid, tls, child_tid);
    fault_after(KIT_CLONE, NULL, 0);
    return pid;
}

int fault_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*fn)(void *), void *argument)
    REPLACES(pthread_create);
int fault_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*fn)(void *), void *argument) {
    NEXT(pthread_create);
    return fault_before(KIT_THREAD, NULL, 0) ? errno : next(thread, how, fn, argument);
}

void *fault_dlopen(const char *path, int flags) REPLACES(dlopen);
void *fault_dlopen(const char *path, int flags) {
    NEXT(dlopen);
    if (path && fault_before(KIT_DLOPEN, path, strlen(path)))
        return NULL;
    return next(path, flags);
}
