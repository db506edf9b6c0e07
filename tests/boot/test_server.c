/* SRV-04: what of an actor others can reach, while it is up and after. */
#include "raw_address.h"

#include "kit/kit.h"

#include <errno.h>

typedef struct server {
    const char *address;
    bool up;
} server;

static void assert_no_peers(void) {
    tractor_bytes peers;
    tractor_value *stats = tractor_value_new(tractor_actor_stats(kit_actor()));
    assert_int_equal(tractor_unpack(stats, "{s:v, *}", "peers", &peers), TRACTOR_OK);
    assert_int_equal(peers.len, 1);
    assert_memory_equal(peers.data, tractor_pack("[]").data, 1);
    tractor_value_unref(stats);
}

static void serve(tractor_nursery *root, void *user) {
    server *s = user;
    (void)root;
    s->address = kit_text("%s", tractor_actor_address(kit_actor(), 0));
    assert_string_equal(s->address, kit_registry());
    assert_null(tractor_actor_address(kit_actor(), 1));
    assert_no_peers();
    assert_int_equal(raw_connect(s->address), 0);
    s->up = true;
    tractor_actor_cancel_soon(kit_actor());
}

static void SRV_04_basic_ipc_server(void **state) {
    (void)state;
    server s = { NULL, false };
    kit_run run = kit_run_root(NULL, serve, &s);
    assert_true(s.up);
    kit_assert_code(run.err, TRACTOR_OK);
    assert_int_equal(raw_connect(s.address), strcmp(kit_transport(), "uds") == 0 ? ENOENT : ECONNREFUSED);
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = { KIT_TEST(SRV_04_basic_ipc_server) };
    return kit_run_tests(tests);
}
