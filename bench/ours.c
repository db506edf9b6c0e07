/* Our side of the benchmarks: the public C API between two real actors. The contract is that of bench/raw: one JSON object
 * on stdout.
 *
 *   bench_ours --work rtt | pipe | pingpong | oneway | context | spawn | memory | cancel
 *              [--depth N] [--size BYTES] [--warm S] [--secs S] [--count N] [--transport uds | tcp]
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

static void nothing(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args;
    (void)user;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_return(ctx, NULL);
}

typedef struct {
    tractor_ctx *ctx;
    tractor_stream *stream;
    uint64_t count, bytes;
} sink_task;

static void chat_item(const tractor_error *err, const tractor_value *item, void *user) {
    sink_task *t = user;
    int64_t x;
    if (err) {
        if (tractor_error_code(err) == TRACTOR_EEOF)
            tractor_ctx_return(t->ctx, NULL);
        return;
    }
    if (tractor_ctx_unpack(t->ctx, item, "I", &x) != TRACTOR_OK)
        return;
    tractor_stream_sendf(t->stream, "I", x + 1);
    tractor_stream_receive(t->stream, NULL, chat_item, t);
}

static void sink_item(const tractor_error *err, const tractor_value *item, void *user) {
    sink_task *t = user;
    if (err) {
        if (tractor_error_code(err) == TRACTOR_EEOF)
            tractor_ctx_return(t->ctx, "[U,U]", t->count, t->bytes);
        return;
    }
    do {
        size_t len;
        tractor_value_data(item, &len);
        t->count++;
        t->bytes += len;
    } while (tractor_stream_try_receive(t->stream, &item) == TRACTOR_OK);
    tractor_stream_receive(t->stream, NULL, sink_item, t);
}

static void stream_to(tractor_ctx *ctx, tractor_value_fn on_item) {
    sink_task *t = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *t);
    t->ctx = ctx;
    tractor_ctx_started(ctx, NULL);
    tractor_ctx_open_stream(ctx, NULL, &t->stream);
    tractor_stream_receive(t->stream, NULL, on_item, t);
}
static void chat(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args;
    (void)user;
    stream_to(ctx, chat_item);
}
static void sink(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args;
    (void)user;
    stream_to(ctx, sink_item);
}

static const tractor_endpoint bench[] = { TRACTOR_FUNC("add", add), TRACTOR_CTX("nothing", nothing),
                                          TRACTOR_CTX("chat", chat), TRACTOR_CTX("sink", sink), TRACTOR_ENDPOINTS_END };
static const char *const modules[] = { "bench", NULL };

/* --- measuring -------------------------------------------------------------------------------------------------- */

enum { MOST_SAMPLES = 1 << 22, MOST_WORKERS = 256 };

