/* What children leave where they listened, and what is not theirs. */
#include "kit/kit.h"

#include <signal.h>
#include <time.h>

/* ---- an address that is taken ---- */

typedef struct failing {
    const char *addrs[2];
    const char *says;
    kit_outcome child, answer;
} failing;

static void ask_another(kit_outcome *o) {
    failing *f = o->user;
    kit_assert_code(o->err, TRACTOR_ESPAWN);
    char *text = tractor_error_format(o->err);
    kit_assert_contains(text, f->says);
    tractor_free(text);
    /* It registers at the address where the other one could not listen. */
    assert_true(tractor_nursery_run_in_actor(tractor_actor_nursery(kit_actor()), "kit", "echo",
                                             TRACTOR_ARGS("{s:i}", "n", 1), NULL, kit_on_value, &f->answer) > 0);
}

static void start_there(tractor_nursery *root, void *user) {
    failing *f = user;
    f->child = (kit_outcome){ .then = ask_another, .user = f };
    tractor_spawn_options options = { TRACTOR_SPAWN_OPTIONS, .bind_addrs = f->addrs };
    assert_true(tractor_nursery_start_actor(root, "late", &options, kit_on_portal, &f->child) > 0);
}

static void fails_alone(failing f) {
    kit_run run = kit_run_root(NULL, start_there, &f);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(f.child.calls, 1);
    kit_assert_value(f.answer.value, "{s:i}", "n", 1);
    kit_assert_within_ms(run.ns, 2000);
}

/* A dead child's sockets are unlinked, not whatever stands where it was told to listen. */
static void test_a_child_told_to_listen_where_its_parent_does(void **state) {
    (void)state;
    fails_alone((failing){ .addrs = { kit_registry() }, .says = "Address already in use" });
}

/* TPT-10 */
static void test_a_child_told_to_listen_where_no_socket_can_be(void **state) {
    (void)state;
    fails_alone((failing){ .addrs = { kit_text("/unix%s/%0200d.sock", kit_path(""), 1) }, .says = "at most 107 fit" });
}

/* ---- whoever is killed from outside ---- */

typedef struct lost {
    const char *note; /* where the leaf's socket is */
    kit_outcome branch, call;
    const char *left;
    bool swept;
} lost;

static const char *const modules[] = { "leftovers", NULL };
static tractor_spawn_options uds_child(void) {
    return (tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = modules, .enable_transports = "uds" };
}

static void note_socket(const tractor_error *err, tractor_portal *leaf, void *file) {
    char *unfinished = NULL;
    if (err || asprintf(&unfinished, "%s~", (char *)file) < 0)
        abort();
    FILE *f = fopen(unfinished, "we");
    fprintf(f, "%s/tractor/leaf@%d.sock", getenv("XDG_RUNTIME_DIR"), (int)tractor_portal_id(leaf)->pid);
    fclose(f);
    rename(unfinished, file);
    free(unfinished);
    free(file);
}

static void have_child(tractor_ctx *ctx, const tractor_value *args, void *user) {
    const char *file;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:s}", "file", &file) != TRACTOR_OK)
        return;
    tractor_spawn_options options = uds_child();
    tractor_nursery_start_actor(tractor_ctx_nursery(ctx), "leaf", &options, note_socket, strdup(file));
}

static void wait_for_leaf(void *user) { assert_true(kit_wait_file(((lost *)user)->note)); }

static void wait_until_swept(void *user) {
    lost *l = user;
    struct timespec pause = { 0, 1000000 };
    int64_t end = tractor_now() + 5 * TRACTOR_SECOND * kit_headroom();
    while (!(l->swept = access(l->left, F_OK) != 0) && tractor_now() < end)
        nanosleep(&pause, NULL);
}

static void kill_branch(const tractor_error *err, void *user) {
    lost *l = user;
    kit_assert_code(err, TRACTOR_OK);
    l->left = kit_read_file(l->note);
    assert_int_equal(access(l->left, F_OK), 0);
    assert_int_equal(kill((pid_t)kit_pid(l->branch.portal), SIGKILL), 0);
    tractor_nursery_run_in_thread(tractor_actor_nursery(kit_actor()), wait_until_swept, NULL, l);
}

static void branch_is_up(kit_outcome *o) {
    lost *l = o->user;
    kit_assert_code(o->err, TRACTOR_OK);
    l->note = kit_path("note");
    tractor_portal_run(o->portal, NULL, "leftovers", "have_child", TRACTOR_ARGS("{s:s}", "file", l->note), NULL,
                       kit_on_value, &l->call);
    tractor_nursery_run_in_thread(tractor_actor_nursery(kit_actor()), wait_for_leaf, kill_branch, l);
}

static void lose_branch(tractor_nursery *root, void *user) {
    lost *l = user;
    l->branch = (kit_outcome){ .then = branch_is_up, .user = l };
    tractor_spawn_options options = uds_child();
    options.flags = TRACTOR_SPAWN_IGNORE_DEATH;
    assert_true(tractor_nursery_start_actor(root, "branch", &options, kit_on_portal, &l->branch) > 0);
}

/* TPT-03: the root knows where they listen by default, though it listens elsewhere itself. */
static void test_sockets_of_orphans_are_swept(void **state) {
    (void)state;
    lost l = { 0 };
    kit_run run =
        kit_run_root(&(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .flags = TRACTOR_ROOT_SUBREAPER }, lose_branch, &l);
    kit_assert_code(run.err, TRACTOR_OK);
    kit_assert_code(l.call.err, TRACTOR_ECHILD);
    assert_true(l.swept);
}

int main(int argc, char **argv) {
    static const tractor_endpoint module[] = { TRACTOR_FUNC("have_child", have_child), TRACTOR_ENDPOINTS_END };
    tractor_register("leftovers", module, NULL);
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST(test_a_child_told_to_listen_where_its_parent_does),
        KIT_TEST(test_a_child_told_to_listen_where_no_socket_can_be),
        KIT_TEST(test_sockets_of_orphans_are_swept),
    };
    return kit_run_tests(tests);
}
