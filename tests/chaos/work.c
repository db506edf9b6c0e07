/* The work that a parent asks of a child, as the parent's side sees it; what comes back is checked. */
#include "chaos.h"

#include <string.h>

typedef struct running {
    kid *kid;
    const work *work;
    tractor_ctx *ctx;
    tractor_stream *stream;
    int next; /* what has to come next */
    int sent;
} running;

static void wrong(running *r, const char *what) {
    note(r->kid->grower->node->index, "wrong: %s %s: %s", r->work->what, r->kid->node->name, what);
    tractor_nursery_fail(r->kid->grower->pool,
                         tractor_error_newf(0, "WorkWrong", "%s %s: %s", r->work->what, r->kid->node->name, what));
}

static void on_answer(const tractor_error *err, const tractor_value *value, void *user) {
    running *r = user;
    (void)value;
    if (err)
        kid_failed(r->kid, r->work->what, err);
}

static void on_done(const tractor_error *err, void *user) { on_answer(err, NULL, user); }

static void call(running *r, const char *func, int number, tractor_value_fn fn) {
    tractor_portal_run(r->kid->portal, r->kid->grower->pool, "chaos", func, tractor_pack("{s:i}", "number", number),
                       NULL, fn, r);
}

/* One call after the other. */
static void on_echo(const tractor_error *err, const tractor_value *value, void *user) {
    running *r = user;
    int number = -1;
    if (err) {
        kid_failed(r->kid, r->work->what, err);
        return;
    }
    if (tractor_unpack(value, "i", &number) != TRACTOR_OK || number != r->next)
        wrong(r, "another answer");
    else if (++r->next < r->work->number)
        call(r, "echo", r->next, on_echo);
}

/* ---- streams ---- */

static void receive(running *r);

static void on_ball(const tractor_error *err, const tractor_value *value, void *user) {
    running *r = user;
    int number;
    if (err) /* the context has more to say of it */
        return;
    if (tractor_unpack(value, "i", &number) != TRACTOR_OK || number != r->next) {
        wrong(r, "another value");
        return;
    }
    if (++r->next == r->work->number)
        tractor_stream_send_eof(r->stream);
    for (; r->sent < r->work->number && r->sent < r->next + 8; r->sent++)
        if (tractor_stream_sendf(r->stream, "i", r->sent) != TRACTOR_OK)
            break;
    receive(r);
}

static void on_drop(const tractor_error *err, const tractor_value *value, void *user) {
    running *r = user;
    int number = -1;
    const void *ballast;
    size_t size;
    if (err)
        return;
    if (tractor_unpack(value, "[iy]", &number, &ballast, &size) != TRACTOR_OK || number != r->next++)
        wrong(r, "another value");
    else
        receive(r);
}

static void receive(running *r) {
    tractor_stream_receive(r->stream, NULL, strcmp(r->work->what, "pingpong") == 0 ? on_ball : on_drop, r);
}

static void on_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    running *r = user;
    (void)first;
    if (tractor_ctx_open_stream(ctx, NULL, &r->stream) != TRACTOR_OK)
        return;
    if (strcmp(r->work->what, "pingpong") == 0)
        tractor_stream_sendf(r->stream, "i", r->sent++);
    receive(r);
}

static void on_result(const tractor_error *err, const tractor_value *value, void *user) {
    running *r = user;
    int number = -1;
    if (err)
        kid_failed(r->kid, r->work->what, err);
    else if (value && (tractor_unpack(value, "i", &number) != TRACTOR_OK || number != r->work->number ||
                       r->next != r->work->number))
        wrong(r, "another number of values");
}

static void on_generator(tractor_stream *stream, void *user) {
    running *r = user;
    r->stream = stream;
    receive(r);
}

static void start(running *r) {
    kid *k = r->kid;
    tractor_nursery *pool = k->grower->pool;
    const char *what = r->work->what;
    tractor_bytes args = tractor_pack("{s:i}", "number", r->work->number);
    if (strcmp(what, "echo") == 0)
        call(r, "echo", 0, on_echo);
    else if (strcmp(what, "pingpong") == 0 || strcmp(what, "pour") == 0)
        tractor_portal_open_context(k->portal, pool, "chaos", what, args, NULL, on_started, on_result, r);
    else if (strcmp(what, "generate") == 0)
        tractor_portal_open_stream_from(k->portal, pool, "chaos", what, args, NULL, on_generator, on_done, r);
    else
        call(r, what, r->work->number, on_answer);
}

void start_works(kid *k) {
    const plan *p = the_plan();
    for (int i = 0; i < p->work_count; i++) {
        if (p->works[i].node != k->node->index)
            continue;
        running *r = tractor_nursery_alloc(k->grower->around, sizeof *r);
        *r = (running){ .kid = k, .work = &p->works[i] };
        start(r);
    }
}
