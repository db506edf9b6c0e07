/* Our side of the benchmarks: the public C API between two real actors. The contract is that of bench/raw: one JSON object
 * on stdout.
 *
 *   bench_ours --work rtt | pipe | spawn | memory [--depth N] [--warm S] [--secs S] [--count N] [--transport uds | tcp]
 *
 * BENCH_PEER_CPU in the environment pins the workers; without it they stay where this process is. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tractor.h>

static void die(const char *what, const tractor_error *err) {
    fprintf(stderr, "bench_ours: %s\n", what);
    if (err)
        tractor_error_print(err, stderr);
    exit(1);
}

/* --- the worker ------------------------------------------------------------------------------------------------- */

static void add(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int64_t x;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:I}", "x", &x) == TRACTOR_OK)
        tractor_ctx_return(ctx, "I", x + 1);
}
static const tractor_endpoint bench[] = { TRACTOR_FUNC("add", add), TRACTOR_ENDPOINTS_END };
static const char *const modules[] = { "bench", NULL };

/* --- measuring -------------------------------------------------------------------------------------------------- */

enum { MOST_SAMPLES = 1 << 22, MOST_WORKERS = 64 };

static struct {
    const char *work, *transport;
    double warm, secs;
    int depth, count;
    int64_t *samples;
    size_t n;
    int64_t begin, end, last;
    tractor_nursery *root;
    tractor_portal *portal;
    int outstanding, done;
    int64_t sent_at[64];
    int64_t pids[MOST_WORKERS];
} run;

