#include "robust/script.h"

void script_wrong(script *s, const char *file, int line, const char *condition, const char *format, ...) {
    if (s->wrong[0])
        return;
    int n = snprintf(s->wrong, sizeof s->wrong, "%s:%d: not so: %s", file, line, condition);
    if (n < 0 || (size_t)n >= sizeof s->wrong)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(s->wrong + n, sizeof s->wrong - (size_t)n, format, args);
    va_end(args);
}

bool script_undisturbed(script *s) {
    const raw_node *value = raw_call(s->witness, "kit", "echo", "{'n':7}");
    return value && strcmp(raw_show(&s->witness->arena, value), "{'n':7}") == 0;
}

static void play(void *user) {
    script *s = user;
    s->witness = raw_open_greeted(s->address, "witness");
    CHECK(s, s->witness && script_undisturbed(s));
    s->run(s);
    if (!s->wrong[0])
        CHECK(s, script_undisturbed(s));
}

static void played(const tractor_error *err, void *user) {
    script *s = user;
    assert_null(err);
    raw_close(s->witness);
    if (s->wrong[0])
        fail_msg("%s", s->wrong);
}

static void body(tractor_nursery *root, void *user) {
    script *s = user;
    s->address = tractor_actor_address(kit_actor(), 0);
    assert_true(tractor_nursery_run_in_thread(root, play, played, s) > 0);
}

void script_play(void (*run)(script *), const tractor_root_options *options, void *user) {
    tractor_root_options o = { TRACTOR_ROOT_OPTIONS, .name = "root", .enable_modules = kit_modules };
    if (options) {
        o = *options;
        o.enable_modules = kit_modules;
    }
    script s = { .run = run, .user = user };
    kit_run result = kit_run_root(&o, body, &s);
    kit_assert_code(result.err, TRACTOR_OK);
}

long script_memory(void) {
    long pages = 0, ignored;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%ld %ld", &ignored, &pages) != 2)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}
