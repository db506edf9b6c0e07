/* What a nursery and an actor can be told about their children and their end, CLU-01, and the tree as data. */
#include "kit/kit.h"

#include <limits.h>
#include <signal.h>

static const tractor_spawn_options with_kit = { TRACTOR_SPAWN_OPTIONS, .modules = kit_modules };

/* ---- cancelled_caught (X-18) ---- */

typedef struct caught {
    tractor_nursery *nursery;
    kit_outcome child, call, end;
    bool before, after, seen;
    int how; /* 0: cancelled, 1: nothing to cancel, 2: failed, 3: deadline, 4: from outside */
} caught;

static void caught_end(const tractor_error *err, void *user) {
    caught *c = user;
    c->seen = true;
    c->after = tractor_nursery_cancelled_caught(c->nursery);
    kit_on_done(err, &c->end);
}

static void stop_it(kit_outcome *o) {
    caught *c = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    c->before = tractor_nursery_cancelled_caught(c->nursery);
    if (c->how == 2) {
        tractor_error *err = tractor_error_newf(0, NULL, "so be it");
        tractor_nursery_fail(c->nursery, err);
        tractor_error_unref(err);
    }
    if (c->how == 4)
        tractor_op_cancel(kit_actor(), tractor_nursery_op(c->nursery));
    if (c->how == 0)
        assert_int_equal(tractor_nursery_cancel(c->nursery, "enough"), TRACTOR_OK);
    if (c->how == 3)
        tractor_nursery_set_timeout(c->nursery, TRACTOR_MS);
    c->before = c->before || tractor_nursery_cancelled_caught(c->nursery);
}

static void caught_body(tractor_nursery *root, void *user) {
    caught *c = user;
    c->nursery = tractor_nursery_open(root, NULL, caught_end, c);
    if (c->how == 1) {
        tractor_nursery_cancel(c->nursery, NULL);
        return;
    }
    c->child.then = stop_it;
    c->child.user = c;
    tractor_nursery_start_actor(c->nursery, "w", &with_kit, kit_on_portal, &c->child);
}

static void X_18_cancelled_caught_is_truthful(void **state) {
    (void)state;
    static const int ends[] = { TRACTOR_OK, TRACTOR_OK, TRACTOR_EUSER, TRACTOR_ETIMEDOUT, TRACTOR_ECANCELED };
    for (int how = 0; how < 5; how++) {
        caught c = { .how = how };
        kit_assert_code(kit_run_root(NULL, caught_body, &c).err, TRACTOR_OK);
        assert_true(c.seen);
        kit_assert_code(c.end.err, ends[how]);
        assert_false(c.before);
        assert_int_equal(c.after, how == 0);
    }
}

/* ---- the exit stack (X-19) ---- */

typedef struct steps {
    char order[64];
    bool fail;
    int slept;
} steps;

static void note_step(steps *s, const char *name) { strcat(s->order, name); }

static void raise_it(tractor_actor *actor, const char *text) {
    tractor_error *err = tractor_error_newf(0, "OSError", "%s", text);
    tractor_nursery_fail(tractor_actor_nursery(actor), err);
    tractor_error_unref(err);
}

static void step_a(tractor_actor *actor, void *user) {
    (void)actor;
    note_step(user, "a");
}
static void slept(const tractor_error *err, void *user) {
    steps *s = user;
    kit_assert_code(err, s->fail ? TRACTOR_ECANCELED : TRACTOR_OK);
    note_step(s, "s");
}
static void step_b(tractor_actor *actor, void *user) {
    steps *s = user;
    note_step(s, "b");
    tractor_nursery_sleep(tractor_actor_nursery(actor), 10 * TRACTOR_MS, slept, s);
}
static void step_c(tractor_actor *actor, void *user) {
    steps *s = user;
    note_step(s, "c");
    if (s->fail)
        raise_it(actor, "c can't let go");
}
static void step_d(tractor_actor *actor, void *user) {
    steps *s = user;
    note_step(s, "d");
    if (s->fail)
        raise_it(actor, "d neither");
}
static void child_done(const tractor_error *err, const tractor_value *value, void *user) {
    (void)value;
    kit_assert_code(err, TRACTOR_OK);
    note_step(user, "w");
}

