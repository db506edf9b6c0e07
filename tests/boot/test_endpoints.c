/* tractor_parse_endpoints(): where actors are to be, as a table. */
#include "kit/kit.h"

static const char *json(tractor_bytes table) {
    const char *wrong = tractor_bytes_error(table);
    if (wrong)
        return kit_text("refused: %s", wrong);
    tractor_value *value = tractor_value_new(table);
    char *json = tractor_value_json(value);
    const char *text = kit_text("%s", json);
    free(json);
    tractor_value_unref(value);
    return text;
}
/* What becomes of the table that this format and these arguments make. */
#define PARSED(...) json(tractor_parse_endpoints(tractor_pack(__VA_ARGS__)))

static void MAD_14_tcp_only(void **state) {
    (void)state;
    assert_string_equal(
        PARSED("{s:[s], s:[s]}", "registry", "/ip4/127.0.0.1/tcp/1616", "data_feed", "/ip4/127.0.0.1/tcp/1617"),
        "{\"registry\":[\"/ip4/127.0.0.1/tcp/1616\"],\"data_feed\":[\"/ip4/127.0.0.1/tcp/1617\"]}");
}

static void MAD_15_several_transports_of_one_actor(void **state) {
    (void)state;
    assert_string_equal(PARSED("{s:[s,s]}", "broker", "/ip4/127.0.0.1/tcp/4040", "/unix/tmp/tractor/broker.sock"),
                        "{\"broker\":[\"/ip4/127.0.0.1/tcp/4040\",\"/unix/tmp/tractor/broker.sock\"]}");
}

static void MAD_16_pairs(void **state) {
    (void)state;
    assert_string_equal(
        PARSED("{s:[[s,i], [s,s], [s,i]]}", "ems", "127.0.0.1", 5555, "/tmp/tractor", "ems.sock", "::1", 0),
        "{\"ems\":[\"/ip4/127.0.0.1/tcp/5555\",\"/unix/tmp/tractor/ems.sock\",\"/ip6/::1/tcp/0\"]}");
}

static void MAD_17_both_forms_in_one_list(void **state) {
    (void)state;
    assert_string_equal(PARSED("{s:[s,[s,i],s]}", "ems", "/unix/tmp/ems.sock", "127.0.0.1", 5555, "/ip6/::1/tcp/7"),
                        "{\"ems\":[\"/unix/tmp/ems.sock\",\"/ip4/127.0.0.1/tcp/5555\",\"/ip6/::1/tcp/7\"]}");
}

static void MAD_18_unsupported_protocol(void **state) {
    (void)state;
    assert_string_equal(PARSED("{s:[s], s:[s,s]}", "good", "/ip4/127.0.0.1/tcp/1", "bad", "/ip4/127.0.0.1/tcp/2",
                               "/ip4/127.0.0.1/udp/1234"),
                        "refused: endpoints.bad[1]: unsupported protocols 'ip4/udp' in multiaddr "
                        "'/ip4/127.0.0.1/udp/1234': there are 'ip4/tcp', 'ip6/tcp' and 'unix'");
}

static void MAD_19_empty_table(void **state) {
    (void)state;
    assert_string_equal(PARSED("{}"), "{}");
    assert_string_equal(json(tractor_parse_endpoints((tractor_bytes){ NULL, 0 })), "{}");
}

static void MAD_20_actor_without_addresses(void **state) {
    (void)state;
    assert_string_equal(PARSED("{s:[]}", "x"), "{\"x\":[]}");
    assert_string_equal(PARSED("{s:[], s:[[s,i]]}", "x", "y", "127.0.0.1", 1),
                        "{\"x\":[],\"y\":[\"/ip4/127.0.0.1/tcp/1\"]}");
}

/* One text for one address, however it was written. */
static void addresses_are_normalised(void **state) {
    (void)state;
    assert_string_equal(
        PARSED("{s:[s,s,[s,s]]}", "x", "/ip6/0:0:0:0:0:0:0:1/tcp/016", "/unix//tmp/x.sock", "/tmp/", "x.sock"),
        "{\"x\":[\"/ip6/::1/tcp/16\",\"/unix/tmp/x.sock\",\"/unix/tmp/x.sock\"]}");
}

static void what_is_no_such_table(void **state) {
    (void)state;
    assert_string_equal(PARSED("[]"),
                        "refused: endpoints: expected a map from names to lists of addresses, found array of 0");
    assert_string_equal(PARSED("{i:[]}", 5), "refused: endpoints: expected a name, found int 5");
    assert_string_equal(PARSED("{s:[]}", ""), "refused: endpoints: an actor has no name");
    assert_string_equal(PARSED("{s:[], s:[], s:[]}", "x", "y", "x"), "refused: endpoints.x: is there twice");
    assert_string_equal(PARSED("{s:s}", "x", "/ip4/127.0.0.1/tcp/1"),
                        "refused: endpoints.x: expected a list of addresses, found str '/ip4/127.0.0.1/tcp/1'");
    assert_string_equal(PARSED("{s:[i]}", "x", 1616),
                        "refused: endpoints.x[0]: expected a multiaddr or a pair, found int 1616");
    assert_string_equal(PARSED("{s:[[s,i,i]]}", "x", "::1", 1, 0),
                        "refused: endpoints.x[0]: expected array of 2, found array of 3");
    assert_string_equal(PARSED("{s:[[s,d]]}", "x", "::1", 0.5),
                        "refused: endpoints.x[0][1]: expected port number or file name, found float 0.5");
    assert_string_equal(PARSED("{s:[[s,i]]}", "worker", "127.0.0.1", 70000),
                        "refused: endpoints.worker[0]: port 70000 is not between 0 and 65535");
    assert_string_equal(PARSED("{s:[[s,i]]}", "x", "localhost", 1),
                        "refused: endpoints.x[0]: 'localhost' is not a literal IPv4 or IPv6 address");
}

/* What could not be made stays so, with its reason. */
static void poison_passes_through(void **state) {
    (void)state;
    kit_assert_contains(json(tractor_parse_endpoints(tractor_pack("{"))), "refused: ");
    kit_assert_contains(json(tractor_parse_endpoints((tractor_bytes){ "\xc1", 1 })), "payload is not msgpack");
}

int main(int argc, char **argv) {
    kit_begin(argc, argv);
    const kit_test tests[] = {
        KIT_TEST_ONCE(MAD_14_tcp_only),
        KIT_TEST_ONCE(MAD_15_several_transports_of_one_actor),
        KIT_TEST_ONCE(MAD_16_pairs),
        KIT_TEST_ONCE(MAD_17_both_forms_in_one_list),
        KIT_TEST_ONCE(MAD_18_unsupported_protocol),
        KIT_TEST_ONCE(MAD_19_empty_table),
        KIT_TEST_ONCE(MAD_20_actor_without_addresses),
        KIT_TEST_ONCE(addresses_are_normalised),
        KIT_TEST_ONCE(what_is_no_such_table),
        KIT_TEST_ONCE(poison_passes_through),
    };
    return kit_run_tests(tests);
}
