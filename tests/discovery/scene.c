#include "discovery/scene.h"

static void next(kit_outcome *o) {
    scene *s = o->user;
    int expected = s->expected;
    s->expected = TRACTOR_OK;
    kit_assert_code(o->err, expected);
    s->go(s);
}

static kit_outcome *step(scene *s) {
    s->last = (kit_outcome){ .then = next, .user = s };
    return &s->last;
}

void scene_expect(scene *s, int code) { s->expected = code; }

void scene_go(scene *s) { s->go(s); }

/* ---- the root ---- */

static void on_children_end(const tractor_error *err, void *user) {
    scene *s = user;
    s->children = NULL;
    kit_on_done(err, step(s));
}

static void body(tractor_nursery *root, void *user) {
    scene *s = user;
    s->root = s->in = root;
    s->children = tractor_nursery_open(root, NULL, NULL, NULL);
    tractor_nursery_on_end(s->children, on_children_end, s);
    /* It does not end before it is told to, though nobody may be in it yet. */
    tractor_nursery_sleep(s->children, TRACTOR_FOREVER, NULL, NULL);
    s->go(s);
}

kit_run scene_run(void (*go)(scene *s), void *user, const tractor_root_options *more) {
    scene s = { .go = go, .user = user };
    return kit_run_root(more, body, &s);
}

void scene_play(void (*go)(scene *s), void *user) { kit_assert_code(scene_run(go, user, NULL).err, TRACTOR_OK); }

static void end_shield(void *user) {
    scene *s = user;
    tractor_op_complete(kit_actor(), s->shield, NULL);
}

void scene_shield(scene *s, int64_t ms) {
    s->in = tractor_nursery_open(s->root,
                                 &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .timeout_ns = ms * TRACTOR_MS,
                                                             .flags = TRACTOR_NURSERY_SHIELD },
                                 NULL, NULL);
    /* Without anything in it, it would end with what is around it. */
    s->shield = tractor_nursery_hold(s->in, "steps", end_shield, s);
}

void scene_dismiss(scene *s) { assert_int_equal(tractor_nursery_cancel(s->children, NULL), TRACTOR_OK); }

static void last_step(scene *s) { (void)s; }

void scene_end(scene *s) {
    s->go = last_step;
    if (s->children)
        scene_dismiss(s);
    if (s->shield)
        end_shield(s);
}

/* ---- children ---- */

static void on_start(const tractor_error *err, tractor_portal *portal, void *user) {
    scene *s = user;
    s->actors[s->actor_count++] = portal;
    kit_on_portal(err, portal, &s->last);
}

void scene_start_with(scene *s, const char *name, tractor_spawn_options options) {
    static const char *const modules[] = { "kit", "seeker", NULL };
    step(s);
    options.modules = modules;
    s->homes[s->actor_count] = tractor_nursery_open(s->children, NULL, NULL, NULL);
    tractor_nursery_start_actor(s->homes[s->actor_count], name, &options, on_start, s);
}

void scene_start(scene *s, const char *name) {
    scene_start_with(s, name, (tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS });
}

void scene_ask(scene *s, size_t who, const char *func, const char *name) {
    tractor_bytes args = name ? TRACTOR_ARGS("{s:s}", "name", name) : TRACTOR_ARGS("{}");
    tractor_portal_run(s->actors[who], s->in, "seeker", func, args, NULL, kit_on_value, step(s));
}

void scene_cancel(scene *s, size_t who) {
    tractor_portal_cancel_actor(s->actors[who], s->in, NULL, kit_on_done, step(s));
}

void scene_stop(scene *s, size_t who) {
    tractor_nursery_on_end(s->homes[who], kit_on_done, step(s));
    assert_int_equal(tractor_nursery_cancel(s->homes[who], NULL), TRACTOR_OK);
}

static void on_number(const tractor_error *err, const tractor_value *value, void *user) {
    scene *s = user;
    (void)value;
    if (err || --s->items == 0)
        kit_on_done(err, &s->last);
    else
        tractor_stream_receive(s->streams[s->stream_count - 1], NULL, on_number, s);
}

