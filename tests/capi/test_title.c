/* What a child is called in the process list. */
#include "kit/kit.h"

#include "tests.h"

static const char *read_proc(int64_t pid, const char *what) {
    return kit_read_file(kit_text("/proc/%d/%s", (int)pid, what));
}
static bool is_subactor(int64_t pid) {
    return strncmp(read_proc(pid, "cmdline"), "_subactor[", 10) == 0 &&
           strncmp(read_proc(pid, "comm"), "_subactor[", 10) == 0;
}

static void look_at(kit_outcome *o) {
    kit_assert_code(o->err, TRACTOR_OK);
    int64_t pid = kit_pid(o->portal);
    /* PRC-01: the whole title */
    assert_string_equal(read_proc(pid, "cmdline"), kit_text("_subactor[proctitle_boi@%d]", (int)pid));
    /* PRC-02: as others see it */
    assert_true(strncmp(read_proc(pid, "comm"), "_subactor[", 10) == 0);
    assert_true(is_subactor(pid));
    /* PRC-03: and we are none */
    assert_false(is_subactor(getpid()));
    tractor_nursery_cancel(o->user, NULL);
}

static void body(tractor_nursery *root, void *user) {
    kit_outcome *o = user;
    o->then = look_at;
    o->user = root;
    tractor_nursery_start_actor(root, "proctitle_boi", NULL, kit_on_portal, o);
}

static void PRC_01_to_03_subactor_proctitle(void **state) {
    (void)state;
    kit_outcome o = KIT_OUTCOME;
    kit_assert_code(kit_run_root(NULL, body, &o).err, TRACTOR_OK);
    assert_int_equal(o.calls, 1);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = { KIT_TEST(PRC_01_to_03_subactor_proctitle) };
    return kit_run_tests(tests);
}
