/* tractor/value.h from C: pack, unpack, poison, values, writer, reader. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <tractor/value.h>

#define BYTES(literal) ((tractor_bytes){ (literal), sizeof(literal) - 1 })

static void assert_bytes(tractor_bytes b, const char *expected, size_t len) {
    assert_null(tractor_bytes_error(b));
    assert_int_equal(b.len, len);
    assert_memory_equal(b.data, expected, len);
}
#define assert_packed(b, literal) assert_bytes(b, literal, sizeof(literal) - 1)

static void assert_poisoned(tractor_bytes b, const char *reason) {
    const char *error = tractor_bytes_error(b);
    assert_non_null(error);
    assert_string_equal(error, reason);
    assert_null(tractor_value_new(b));
}

static tractor_value *value_of(tractor_bytes b) {
    tractor_value *value = tractor_value_new(b);
    assert_non_null(value);
    return value;
}

static void packs_every_letter(void **state) {
    (void)state;
    tractor_bytes inner = BYTES("\x92\x01\x02"), none = { NULL, 0 };
    assert_packed(tractor_pack(NULL), "\xc0");
    assert_packed(tractor_pack("n"), "\xc0");
    assert_packed(tractor_pack("s", "many"), "\xa4many");
    assert_packed(tractor_pack("i", -1), "\xff");
    assert_packed(tractor_pack("i", INT32_MIN), "\xd2\x80\x00\x00\x00");
    assert_packed(tractor_pack("I", INT64_MIN), "\xd3\x80\x00\x00\x00\x00\x00\x00\x00");
    assert_packed(tractor_pack("I", (int64_t)128), "\xcc\x80");
    assert_packed(tractor_pack("U", UINT64_MAX), "\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
    assert_packed(tractor_pack("d", 1.5), "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00");
    assert_packed(tractor_pack("[b,b]", true, 0), "\x92\xc3\xc2");
    assert_packed(tractor_pack("y", "a\0b", (size_t)3),
                  "\xc4\x03"
                  "a\0b");
    assert_packed(tractor_pack("y", NULL, (size_t)0), "\xc4\x00");
    assert_packed(tractor_pack("[v,v]", &inner, &none), "\x92\x92\x01\x02\xc0");
    assert_packed(tractor_pack("{}"), "\x80");
    assert_packed(tractor_pack("[]"), "\x90");
    assert_packed(tractor_pack(" { s : i , s : [ d ] } ", "n", 7, "r", 0.0),
                  "\x82\xa1n\x07\xa1r\x91\xcb\x00\x00\x00\x00\x00\x00\x00\x00");
    assert_packed(tractor_pack("{sis[{}]}", "n", 7, "r"), "\x82\xa1n\x07\xa1r\x91\x80");
    assert_packed(tractor_pack("[iiiiiiiiiiiiiiii]", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                  "\xdc\x00\x10\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f");
    assert_packed(TRACTOR_ARGS("{s:i}", "n", 7), "\x81\xa1n\x07");
}

static void several_live_at_once(void **state) {
    (void)state;
    tractor_bytes a = tractor_pack("s", "first"), b = tractor_pack("s", "second");
    tractor_bytes both = tractor_pack("[v,v]", &a, &b);
    assert_packed(a,
                  "\xa5"
                  "first");
    assert_packed(both,
                  "\x92\xa5"
                  "first\xa6second");
    char *big = calloc(1, 300000);
    tractor_bytes large = tractor_pack("y", big, (size_t)300000);
    free(big);
    assert_int_equal(large.len, 300005);
    assert_packed(b, "\xa6second");
}

static void bad_formats_poison(void **state) {
    (void)state;
    tractor_bytes broken = BYTES("\x92\x01"), two = BYTES("\x01\x01"), poisoned;
    assert_poisoned(tractor_pack("q"), "pack: unknown letter 'q' at 1 in \"q\"");
    assert_poisoned(tractor_pack(""), "pack: a value is missing at 0 in \"\"");
    assert_poisoned(tractor_pack("ii", 1, 2), "pack: a second value begins at 1 in \"ii\"");
    assert_poisoned(tractor_pack("{s:i", "n", 1), "pack: a bracket is not closed at 1 in \"{s:i\"");
    assert_poisoned(tractor_pack("{s:i,s}", "n", 1, "m"),
                    "pack: the map has a key without a value at 1 in \"{s:i,s}\"");
    assert_poisoned(tractor_pack("[i}", 1), "pack: the wrong bracket closes at 2 in \"[i}\"");
    assert_poisoned(tractor_pack("]"), "pack: a bracket closes nothing at 1 in \"]\"");
    assert_poisoned(tractor_pack("s", (char *)NULL), "pack: the string is NULL at 1 in \"s\"");
    assert_poisoned(tractor_pack("s", "caf\xe9"), "pack: the string is not UTF-8 at 1 in \"s\"");
    assert_poisoned(tractor_pack("y", NULL, (size_t)1), "pack: the bytes are NULL at 1 in \"y\"");
    assert_poisoned(tractor_pack("v", (tractor_bytes *)NULL), "pack: the value is NULL at 1 in \"v\"");
    assert_poisoned(tractor_pack("v", &broken), "pack: the value ends too early at 1 in \"v\"");
    assert_poisoned(tractor_pack("v", &two), "pack: the value has bytes after its end at 1 in \"v\"");
    poisoned = tractor_pack("q");
    assert_poisoned(tractor_pack("[v]", &poisoned), "pack: unknown letter 'q' at 1 in \"q\"");
    assert_poisoned(tractor_pack("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
                    "pack: brackets nest too deeply at 33 in "
                    "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\"");
}

static void unpacks_every_letter(void **state) {
    (void)state;
    tractor_bytes packed =
        tractor_pack("{s:s,s:i,s:I,s:U,s:d,s:b,s:n,s:y,s:[i,{}]}", "s", "text", "i", -7, "I", INT64_MIN, "U",
                     UINT64_MAX, "d", 0.5, "b", 1, "n", "y", "a\0b", (size_t)3, "v", 9);
    tractor_value *value = value_of(packed);
    const char *s = NULL;
    int i = 0;
    int64_t l = 0;
    uint64_t u = 0;
    double d = 0;
    bool b = false;
    const void *y = NULL;
    size_t len = 0;
    tractor_bytes v = { NULL, 0 };
    /* in another order than they were packed in */
    assert_int_equal(tractor_unpack(value, "{s:v,s:y,s:n,s:b,s:d,s:U,s:I,s:i,s:s}", "v", &v, "y", &y, &len, "n", "b",
                                    &b, "d", &d, "U", &u, "I", &l, "i", &i, "s", &s),
                     TRACTOR_OK);
    assert_string_equal(s, "text");
    assert_true(i == -7 && l == INT64_MIN && u == UINT64_MAX && d == 0.5 && b);
    assert_int_equal(len, 3);
    assert_memory_equal(y, "a\0b", 3);
    assert_packed(v, "\x92\x09\x80");
    assert_true((const char *)v.data > (const char *)tractor_value_data(value, NULL));
    /* NULL checks and stores nothing */
    assert_int_equal(tractor_unpack(value, "{s:s,*}", "s", NULL), TRACTOR_OK);
    assert_int_equal(tractor_unpack(value, "{s:i,*}", "s", NULL), TRACTOR_EMSGTYPE);
    assert_int_equal(tractor_unpack(value, "{s:y,*}", "y", NULL, &len), TRACTOR_OK);
    assert_int_equal(tractor_unpack(value, "q"), TRACTOR_EINVAL);
    tractor_value_unref(value);

    assert_int_equal(tractor_unpack(NULL, "n"), TRACTOR_OK);
    assert_int_equal(tractor_unpack(NULL, NULL), TRACTOR_OK);
    assert_int_equal(tractor_unpack(NULL, "i", &i), TRACTOR_EMSGTYPE);
}

