/* 100 inputs over four workers, one job each at a time:  pool [none | kill | survive]
 * kill: a worker is killed in the middle, and the pool fails with that one error. survive: the same, but the pool takes the
 * death itself and the job is done again elsewhere. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <tractor.h>

/* --- in a worker -------------------------------------------------------------------------- */

typedef struct {
    tractor_ctx *ctx;
    int64_t n;
} job;

static void square_done(const tractor_error *err, void *user) {
    job *j = user;
    if (!err)
        tractor_ctx_return(j->ctx, "I", j->n * j->n); /* cancelled: nothing to do, the runtime answers */
}

static void square(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int64_t n;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:I}", "n", &n) != TRACTOR_OK)
        return;
    tractor_nursery *in = tractor_ctx_nursery(ctx);
    job *j = tractor_nursery_alloc(in, sizeof *j);
    *j = (job){ ctx, n };
    tractor_nursery_sleep(in, (1 + n % 5) * TRACTOR_MS, square_done, j);
}
static const tractor_endpoint jobs[] = { TRACTOR_FUNC("square", square), TRACTOR_ENDPOINTS_END };

/* --- in the root -------------------------------------------------------------------------- */

enum { INPUTS = 100, WORKERS = 4, KILLED = 2 };
typedef struct pool pool;
typedef struct {
    pool *pool;
    tractor_portal *portal;
    int job; /* -1: idle */
    char name[24];
} worker;
struct pool {
    tractor_nursery *nursery;
    worker workers[WORKERS];
    int next, done, redo[WORKERS], redo_count;
    int64_t sum;
    const char *mode;
};

static void feed(worker *w);

static void job_lost(worker *w) {
    pool *p = w->pool;
    p->redo[p->redo_count++] = w->job;
    w->portal = NULL;
    for (int i = 0; i < WORKERS; i++)
        if (p->workers[i].portal && p->workers[i].job < 0) {
            feed(&p->workers[i]);
            return;
        }
}

static void on_square(const tractor_error *err, const tractor_value *value, void *user) {
    worker *w = user;
    pool *p = w->pool;
    int64_t result;
    if (err && strcmp(p->mode, "survive") == 0 && tractor_error_find(err, TRACTOR_ECHILD)) {
        job_lost(w); /* the job, not the worker, is ours to do again */
        return;
    }
    if (err) {
        tractor_nursery_fail(p->nursery, err); /* ECANCELED too: harmless, the nursery knows */
        return;
    }
    if (tractor_unpack(value, "I", &result) == TRACTOR_OK) {
        p->sum += result;
        p->done++;
    }
    if (p->done == 40 && strcmp(p->mode, "none") != 0)
        kill((pid_t)tractor_portal_id(p->workers[KILLED].portal)->pid, SIGKILL);
    feed(w);
}

static void feed(worker *w) {
    pool *p = w->pool;
    w->job = p->redo_count ? p->redo[--p->redo_count] : p->next < INPUTS ? p->next++ : -1;
    if (w->job >= 0)
        tractor_portal_run(w->portal, p->nursery, "jobs", "square", TRACTOR_ARGS("{s:I}", "n", (int64_t)w->job), NULL,
                           on_square, w);
} /* the last one out: CANCEL_DAEMONS ends the workers */

static void on_worker(const tractor_error *err, tractor_portal *portal, void *user) {
    worker *w = user;
    if (err) {
        tractor_nursery_fail(w->pool->nursery, err);
        return;
    }
    w->portal = portal;
    feed(w);
}

static void on_death(const tractor_error *err, void *user) {
    worker *w = user;
    w->portal = NULL;
    printf("the pool goes on without %s: %s\n", w->name, tractor_error_message(err));
}

static void on_end(const tractor_error *err, void *user) {
    pool *p = user;
    int left = 0;
    for (int i = 0; i < WORKERS; i++)
        left += p->workers[i].portal != NULL;
    if (err) {
        size_t members = tractor_error_child_count(err); /* of a group */
        printf("failed with %zu error: %s: %s\n", members ? members : 1, tractor_error_name(err),
               tractor_error_message(err));
    } else {
        printf("%d results on %d workers, sum %" PRId64 "\n", p->done, left, p->sum);
    }
}

static void root(tractor_nursery *nursery, void *user) {
    pool *p = tractor_nursery_alloc(nursery, sizeof *p);
    p->mode = user;
    p->nursery = tractor_nursery_open(
        nursery,
        &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .name = "pool", .flags = TRACTOR_NURSERY_CANCEL_DAEMONS },
        on_end, p);
    for (int i = 0; i < WORKERS; i++) {
        worker *w = &p->workers[i];
        *w = (worker){ .pool = p, .job = -1 };
        snprintf(w->name, sizeof w->name, "worker-%d", i);
        tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = (const char *const[]){ "jobs", NULL } };
        if (strcmp(p->mode, "survive") == 0) {
            options.on_exit = on_death;
            options.on_exit_user = w;
        }
        tractor_nursery_start_actor(p->nursery, w->name, &options, on_worker, w);
    }
    tractor_nursery_close(p->nursery);
}

int main(int argc, char **argv) {
    tractor_register("jobs", jobs, NULL);
    return tractor_main(argc, argv, NULL, root, argc > 1 ? argv[1] : (void *)(uintptr_t) "none");
}
