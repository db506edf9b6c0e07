/* Roots, completions, assertions. */
#include "kit/kit_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

/* ---- what lives until the test ends ---- */

typedef struct owned {
    struct owned *next;
    void (*release)(void *);
    void *what;
} owned;
static owned *all_owned;

void kit_at_end(void (*release)(void *), void *what) {
    owned *o = malloc(sizeof *o);
    *o = (owned){ all_owned, release, what };
    all_owned = o;
}

void kit_release_all(void) {
    for (owned *next; all_owned; all_owned = next) {
        next = all_owned->next;
        all_owned->release(all_owned->what);
        free(all_owned);
    }
}

char *kit_text(const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        abort();
    va_end(args);
    kit_at_end(free, text);
    return text;
}

static void drop_error(void *err) { tractor_error_unref(err); }
static void drop_value(void *value) { tractor_value_unref(value); }

const tractor_error *kit_keep_error(const tractor_error *err) {
    if (err)
        kit_at_end(drop_error, tractor_error_ref(err));
    return err;
}

tractor_value *kit_keep_value(const tractor_value *value) {
    if (!value)
        return NULL;
    tractor_value *kept = tractor_value_keep(value);
    kit_at_end(drop_value, kept);
    return kept;
}

const char *kit_path(const char *name) {
    const char *folder = getenv("TMPDIR");
    return kit_text("%s/%d-%s", folder ? folder : "/tmp", (int)getpid(), name);
}

const char *kit_read_file(const char *path) {
    FILE *f = fopen(path, "re");
    if (!f)
        return NULL;
    char buffer[64 * 1024];
    size_t n = fread(buffer, 1, sizeof buffer, f);
    fclose(f);
    return kit_text("%.*s", (int)n, buffer);
}

/* ---- addresses ---- */

static const char *transport = "tcp", *registry;

void kit_set_test(const char *wanted) {
    transport = wanted;
    registry = NULL;
}

const char *kit_transport(void) { return transport; }

const char *kit_fresh_address_of(const char *of) {
    static int count;
    count++;
    if (strcmp(of, "uds") == 0) {
        const char *folder = getenv("XDG_RUNTIME_DIR");
        return kit_text("/unix%s/kit-%d-%d.sock", folder ? folder : "/tmp", (int)getpid(), count);
    }
    /* Below the range from which the kernel takes ports for those that connect. */
    for (int i = 0; i < 1000; i++) {
        int port = 10000 + (int)(((unsigned)getpid() * 7919u + (unsigned)(count * 131 + i)) % 20000u);
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
        close(fd);
        if (bound == 0)
            return kit_text("/ip4/127.0.0.1/tcp/%d", port);
    }
    fail_msg("no port is free");
    return NULL;
}

const char *kit_fresh_address(void) { return kit_fresh_address_of(transport); }

const char *kit_registry(void) {
    if (!registry)
        registry = kit_fresh_address();
    return registry;
}

/* ---- roots ---- */

typedef struct running {
    tractor_root_fn body;
    void *user;
    const tractor_error *err;
    int ends;
} running;
static tractor_actor *actor;

tractor_actor *kit_actor(void) { return actor; }

tractor_root_options kit_root_options(const tractor_root_options *more) {
    static const char *registries[2];
    tractor_root_options o = { TRACTOR_ROOT_OPTIONS };
    if (more)
        o = *more;
    if (!o.enable_transports && !o.registry_addrs)
        o.enable_transports = transport;
    if (!o.registry_addrs && strstr(o.enable_transports, transport)) {
        registries[0] = kit_registry();
        o.registry_addrs = registries;
    }
    if (!o.log_level)
        o.log_level = "warning";
    return o;
}

static void run_body(tractor_nursery *root, void *user) {
    running *r = user;
    if (r->body)
        r->body(root, r->user);
    tractor_actor_close(actor);
}

static void on_end(const tractor_error *err, void *user) {
    running *r = user;
    r->err = kit_keep_error(err);
    r->ends++;
}

kit_run kit_run_root(const tractor_root_options *more, tractor_root_fn body, void *user) {
    tractor_root_options options = kit_root_options(more);
    running r = { body, user, NULL, 0 };
    kit_run result = { NULL, tractor_now() };
    int status = tractor_actor_open(&options, run_body, on_end, &r, &actor);
    if (status != TRACTOR_OK)
        fail_msg("tractor_actor_open: %s", tractor_strerror(status));
    status = tractor_actor_run(actor);
    if (status != TRACTOR_OK)
        fail_msg("tractor_actor_run: %s", tractor_strerror(status));
    actor = NULL;
    assert_int_equal(r.ends, 1);
    result.ns = tractor_now() - result.ns;
    result.err = r.err;
    return result;
}