static void on_numbers(tractor_stream *stream, void *user) {
    scene *s = user;
    s->streams[s->stream_count++] = stream;
    tractor_stream_receive(stream, NULL, on_number, s);
}

static void on_numbers_end(const tractor_error *err, void *user) {
    (void)user;
    if (err)
        kit_assert_code(err, TRACTOR_ECANCELED);
}

void scene_stream(scene *s, size_t who) {
    step(s);
    s->items = 10;
    tractor_portal_open_stream_from(s->actors[who], s->children, "seeker", "numbers", TRACTOR_ARGS("{}"), NULL,
                                    on_numbers, on_numbers_end, s);
}

static void work(void *outcome) {
    scene *s = ((kit_outcome *)outcome)->user;
    s->work(s->user);
}

void scene_in_thread(scene *s, void (*todo)(void *user)) {
    s->work = todo;
    tractor_nursery_run_in_thread(s->in, work, kit_on_done, step(s));
}

/* ---- searches ---- */

void scene_find(scene *s, const char *name, const tractor_find_options *options) {
    s->op = tractor_find_actor(s->in, name, options, kit_on_portal, step(s));
}

void scene_wait(scene *s, const char *name, const tractor_find_options *options) {
    s->op = tractor_wait_for_actor(s->in, name, options, kit_on_portal, step(s));
}

void scene_query(scene *s, const char *name, const tractor_find_options *options) {
    s->op = tractor_query_actor(s->in, name, options, kit_on_value, step(s));
}

static void on_registrar(const tractor_error *err, tractor_portal *portal, void *user) {
    scene *s = user;
    kit_assert_code(err, TRACTOR_OK);
    tractor_portal_run_from_ns(portal, s->in, "self", s->func, tractor_value_bytes(s->args), NULL, s->on_answer, s);
    tractor_value_unref(s->args);
}

static void on_answer(const tractor_error *err, const tractor_value *value, void *user) {
    kit_on_value(err, value, &((scene *)user)->last);
}

static void ask(scene *s, const char *registrar, const char *func, tractor_bytes args, tractor_value_fn fn) {
    step(s);
    s->func = func;
    s->args = tractor_value_new(args);
    s->on_answer = fn;
    tractor_get_registry(s->in, registrar, NULL, on_registrar, s);
}

void scene_ask_registrar(scene *s, const char *func, tractor_bytes args) { ask(s, NULL, func, args, on_answer); }

static raw_arena arena;

tractor_bytes scene_args(const char *format, ...) {
    va_list args;
    char text[1000];
    size_t len;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const unsigned char *data = raw_compile(&arena, text, &len);
    assert_non_null(data);
    return (tractor_bytes){ data, len };
}

const char *scene_address(const char *multiaddr) { return raw_wire_address(&arena, multiaddr); }

/* Keys are "name.uuid". */
static void on_registry(const tractor_error *err, const tractor_value *value, void *user) {
    scene *s = user;
    tractor_reader *reader = tractor_reader_new(value);
    uint32_t count = 0;
    kit_assert_code(err, TRACTOR_OK);
    assert_int_equal(tractor_reader_map(reader, &count), TRACTOR_OK);
    s->names[0] = 0;
    for (; count > 0; count--) {
        const char *key;
        size_t len;
        assert_int_equal(tractor_reader_str(reader, &key, &len), TRACTOR_OK);
        const char *dot = memchr(key, '.', len);
        size_t used = strlen(s->names);
        assert_non_null(dot);
        snprintf(s->names + used, sizeof s->names - used, "%s%.*s", used ? " " : "", (int)(dot - key), key);
        assert_int_equal(tractor_reader_skip(reader), TRACTOR_OK);
    }
    tractor_reader_free(reader);
    kit_on_value(err, value, &s->last);
}

void scene_list(scene *s, const char *registrar) { ask(s, registrar, "get_registry", TRACTOR_ARGS("{}"), on_registry); }

void assert_connected(const scene *s, size_t who) {
    assert_string_equal(tractor_portal_id(s->last.portal)->uuid, tractor_portal_id(s->actors[who])->uuid);
    assert_string_equal(tractor_portal_address(s->last.portal), tractor_portal_address(s->actors[who]));
}