static void stack_body(tractor_nursery *root, void *user) {
    static const tractor_exit_fn all[] = { step_a, step_b, step_c, step_d };
    tractor_actor *actor = tractor_nursery_actor(root);
    for (int i = 0; i < 4; i++)
        assert_int_equal(tractor_actor_on_exit(actor, all[i], user), TRACTOR_OK);
    assert_int_equal(tractor_actor_on_exit(actor, NULL, NULL), TRACTOR_EINVAL);
    tractor_nursery_run_in_actor(root, "kit", "pid", TRACTOR_ARGS("{}"), &with_kit, child_done, user);
}

/* After all other work, the latest first, and each waits for what the one before it has started. */
static void exit_stack_runs_backwards(void **state) {
    (void)state;
    steps s = { 0 };
    kit_assert_code(kit_run_root(NULL, stack_body, &s).err, TRACTOR_OK);
    assert_string_equal(s.order, "wdcbsa");
}

static void X_19_an_error_skips_no_other(void **state) {
    (void)state;
    steps s = { .fail = true };
    kit_run run = kit_run_root(NULL, stack_body, &s);
    assert_string_equal(s.order, "wdcbsa");
    assert_int_equal(tractor_error_child_count(run.err), 2);
    kit_assert_contains(tractor_error_message(tractor_error_child(run.err, 0)), "d neither");
    kit_assert_contains(tractor_error_message(tractor_error_child(run.err, 1)), "c can't let go");
}

/* In a child: on a cancel, and its error is its parent's. */
static char exit_path[4096];
static void leave_mark(tractor_actor *actor, void *user) {
    (void)user;
    FILE *f = fopen(exit_path, "w");
    if (f)
        fclose(f);
    raise_it(actor, "it sticks");
}
static void push_step(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *path;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "path", &path) != TRACTOR_OK)
        return;
    snprintf(exit_path, sizeof exit_path, "%s", path);
    tractor_ctx_return(ctx, "i", tractor_actor_on_exit(tractor_ctx_actor(ctx), leave_mark, NULL));
}

typedef struct in_child {
    kit_outcome child, call;
    tractor_nursery *home;
} in_child;
static void pushed(kit_outcome *o) {
    in_child *c = o->user;
    kit_assert_value(o->value, "i", TRACTOR_OK);
    tractor_nursery_cancel(c->home, NULL);
}
static void in_child_up(kit_outcome *o) {
    in_child *c = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    c->call = (kit_outcome){ .then = pushed, .user = c };
    tractor_portal_run(o->portal, NULL, "exits", "push", TRACTOR_ARGS("{s:s}", "path", kit_path("mark")), NULL,
                       kit_on_value, &c->call);
}
static void in_child_body(tractor_nursery *root, void *user) {
    static const char *const modules[] = { "exits", NULL };
    in_child *c = user;
    c->child = (kit_outcome){ .then = in_child_up, .user = c };
    c->home = tractor_nursery_open(root, NULL, NULL, NULL);
    tractor_nursery_start_actor(c->home, "w", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules },
                                kit_on_portal, &c->child);
}
static void exit_stack_of_a_child(void **state) {
    (void)state;
    in_child c = { 0 };
    kit_expect_log("it sticks");
    kit_run run = kit_run_root(NULL, in_child_body, &c);
    kit_assert_code(run.err, TRACTOR_ECHILD);
    kit_assert_contains(tractor_error_message(run.err), "failed while it ended");
    kit_assert_contains(tractor_error_message(tractor_error_cause(run.err)), "it sticks");
    assert_int_equal(access(kit_path("mark"), F_OK), 0);
}

/* ---- hard cancels and the ladder ---- */

typedef struct deaf {
    tractor_nursery *root, *home;
    kit_outcome child, spin, end;
    const tractor_nursery_options *options;
    bool spins, hard, later;
    int64_t cancelled_at;
} deaf;