/* ---- completions ---- */

static void on_outcome(kit_outcome *o, const tractor_error *err) {
    o->calls++;
    o->err = kit_keep_error(err);
    o->at = tractor_now();
}

static void go_on(kit_outcome *o) {
    if (o->then)
        o->then(o);
}

void kit_on_done(const tractor_error *err, void *outcome) {
    on_outcome(outcome, err);
    go_on(outcome);
}

void kit_on_value(const tractor_error *err, const tractor_value *value, void *outcome) {
    kit_outcome *o = outcome;
    on_outcome(o, err);
    o->value = kit_keep_value(value);
    go_on(o);
}

void kit_on_portal(const tractor_error *err, tractor_portal *portal, void *outcome) {
    kit_outcome *o = outcome;
    on_outcome(o, err);
    o->portal = portal;
    go_on(o);
}

/* ---- assertions ---- */

int64_t kit_headroom(void) {
    const char *text = getenv("TRACTOR_TEST_HEADROOM");
    long n = text ? strtol(text, NULL, 10) : 1;
    return n < 1 ? 1 : n;
}

bool kit_within_ms(int64_t ns, int64_t ms) { return ns <= ms * TRACTOR_MS * kit_headroom(); }

static void wrong(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void wrong(const char *file, int line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vprint_error(format, args);
    va_end(args);
    _fail(file, line);
}

void kit_assert_within_ms_(int64_t ns, int64_t ms, const char *file, int line) {
    if (!kit_within_ms(ns, ms))
        wrong(file, line, "took %.1f ms, not %lld x %lld\n", (double)ns / 1e6, (long long)ms,
              (long long)kit_headroom());
}

static void wrong_error(const tractor_error *err, const char *expected, const char *file, int line) {
    char *text = err ? tractor_error_format(err) : strdup("no error\n");
    char whole[8192];
    snprintf(whole, sizeof whole, "expected %s, got %s", expected, text);
    free(text);
    wrong(file, line, "%s", whole);
}

void kit_assert_code_(const tractor_error *err, int code, const char *file, int line) {
    if (tractor_error_code(err) != code)
        wrong_error(err, tractor_strerror(code), file, line);
}

void kit_assert_remote_(const tractor_error *err, const char *type, const char *file, int line) {
    if (tractor_error_code(err) != TRACTOR_EREMOTE || strcmp(tractor_error_boxed_type(err), type) != 0)
        wrong_error(err, type, file, line);
}

void kit_assert_contains_(const char *text, const char *part, const char *file, int line) {
    if (!text || !strstr(text, part))
        wrong(file, line, "\"%s\" is not in \"%s\"\n", part, text ? text : "(null)");
}

void kit_assert_bytes_(const tractor_value *value, tractor_bytes expected, const char *file, int line) {
    tractor_bytes got = tractor_value_bytes(value);
    if (!value)
        wrong(file, line, "there is no value\n");
    if (got.len != expected.len || memcmp(got.data, expected.data, got.len) != 0) {
        char *json = tractor_value_json(value);
        tractor_value *other = tractor_value_new(expected);
        char *wanted = tractor_value_json(other);
        tractor_value_unref(other);
        wrong(file, line, "expected %s, got %s\n", wanted, json);
    }
}

void kit_assert_portal_(tractor_portal *portal, const char *file, int line) {
    const char *prefix = strcmp(transport, "tcp") == 0 ? "/ip4/" : "/unix/";
    const char *address = tractor_portal_address(portal);
    if (!portal || !tractor_portal_connected(portal))
        wrong(file, line, "the portal is not connected\n");
    if (strncmp(address, prefix, strlen(prefix)) != 0)
        wrong(file, line, "the portal's address is \"%s\", the transport %s\n", address, transport);
}

void kit_assert_gone_(int64_t pid, const char *file, int line) {
    if (kill((pid_t)pid, 0) == 0 || errno != ESRCH)
        wrong(file, line, "process %lld is still there\n", (long long)pid);
}

int64_t kit_pid(tractor_portal *portal) { return tractor_portal_id(portal)->pid; }