static struct {
    const char *work, *transport;
    double warm, secs;
    int depth, count;
    size_t size;
    tractor_bytes payload;
    tractor_value *value;
    tractor_stream *stream;
    int64_t started_at;
    uint64_t sent;
    bool warmed;
    int64_t *samples;
    size_t n;
    int64_t begin, end, last;
    tractor_nursery *root, *home;
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

static void open_next(void);
static void open_sink(void);
static void make_payload(void);
static void on_chat(tractor_ctx *ctx, const tractor_value *first, void *user);

static void on_caller_ready(const tractor_error *err, tractor_portal *portal, void *user) {
    (void)user;
    if (err)
        die("start failed", err);
    run.portal = portal;
    run.begin = tractor_now() + (int64_t)(run.warm * 1e9);
    run.end = run.begin + (int64_t)(run.secs * 1e9);
    if (strcmp(run.work, "context") == 0) {
        open_next();
        return;
    }
    if (strcmp(run.work, "pingpong") == 0) {
        tractor_portal_open_context(portal, run.root, "bench", "chat", (tractor_bytes){ NULL, 0 }, NULL, on_chat, NULL,
                                    NULL);
        return;
    }
    if (strcmp(run.work, "oneway") == 0) {
        make_payload();
        open_sink();
        return;
    }
    for (run.outstanding = 0; run.outstanding < run.depth; run.outstanding++)
        call(run.outstanding);
}

/* --- contexts, one after the other ------------------------------------------------------------------------------- */

static void on_closed(const tractor_error *err, const tractor_value *value, void *user) {
    int64_t now = tractor_now();
    (void)user;
    if (err || tractor_unpack(value, "n") != TRACTOR_OK)
        die("a context failed", err);
    record(run.sent_at[0], now);
    if (now < run.end) {
        open_next();
    } else {
        print_times();
        tractor_nursery_cancel(run.root, "measured");
    }
}
static void open_next(void) {
    run.sent_at[0] = tractor_now();
    tractor_portal_open_context(run.portal, run.root, "bench", "nothing", (tractor_bytes){ NULL, 0 }, NULL, NULL,
                                on_closed, NULL);
}

/* --- ping-pong on one stream -------------------------------------------------------------------------------------- */

static void ping(void) {
    run.sent_at[0] = tractor_now();
    if (tractor_stream_sendf(run.stream, "I", (int64_t)run.sent) != TRACTOR_OK)
        die("a ping was not taken", NULL);
}
static void on_pong(const tractor_error *err, const tractor_value *item, void *user) {
    int64_t now = tractor_now(), answer;
    (void)user;
    if (err)
        die("the stream failed", err);
    if (tractor_unpack(item, "I", &answer) != TRACTOR_OK || answer != (int64_t)run.sent + 1)
        die("bad pong", NULL);
    record(run.sent_at[0], now);
    run.sent++;
    if (now >= run.end) {
        print_times();
        tractor_nursery_cancel(run.root, "measured");
        return;
    }
    ping();
    tractor_stream_receive(run.stream, NULL, on_pong, NULL);
}
static void on_chat(tractor_ctx *ctx, const tractor_value *first, void *user) {
    (void)first;
    (void)user;
    tractor_ctx_open_stream(ctx, NULL, &run.stream);
    ping();
    tractor_stream_receive(run.stream, NULL, on_pong, NULL);
}

/* --- one way: as fast as the stream takes it, until the receiver has told its totals ------------------------------- */

static void pump(const tractor_error *err, void *user) {
    (void)user;
    if (err)
        die("a message was not taken", err);
    if (run.value) { /* too large to be copied */
        if (tractor_now() < run.end) {
            run.sent++;
            tractor_stream_send_value(run.stream, NULL, run.value, pump, NULL);
            return;
        }
        tractor_stream_send_eof(run.stream);
        return;
    }
    for (unsigned i = 0; i % 256 != 0 || tractor_now() < run.end; i++) { /* the clock costs as much as a message */
        if (tractor_stream_send(run.stream, run.payload) != TRACTOR_OK) {
            run.sent++;
            tractor_stream_send_wait(run.stream, NULL, run.payload, pump, NULL);
            return;
        }
        run.sent++;
    }
    tractor_stream_send_eof(run.stream);
}
static void on_sink(tractor_ctx *ctx, const tractor_value *first, void *user) {
    (void)first;
    (void)user;
    tractor_ctx_open_stream(ctx, NULL, &run.stream);
    pump(NULL, NULL);
}
static void on_totals(const tractor_error *err, const tractor_value *value, void *user) {
    uint64_t count, bytes;
    (void)user;
    if (err)
        die("the sink failed", err);
    if (tractor_unpack(value, "[U,U]", &count, &bytes) != TRACTOR_OK || count != run.sent ||
        bytes != run.sent * run.payload.len)
        die("totals differ", NULL);
    double secs = (double)(tractor_now() - run.started_at) / 1e9;
    if (!run.warmed) {
        run.warmed = true;
        open_sink();
        return;
    }
    printf("{\"n\":%" PRIu64 ",\"rate\":%.1f,\"mb_s\":%.1f}\n", count, (double)count / secs,
           (double)count * (double)run.size / secs / 1e6);
    tractor_nursery_cancel(run.root, "measured");
}
static void open_sink(void) {
    run.sent = 0;
    run.started_at = tractor_now();
    run.end = run.started_at + (int64_t)((run.warmed ? run.secs : run.warm) * 1e9);
    tractor_portal_open_context(run.portal, run.root, "bench", "sink", (tractor_bytes){ NULL, 0 }, NULL, on_sink,
                                on_totals, NULL);
}

static void make_payload(void) {
    void *text = calloc(1, run.size + 16);
    tractor_bytes packed = tractor_pack("y", text, run.size);
    char *kept = malloc(packed.len);
    if (!text || !kept)
        die("no memory", NULL);
    memcpy(kept, packed.data, packed.len);
    free(text);
    run.payload = (tractor_bytes){ kept, packed.len };
    if (run.size > 4096)
        run.value = tractor_value_new_external(kept, packed.len, NULL, NULL);
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
/* --- the end of many idle workers ---------------------------------------------------------------------------------- */

static void on_all_gone(const tractor_error *err, void *user) {
    (void)user;
    if (err)
        die("a worker failed", err);
    printf("{\"n\":%d,\"p50_us\":%.1f}\n", run.count, (double)(tractor_now() - run.begin) / 1e3);
}
static void cancel_all(const tractor_error *err, void *user) {
    if (err)
        die("a worker failed", err);
    run.begin = tractor_now();
    tractor_nursery_cancel(user, "measured");
}

/* --- both */

static void on_warmed(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value;
    (void)user;
    if (err)
        die("first call failed", err);
    if (++run.done == run.count)
        tractor_nursery_sleep(run.root, 200 * TRACTOR_MS, run.home ? cancel_all : on_idle, run.home);
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
    } else if (strcmp(run.work, "cancel") == 0) {
        run.home = tractor_nursery_open(nursery, NULL, on_all_gone, NULL);
        for (intptr_t i = 0; i < run.count; i++)
            tractor_nursery_start_actor(run.home, "worker", &options, on_worker, (void *)i);
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
    run.size = 8;
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
        else if (strcmp(argv[i], "--size") == 0)
            run.size = (size_t)atol(argv[i + 1]);
        else if (strcmp(argv[i], "--count") == 0)
            run.count = atoi(argv[i + 1]);
        else
            die(argv[i], NULL);
    }
    if (strcmp(run.work, "pipe") == 0)
        run.depth = 64;
    if (run.depth < 1 || run.depth > 64 || run.count > MOST_WORKERS)
        die("bad --depth or --count", NULL);
    run.samples = calloc(MOST_SAMPLES, sizeof *run.samples);
    if (!run.samples)
        die("no memory", NULL);
    memset(run.samples, 1, MOST_SAMPLES * sizeof *run.samples); /* so that the record does not fault in the window */
    tractor_root_options options = { TRACTOR_ROOT_OPTIONS, .name = "bench", .enable_transports = run.transport };
    return tractor_main(argc, argv, &options, root, NULL);
}