static void make_haste(const tractor_error *err, void *user) {
    deaf *d = user;
    assert_null(err);
    assert_int_equal(tractor_nursery_cancel_hard(d->home, "now"), TRACTOR_OK);
    assert_int_equal(tractor_nursery_cancel_hard(d->home, "now"), TRACTOR_EALREADY);
}
static void deaf_cancel(const tractor_error *err, void *user) {
    deaf *d = user;
    assert_null(err);
    /* It can't say that it is busy but by a file. */
    if (d->spins && access(kit_path("spins"), F_OK) != 0) {
        tractor_nursery_sleep(d->root, TRACTOR_MS, deaf_cancel, d);
        return;
    }
    d->cancelled_at = tractor_now();
    if (d->hard)
        return make_haste(NULL, d);
    tractor_nursery_cancel(d->home, "gently");
    if (d->later)
        tractor_nursery_sleep(d->root, 50 * TRACTOR_MS, make_haste, d);
}
static void deaf_up(kit_outcome *o) {
    deaf *d = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    if (d->spins)
        tractor_portal_run(o->portal, NULL, "kit", "spin", TRACTOR_ARGS("{s:s}", "touch", kit_path("spins")), NULL,
                           kit_on_value, &d->spin);
    tractor_nursery_sleep(d->root, 0, deaf_cancel, d);
}
static void deaf_body(tractor_nursery *root, void *user) {
    deaf *d = user;
    d->root = root;
    d->child = (kit_outcome){ .then = deaf_up, .user = d };
    d->home = tractor_nursery_open(root, d->options, kit_on_done, &d->end);
    tractor_nursery_start_actor(d->home, "w", &with_kit, kit_on_portal, &d->child);
}
static int64_t deaf_took(deaf *d) {
    unlink(kit_path("spins"));
    kit_assert_code(kit_run_root(NULL, deaf_body, d).err, TRACTOR_OK);
    kit_assert_code(d->end.err, TRACTOR_OK);
    return d->end.at - d->cancelled_at;
}

static void hard_cancel_of_an_idle_child(void **state) {
    (void)state;
    deaf d = { .hard = true };
    kit_assert_within_ms(deaf_took(&d), 400);
}

/* SIGTERM says nothing to a process that is busy; half a second is spared. */
static void hard_cancel_of_a_blocked_child(void **state) {
    (void)state;
    kit_expect_log("did not end in time: killed");
    deaf d = { .spins = true, .hard = true };
    int64_t took = deaf_took(&d);
    assert_true(took >= 1600 * TRACTOR_MS);
    kit_assert_within_ms(took, 1600 + 400);
}

static void hard_cancel_after_a_gentle_one(void **state) {
    (void)state;
    kit_expect_log("did not end in time: killed");
    deaf d = { .spins = true, .later = true };
    int64_t took = deaf_took(&d);
    assert_true(took >= 1650 * TRACTOR_MS);
    kit_assert_within_ms(took, 1650 + 350);
}

static void ladder_of_a_nursery(void **state) {
    (void)state;
    kit_expect_log("did not end in time: killed");
    tractor_nursery_options quick = { TRACTOR_NURSERY_OPTIONS, .cancel_timeout_ns = 50 * TRACTOR_MS,
                                      .kill_timeout_ns = 100 * TRACTOR_MS };
    deaf d = { .spins = true, .options = &quick };
    int64_t took = deaf_took(&d);
    assert_true(took >= 150 * TRACTOR_MS);
    kit_assert_within_ms(took, 150 + 200);
}

static void bad_options_body(tractor_nursery *root, void *user) {
    kit_outcome *o = user;
    tractor_nursery_open(root, &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .kill_timeout_ns = -1 },
                         kit_on_done, &o[0]);
    tractor_nursery_open_actor_cluster(root, &(tractor_cluster_options){ TRACTOR_CLUSTER_OPTIONS, .count = 70000 },
                                       NULL, kit_on_done, &o[1]);
    static const char *const names[] = { "a", "" };
    tractor_nursery_open_actor_cluster(
        root, &(tractor_cluster_options){ TRACTOR_CLUSTER_OPTIONS, .count = 2, .names = names }, NULL, kit_on_done,
        &o[2]);
    tractor_nursery_open_actor_cluster(
        root,
        &(tractor_cluster_options){ TRACTOR_CLUSTER_OPTIONS,
                                    .spawn = &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .flags = 128 } },
        NULL, kit_on_done, &o[3]);
}
static void bad_options_are_named(void **state) {
    (void)state;
    static const char *const told[] = { "kill_timeout_ns is negative", "count is too large", "names[1] is empty",
                                        "tractor_spawn_options.flags has unknown bits" };
    kit_outcome o[4] = { KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME, KIT_OUTCOME };
    kit_assert_code(kit_run_root(NULL, bad_options_body, o).err, TRACTOR_OK);
    for (int i = 0; i < 4; i++) {
        kit_assert_code(o[i].err, TRACTOR_EINVAL);
        kit_assert_contains(tractor_error_message(o[i].err), told[i]);
    }
}

