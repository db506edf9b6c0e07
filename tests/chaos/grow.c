/* An actor grows its part of the tree: starts children in a nursery of its own and has them grow theirs. */
#include "chaos.h"

#include <stdio.h>

void kid_failed(kid *k, const char *what, const tractor_error *err) {
    int code = tractor_error_code(err);
    const char *name = k->node->name;
    if (code == TRACTOR_ECANCELED)
        return;
    if (code == TRACTOR_ECTXCANCELED) {
        const tractor_id *by = tractor_error_canceller(err);
        note(k->grower->node->index, "cancelled: %s with %s, by %s", what, name, by ? by->name : "nobody");
        return;
    }
    bool death = code == TRACTOR_ECHILD || code == TRACTOR_ESPAWN || code == TRACTOR_ETRANSPORT;
    bool ignored = k->node->ignore && death;
    note(k->grower->node->index, "%s: %s with %s: %s: %s", ignored ? "ignored" : "raised", what, name,
         tractor_error_name(err), tractor_error_message(err));
    if (!ignored)
        tractor_nursery_fail(k->grower->pool, err);
}

/* One more child is up, or will never be: a context is started when that is true of all. */
static void settle(kid *k) {
    grower *g = k->grower;
    if (++g->settled == g->kid_count && g->ctx && g->node->kind == KIND_CONTEXT)
        tractor_ctx_started(g->ctx, "i", g->node->index);
}

static void on_exit_ignored(const tractor_error *err, void *user) { kid_failed(user, "life", err); }

static void on_answer(const tractor_error *err, const tractor_value *value, void *user) {
    kid *k = user;
    k->ctx = NULL;
    k->op = 0;
    int index = 0;
    if (err)
        kid_failed(k, "growing", err);
    else if (value && (tractor_unpack(value, "i", &index) != TRACTOR_OK || index != k->node->index))
        tractor_nursery_fail(k->grower->pool,
                             tractor_error_newf(0, "WorkWrong", "%s answers for n%02d", k->node->name, index));
    if (k->node->kind == KIND_ONE_SHOT)
        settle(k);
}

static void on_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    kid *k = user;
    (void)first;
    k->ctx = ctx;
}

static void on_up(const tractor_error *err, tractor_portal *portal, void *user) {
    kid *k = user;
    tractor_nursery *pool = k->grower->pool;
    k->op = 0;
    settle(k);
    if (err) {
        kid_failed(k, "start", err);
        return;
    }
    k->portal = portal;
    note(k->node->index, "up %d", (int)tractor_portal_id(portal)->pid);
    tractor_bytes args = tractor_pack("{s:i}", "node", k->node->index);
    if (k->node->kind == KIND_CONTEXT)
        k->op = tractor_portal_open_context(portal, pool, "chaos", "grow", args, NULL, on_started, on_answer, k);
    else
        k->op = tractor_portal_run(portal, pool, "chaos", k->node->name, args, NULL, on_answer, k);
    start_works(k);
}

static void start_kid(const tractor_error *err, void *user) {
    kid *k = user;
    if (err)
        return;
    static const char *const modules[] = { "chaos", NULL };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .modules = modules,
                                      .enable_transports = k->node->transport[0] == '-' ? NULL : k->node->transport };
    if (k->node->ignore) {
        options.on_exit = on_exit_ignored;
        options.on_exit_user = k;
    }
    if (k->node->kind == KIND_ONE_SHOT)
        k->op = tractor_nursery_run_in_actor(k->grower->pool, "chaos", k->node->name,
                                             tractor_pack("{s:i}", "node", k->node->index), &options, on_answer, k);
    else
        k->op = tractor_nursery_start_actor(k->grower->pool, k->node->name, &options, on_up, k);
}

static void on_pool_end(const tractor_error *err, void *user) {
    grower *g = user;
    if (tractor_error_code(err) == TRACTOR_ETIMEDOUT && g->node->deadline_ms > 0) {
        note(g->node->index, "fault deadline");
        if (!g->node->pass_up)
            err = NULL;
    }
    g->on_end(g, err);
}

static void on_life_over(const tractor_error *err, void *user) {
    grower *g = user;
    if (!err)
        tractor_nursery_close(g->pool);
}

grower *grow(tractor_nursery *around, tractor_ctx *ctx, int index, void (*on_end)(grower *, const tractor_error *)) {
    const plan *p = the_plan();
    grower *g = tractor_nursery_alloc(around, sizeof *g);
    if (!g)
        return NULL;
    g->node = &p->nodes[index];
    g->ctx = ctx;
    g->around = around;
    g->on_end = on_end;
    char name[32];
    snprintf(name, sizeof name, "pool of %s", g->node->name);
    tractor_nursery_options options = { TRACTOR_NURSERY_OPTIONS, .name = name,
                                        .timeout_ns = g->node->deadline_ms * TRACTOR_MS,
                                        .flags = TRACTOR_NURSERY_CANCEL_DAEMONS };
    g->pool = tractor_nursery_open(around, &options, on_pool_end, g);
    int64_t life = g->node->life_ms < 0 ? TRACTOR_FOREVER : g->node->life_ms * TRACTOR_MS;
    tractor_nursery_sleep(g->pool, life, on_life_over, g);
    g->kids = tractor_nursery_alloc(around, sizeof *g->kids * MAX_NODES);
    for (int i = 1; i < p->node_count; i++)
        if (p->nodes[i].parent == index)
            g->kids[g->kid_count++] = (kid){ .grower = g, .node = &p->nodes[i] };
    for (int i = 0; i < g->kid_count; i++) {
        if (g->kids[i].node->delay_ms > 0)
            tractor_nursery_sleep(g->pool, g->kids[i].node->delay_ms * TRACTOR_MS, start_kid, &g->kids[i]);
        else
            start_kid(NULL, &g->kids[i]);
    }
    if (g->kid_count == 0 && ctx && g->node->kind == KIND_CONTEXT)
        tractor_ctx_started(ctx, "i", index);
    plan_faults(g);
    return g;
}

/* ---- the endpoints ---- */

static void answer(grower *g, const tractor_error *err) {
    if (err)
        tractor_ctx_raise(g->ctx, err);
    else
        tractor_ctx_return(g->ctx, "i", g->node->index);
}

static void fail_home(grower *g, const tractor_error *err) {
    if (err)
        tractor_nursery_fail(g->around, err);
}

static void grow_here(tractor_ctx *ctx, const tractor_value *args, void *user) {
    int index;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:i}", "node", &index) != TRACTOR_OK)
        return;
    if (the_plan()->nodes[index].kind == KIND_HOME) {
        grow(tractor_actor_nursery(tractor_ctx_actor(ctx)), NULL, index, fail_home);
        tractor_ctx_return(ctx, "i", index);
    } else {
        grow(tractor_ctx_nursery(ctx), ctx, index, answer);
    }
}

void register_growing(void) {
    tractor_register_endpoint("chaos", &(tractor_endpoint)TRACTOR_CTX("grow", grow_here), NULL, NULL);
    /* A one-shot is called like its function, so each node has one of its own. */
    for (int i = 0; i < MAX_NODES; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%02d", i);
        tractor_register_endpoint("chaos", &(tractor_endpoint)TRACTOR_FUNC(name, grow_here), NULL, NULL);
    }
}
