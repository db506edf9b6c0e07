/* A program with a libevent loop of its own, and a timer on it, opens an actor on that loop. */
#include <event2/event.h>
#include <stdio.h>

#include <tractor.h>

/* --- in the child ------------------------------------------------------------------------- */

static void answer_slowly(const tractor_error *err, void *user) {
    if (!err)
        tractor_ctx_return(user, "s", "good morning");
}
static void wake_up(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args;
    (void)user;
    tractor_nursery_sleep(tractor_ctx_nursery(ctx), 100 * TRACTOR_MS, answer_slowly, ctx);
}
static const tractor_endpoint sleepers[] = { TRACTOR_FUNC("wake_up", wake_up), TRACTOR_ENDPOINTS_END };

/* --- in the host -------------------------------------------------------------------------- */

typedef struct {
    struct event *timer;
    int ticks;
} host;

static void on_tick(evutil_socket_t fd, short what, void *user) {
    host *h = user;
    (void)fd;
    (void)what;
    h->ticks++;
}

static void on_answer(const tractor_error *err, const tractor_value *value, void *user) {
    tractor_nursery *nursery = user;
    const char *text;
    if (err)
        tractor_nursery_fail(nursery, err);
    else if (tractor_unpack(value, "s", &text) == TRACTOR_OK)
        printf("the child says: %s\n", text);
    tractor_actor_close(tractor_nursery_actor(nursery)); /* an actor inside a host stays open until it is closed */
}

static void on_up(tractor_nursery *nursery, void *user) {
    (void)user;
    puts("the actor is up");
    tractor_nursery_run_in_actor(nursery, "sleepers", "wake_up", TRACTOR_ARGS("{}"), NULL, on_answer, nursery);
}

/* The last callback of the actor: nothing of it is left on the loop. The host may go on as long as it likes. */
static void on_end(const tractor_error *err, void *user) {
    host *h = user;
    if (err)
        tractor_error_print(err, stderr);
    printf("the actor has ended; the host's timer %s\n", h->ticks > 0 ? "ticked all the while" : "never ticked");
    event_del(h->timer);
}

int main(int argc, char **argv) {
    tractor_register("sleepers", sleepers, NULL);
    tractor_child_main(argc, argv); /* the child is this program too, and ends in here */

    host h = { 0 };
    struct event_base *base = event_base_new();
    h.timer = event_new(base, -1, EV_PERSIST, on_tick, &h);
    event_add(h.timer, &(struct timeval){ .tv_usec = 5000 });

    tractor_root_options options = { TRACTOR_ROOT_OPTIONS, .event_base = base };
    tractor_actor *actor;
    int status = tractor_actor_open(&options, on_up, on_end, &h, &actor);
    if (status == TRACTOR_OK)
        event_base_dispatch(base);
    else
        fprintf(stderr, "no actor: %s\n", tractor_strerror(status));

    event_free(h.timer);
    event_base_free(base);
    puts("the host has ended");
    return status == TRACTOR_OK ? 0 : 1;
}
