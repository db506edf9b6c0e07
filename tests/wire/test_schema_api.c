/* tractor/schema.h from C; tests/wire/test_type_spec.cpp has the language. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <tractor/schema.h>
#include <tractor/value.h>

#define BYTES(literal) ((tractor_bytes){ (literal), sizeof(literal) - 1 })

static int check_uuid(const void *data, size_t len, void *user) {
    (void)data;
    (void)user;
    return len == 16 ? TRACTOR_OK : TRACTOR_EMSGTYPE;
}

static void extensions_are_registered(void **state) {
    (void)state;
    char why[200];
    assert_int_equal(tractor_schema_check("Uuid", tractor_pack("n"), why, sizeof why), TRACTOR_EINVAL);
    assert_string_equal(why,
                        "payload type: 'Uuid' is no type, and no extension type of that name is registered, at "
                        "column 1 of \"Uuid\"");

    assert_int_equal(tractor_register_ext("Uuid", 5, check_uuid, NULL), TRACTOR_OK);
    assert_int_equal(tractor_register_ext("Uuid", 5, check_uuid, NULL), TRACTOR_EALREADY);
    assert_int_equal(tractor_register_ext("str", 5, check_uuid, NULL), TRACTOR_EINVAL);
    assert_int_equal(tractor_register_ext("", 5, check_uuid, NULL), TRACTOR_EINVAL);
    assert_int_equal(tractor_register_ext(NULL, 5, check_uuid, NULL), TRACTOR_EINVAL);
    assert_int_equal(tractor_register_ext("Far", 128, NULL, NULL), TRACTOR_EINVAL);

    tractor_writer *w = tractor_writer_new();
    tractor_writer_ext(w, 5, "0123456789abcdef", 16);
    assert_int_equal(tractor_schema_check("Uuid | None", tractor_writer_bytes(w), why, sizeof why), TRACTOR_OK);
    tractor_writer_reset(w);
    tractor_writer_ext(w, 5, "0123", 4);
    assert_int_equal(tractor_schema_check("Uuid | None", tractor_writer_bytes(w), why, sizeof why), TRACTOR_EMSGTYPE);
    assert_string_equal(why,
                        "$: expected Uuid, found {\"$ext\":[5,\"30313233\"]} (ext[5]), which its check refuses "
                        "with -11");
    tractor_writer_free(w);
}

static void a_value_is_checked(void **state) {
    (void)state;
    char why[200];
    tractor_bytes value = tractor_pack("{s:[{s:d},{s:s}]}", "points", "x", 1.0, "x", "hello");
    const char *type = "{points: list[{x: float}]}";
    assert_int_equal(tractor_schema_check(type, value, why, sizeof why), TRACTOR_EMSGTYPE);
    assert_string_equal(why, "$.points[1].x: expected float, found 'hello' (str)");

    assert_int_equal(tractor_schema_check("dict", value, why, sizeof why), TRACTOR_OK);
    assert_string_equal(why, "");
    tractor_bytes nothing = { NULL, 0 };
    assert_int_equal(tractor_schema_check("None", nothing, why, sizeof why), TRACTOR_OK);
    assert_int_equal(tractor_schema_check("int", nothing, NULL, 0), TRACTOR_EMSGTYPE);
}

static void misuse_is_explained(void **state) {
    (void)state;
    char why[200];
    assert_int_equal(tractor_schema_check(NULL, tractor_pack("n"), why, sizeof why), TRACTOR_EINVAL);
    assert_string_equal(why, "the payload type is NULL");
    assert_int_equal(tractor_schema_check("list[", tractor_pack("n"), why, sizeof why), TRACTOR_EINVAL);
    assert_string_equal(why, "payload type: expected a type, found the end, at column 6 of \"list[\"");
    assert_int_equal(tractor_schema_check("any", BYTES("\x92\x01"), why, sizeof why), TRACTOR_EINVAL);
    assert_string_equal(why, "the value ends too early");
    assert_int_equal(tractor_schema_check("any", tractor_pack("q"), why, sizeof why), TRACTOR_EINVAL);
    assert_string_equal(why, "pack: unknown letter 'q' at 1 in \"q\"");
}

static void the_reason_is_cut_to_its_room(void **state) {
    (void)state;
    char why[30];
    const char *whole = "$: expected int, found 'caf\xc3\xa9' (str)";
    for (size_t room = 0; room <= sizeof why; room++) {
        memset(why, '#', sizeof why);
        assert_int_equal(tractor_schema_check("int", tractor_pack("s", "caf\xc3\xa9"), why, room), TRACTOR_EMSGTYPE);
        for (size_t i = room; i < sizeof why; i++)
            assert_int_equal(why[i], '#');
        if (room == 0)
            continue;
        /* no half of the last letter */
        size_t n = room - 1 == 28 ? 27 : room - 1;
        assert_int_equal(strlen(why), n);
        assert_memory_equal(why, whole, n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extensions_are_registered),
        cmocka_unit_test(a_value_is_checked),
        cmocka_unit_test(misuse_is_explained),
        cmocka_unit_test(the_reason_is_cut_to_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
