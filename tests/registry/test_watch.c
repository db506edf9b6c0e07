/* A watch of the registry, as the program sees it. */
#include "kit/kit.h"

/* Who is there, as far as one watch has told it. */
typedef struct crowd {
    tractor_nursery *root;
    tractor_op watch;
    int joins, leaves, synced, ended;
    char names[200]; /* "a b " */
    int code;        /* what it ended with */
    void (*then)(struct crowd *crowd, int event, const tractor_id *id);
    kit_outcome child, other;
} crowd;

static void on_event(int event, const tractor_id *id, const char *const *addrs, void *user) {
    crowd *c = user;
    assert_int_equal(c->ended, 0);
    c->joins += event == TRACTOR_WATCH_JOIN;
    c->leaves += event == TRACTOR_WATCH_LEAVE;
    c->synced += event == TRACTOR_WATCH_SYNCED;
    assert_true((event == TRACTOR_WATCH_JOIN) == (addrs[0] != NULL));
    if (event == TRACTOR_WATCH_JOIN)
        snprintf(c->names + strlen(c->names), sizeof c->names - strlen(c->names), "%s ", id->name);
    if (c->then)
        c->then(c, event, id);
}

static void on_end(const tractor_error *err, void *user) {
    crowd *c = user;
    c->ended++;
    c->code = tractor_error_code(err);
}

static void begin(crowd *c) {
    c->watch = tractor_watch_actors(c->root, NULL, NULL, on_event, on_end, c);
    assert_true(c->watch > 0);
}

/* ---- who has left before the watch began is no reason to tell anything again ---- */

static void stop_when_synced(crowd *c, int event, const tractor_id *id) {
    (void)id;
    if (event == TRACTOR_WATCH_SYNCED)
        tractor_op_cancel(kit_actor(), c->watch);
}

static void when_gone(const tractor_error *err, void *user) {
    crowd *c = user;
    kit_assert_code(err, TRACTOR_OK);
    c->then = stop_when_synced;
    begin(c);
}

static void child_up(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    tractor_portal_cancel_actor(o->portal, NULL, NULL, NULL, NULL);
}

static void come_and_go(tractor_nursery *root, void *user) {
    crowd *c = user;
    c->root = root;
    c->child.then = child_up;
    tractor_nursery *short_lived = tractor_nursery_open(root, NULL, when_gone, c);
    tractor_nursery_start_actor(short_lived, "guest", NULL, kit_on_portal, &c->child);
    tractor_nursery_close(short_lived);
}

static void a_watch_begins_after_somebody_left(void **state) {
    (void)state;
    crowd c = { .child = KIT_OUTCOME };
    kit_run run = kit_run_root(NULL, come_and_go, &c);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(c.synced, 1);
    assert_int_equal(c.joins, 1);
    assert_int_equal(c.leaves, 0);
    assert_string_equal(c.names, "root ");
    assert_int_equal(c.code, TRACTOR_ECANCELED);
}

/* ---- the program ends it from inside an event ---- */

static void give_up(crowd *c, int event, const tractor_id *id) {
    (void)event, (void)id;
    assert_int_equal(tractor_op_abandon(kit_actor(), c->watch), TRACTOR_OK);
    c->then = NULL;
    c->watch = 0;
}

static void close_all(crowd *c, int event, const tractor_id *id) {
    (void)event, (void)id;
    c->then = NULL;
    tractor_nursery_cancel(c->root, "enough");
}

static void watch_at_once(tractor_nursery *root, void *user) {
    crowd *c = user;
    c->root = tractor_nursery_open(root, NULL, NULL, NULL);
    begin(c);
    tractor_nursery_close(c->root);
}

static void it_is_abandoned_in_its_first_event(void **state) {
    (void)state;
    crowd c = { .then = give_up };
    kit_assert_code(kit_run_root(NULL, watch_at_once, &c).err, TRACTOR_OK);
    assert_int_equal(c.joins, 1);
    assert_int_equal(c.synced + c.leaves + c.ended, 0);
}

static void its_nursery_is_cancelled_in_its_first_event(void **state) {
    (void)state;
    crowd c = { .then = close_all };
    kit_assert_code(kit_run_root(NULL, watch_at_once, &c).err, TRACTOR_OK);
    assert_int_equal(c.joins, 1);
    assert_int_equal(c.synced + c.leaves, 0);
    assert_int_equal(c.ended, 1);
    assert_int_equal(c.code, TRACTOR_ECANCELED);
}

/* It is over before it began, and nobody is told anything. */
static void watch_and_give_up(tractor_nursery *root, void *user) {
    crowd *c = user;
    watch_at_once(root, c);
    assert_int_equal(tractor_op_abandon(kit_actor(), c->watch), TRACTOR_OK);
}

static void it_is_abandoned_before_its_first_event(void **state) {
    (void)state;
    crowd c = { 0 };
    kit_assert_code(kit_run_root(NULL, watch_and_give_up, &c).err, TRACTOR_OK);
    assert_int_equal(c.joins + c.synced + c.leaves + c.ended, 0);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(a_watch_begins_after_somebody_left),
        KIT_TEST(it_is_abandoned_in_its_first_event),
        KIT_TEST(its_nursery_is_cancelled_in_its_first_event),
        KIT_TEST(it_is_abandoned_before_its_first_event),
    };
    return kit_run_tests(tests);
}