/* ---- deaths ---- */

typedef struct death {
    kit_outcome child, call, exit;
    tractor_nursery *home;
    uint32_t flags;
    tractor_done_fn on_exit;
} death;
static void death_up(kit_outcome *o) {
    death *d = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_portal_run(o->portal, NULL, "kit", "signal", TRACTOR_ARGS("{s:i}", "number", SIGKILL), NULL, kit_on_value,
                       &d->call);
}
static void death_body(tractor_nursery *root, void *user) {
    death *d = user;
    d->child = (kit_outcome){ .then = death_up, .user = d };
    d->home = tractor_nursery_open(root, NULL, NULL, NULL);
    tractor_spawn_options options = with_kit;
    options.flags = d->flags;
    options.on_exit = d->on_exit;
    options.on_exit_user = &d->exit;
    tractor_nursery_start_actor(d->home, "w", &options, kit_on_portal, &d->child);
    tractor_nursery_close(d->home);
}

static void death_is_an_error_with_its_status(void **state) {
    (void)state;
    death d = { 0 };
    kit_run run = kit_run_root(NULL, death_body, &d);
    kit_assert_code(run.err, TRACTOR_ECHILD);
    assert_int_equal(tractor_error_exit_status(run.err), -SIGKILL);
    kit_assert_code(d.call.err, TRACTOR_ECHILD);
    assert_int_equal(tractor_error_exit_status(d.call.err), -SIGKILL);
    assert_int_equal(tractor_error_exit_status(NULL), INT_MIN);
}

static void death_can_be_ignored(void **state) {
    (void)state;
    death d = { .flags = TRACTOR_SPAWN_IGNORE_DEATH };
    kit_assert_code(kit_run_root(NULL, death_body, &d).err, TRACTOR_OK);
    kit_assert_code(d.call.err, TRACTOR_ECHILD);
}

static void death_has_one_receiver(void **state) {
    (void)state;
    death d = { .flags = TRACTOR_SPAWN_IGNORE_DEATH, .on_exit = kit_on_done };
    kit_assert_code(kit_run_root(NULL, death_body, &d).err, TRACTOR_OK);
    assert_int_equal(d.exit.calls, 1);
    kit_assert_code(d.exit.err, TRACTOR_ECHILD);
}

/* ---- clusters ---- */

typedef struct cluster {
    kit_outcome calls[4], end;
    size_t count;
    int bodies;
    const tractor_cluster_options *options;
    char *names;
} cluster;
static void cluster_up(tractor_nursery *nursery, tractor_portal *const *portals, size_t count, void *user) {
    cluster *c = user;
    c->bodies++;
    c->count = count;
    for (size_t i = 0; i < count; i++) {
        kit_assert_portal(portals[i]);
        c->names = kit_text("%s %s", c->names ? c->names : "", tractor_portal_id(portals[i])->name);
        if (i < 4)
            tractor_portal_run(portals[i], nursery, "kit", "pid", TRACTOR_ARGS("{}"), NULL, kit_on_value, &c->calls[i]);
    }
}
static void cluster_end(const tractor_error *err, void *user) { kit_on_done(err, &((cluster *)user)->end); }
static void cluster_run(tractor_nursery *root, void *user) {
    cluster *c = user;
    tractor_nursery_open_actor_cluster(root, c->options, cluster_up, cluster_end, c);
}

