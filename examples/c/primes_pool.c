/* A pool of worker processes looks for primes; each worker gets the next number as soon as it is free.
 *
 *     primes_pool [NUMBER...]
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <tractor.h>

/* --- in a worker -------------------------------------------------------------------------- */

static bool trial_division(uint64_t n) {
    if (n % 2 == 0)
        return n == 2;
    for (uint64_t d = 3; d <= n / d; d += 2)
        if (n % d == 0)
            return false;
    return n > 1;
}

/* It computes right here: a worker has one job at a time, so nobody waits for its loop meanwhile. */
static void is_prime(tractor_ctx *ctx, const tractor_value *args, void *user) {
    uint64_t n;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:U}", "n", &n) == TRACTOR_OK)
        tractor_ctx_return(ctx, "[b,i]", trial_division(n), (int)getpid());
}
static const tractor_endpoint primes[] = { TRACTOR_FUNC("is_prime", is_prime), TRACTOR_ENDPOINTS_END };

/* --- in the root -------------------------------------------------------------------------- */

enum { MOST_WORKERS = 4 };
typedef struct pool pool;
typedef struct {
    pool *pool;
    tractor_portal *portal; /* lives as long as the nursery of the pool: nothing to free */
    uint64_t number;        /* what it is working at */
} worker;
struct pool {
    tractor_nursery *nursery;
    const uint64_t *numbers;
    size_t count, next, worker_count;
    worker workers[MOST_WORKERS];
    int64_t began;
};

static void on_answer(const tractor_error *err, const tractor_value *value, void *user);

static void feed(worker *w) {
    pool *p = w->pool;
    if (p->next == p->count)
        return; /* the worker idles; when the last answer is there, all are cancelled */
    w->number = p->numbers[p->next++];
    tractor_portal_run(w->portal, p->nursery, "primes", "is_prime", TRACTOR_ARGS("{s:U}", "n", w->number), NULL,
                       on_answer, w);
}

static void on_answer(const tractor_error *err, const tractor_value *value, void *user) {
    worker *w = user;
    bool prime;
    int pid;
    if (err) {
        tractor_nursery_fail(w->pool->nursery, err);
    } else if (tractor_unpack(value, "[b,i]", &prime, &pid) == TRACTOR_OK) {
        printf("%" PRIu64 " is %s, says %d\n", w->number, prime ? "prime" : "not prime", pid);
        fflush(stdout);
        feed(w);
    }
}

static void on_worker(const tractor_error *err, tractor_portal *portal, void *user) {
    worker *w = user;
    if (err) {
        tractor_nursery_fail(w->pool->nursery, err);
    } else {
        w->portal = portal;
        feed(w);
    }
}

static void on_end(const tractor_error *err, void *user) {
    const pool *p = user;
    if (!err)
        printf("%zu numbers, %zu workers, %.2f s\n", p->count, p->worker_count,
               (double)(tractor_now() - p->began) / 1e9);
}

static void root(tractor_nursery *nursery, void *user) {
    pool *p = user;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    p->worker_count = cores < 1 ? 1 : cores < MOST_WORKERS ? (size_t)cores : MOST_WORKERS;
    if (p->worker_count > p->count)
        p->worker_count = p->count;
    p->began = tractor_now();

    tractor_nursery_options pool_options = { TRACTOR_NURSERY_OPTIONS, .flags = TRACTOR_NURSERY_CANCEL_DAEMONS };
    p->nursery = tractor_nursery_open(nursery, &pool_options, NULL, NULL); /* an error goes on to the root */
    tractor_nursery_on_end(p->nursery, on_end, p);
    const char *const modules[] = { "primes", NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    for (size_t i = 0; i < p->worker_count; i++) {
        p->workers[i].pool = p;
        tractor_nursery_start_actor(p->nursery, "worker", &options, on_worker, &p->workers[i]);
    }
    tractor_nursery_close(p->nursery); /* all is started: it ends when nothing is left to do */
}

static bool parse(const char *text, uint64_t *number) {
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0') /* strtoull also takes signs and spaces */
        fprintf(stderr, "primes_pool: '%s' is not a number\n", text);
    else if (errno == ERANGE)
        fprintf(stderr, "primes_pool: '%s' is larger than %" PRIu64 "\n", text, UINT64_MAX);
    else
        return true;
    return false;
}

int main(int argc, char **argv) {
    static const uint64_t six[] = { 112272535095293, 112582705942171, 112272535095293,
                                    115280095190773, 115797848077099, 1099726899285419 };
    tractor_register("primes", primes, NULL);
    tractor_child_main(argc, argv); /* a worker goes no further; its command line is not for us to read */

    pool p = { .numbers = six, .count = sizeof six / sizeof *six };
    uint64_t *given = NULL;
    if (argc > 1) {
        p.count = (size_t)argc - 1;
        p.numbers = given = calloc(p.count, sizeof *given);
        if (!given) {
            perror("primes_pool");
            return 1;
        }
        for (size_t i = 0; i < p.count; i++)
            if (!parse(argv[i + 1], &given[i])) {
                free(given);
                return 2;
            }
    }
    int status = tractor_main(argc, argv, NULL, root, &p);
    free(given);
    return status;
}
