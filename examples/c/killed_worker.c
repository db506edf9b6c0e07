/* A worker is killed in the middle of a job. Its caller hears of it at once, a new worker takes its place, and the job is
 * done again. */
#include <signal.h>
#include <stdio.h>

#include <tractor.h>

/* --- in a worker -------------------------------------------------------------------------- */

static void square(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int n, attempt;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i, s:i}", "n", &n, "attempt", &attempt) != TRACTOR_OK)
        return;
    if (n == 3 && attempt == 1)
        raise(SIGKILL); /* what the kernel does to a process that wants too much memory */
    tractor_ctx_return(ctx, "i", n * n);
}
static const tractor_endpoint jobs[] = { TRACTOR_FUNC("square", square), TRACTOR_ENDPOINTS_END };

/* --- in the root -------------------------------------------------------------------------- */

enum { WORKERS = 2, JOBS = 6 };
typedef struct pool pool;
typedef struct {
    pool *pool;
    tractor_portal *portal;
    int job;
} worker;
struct pool {
    tractor_nursery *nursery;
    worker workers[WORKERS];
    int next; /* jobs have the numbers 1 to JOBS */
    int lost; /* the one that has to be done again, or 0 */
    int done, replaced;
};

static void start(worker *w);
static void feed(worker *w);

static void on_square(const tractor_error *err, const tractor_value *value, void *user) {
    worker *w = user;
    pool *p = w->pool;
    int result;
    if (tractor_error_code(err) == TRACTOR_ECHILD) {
        printf("job %d: %s\n", w->job, tractor_error_name(err));
        p->lost = w->job; /* for the new worker */
    } else if (err) {
        tractor_nursery_fail(p->nursery, err);
    } else if (tractor_unpack(value, "i", &result) == TRACTOR_OK) {
        printf("job %d: %d\n", w->job, result);
        p->done++;
        feed(w);
    }
}

static void feed(worker *w) {
    pool *p = w->pool;
    int attempt = 1;
    if (p->lost > 0) {
        w->job = p->lost;
        p->lost = 0;
        attempt = 2;
    } else if (p->next <= JOBS) {
        w->job = p->next++;
    } else {
        return;
    }
    tractor_portal_run(w->portal, p->nursery, "jobs", "square",
                       TRACTOR_ARGS("{s:i, s:i}", "n", w->job, "attempt", attempt), NULL, on_square, w);
}

static void on_worker(const tractor_error *err, tractor_portal *portal, void *user) {
    worker *w = user;
    if (err) {
        tractor_nursery_fail(w->pool->nursery, err);
        return;
    }
    w->portal = portal;
    feed(w);
}

/* Without this receiver the death of a worker would fail the nursery. A worker that was cancelled does not come here. */
static void on_death(const tractor_error *err, void *user) {
    worker *w = user;
    printf("%s\n", tractor_error_message(err));
    w->pool->replaced++;
    start(w);
}

static void start(worker *w) {
    const char *const modules[] = { "jobs", NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules, .on_exit = on_death,
                                      .on_exit_user = w };
    tractor_nursery_start_actor(w->pool->nursery, "worker", &options, on_worker, w);
}

static void on_end(const tractor_error *err, void *user) {
    const pool *p = user;
    if (!err)
        printf("%d jobs done, %d worker replaced\n", p->done, p->replaced);
}

static void root(tractor_nursery *nursery, void *user) {
    pool *p = user;
    tractor_nursery_options options = { TRACTOR_NURSERY_OPTIONS, .flags = TRACTOR_NURSERY_CANCEL_DAEMONS };
    p->nursery = tractor_nursery_open(nursery, &options, NULL, NULL);
    tractor_nursery_on_end(p->nursery, on_end, p);
    for (int i = 0; i < WORKERS; i++) {
        p->workers[i].pool = p;
        start(&p->workers[i]);
    }
    tractor_nursery_close(p->nursery);
}

int main(int argc, char **argv) {
    pool p = { .next = 1 };
    tractor_register("jobs", jobs, NULL);
    return tractor_main(argc, argv, NULL, root, &p);
}