static void cluster_works_and_ends(void **state) {
    (void)state;
    for (int hard = 0; hard < 2; hard++) {
        cluster c = { .options = &(tractor_cluster_options){ TRACTOR_CLUSTER_OPTIONS, .count = 4, .spawn = &with_kit,
                                                             .flags = hard ? TRACTOR_NURSERY_HARD_KILL : 0 } };
        kit_run run = kit_run_root(NULL, cluster_run, &c);
        kit_assert_code(run.err, TRACTOR_OK);
        kit_assert_code(c.end.err, TRACTOR_OK);
        assert_int_equal(c.bodies, 1);
        assert_int_equal(c.count, 4);
        assert_string_equal(c.names, " root.worker_0 root.worker_1 root.worker_2 root.worker_3");
        for (int i = 0; i < 4; i++)
            kit_assert_code(c.calls[i].err, TRACTOR_OK);
        kit_assert_within_ms(run.ns, 1500);
    }
}

static void cluster_of_names_and_processors(void **state) {
    (void)state;
    static const char *const names[] = { "eins", "zwei" };
    cluster c = { .options = &(tractor_cluster_options){ TRACTOR_CLUSTER_OPTIONS, .count = 2, .names = names,
                                                         .spawn = &with_kit } };
    kit_assert_code(kit_run_root(NULL, cluster_run, &c).err, TRACTOR_OK);
    assert_string_equal(c.names, " eins zwei");
    cluster all = { .options = &(tractor_cluster_options){ TRACTOR_CLUSTER_OPTIONS, .spawn = &with_kit } };
    kit_assert_code(kit_run_root(NULL, cluster_run, &all).err, TRACTOR_OK);
    assert_in_range(all.count, 1, (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
}

static void cluster_is_all_or_nothing(void **state) {
    (void)state;
    cluster c = { .options = &(tractor_cluster_options){
                      TRACTOR_CLUSTER_OPTIONS, .count = 3,
                      .spawn = &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .program = "/bin/false" } } };
    kit_assert_code(kit_run_root(NULL, cluster_run, &c).err, TRACTOR_OK);
    kit_assert_code(c.end.err, TRACTOR_ESPAWN);
    assert_int_equal(c.bodies, 0);
}

/* ---- the tree ---- */

static void sub_up(const tractor_error *err, tractor_portal *portal, void *user) {
    (void)portal;
    if (!err)
        tractor_ctx_started(user, NULL);
}
/* A context with a nursery in it that owns a child. */
static void grow(tractor_ctx *ctx, const tractor_value *args, void *user) {
    (void)args, (void)user;
    tractor_nursery *n = tractor_nursery_open(
        tractor_ctx_nursery(ctx), &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .name = "inner" }, NULL, NULL);
    tractor_nursery_start_actor(n, "leaf", &with_kit, sub_up, ctx);
}

typedef struct picture {
    kit_outcome child, tree, result;
    tractor_nursery *home;
    tractor_ctx *ctx;
    char *snapshot;
} picture;
static void picture_taken(kit_outcome *o) {
    picture *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_nursery_cancel(p->home, NULL);
}
static void picture_started(tractor_ctx *ctx, const tractor_value *first, void *user) {
    picture *p = user;
    tractor_stream *stream;
    (void)first;
    assert_int_equal(tractor_ctx_open_stream(ctx, NULL, &stream), TRACTOR_OK);
    p->snapshot = tractor_tree_format(tractor_actor_snapshot(kit_actor()));
    p->tree = (kit_outcome){ .then = picture_taken, .user = p };
    assert_true(tractor_actor_tree(kit_actor(), NULL, NULL, kit_on_value, &p->tree) > 0);
}
static void picture_end(const tractor_error *err, const tractor_value *value, void *user) {
    kit_on_value(err, value, &((picture *)user)->result);
}
static void picture_go(kit_outcome *o) {
    picture *p = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_portal_open_context(o->portal, NULL, "exits", "grow", TRACTOR_ARGS("{}"), NULL, picture_started,
                                picture_end, p);
}
static void picture_body(tractor_nursery *root, void *user) {
    static const char *const modules[] = { "exits", "kit", NULL };
    picture *p = user;
    p->child = (kit_outcome){ .then = picture_go, .user = p };
    p->home =
        tractor_nursery_open(root, &(tractor_nursery_options){ TRACTOR_NURSERY_OPTIONS, .name = "home" }, NULL, NULL);
    tractor_nursery_start_actor(p->home, "mid", &(tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules },
                                kit_on_portal, &p->child);
}
static void tree_tells_of_everything(void **state) {
    (void)state;
    picture p = { 0 };
    kit_assert_code(kit_run_root(NULL, picture_body, &p).err, TRACTOR_OK);
    char *text = tractor_tree_format(tractor_value_bytes(p.tree.value));
    print_message("%s", text);
    static const char *const parts[] = { "root (pid ",
                                         ", up, ",
                                         "nursery 'home' (closed, ",
                                         "  mid (pid ",
                                         "endpoint 'grow' (",
                                         "; for root, started",
                                         "nursery 'inner' (open, ",
                                         "        leaf (pid ",
                                         "context 'exits:grow' (",
                                         "; with mid, streaming, stream open: 0 unread, 0 unsent" };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        kit_assert_contains(text, parts[i]);
    /* What is not asked tells nothing. */
    kit_assert_contains(p.snapshot, "  mid (pid ");
    assert_null(strstr(p.snapshot, "leaf"));
    tractor_free(text);
    tractor_free(p.snapshot);
    char *none = tractor_tree_format((tractor_bytes){ "\x93\x01", 2 });
    assert_string_equal(none, "this is no tree of actors\n");
    tractor_free(none);
}

