#include "discovery/watch.h"

static void go_on(const tractor_error *err, void *user) {
    kit_assert_code(err, TRACTOR_OK);
    scene_go(user);
}

static void look(watch *w) {
    const char *at = w->awaited ? strstr(w->told + w->seen, kit_text(" %s", w->awaited)) : NULL;
    if (!at)
        return;
    w->seen = (size_t)(at - w->told) + strlen(w->awaited) + 1;
    w->awaited = NULL;
    tractor_nursery_sleep(w->scene->in, 0, go_on, w->scene);
}

static void on_event(int event, const tractor_id *id, const char *const *addrs, void *user) {
    watch *w = user;
    size_t used = strlen(w->told);
    assert_true(event == TRACTOR_WATCH_SYNCED ? id == NULL : id->pid == 0);
    assert_true((event == TRACTOR_WATCH_JOIN) == (addrs[0] != NULL));
    const char *sign = event == TRACTOR_WATCH_JOIN ? "+" : event == TRACTOR_WATCH_LEAVE ? "-" : "=";
    snprintf(w->told + used, sizeof w->told - used, " %s%s", sign, id ? id->name : "");
    if (event == TRACTOR_WATCH_JOIN) {
        w->address = kit_text("%s", addrs[0]);
        w->uuid = kit_text("%s", id->uuid);
    }
    look(w);
}

static void on_end(const tractor_error *err, void *user) { kit_on_done(err, &((watch *)user)->end); }

void watch_begin(watch *w, scene *s, const char *name, const tractor_find_options *options) {
    *w = (watch){ .scene = s };
    w->op = tractor_watch_actors(s->in, name, options, on_event, on_end, w);
    assert_true(w->op > 0);
}

void watch_await(watch *w, const char *event) {
    w->awaited = event;
    look(w);
}

static void ended(kit_outcome *o) { scene_go(o->user); }

void watch_await_end(watch *w) {
    assert_int_equal(w->end.calls, 0);
    w->end.then = ended;
    w->end.user = w->scene;
}

void watch_cancel(watch *w) {
    assert_int_equal(tractor_op_cancel(kit_actor(), w->op), TRACTOR_OK);
    watch_await_end(w);
}
