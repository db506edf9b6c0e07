/* How long a lookup takes in a registrar of a given size: one JSON object on stdout, as bench_ours.
 *
 *   bench_find [--entries N] [--watchers N] [--warm S] [--secs S] [--transport uds | tcp]
 *
 * The root is the registrar. A worker opens the watches, each of one name, and looks up one name after the other. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tractor.h>

static void die(const char *what, const tractor_error *err) {
    fprintf(stderr, "bench_find: %s\n", what);
    if (err)
        tractor_error_print(err, stderr);
    exit(1);
}

static const char *name_of(uint64_t number) {
    static char name[32];
    snprintf(name, sizeof name, "entry%" PRIu64, number);
    return name;
}

/* --- the worker ------------------------------------------------------------------------------------------------- */

enum { MOST_SAMPLES = 1 << 20 };

static struct {
    tractor_ctx *ctx;
    uint64_t entries, watchers, synced, next;
    double warm, secs;
    int64_t begin, end, asked_at;
    int64_t samples[MOST_SAMPLES];
    size_t n;
} lookups;

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void look_up(void);

static void on_found(const tractor_error *err, const tractor_value *value, void *user) {
    (void)user;
    tractor_bytes found = tractor_value_bytes(value);
    if (err || found.len < 2) /* nil */
        die("not found", err);
    int64_t now = tractor_now();
    if (lookups.asked_at >= lookups.begin && lookups.n < MOST_SAMPLES)
        lookups.samples[lookups.n++] = now - lookups.asked_at;
    if (now < lookups.end)
        return look_up();
    qsort(lookups.samples, lookups.n, sizeof *lookups.samples, ascending);
    tractor_ctx_return(lookups.ctx, "[U, d]", (uint64_t)lookups.n, (double)lookups.samples[lookups.n / 2] / 1e3);
    tractor_nursery_cancel(tractor_ctx_nursery(lookups.ctx), "measured");
}

/* Names far from each other, so that no cache helps. */
static void look_up(void) {
    lookups.next = (lookups.next + 7919) % lookups.entries;
    lookups.asked_at = tractor_now();
    tractor_query_actor(tractor_ctx_nursery(lookups.ctx), name_of(lookups.next), NULL, on_found, NULL);
}

static void begin(void) {
    lookups.begin = tractor_now() + (int64_t)(lookups.warm * 1e9);
    lookups.end = lookups.begin + (int64_t)(lookups.secs * 1e9);
    look_up();
}

static void on_event(int event, const tractor_id *id, const char *const *addrs, void *user) {
    (void)id;
    (void)addrs;
    (void)user;
    if (event == TRACTOR_WATCH_SYNCED && ++lookups.synced == lookups.watchers)
        begin();
}

static void on_watch_end(const tractor_error *err, void *user) {
    (void)user;
    if (err && tractor_error_code(err) != TRACTOR_ECANCELED)
        die("a watch ended", err);
}

static void measure(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)user;
    lookups.ctx = ctx;
    if (tractor_ctx_unpack(ctx, args, "{s:U, s:U, s:d, s:d}", "entries", &lookups.entries, "watchers",
                           &lookups.watchers, "warm", &lookups.warm, "secs", &lookups.secs) != TRACTOR_OK)
        return;
    tractor_nursery *in = tractor_ctx_nursery(ctx);
    for (uint64_t i = 0; i < lookups.watchers; i++)
        tractor_watch_actors(in, name_of(i % lookups.entries), NULL, on_event, on_watch_end, NULL);
    if (lookups.watchers == 0)
        begin();
}

static const tractor_endpoint bench[] = { TRACTOR_FUNC("measure", measure), TRACTOR_ENDPOINTS_END };
static const char *const modules[] = { "bench", NULL };

/* --- the root ----------------------------------------------------------------------------------------------------- */

static struct {
    uint64_t entries, watchers, registered;
    double warm, secs;
    tractor_nursery *nursery;
    tractor_portal *worker;
} run = { .entries = 10, .warm = 0.2, .secs = 0.5 };

static void on_measured(const tractor_error *err, const tractor_value *value, void *user) {
    uint64_t n;
    double p50;
    (void)user;
    if (err || tractor_unpack(value, "[U, d]", &n, &p50) != TRACTOR_OK)
        die("the worker failed", err);
    printf("{\"n\":%" PRIu64 ",\"p50_us\":%.3f}\n", n, p50);
    tractor_nursery_cancel(run.nursery, "measured");
}

static void on_registered(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value;
    (void)user;
    if (err)
        die("not registered", err);
    if (++run.registered < run.entries)
        return;
    tractor_portal_run(run.worker, run.nursery, "bench", "measure",
                       tractor_pack("{s:U, s:U, s:d, s:d}", "entries", run.entries, "watchers", run.watchers, "warm",
                                    run.warm, "secs", run.secs),
                       NULL, on_measured, NULL);
}

/* Entries of actors that do not exist, held by the registrar's connection to itself. */
static void on_worker(const tractor_error *err, tractor_portal *portal, void *user) {
    (void)user;
    if (err)
        die("start failed", err);
    run.worker = portal;
    tractor_portal *self = tractor_actor_self(tractor_nursery_actor(run.nursery));
    for (uint64_t i = 0; i < run.entries; i++) {
        char uuid[64], file[64];
        snprintf(uuid, sizeof uuid, "00000000-0000-4000-8000-%012" PRIu64, i);
        snprintf(file, sizeof file, "entry@%" PRIu64 ".sock", i + 1);
        tractor_portal_run_from_ns(
            self, run.nursery, "self", "register_actor",
            tractor_pack("{s:[s, s], s:[s, s], s:b}", "uid", name_of(i), uuid, "addr", "/nowhere", file, "lease", true),
            NULL, on_registered, NULL);
    }
}

static void root(tractor_nursery *nursery, void *user) {
    (void)user;
    run.nursery = nursery;
    tractor_nursery_start_actor(nursery, "worker",
                                &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules }, on_worker, NULL);
}

int main(int argc, char **argv) {
    tractor_register("bench", bench, NULL);
    tractor_child_main(argc, argv);
    tractor_root_options options = { TRACTOR_ROOT_OPTIONS, .name = "bench", .enable_transports = "uds" };
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--entries") == 0)
            run.entries = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--watchers") == 0)
            run.watchers = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--warm") == 0)
            run.warm = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--secs") == 0)
            run.secs = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--transport") == 0)
            options.enable_transports = argv[i + 1];
        else
            die(argv[i], NULL);
    }
    if (run.entries == 0)
        die("--entries is 0", NULL);
    return tractor_main(argc, argv, &options, root, NULL);
}