static void maps_are_strict_unless_told(void **state) {
    (void)state;
    tractor_value *value = value_of(tractor_pack("{s:i,s:n,s:[i,i,i]}", "a", 1, "none", "list", 1, 2, 3));
    int a = 0, x = 5, y = 6, first = 0;
    assert_int_equal(tractor_unpack(value, "{s:i}", "a", &a), TRACTOR_EMSGTYPE);
    assert_int_equal(tractor_unpack(value, "{s:i,*}", "a", &a), TRACTOR_OK);
    assert_int_equal(a, 1);
    assert_int_equal(tractor_unpack(value, "{s:i,*}", "x", &x), TRACTOR_EMSGTYPE);
    assert_int_equal(tractor_unpack(value, "{s?:i,*}", "x", &x), TRACTOR_OK);
    assert_int_equal(x, 5);
    /* all pointers of something absent are passed over */
    assert_int_equal(tractor_unpack(value, "{s?:{s:i,s?:[i,y]},s:i,*}", "x", "p", &x, "q", &x, NULL, NULL, "a", &y),
                     TRACTOR_OK);
    assert_true(x == 5 && y == 1);
    /* an optional key that is there with nil counts as absent, unless nil is what is wanted */
    assert_int_equal(tractor_unpack(value, "{s?:i,*}", "none", &x), TRACTOR_OK);
    assert_int_equal(x, 5);
    assert_int_equal(tractor_unpack(value, "{s?:n,*}", "none"), TRACTOR_OK);
    tractor_bytes raw = { NULL, 0 };
    assert_int_equal(tractor_unpack(value, "{s?:v,*}", "none", &raw), TRACTOR_OK);
    assert_packed(raw, "\xc0");
    /* but one that is there with another type is wrong */
    assert_int_equal(tractor_unpack(value, "{s?:s,*}", "a", NULL), TRACTOR_EMSGTYPE);
    assert_int_equal(tractor_unpack(value, "{s:[i,*],*}", "list", &first), TRACTOR_OK);
    assert_int_equal(first, 1);
    assert_int_equal(tractor_unpack(value, "{s:[i,i,i,i,*],*}", "list", &x, &x, &x, &x), TRACTOR_EMSGTYPE);
    tractor_value_unref(value);
}

