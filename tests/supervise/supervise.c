#include "supervise.h"

tractor_spawn_options kit_child(void) {
    return (tractor_spawn_options){ TRACTOR_SPAWN_OPTIONS, .modules = kit_modules };
}

void start_daemon(tractor_nursery *in, const char *name, kit_outcome *up) {
    tractor_spawn_options options = kit_child();
    assert_true(tractor_nursery_start_actor(in, name, &options, kit_on_portal, up) > 0);
}

tractor_op call_kit(tractor_portal *portal, tractor_nursery *in, const char *func, tractor_bytes args, kit_outcome *o) {
    tractor_op op = tractor_portal_run(portal, in, "kit", func, args, NULL, o ? kit_on_value : NULL, o);
    assert_true(op > 0);
    return op;
}

const tractor_error *fail_with(tractor_nursery *nursery, const char *type) {
    tractor_error *err = tractor_error_newf(0, type, "raised by the body");
    const tractor_error *kept = kit_keep_error(err);
    assert_int_equal(tractor_nursery_fail(nursery, err), TRACTOR_OK);
    tractor_error_unref(err);
    return kept;
}

int64_t children_now(tractor_actor *actor) {
    uint32_t count = 0;
    tractor_bytes list;
    tractor_value *stats = tractor_value_new(tractor_actor_stats(actor));
    assert_int_equal(tractor_unpack(stats, "{s:v, *}", "children", &list), TRACTOR_OK);
    tractor_value *children = tractor_value_new(list);
    tractor_reader *reader = tractor_reader_new(children);
    assert_int_equal(tractor_reader_array(reader, &count), TRACTOR_OK);
    tractor_reader_free(reader);
    tractor_value_unref(children);
    tractor_value_unref(stats);
    return count;
}

void assert_group(const tractor_error *err, size_t count, const char *type) {
    kit_assert_code(err, TRACTOR_EGROUP);
    assert_int_equal(tractor_error_child_count(err), count);
    for (size_t i = 0; i < count; i++)
        kit_assert_remote(tractor_error_child(err, i), type);
}
