/* What the headers promise about themselves, the library keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <tractor.h>

#include <cmocka.h>

static void version_is_the_headers(void **state) {
    (void)state;
    char expected[32];
    snprintf(expected, sizeof expected, "%d.%d.%d", TRACTOR_VERSION_MAJOR, TRACTOR_VERSION_MINOR,
             TRACTOR_VERSION_PATCH);
    assert_string_equal(tractor_version(), expected);
    assert_int_equal(tractor_abi_epoch(), TRACTOR_ABI_EPOCH);
}

static void every_status_has_its_text(void **state) {
    (void)state;
#define EXPECT(name, number, text)            \
    assert_int_equal(TRACTOR_##name, number); \
    assert_string_equal(tractor_strerror(TRACTOR_##name), text);
    TRACTOR_STATUS_MAP(EXPECT)
#undef EXPECT
    assert_string_equal(tractor_strerror(1), "unknown status");
    assert_string_equal(tractor_strerror(INT32_MIN), "unknown status");
}

static void status_numbers_are_unique(void **state) {
    (void)state;
    const int numbers[] = {
#define NUMBER(name, number, text) number,
        TRACTOR_STATUS_MAP(NUMBER)
#undef NUMBER
    };
    size_t count = sizeof numbers / sizeof numbers[0];
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            assert_int_not_equal(numbers[i], numbers[j]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_is_the_headers),
        cmocka_unit_test(every_status_has_its_text),
        cmocka_unit_test(status_numbers_are_unique),
    };
    return cmocka_run_group_tests_name("version", tests, NULL, NULL);
}