static void failing_stores_nothing(void **state) {
    (void)state;
    tractor_value *value = value_of(tractor_pack("[i,s,i]", 1, "x", 2));
    int first = 41, last = 42;
    const char *s = "untouched";
    assert_int_equal(tractor_unpack(value, "[i,s,b]", &first, &s, NULL), TRACTOR_EMSGTYPE);
    assert_int_equal(tractor_unpack(value, "[i,s,q]", &first, &s, &last), TRACTOR_EINVAL);
    assert_true(first == 41 && last == 42);
    assert_string_equal(s, "untouched");
    tractor_value_unref(value);
}

static int releases;
static void count_release(void *user) { releases += *(int *)user; }

static void values(void **state) {
    (void)state;
    size_t len = 0;
    tractor_bytes none = { NULL, 0 }, broken = BYTES("\xc1");
    tractor_value *value = value_of(none);
    assert_packed(tractor_value_bytes(value), "\xc0");
    tractor_value *again = tractor_value_keep(value);
    assert_ptr_equal(again, value);
    tractor_value_unref(value);
    assert_memory_equal(tractor_value_data(again, &len), "\xc0", 1);
    assert_int_equal(len, 1);
    tractor_value_unref(again);
    tractor_value_unref(NULL);

    assert_null(tractor_value_new(broken));
    assert_packed(tractor_value_bytes(NULL), "\xc0");
    value = tractor_value_keep(NULL);
    assert_packed(tractor_value_bytes(value), "\xc0");
    tractor_value_unref(value);

    int one = 1;
    releases = 0;
    assert_null(tractor_value_new_external("\xc1", 1, count_release, &one));
    assert_null(tractor_value_new_external(NULL, 0, count_release, &one));
    value = tractor_value_new_external("\xa2ok", 3, count_release, &one);
    assert_int_equal(releases, 0);
    tractor_value_unref(value);
    assert_int_equal(releases, 1);

    value = value_of(tractor_pack("{s:y,s:d}", "k", "\x01", (size_t)1, "nan", (double)NAN));
    char *json = tractor_value_json(value);
    assert_string_equal(json, "{\"k\":{\"$bin\":\"01\"},\"nan\":\"NaN\"}");
    tractor_free(json);
    tractor_value_unref(value);
    json = tractor_value_json(NULL);
    assert_string_equal(json, "null");
    tractor_free(json);
}

