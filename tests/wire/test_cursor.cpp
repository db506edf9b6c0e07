// Tokens, skipping, limits, UTF-8 and JSON: everything that looks at the bytes of one value.
#include <cmath>

#include "kit.hpp"
#include "wire/cursor.hpp"
#include "wire/json.hpp"
#include "wire/payload.hpp"
#include "wire/utf8.hpp"
#include "wire/value.hpp"

using namespace tractor::core;
using namespace tractor::core::wire;

namespace {

Token token_of(const std::string& value) {
  static std::string held;
  held = value;
  Cursor in(held);
  Token token;
  assert_true(in.next(token));
  return token;
}

void every_kind_of_token(void**) {
  struct {
    std::string bytes;
    const char* text;
  } const cases[] = {
      {"\xc0", "nil"},
      {"\xc2", "bool false"},
      {"\xc3", "bool true"},
      {"\x7f", "int 127"},
      {"\xe0", "int -32"},
      {bytes("\xcc\xff"), "int 255"},
      {bytes("\xcd\xff\xff"), "int 65535"},
      {bytes("\xce\xff\xff\xff\xff"), "int 4294967295"},
      {bytes("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "int 18446744073709551615"},
      {bytes("\xd0\x80"), "int -128"},
      {bytes("\xd0\x05"), "int 5"},
      {bytes("\xd1\x80\x00"), "int -32768"},
      {bytes("\xd2\x80\x00\x00\x00"), "int -2147483648"},
      {bytes("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), "int -9223372036854775808"},
      {bytes("\xca\x3f\xc0\x00\x00"), "float 1.5"},
      {bytes("\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a"), "float 0.1"},
      {bytes("\xa0"), "str ''"},
      {bytes("\xd9\x00"), "str ''"},
      {bytes("\xda\x00\x01"
             "a"),
       "str 'a'"},
      {bytes("\xdb\x00\x00\x00\x02\n\x00"), "str '  '"},
      {bytes("\xc4\x00"), "bin of 0"},
      {bytes("\xc5\x00\x01z"), "bin of 1"},
      {bytes("\xc6\x00\x00\x00\x01z"), "bin of 1"},
      {bytes("\xd4\x07z"), "ext 7"},
      {bytes("\xd8\xff"
             "0123456789abcdef"),
       "ext -1"},
      {bytes("\xc7\x00\x80"), "ext -128"},
      {bytes("\x92\x00\x00"), "array of 2"},
      {bytes("\xdc\x00\x01\x00"), "array of 1"},
      {bytes("\xdd\x00\x00\x00\x00"), "array of 0"},
      {bytes("\x81\x00\x00"), "map of 1"},
      {bytes("\xde\x00\x01\x00\x00"), "map of 1"},
      {bytes("\xdf\x00\x00\x00\x00"), "map of 0"},
      {"\xbf" + std::string(31, 'a'), "str 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"},
      {"\xd9\x40" + std::string(39, 'a') + "\xc3\xa4" + std::string(23, 'a'),
       "str 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…'"},
  };
  for (const auto& c : cases) {
    assert_string_equal(token_of(c.bytes).describe().c_str(), c.text);
    assert_null(check_one_value(c.bytes));
    assert_non_null(check_one_value(c.bytes + '\x00'));
    for (size_t n = 0; n < c.bytes.size(); ++n) assert_non_null(check_one_value(c.bytes.substr(0, n)));
  }
}

void failure_moves_nothing(void**) {
  std::string value = bytes("\x92\x01\xc1");
  Cursor in(value);
  assert_false(in.skip());
  assert_int_equal(in.fault(), Cursor::Fault::invalid);
  assert_ptr_equal(in.position(), value.data());
  Token token;
  assert_true(in.next(token) && token.count == 2);
  assert_true(in.next(token) && token.integer == 1);
  const char* before = in.position();
  assert_false(in.next(token));
  assert_ptr_equal(in.position(), before);
}

/// The count is met before anything is read or allocated.
void counts_that_lie(void**) {
  for (const std::string& lie :
       {bytes("\xdd\x7f\xff\xff\xff\x01"), bytes("\xdf\x00\x00\x00\x02\x01\x01"), bytes("\x93\x01\x02"),
        bytes("\xdb\x00\x00\x00\x05"
              "abcd")}) {
    Cursor in(lie);
    Token token;
    assert_false(in.next(token));
    assert_int_equal(in.fault(), Cursor::Fault::truncated);
  }
}

void depth(void**) {
  auto nested = [](size_t n) { return std::string(n, '\x91') + '\xc0'; };
  assert_null(check_one_value(nested(kMaxDepth)));
  assert_string_equal(check_one_value(nested(kMaxDepth + 1)), "nests too deeply");
  assert_non_null(check_one_value(std::string(1'000'000, '\x91') + '\xc0'));
  std::string empty_inside = std::string(kMaxDepth, '\x91') + '\x90';
  assert_string_equal(check_one_value(empty_inside), "nests too deeply");
}

void numbers_convert_only_if_they_fit(void**) {
  int64_t i;
  uint64_t u;
  double d;
  Token max = token_of(bytes("\xcf\xff\xff\xff\xff\xff\xff\xff\xff")),
        min = token_of(bytes("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"));
  assert_true(max.to_uint64(u) && u == UINT64_MAX);
  assert_false(max.to_int64(i));
  assert_false(max.to_double(d));
  assert_true(min.to_int64(i) && i == INT64_MIN);
  assert_false(min.to_uint64(u));
  assert_true(min.to_double(d) && d == -9223372036854775808.0);
  assert_false(token_of(bytes("\xcf\x00\x20\x00\x00\x00\x00\x00\x01")).to_double(d));  // 2^53+1
  assert_false(token_of("\xc3").to_int64(i));
  assert_false(token_of(bytes("\xca\x3f\x80\x00\x00")).to_int64(i));
  assert_true(token_of("\x03").to_double(d) && d == 3.0);
}

void utf8(void**) {
  for (std::string_view good :
       {"", "plain ascii that is longer than a word", "ä", "€", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"})
    assert_true(valid_utf8(good));
  for (std::string_view bad :
       {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "aaaaaaaaaaaaaaaa\xe2\x82"})
    assert_false(valid_utf8(bad));
  assert_true(to_valid_utf8("a\xff"
                            "b\xe2\x82") ==
              "a\xef\xbf\xbd"
              "b\xef\xbf\xbd\xef\xbf\xbd");
}

void json(void**) {
  struct {
    std::string bytes;
    const char* text;
  } const cases[] = {
      {packed("{s:[i,n,b,b],s:d,s:d}", "a", -1, 1, 0, "b", 1.0, "c", 0.25),
       R"({"a":[-1,null,true,false],"b":1.0,"c":0.25})"},
      {packed("{i:s,[i,s]:{}}", 1, "x", 2, "y"), R"({"1":"x","[2,\"y\"]":{}})"},
      {packed("y", "\x00\xff", size_t{2}), R"({"$bin":"00ff"})"},
      {bytes("\xd4\xfb\x0a"), R"({"$ext":[-5,"0a"]})"},
      {packed("[d,d,d,d]", std::nan(""), INFINITY, -INFINITY, 1e300), R"(["NaN","Infinity","-Infinity",1e+300])"},
      {packed("s", "quote \" back \\ line \n tab \t bell \a ä"), R"("quote \" back \\ line \n tab \t bell \u0007 ä")"},
      {bytes("\xa2\xc3\x28"), "\"\xef\xbf\xbd(\""},
      {packed("U", UINT64_MAX), "18446744073709551615"},
      {packed("I", INT64_MIN), "-9223372036854775808"},
  };
  for (const auto& c : cases) assert_string_equal(to_json(c.bytes).c_str(), c.text);
  std::string deep = to_json(std::string(100, '\x91') + '\x01');
  assert_string_equal(deep.c_str(), (std::string(64, '[') + "\"...\"" + std::string(64, ']')).c_str());
  // Maps as keys of maps: each level quotes what is inside once more, so depth must end that soon.
  std::string keys = to_json(std::string(30, '\x81') + "\x01" + std::string(30, '\x02'));
  assert_true(keys.size() < 4096);
}

void payloads_of_the_program(void**) {
  assert_null(payload_fault({}));
  assert_string_equal(payload_fault("\x92\x01"), "ends too early");
  assert_string_equal(payload_fault("\x01\x02"), "has bytes after its end");
  assert_string_equal(payload_fault(Bytes(nullptr, 3)), "is a null pointer with a length");
  assert_string_equal(payload_fault(Bytes("\x01", SIZE_MAX)), "has an impossible length");
  assert_string_equal(payload_fault(make_poison("because")), "because");
  assert_null(poison_text({}));
  assert_null(poison_text("\x01"));

  assert_true(*check_payload({}, kNil) == kNil);
  assert_true(check_payload(make_poison("because"), kNil).failure().message == "because");
  assert_true(check_payload("\x91", kNil).failure().message.starts_with("payload ends too early: 91; "));
  assert_true(*check_arguments({}) == kEmptyMap);
  assert_true(*check_arguments("\x81\xa1"
                               "a\x01") ==
              "\x81\xa1"
              "a\x01");
  assert_true(check_arguments("\x91\x01").failure().message == "arguments: expected a map, found array of 1");
  assert_true(check_arguments("\x81\x01\x01").failure().message == "arguments: expected a name, found int 1");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_of_token),
      cmocka_unit_test(failure_moves_nothing),
      cmocka_unit_test(counts_that_lie),
      cmocka_unit_test(depth),
      cmocka_unit_test(numbers_convert_only_if_they_fit),
      cmocka_unit_test(utf8),
      cmocka_unit_test(json),
      cmocka_unit_test(payloads_of_the_program),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
