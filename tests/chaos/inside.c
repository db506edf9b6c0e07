/* The faults that come from inside of an actor: cancels by its own code, and connections that are cut under its feet. */
#include "chaos.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- cancels ---- */

typedef struct timed {
    grower *grower;
    const inside_fault *fault;
} timed;

static void on_cancelled(const tractor_error *err, void *user) {
    timed *t = user;
    note(t->grower->node->index, "%s of n%02d: %s", t->fault->what, t->fault->target,
         err ? tractor_error_message(err) : "acknowledged");
}

static void strike(const tractor_error *err, void *user) {
    timed *t = user;
    grower *g = t->grower;
    const char *what = t->fault->what;
    if (err)
        return;
    kid *k = NULL;
    for (int i = 0; i < g->kid_count; i++)
        if (g->kids[i].node->index == t->fault->target)
            k = &g->kids[i];
    int64_t status = TRACTOR_ECLOSED;
    if (strcmp(what, "nursery-cancel") == 0) {
        status = tractor_nursery_cancel(g->pool, "chaos");
    } else if (strcmp(what, "cancel-actor") == 0 && k && k->portal) {
        status = tractor_portal_cancel_actor(k->portal, g->pool, NULL, on_cancelled, t);
    } else if (strcmp(what, "ctx-cancel") == 0 && k && k->ctx) {
        status = tractor_ctx_cancel(k->ctx, g->pool, NULL, on_cancelled, t);
    } else if (strcmp(what, "op-cancel") == 0 && k && k->op > 0) {
        status = tractor_op_cancel(tractor_nursery_actor(g->pool), k->op);
    }
    if (status >= 0)
        note(g->node->index, "fault %s n%02d", what, t->fault->target);
}

void plan_faults(grower *g) {
    const plan *p = the_plan();
    for (int i = 0; i < p->fault_count; i++) {
        if (p->faults[i].node != g->node->index)
            continue;
        timed *t = tractor_nursery_alloc(g->around, sizeof *t);
        *t = (timed){ g, &p->faults[i] };
        tractor_nursery_sleep(g->pool, p->faults[i].at_ms * TRACTOR_MS, strike, t);
    }
}

/* ---- cuts: the observer says when and how by a signal, so that actors whose loop is blocked suffer them too ---- */

static void describe(const struct sockaddr_storage *a, char *to, size_t size) {
    if (a->ss_family == AF_INET)
        snprintf(to, size, "port %d", ntohs(((const struct sockaddr_in *)a)->sin_port));
    else
        snprintf(to, size, "'%s'", ((const struct sockaddr_un *)a)->sun_path);
}

/* A connection with another actor: unlike socket pairs and listeners, it has a peer, and one of its ends has a name. */
static bool is_connection(int fd, struct sockaddr_storage *own, struct sockaddr_storage *peer) {
    memset(own, 0, sizeof *own);
    memset(peer, 0, sizeof *peer);
    socklen_t own_size = sizeof *own, peer_size = sizeof *peer;
    if (getsockname(fd, (struct sockaddr *)own, &own_size) != 0 ||
        getpeername(fd, (struct sockaddr *)peer, &peer_size) != 0)
        return false;
    return own->ss_family == AF_INET ||
           (own->ss_family == AF_UNIX &&
            (((struct sockaddr_un *)own)->sun_path[0] != '\0' || ((struct sockaddr_un *)peer)->sun_path[0] != '\0'));
}

static void cut(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)context;
    int saved = errno, candidates[256], count = 0, value = info->si_value.sival_int;
    struct sockaddr_storage own, peer;
    for (int fd = 3; fd < 256; fd++)
        if (is_connection(fd, &own, &peer))
            candidates[count++] = fd;
    int how = value & 3;
    if (count > 0 && how <= SHUT_RDWR) {
        int fd = candidates[(value >> 2) % count];
        char from[128], to[128];
        is_connection(fd, &own, &peer);
        describe(&own, from, sizeof from);
        describe(&peer, to, sizeof to);
        int status = shutdown(fd, how);
        /* The library is not running here, only interrupted; the diary takes nothing of it but the clock. */
        note(0, "%s %s fd %d from %s to %s", status == 0 ? "fault" : "no", how == SHUT_RDWR ? "cut" : "half-close", fd,
             from, to);
    }
    errno = saved;
}

void catch_cuts(void) {
    struct sigaction action = { .sa_sigaction = cut, .sa_flags = SA_SIGINFO | SA_RESTART };
    sigfillset(&action.sa_mask);
    sigaction(SIGUSR2, &action, NULL);
}