static void writer_writes(void **state) {
    (void)state;
    tractor_writer *w = tractor_writer_new();
    assert_int_equal(tractor_writer_map(w, 2), TRACTOR_OK);
    tractor_writer_str(w, "a", 1);
    tractor_writer_array(w, 6);
    tractor_writer_nil(w);
    tractor_writer_bool(w, true);
    tractor_writer_i64(w, -1);
    tractor_writer_u64(w, 255);
    tractor_writer_bin(w, "z", 1);
    tractor_writer_ext(w, -1, "\x00\x00\x00\x01", 4);
    assert_poisoned(tractor_writer_bytes(w), "writer: 2 more values have to come in the innermost container");
    tractor_writer_f64(w, 1.0);
    tractor_writer_raw(w, (tractor_bytes){ NULL, 0 });
    assert_packed(tractor_writer_bytes(w),
                  "\x82\xa1"
                  "a\x96\xc0\xc3\xff\xcc\xff\xc4\x01z\xd6\xff\x00\x00\x00\x01"
                  "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\xc0");
    assert_int_equal(tractor_writer_nil(w), TRACTOR_EINVAL);
    assert_poisoned(tractor_writer_bytes(w), "writer: a second value begins");
    assert_int_equal(tractor_writer_nil(w), TRACTOR_EINVAL);

    tractor_writer_reset(w);
    assert_poisoned(tractor_writer_bytes(w), "writer: nothing was written");
    assert_int_equal(tractor_writer_str(w, "\xff", 1), TRACTOR_EINVAL);
    assert_int_equal(tractor_writer_i64(w, 1), TRACTOR_EINVAL);
    assert_poisoned(tractor_writer_bytes(w), "writer: a string is not UTF-8");
    tractor_writer_reset(w);
    assert_int_equal(tractor_writer_raw(w, BYTES("\x91")), TRACTOR_EINVAL);
    assert_poisoned(tractor_writer_bytes(w), "writer: raw value ends too early");
    tractor_writer_reset(w);
    assert_int_equal(tractor_writer_raw(w, tractor_pack("q")), TRACTOR_EINVAL);
    assert_poisoned(tractor_writer_bytes(w), "pack: unknown letter 'q' at 1 in \"q\"");
    tractor_writer_reset(w);
    assert_int_equal(tractor_writer_str(w, NULL, 4), TRACTOR_EINVAL);
    tractor_writer_reset(w);
    assert_int_equal(tractor_writer_array(w, 0), TRACTOR_OK);
    assert_packed(tractor_writer_bytes(w), "\x90");

    tractor_writer_reset(w);
    for (int depth = 0; depth < 512; depth++)
        assert_int_equal(tractor_writer_array(w, 1), TRACTOR_OK);
    assert_int_equal(tractor_writer_array(w, 0), TRACTOR_EINVAL);
    tractor_writer_reset(w);
    for (int depth = 0; depth < 511; depth++)
        tractor_writer_array(w, 1);
    assert_int_equal(tractor_writer_raw(w, BYTES("\x91\x91\x01")), TRACTOR_EINVAL);
    assert_poisoned(tractor_writer_bytes(w), "writer: raw value nests too deeply");
    tractor_writer_free(w);
    tractor_writer_free(NULL);
    tractor_writer_reset(NULL);
    assert_int_equal(tractor_writer_nil(NULL), TRACTOR_EINVAL);
    assert_poisoned(tractor_writer_bytes(NULL), "writer: there is none");
}

static void reader_reads(void **state) {
    (void)state;
    tractor_bytes ext = BYTES("\xd4\x05z");
    tractor_value *value = value_of(tractor_pack("[n,b,i,U,d,i,s,y,v,{s:[],[i,{}]:i}]", 1, -1, UINT64_MAX, 0.5, 3,
                                                 "a\n", "z", (size_t)1, &ext, "k", 1, 2));
    tractor_reader *r = tractor_reader_new(value);
    uint32_t n = 0;
    bool b = false;
    int64_t i = 0;
    uint64_t u = 0;
    double d = 0;
    const char *s = NULL;
    const void *p = NULL;
    size_t len = 0;
    int8_t type = 0;
    assert_int_equal(tractor_reader_type(r), TRACTOR_TYPE_ARRAY);
    assert_int_equal(tractor_reader_array(r, &n), TRACTOR_OK);
    assert_int_equal(n, 10);
    assert_int_equal(tractor_reader_nil(r), TRACTOR_OK);
    assert_int_equal(tractor_reader_bool(r, &b), TRACTOR_OK);
    assert_int_equal(tractor_reader_type(r), TRACTOR_TYPE_INT);
    assert_int_equal(tractor_reader_i64(r, &i), TRACTOR_OK);
    assert_int_equal(tractor_reader_type(r), TRACTOR_TYPE_UINT);
    assert_int_equal(tractor_reader_u64(r, &u), TRACTOR_OK);
    assert_true(b && i == -1 && u == UINT64_MAX);
    assert_int_equal(tractor_reader_f64(r, &d), TRACTOR_OK);
    assert_true(d == 0.5);
    assert_int_equal(tractor_reader_f64(r, &d), TRACTOR_OK);
    assert_true(d == 3);
    assert_int_equal(tractor_reader_str(r, &s, &len), TRACTOR_OK);
    assert_int_equal(len, 2);
    assert_int_equal(tractor_reader_bin(r, &p, &len), TRACTOR_OK);
    assert_memory_equal(p, "z", 1);
    assert_int_equal(tractor_reader_ext(r, &type, &p, &len), TRACTOR_OK);
    assert_int_equal(type, 5);
    assert_int_equal(tractor_reader_map(r, &n), TRACTOR_OK);
    assert_int_equal(tractor_reader_skip(r), TRACTOR_OK);
    assert_int_equal(tractor_reader_array(r, &n), TRACTOR_OK);
    tractor_bytes raw = { NULL, 0 };
    assert_int_equal(tractor_reader_raw(r, &raw), TRACTOR_OK);
    assert_packed(raw, "\x92\x01\x80");
    assert_int_equal(tractor_reader_i64(r, &i), TRACTOR_OK);
    assert_int_equal(tractor_reader_type(r), TRACTOR_TYPE_END);
    assert_null(tractor_reader_error(r));
    assert_int_equal(tractor_reader_nil(r), TRACTOR_EMSGTYPE);
    assert_string_equal(tractor_reader_error(r), "at the top: expected nil, found the end");
    tractor_reader_free(r);
    tractor_value_unref(value);

    r = tractor_reader_new(NULL);
    assert_int_equal(tractor_reader_bool(r, NULL), TRACTOR_EINVAL);
    assert_int_equal(tractor_reader_nil(r), TRACTOR_OK);
    tractor_reader_free(r);
    tractor_reader_free(NULL);
    assert_int_equal(tractor_reader_nil(NULL), TRACTOR_EINVAL);
    assert_int_equal(tractor_reader_type(NULL), TRACTOR_TYPE_END);
    assert_string_equal(tractor_reader_error(NULL), "there is no reader");
}