static void record(int64_t from, int64_t to) {
    if (from < run.begin)
        return;
    if (run.n == MOST_SAMPLES)
        die("too many samples", NULL);
    run.samples[run.n++] = to - from;
    run.last = to;
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double percentile_us(double q) {
    size_t k = (size_t)(q * (double)run.n);
    return run.n ? (double)run.samples[k < run.n ? k : run.n - 1] / 1e3 : 0;
}

static void print_times(void) {
    qsort(run.samples, run.n, sizeof *run.samples, ascending);
    double secs = (double)(run.last - run.begin) / 1e9;
    printf("{\"n\":%zu,\"rate\":%.1f,\"p50_us\":%.3f,\"p99_us\":%.3f,\"min_us\":%.3f}\n", run.n,
           secs > 0 ? (double)run.n / secs : 0, percentile_us(0.5), percentile_us(0.99), percentile_us(0));
}

/* --- calls ------------------------------------------------------------------------------------------------------ */

static void call(intptr_t slot);

static void on_answer(const tractor_error *err, const tractor_value *value, void *user) {
    intptr_t slot = (intptr_t)user;
    int64_t now = tractor_now(), answer;
    if (err)
        die("call failed", err);
    if (tractor_unpack(value, "I", &answer) != TRACTOR_OK || answer != slot + 1)
        die("bad answer", NULL);
    record(run.sent_at[slot], now);
    if (now < run.end) {
        call(slot);
    } else if (--run.outstanding == 0) {
        print_times();
        tractor_nursery_cancel(run.root, "measured");
    }
}

static void call(intptr_t slot) {
    run.sent_at[slot] = tractor_now();
    tractor_portal_run(run.portal, run.root, "bench", "add", tractor_pack("{s:I}", "x", (int64_t)slot), NULL, on_answer,
                       (void *)slot);
}

static void on_caller_ready(const tractor_error *err, tractor_portal *portal, void *user) {
    (void)user;
    if (err)
        die("start failed", err);
    run.portal = portal;
    run.begin = tractor_now() + (int64_t)(run.warm * 1e9);
    run.end = run.begin + (int64_t)(run.secs * 1e9);
    for (run.outstanding = 0; run.outstanding < run.depth; run.outstanding++)
        call(run.outstanding);
}

/* --- spawn: from the request to the first answer, one after the other ---------------------------------------------- */

static void spawn_next(void);

static void on_first_answer(const tractor_error *err, const tractor_value *value, void *user) {
    int64_t answer;
    if (err || tractor_unpack(value, "I", &answer) != TRACTOR_OK || answer != 42)
        die("first call failed", err);
    if (run.done > 5)
        record(run.sent_at[0], tractor_now());
    tractor_nursery_cancel(user, "measured");
}
static void on_spawned(const tractor_error *err, tractor_portal *portal, void *user) {
    if (err)
        die("start failed", err);
    tractor_portal_run(portal, user, "bench", "add", tractor_pack("{s:i}", "x", 41), NULL, on_first_answer, user);
}
static void on_gone(const tractor_error *err, void *user) {
    (void)user;
    if (err)
        die("a worker failed", err);
    if (run.done < run.count + 5) {
        spawn_next();
    } else {
        print_times();
        tractor_nursery_cancel(run.root, "measured");
    }
}
static void spawn_next(void) {
    run.done++;
    tractor_nursery *n = tractor_nursery_open(run.root, NULL, on_gone, NULL);
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    run.sent_at[0] = tractor_now();
    if (run.done == 6) /* the ones before are for warming up */
        run.begin = run.sent_at[0];
    tractor_nursery_start_actor(n, "worker", &options, on_spawned, n);
}

/* --- memory of idle workers --------------------------------------------------------------------------------------- */

static int64_t pss_kb(int64_t pid) {
    char path[64], line[256];
    long long kb = -1;
    snprintf(path, sizeof path, "/proc/%" PRId64 "/smaps_rollup", pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Pss: %lld kB", &kb) == 1)
            break;
    if (f)
        fclose(f);
    if (kb < 0)
        die("no Pss of the worker", NULL);
    return kb;
}
static void on_idle(const tractor_error *err, void *user) {
    (void)user;
    if (err)
        die("a worker failed", err);
    for (int i = 0; i < run.count; i++)
        run.samples[run.n++] = pss_kb(run.pids[i]);
    qsort(run.samples, run.n, sizeof *run.samples, ascending);
    printf("{\"n\":%zu,\"pss_kb\":%" PRId64 "}\n", run.n, run.samples[run.n / 2]);
    tractor_nursery_cancel(run.root, "measured");
}
static void on_warmed(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value;
    (void)user;
    if (err)
        die("first call failed", err);
    if (++run.done == run.count)
        tractor_nursery_sleep(run.root, 200 * TRACTOR_MS, on_idle, NULL);
}
static void on_worker(const tractor_error *err, tractor_portal *portal, void *user) {
    if (err)
        die("start failed", err);
    run.pids[(intptr_t)user] = tractor_portal_id(portal)->pid;
    tractor_portal_run(portal, run.root, "bench", "add", tractor_pack("{s:i}", "x", 41), NULL, on_warmed, NULL);
}

/* ------------------------------------------------------------------------------------------------------------------ */

static void root(tractor_nursery *nursery, void *user) {
    (void)user;
    run.root = nursery;
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules };
    if (strcmp(run.work, "spawn") == 0) {
        spawn_next();
    } else if (strcmp(run.work, "memory") == 0) {
        for (intptr_t i = 0; i < run.count; i++)
            tractor_nursery_start_actor(nursery, "worker", &options, on_worker, (void *)i);
    } else {
        tractor_nursery_start_actor(nursery, "worker", &options, on_caller_ready, NULL);
    }
}

int main(int argc, char **argv) {
    tractor_register("bench", bench, NULL);
    const char *cpu = getenv("BENCH_PEER_CPU");
    if (cpu && argc > 1 && strncmp(argv[1], "--tractor-child", 15) == 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)atoi(cpu), &set);
        if (sched_setaffinity(0, sizeof set, &set) != 0)
            die("can't pin the worker", NULL);
    }
    tractor_child_main(argc, argv);

    run.work = "rtt";
    run.transport = "uds";
    run.warm = 0.2;
    run.secs = 0.5;
    run.depth = 1;
    run.count = 16;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--work") == 0)
            run.work = argv[i + 1];
        else if (strcmp(argv[i], "--transport") == 0)
            run.transport = argv[i + 1];
        else if (strcmp(argv[i], "--warm") == 0)
            run.warm = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--secs") == 0)
            run.secs = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--depth") == 0)
            run.depth = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--count") == 0)
            run.count = atoi(argv[i + 1]);
        else
            die(argv[i], NULL);
    }
    if (strcmp(run.work, "pipe") == 0)
        run.depth = 64;
    if (run.depth < 1 || run.depth > 64 || (strcmp(run.work, "memory") == 0 && run.count > MOST_WORKERS))
        die("bad --depth or --count", NULL);
    run.samples = calloc(MOST_SAMPLES, sizeof *run.samples);
    if (!run.samples)
        die("no memory", NULL);
    memset(run.samples, 1, MOST_SAMPLES * sizeof *run.samples); /* so that the record does not fault in the window */
    tractor_root_options options = { TRACTOR_ROOT_OPTIONS, .name = "bench", .transport = run.transport };
    return tractor_main(argc, argv, &options, root, NULL);
}
