/* A program whose language gives main no arguments: a child is one all the same, and has its title. */
#include "kit/kit.h"

#include "tests.h"

static void look_at(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    int64_t pid = kit_pid(o->portal);
    assert_string_equal(kit_read_file(kit_text("/proc/%d/cmdline", (int)pid)),
                        kit_text("_subactor[unargued@%d]", (int)pid));
    tractor_nursery_cancel(o->user, NULL);
}

static void body(tractor_nursery *root, void *user) {
    kit_outcome *o = user;
    o->then = look_at;
    o->user = root;
    tractor_nursery_start_actor(root, "unargued", NULL, kit_on_portal, o);
}

static void child_is_known_without_argv(void **state) {
    (void)state;
    kit_outcome o = KIT_OUTCOME;
    kit_assert_code(kit_run_root(NULL, body, &o).err, TRACTOR_OK);
    assert_int_equal(o.calls, 1);
}

int main(void) {
    kit_begin(0, NULL);
    const kit_test tests[] = { KIT_TEST(child_is_known_without_argv) };
    return kit_run_tests(tests);
}