typedef struct stopped {
    kit_outcome child, tree;
    tractor_nursery *home;
} stopped;
static void stopped_told(kit_outcome *o) {
    stopped *s = o->user;
    kill((pid_t)kit_pid(s->child.portal), SIGCONT);
    tractor_nursery_cancel(s->home, NULL);
}
static void stopped_up(kit_outcome *o) {
    stopped *s = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    kill((pid_t)kit_pid(o->portal), SIGSTOP);
    assert_true(kit_wait_state(kit_pid(o->portal), "T"));
    s->tree = (kit_outcome){ .then = stopped_told, .user = s };
    tractor_actor_tree(kit_actor(), s->home,
                       &(tractor_call_options){ TRACTOR_CALL_OPTIONS, .timeout_ns = 100 * TRACTOR_MS }, kit_on_value,
                       &s->tree);
}
static void stopped_body(tractor_nursery *root, void *user) {
    stopped *s = user;
    s->child = (kit_outcome){ .then = stopped_up, .user = s };
    s->home = tractor_nursery_open(root, NULL, NULL, NULL);
    tractor_nursery_start_actor(s->home, "w", &with_kit, kit_on_portal, &s->child);
}
/* An actor that does not answer is told of all the same. */
static void tree_with_a_stopped_child(void **state) {
    (void)state;
    stopped s = { 0 };
    kit_assert_code(kit_run_root(NULL, stopped_body, &s).err, TRACTOR_OK);
    kit_assert_code(s.tree.err, TRACTOR_OK);
    char *text = tractor_tree_format(tractor_value_bytes(s.tree.value));
    print_message("%s", text);
    kit_assert_contains(text, "  w (pid ");
    kit_assert_contains(text, "in time");
    tractor_free(text);
}

static const tractor_endpoint exits[] = { TRACTOR_FUNC("push", push_step), TRACTOR_CTX("grow", grow),
                                          TRACTOR_ENDPOINTS_END };

int main(int argc, char **argv) {
    tractor_register("exits", exits, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(X_18_cancelled_caught_is_truthful),
        KIT_TEST(exit_stack_runs_backwards),
        KIT_TEST(X_19_an_error_skips_no_other),
        KIT_TEST(exit_stack_of_a_child),
        KIT_TEST(hard_cancel_of_an_idle_child),
        KIT_TEST(hard_cancel_of_a_blocked_child),
        KIT_TEST(hard_cancel_after_a_gentle_one),
        KIT_TEST(ladder_of_a_nursery),
        KIT_TEST(bad_options_are_named),
        KIT_TEST(death_is_an_error_with_its_status),
        KIT_TEST(death_can_be_ignored),
        KIT_TEST(death_has_one_receiver),
        KIT_TEST(cluster_works_and_ends),
        KIT_TEST(cluster_of_names_and_processors),
        KIT_TEST(cluster_is_all_or_nothing),
        KIT_TEST(tree_tells_of_everything),
        KIT_TEST(tree_with_a_stopped_child),
    };
    return kit_run_tests(tests);
}
