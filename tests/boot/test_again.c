/* ctest: timeout=90
 *
 * Opened and closed a thousand times in one process: nothing is left each time, and nothing grows. */
#include "kit/kit.h"

#include <dirent.h>
#include <malloc.h>

static size_t entries(const char *folder) {
    size_t n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void said(const tractor_error *err, const tractor_value *value, void *user) {
    kit_assert_code(err, TRACTOR_OK);
    kit_assert_value(value, "{s:i}", "n", 1);
    ++*(int *)user;
}
static void do_something(tractor_nursery *root, void *user) {
    tractor_portal_run(tractor_actor_self(kit_actor()), root, "kit", "echo", TRACTOR_ARGS("{s:i}", "n", 1), NULL, said,
                       user);
}

static void opened_a_thousand_times(void **state) {
    (void)state;
    /* What the allocator keeps for threads varies a little; one small block lost each time would be more. */
    enum { TIMES = 1000, WARM = 100, SLACK = 16 * 1024 };
    const tractor_root_options options = { TRACTOR_ROOT_OPTIONS, .enable_modules = kit_modules };
    size_t descriptors = 0, threads = 0, bytes = 0;
    int calls = 0;
    for (int i = 0; i < TIMES; i++) {
        kit_assert_code(kit_run_root(&options, do_something, &calls).err, TRACTOR_OK);
        struct mallinfo2 heap = mallinfo2();
        if (i == WARM) {
            descriptors = entries("/proc/self/fd");
            threads = entries("/proc/self/task");
            bytes = heap.uordblks + heap.hblkhd;
        } else if (i > WARM) {
            assert_int_equal(entries("/proc/self/fd"), descriptors);
            assert_int_equal(entries("/proc/self/task"), threads);
            assert_true(heap.uordblks + heap.hblkhd <= bytes + SLACK);
        }
    }
    assert_int_equal(calls, TIMES);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = { KIT_TEST(opened_a_thousand_times) };
    return kit_run_tests(tests);
}