static void reader_names_the_place(void **state) {
    (void)state;
    tractor_value *value =
        value_of(tractor_pack("{s:[{},{},{},{s:d,s:s,i:[i,i]}]}", "points", "x", 1.0, "y", "a", 5, 1, 2));
    tractor_reader *r = tractor_reader_new(value);
    uint32_t n;
    double d = 7;
    const char *s;
    size_t len;
    tractor_reader_map(r, &n);
    tractor_reader_str(r, &s, &len);
    tractor_reader_array(r, &n);
    for (int i = 0; i < 3; i++)
        tractor_reader_skip(r);
    tractor_reader_map(r, &n);
    tractor_reader_str(r, &s, &len);
    tractor_reader_f64(r, &d);
    tractor_reader_str(r, &s, &len);
    assert_int_equal(tractor_reader_f64(r, &d), TRACTOR_EMSGTYPE);
    assert_string_equal(tractor_reader_error(r), "at .points[3].y: expected float, found str 'a'");
    assert_int_equal(tractor_reader_str(r, &s, &len), TRACTOR_EMSGTYPE);
    assert_int_equal(tractor_reader_type(r), TRACTOR_TYPE_END);
    assert_true(d == 1.0);

    tractor_reader_reset(r, value); /* its failure is forgotten */
    assert_null(tractor_reader_error(r));
    tractor_reader_map(r, &n);
    assert_int_equal(tractor_reader_nil(r), TRACTOR_EMSGTYPE);
    assert_string_equal(tractor_reader_error(r), "at key 0: expected nil, found str 'points'");
    tractor_reader_reset(r, NULL);
    assert_int_equal(tractor_reader_nil(r), TRACTOR_OK);
    tractor_reader_reset(NULL, value);
    tractor_reader_free(r);
    tractor_value_unref(value);

    value = value_of(tractor_pack("{i:[i,i]}", 5, 1, -2));
    r = tractor_reader_new(value);
    uint64_t u;
    tractor_reader_map(r, &n);
    tractor_reader_u64(r, &u);
    tractor_reader_array(r, &n);
    tractor_reader_u64(r, &u);
    assert_int_equal(tractor_reader_u64(r, &u), TRACTOR_EMSGTYPE);
    assert_string_equal(tractor_reader_error(r), "at [int 5][1]: expected unsigned int, found int -2");
    tractor_reader_free(r);
    tractor_value_unref(value);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packs_every_letter),
        cmocka_unit_test(several_live_at_once),
        cmocka_unit_test(bad_formats_poison),
        cmocka_unit_test(unpacks_every_letter),
        cmocka_unit_test(maps_are_strict_unless_told),
        cmocka_unit_test(failing_stores_nothing),
        cmocka_unit_test(values),
        cmocka_unit_test(writer_writes),
        cmocka_unit_test(reader_reads),
        cmocka_unit_test(reader_names_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
