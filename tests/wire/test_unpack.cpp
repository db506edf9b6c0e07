// What an endpoint's caller is told about arguments that do not fit; tests/wire/test_value_api.c has what does fit.
#include "kit.hpp"
#include "wire/scratch.hpp"
#include "wire/unpack.hpp"
#include "wire/value.hpp"

using namespace tractor::core;

namespace {

std::string why_not(const std::string& value, const char* format, ...) {
  ScratchScope scope;
  va_list args;
  va_start(args, format);
  Result<Done> done = unpack_values(value, format, args);
  va_end(args);
  if (done) return "it fits";
  assert_int_equal(done.failure().code,
                   done.failure().message.starts_with("unpack: ") ? Status::invalid : Status::msg_type);
  assert_string_equal(done.failure().type, done.failure().code == Status::invalid ? "ValueError" : "TypeError");
  return done.failure().message;
}

int i = 11;
int64_t l = 12;
uint64_t u = 13;
double d = 14;
bool b = true;
const char* s = "untouched";

void arguments_are_named(void**) {
  assert_string_equal(why_not(packed("{s:s}", "n", "many"), "{s:U}", "n", &u).c_str(),
                      "argument 'n': expected an unsigned integer, found str 'many'");
  assert_string_equal(why_not(packed("{s:i}", "n", -5), "{s:U}", "n", &u).c_str(),
                      "argument 'n': expected an unsigned integer, found int -5");
  assert_string_equal(why_not(packed("{s:I}", "n", INT64_C(5000000000)), "{s:i}", "n", &i).c_str(),
                      "argument 'n': expected a 32-bit integer, found int 5000000000");
  assert_string_equal(why_not(packed("{s:U}", "n", UINT64_MAX), "{s:I}", "n", &l).c_str(),
                      "argument 'n': expected a 64-bit signed integer, found int 18446744073709551615");
  assert_string_equal(why_not(packed("{s:d}", "n", 1.0), "{s:i}", "n", &i).c_str(),
                      "argument 'n': expected a 32-bit integer, found float 1");
  assert_string_equal(why_not(packed("{s:s}", "x", "a"), "{s:d}", "x", &d).c_str(),
                      "argument 'x': expected a float, found str 'a'");
  assert_string_equal(why_not(packed("{s:U}", "x", (UINT64_C(1) << 53) + 1), "{s:d}", "x", &d).c_str(),
                      "argument 'x': expected a float, found int 9007199254740993");
  assert_string_equal(why_not(packed("{s:i}", "x", 1), "{s:b}", "x", &b).c_str(),
                      "argument 'x': expected a bool, found int 1");
  assert_string_equal(why_not(packed("{s:b}", "x", 1), "{s:n}", "x").c_str(),
                      "argument 'x': expected nil, found bool true");
  assert_string_equal(why_not(packed("{s:y}", "x", "\0", size_t{1}), "{s:s}", "x", &s).c_str(),
                      "argument 'x': expected a string, found bin of 1");
  assert_string_equal(why_not(bytes("\x81\xa1x\xa3"
                                    "a\0b"),
                              "{s:s}", "x", &s)
                          .c_str(),
                      "argument 'x': expected a string without NUL, found str 'a b'");
  assert_string_equal(why_not(bytes("\x81\xa1x\xa1\xff"), "{s:s}", "x", &s).c_str(),
                      "argument 'x': expected UTF-8, found str '\xef\xbf\xbd'");
}

void places_inside_are_named(void**) {
  std::string value = packed("{s:{s:[i,s]}}", "opts", "range", 1, "b");
  assert_string_equal(why_not(value, "{s:{s:[i,i]}}", "opts", "range", &i, &i).c_str(),
                      "argument 'opts'.range[1]: expected a 32-bit integer, found str 'b'");
  assert_string_equal(why_not(value, "{s:{s:[i]}}", "opts", "range", &i).c_str(),
                      "argument 'opts'.range: expected a shorter array, found array of 2");
  assert_string_equal(why_not(value, "{s:{s:[isi]}}", "opts", "range", &i, &s, &i).c_str(),
                      "argument 'opts'.range: expected a longer array, found array of 2");
  assert_string_equal(why_not(value, "{s:{s:{}}}", "opts", "range").c_str(),
                      "argument 'opts'.range: expected a map, found array of 2");
  assert_string_equal(why_not(packed("i", 7), "s", &s).c_str(), "value: expected a string, found int 7");
  assert_string_equal(why_not(packed("[ii]", 1, 2), "[is]", &i, &s).c_str(),
                      "value[1]: expected a string, found int 2");
  assert_string_equal(why_not(packed("i", 7), "{s:i}", "n", &i).c_str(), "value: expected a map, found int 7");
}

void keys_are_named(void**) {
  assert_string_equal(why_not(packed("{}"), "{s:i}", "n", &i).c_str(), "missing argument 'n'");
  assert_string_equal(why_not(packed("{s:i,s:i}", "n", 1, "q", 2), "{s:i}", "n", &i).c_str(),
                      "unexpected argument 'q'");
  assert_string_equal(why_not(packed("{i:i}", 1, 1), "{}").c_str(), "unexpected argument int 1");
  assert_string_equal(why_not(packed("{s:{}}", "o"), "{s:{s:i}}", "o", "n", &i).c_str(),
                      "argument 'o': 'n' is missing");
  assert_string_equal(why_not(packed("{s:{s:i}}", "o", "x", 1), "{s:{}}", "o").c_str(), "argument 'o': unexpected 'x'");
  assert_string_equal(why_not(packed("{s:i,s:i}", "n", 1, "n", 2), "{s:i}", "n", &i).c_str(),
                      "argument 'n' comes twice");
  assert_string_equal(why_not(packed("{s:n}", "n"), "{s:i}", "n", &i).c_str(),
                      "argument 'n': expected a 32-bit integer, found nil");
  std::string many = "\xde" + bytes("\x01\x00");
  for (int n = 0; n < 256; ++n) many += packed("s", ("k" + std::to_string(n)).c_str()) + '\x01';
  assert_string_equal(why_not(many, "{s:i,s:i}", "k0", &i, "k200", &i).c_str(), "unexpected argument 'k1'");
}

void formats_are_explained(void**) {
  std::string map = packed("{s:i}", "n", 1), array = packed("[ii]", 1, 2);
  assert_string_equal(why_not(map, "{s:q}", "n").c_str(), "unpack: unknown letter 'q' at 4 in \"{s:q}\"");
  assert_string_equal(why_not(map, "{i:i}", &i).c_str(), "unpack: a key is not 's' at 1 in \"{i:i}\"");
  assert_string_equal(why_not(map, "{s:i", "n", &i).c_str(), "unpack: a key is not 's' at 4 in \"{s:i\"");
  assert_string_equal(why_not(array, "[ii", &i, &i).c_str(), "value: expected a longer array, found array of 2");
  assert_string_equal(why_not(map, "{s:i}i", "n", &i, &i).c_str(), "unpack: a second value begins at 5 in \"{s:i}i\"");
  assert_string_equal(why_not(map, "").c_str(), "unpack: a value is missing at 0 in \"\"");
  assert_string_equal(why_not(map, "}").c_str(), "unpack: a bracket closes nothing at 1 in \"}\"");
  assert_string_equal(why_not(map, "{*s:i}", "n", &i).c_str(), "unpack: '*' is not last at 2 in \"{*s:i}\"");
  assert_string_equal(why_not(map, "{s:i}", static_cast<char*>(nullptr), &i).c_str(),
                      "unpack: the key is NULL at 2 in \"{s:i}\"");
  assert_string_equal(why_not(map, "{s:i,s:i}", "n", &i, "n", &i).c_str(),
                      "unpack: a key is asked for twice at 6 in \"{s:i,s:i}\"");
  std::string deep = std::string(40, '[') + std::string(40, ']');
  assert_true(why_not(std::string(40, '\x91') + "\x90", deep.c_str()).starts_with("unpack: brackets nest too deeply"));
}

void nothing_was_stored(void**) {
  std::string value = packed("[i,s,d,b,i]", 1, "x", 2.0, 0, 3);
  assert_string_equal(why_not(value, "[I,s,d,b,s]", &l, &s, &d, &b, &s).c_str(),
                      "value[4]: expected a string, found int 3");
  assert_true(i == 11 && l == 12 && u == 13 && d == 14 && b);
  assert_string_equal(s, "untouched");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(arguments_are_named), cmocka_unit_test(places_inside_are_named),
      cmocka_unit_test(keys_are_named),      cmocka_unit_test(formats_are_explained),
      cmocka_unit_test(nothing_was_stored),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
