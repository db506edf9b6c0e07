// Payload types: the language, what fits, what is said of what does not. tests/wire/test_schema_api.c has the C API.
#include <cstdlib>
#include <new>

#include "kit.hpp"
#include "wire/ext_types.hpp"
#include "wire/type_spec.hpp"

using namespace tractor::core;

static size_t allocations;

void* operator new(size_t n) {
  ++allocations;
  void* p = std::malloc(n ? n : 1);
  if (!p) throw std::bad_alloc();
  return p;
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }

namespace {

/// Owners live outside of what asserts, so this answers with texts only.
std::string canonical(const std::string& text) {
  auto spec = TypeSpec::parse(text);
  if (spec) return (*spec)->text();
  if (spec.failure().code != Status::invalid || std::string(spec.failure().type) != "TypeError") return "wrong failure";
  return spec.failure().message;
}

/// Empty if it fits.
std::string why_not(const std::string& type, const std::string& value) {
  auto spec = TypeSpec::parse(type);
  if (!spec) return spec.failure().message;
  size_t before = allocations;
  std::optional<Mismatch> mismatch = (*spec)->check(value);
  if (!mismatch) return allocations == before ? "" : "it fits, but memory was allocated";
  return mismatch->text();
}

#define assert_text(actual, expected) assert_string_equal((actual).c_str(), expected)
#define assert_fits(type, value) assert_text(why_not(type, value), "")
#define assert_not(type, value) assert_true(why_not(type, value).starts_with("$: expected "))
#define assert_refused(text, why) assert_text(canonical(text), "payload type: " why)

const std::string kNilValue = "\xc0", kTrue = "\xc3", kMinusOne = "\xff", kEmptyList = "\x90", kNoPairs = "\x80";
const std::string kFloat = packed("d", 1.5), kText = packed("s", "hello"), kBin = packed("y", "ab", size_t{2});
const std::string kExt5 = bytes("\xd4\x05z"), kExt0 = bytes("\xc7\x00\x07");

void canonical_texts(void**) {
  struct {
    const char *text, *canonical;
  } const cases[] = {
      {"any", "any"},
      {" nil ", "None"},
      {"list", "list"},
      {"list[ int ]", "list[int]"},
      {"tuple", "list"},
      {"tuple[int,...]", "list[int]"},
      {"tuple[int]", "tuple[int]"},
      {"tuple[int,str , None]", "tuple[int, str, None]"},
      {"dict", "dict"},
      {"dict[str,any]", "dict[str, any]"},
      {"{}", "{}"},
      {"{x:float,y?:float}", "{x: float, y?: float}"},
      {"{ 'content-type' : str, \"x\"?: int }", "{'content-type': str, x?: int}"},
      {"'a'|\"b\"", "'a' | 'b'"},
      {"\"it's \\\"\\\\\"", "'it\\'s \"\\\\'"},
      {"'\xc3\xa9'", "'\xc3\xa9'"},
      {"0|-1|18446744073709551615|-9223372036854775808", "0 | -1 | 18446744073709551615 | -9223372036854775808"},
      {"-0", "0"},
      {"ext", "ext"},
      {"ext[5]|ext[-128]", "ext[5] | ext[-128]"},
      {"Optional[int]", "int | None"},
      {"Optional[None]", "None"},
      {"Optional[int|None]", "int | None"},
      {"(int|(str|(int)))|bool", "int | str | bool"},
      {"list[(int)]", "list[int]"},
      {"\n{\tstarted: int,\r\n return: str}", "{started: int, return: str}"},
      {"{int: int, list: list}", "{int: int, list: list}"},
  };
  for (const auto& c : cases) {
    assert_text(canonical(c.text), c.canonical);
    assert_text(canonical(c.canonical), c.canonical);
  }
}

void bad_texts_name_the_column(void**) {
  assert_refused("", "expected a type, found the end, at column 1 of \"\"");
  assert_refused("  ", "expected a type, found the end, at column 3 of \"  \"");
  assert_refused("list[]", "expected a type, found ']', at column 6 of \"list[]\"");
  assert_refused("list[int", "expected ']', found the end, at column 9 of \"list[int\"");
  assert_refused("list[int, str]", "expected ']', found ',', at column 9 of \"list[int, str]\"");
  assert_refused("tuple[int str]", "expected ',' or ']', found 'str', at column 11 of \"tuple[int str]\"");
  assert_refused("tuple[...]", "expected a type, found '.', at column 7 of \"tuple[...]\"");
  assert_refused("tuple[int, ..]", "expected '...', found '.', at column 12 of \"tuple[int, ..]\"");
  assert_refused("tuple[int, ..., int]", "expected ']', found ',', at column 15 of \"tuple[int, ..., int]\"");
  assert_refused("dict[str]", "expected ',', found ']', at column 9 of \"dict[str]\"");
  assert_refused("int[3]", "expected '|' or the end, found '[', at column 4 of \"int[3]\"");
  assert_refused("int |", "expected a type, found the end, at column 6 of \"int |\"");
  assert_refused("int str", "expected '|' or the end, found 'str', at column 5 of \"int str\"");
  assert_refused("1.5", "expected '|' or the end, found '.', at column 2 of \"1.5\"");
  assert_refused("5x", "expected an integer, found '5x', at column 1 of \"5x\"");
  assert_refused("-", "expected an integer, found '-', at column 1 of \"-\"");
  assert_refused("18446744073709551616",
                 "the integer does not fit into 64 bits, at column 1 of \"18446744073709551616\"");
  assert_refused("'a", "the quote is not closed, at column 1 of \"'a\"");
  assert_refused("'a\\n'", "expected a quote or a backslash, found 'n', at column 4 of \"'a\\n'\"");
  assert_refused("'a\\", "expected a quote or a backslash, found the end, at column 4 of \"'a\\\"");
  assert_refused("'a\nb'", "expected a printable character, found ' ', at column 3 of \"'a b'\"");
  assert_refused("'\xc3\xa9\xff'",
                 "expected a printable character, found '\xef\xbf\xbd', at column 3 of \"'\xc3\xa9\xef\xbf\xbd'\"");
  assert_refused("{x}", "expected ':', found '}', at column 3 of \"{x}\"");
  assert_refused("{x: int, }", "expected the name of a field, found '}', at column 10 of \"{x: int, }\"");
  assert_refused("{x: int; y: int}", "expected ',' or '}', found ';', at column 8 of \"{x: int; y: int}\"");
  assert_refused("{x: int, x?: str}", "field 'x' comes twice, at column 10 of \"{x: int, x?: str}\"");
  assert_refused("Optional", "expected '[', found the end, at column 9 of \"Optional\"");
  assert_refused("ext[128]", "expected a number of -128 to 127, found '128', at column 5 of \"ext[128]\"");
  assert_refused("ext[-129]", "expected a number of -128 to 127, found '-', at column 5 of \"ext[-129]\"");
  assert_refused("ext[18446744073709551615]",
                 "expected a number of -128 to 127, found '18446744073709551615', at column 5 of "
                 "\"ext[18446744073709551615]\"");
  assert_refused("list[integer]",
                 "'integer' is no type, and no extension type of that name is registered, at column 6 of "
                 "\"list[integer]\"");
  assert_refused("\xc3\xa9", "expected a type, found '\xc3\xa9', at column 1 of \"\xc3\xa9\"");
  assert_refused(bytes("int\0"), "expected '|' or the end, found ' ', at column 4 of \"int \"");
  assert_refused(")", "expected a type, found ')', at column 1 of \")\"");
}

void texts_have_limits(void**) {
  auto nested = [](const char* open, const char* inside, const char* close, size_t n) {
    std::string text;
    for (size_t i = 0; i < n; ++i) text += open;
    text += inside;
    for (size_t i = 0; i < n; ++i) text += close;
    return text;
  };
  for (auto [open, close] :
       {std::pair("(", ")"), {"list[", "]"}, {"{a:", "}"}, {"Optional[", "]"}, {"tuple[int,", "]"}}) {
    assert_false(canonical(nested(open, "int", close, 32)).starts_with("payload type: "));
    assert_true(canonical(nested(open, "int", close, 33)).starts_with("payload type: brackets nest more than 32 deep"));
  }
  assert_true(canonical(std::string(4096, '(')).starts_with("payload type: brackets nest"));
  assert_text(canonical("int" + std::string(4093, ' ')), "int");
  assert_true(canonical("int" + std::string(4094, ' ')).starts_with("payload type: the text has 4097 bytes, at most"));

  // As many fields, and alternatives, as a text can have.
  std::string fields, alternatives, value;
  for (char a = 'a'; a <= 'z'; ++a)
    for (char b = 'a'; b <= 'w'; ++b)
      fields += std::string(fields.empty() ? "{" : ",") + a + b + "?:0", value += "\xa2" + std::string{a, b} + '\0';
  fields += "}";
  value = "\xde" + std::string{2, 26 * 23 - 512} + value;
  assert_true(fields.size() < 4096);
  assert_fits(fields, value);
  value.back() = 1;
  assert_text(why_not(fields, value), "$.zw: expected 0, found 1 (int)");
  for (int i = 0; i < 1000; ++i) alternatives += (i ? "|" : "") + std::to_string(i);
  assert_fits(alternatives, packed("i", 999));
  assert_not(alternatives, packed("i", 1000));
}

/// Each type against one value of each kind.
void every_type_takes_its_own(void**) {
  const std::string values[] = {kNilValue, kTrue, packed("i", 7), kMinusOne,  kFloat,
                                kText,     kBin,  kExt5,          kEmptyList, kNoPairs};
  struct {
    const char *type, *fits;
  } const cases[] = {
      {"any", "yyyyyyyyyy"},
      {"None", "y........."},
      {"bool", ".y........"},
      {"int", "..yy......"},
      {"float", "..yyy....."},
      {"str", ".....y...."},
      {"bytes", "......y..."},
      {"ext", ".......y.."},
      {"list", "........y."},
      {"dict", ".........y"},
      {"ext[5]", ".......y.."},
      {"ext[6]", ".........."},
      {"7", "..y......."},
      {"-1", "...y......"},
      {"'hello'", ".....y...."},
      {"'hell'", ".........."},
      {"{}", ".........y"},
      {"list[int]", "........y."},
      {"tuple[int]", ".........."},
      {"{x: int}", ".........."},
      {"{x?: int}", ".........y"},
      {"int | None", "y.yy......"},
      {"Optional[str]", "y....y...."},
      {"dict[int, int]", ".........y"},
      {"list | dict", "........yy"},
      {"any | None", "yyyyyyyyyy"},
  };
  for (const auto& c : cases)
    for (size_t i = 0; i < std::size(values); ++i) {
      bool fits = why_not(c.type, values[i]).empty();
      if (fits != (c.fits[i] == 'y')) fail_msg("%s: value %zu", c.type, i);
    }
  assert_fits("None", "");
  assert_not("int", "");
}

void numbers(void**) {
  assert_fits("int", packed("U", UINT64_MAX));
  assert_fits("int", packed("I", INT64_MIN));
  assert_fits("float", packed("U", UINT64_MAX));
  assert_fits("float", bytes("\xca\x3f\x80\x00\x00"));
  assert_fits("18446744073709551615", packed("U", UINT64_MAX));
  assert_not("-1", packed("U", UINT64_MAX));
  assert_not("18446744073709551615", kMinusOne);
  assert_fits("-9223372036854775808", packed("I", INT64_MIN));
  assert_fits("5", bytes("\xd0\x05"));
  assert_not("1", packed("d", 1.0));
  assert_not("1", kTrue);
}

void strings_are_utf8(void**) {
  assert_fits("str", packed("s", "caf\xc3\xa9"));
  assert_text(why_not("str", bytes("\xa1\xff")), "$: expected str, found '\xef\xbf\xbd' (str that is not UTF-8)");
  assert_fits("any", bytes("\xa1\xff"));
  assert_fits("str", bytes("\xa3"
                           "a\0b"));
}

void arrays(void**) {
  std::string three = packed("[i,i,i]", 1, 2, 3);
  assert_fits("list[int]", three);
  assert_fits("tuple[int, float, any]", three);
  assert_fits("tuple[int, ...]", kEmptyList);
  assert_text(why_not("list[str]", three), "$[0]: expected str, found 1 (int)");
  assert_text(why_not("tuple[int, int]", three), "$: expected tuple[int, int], found [1,2,3] (list)");
  assert_text(why_not("tuple[int, int, str]", three), "$[2]: expected str, found 3 (int)");
  assert_text(why_not("list[list[None]]", packed("[[n],[n,b]]", 1)), "$[1][1]: expected None, found true (bool)");
}

void maps(void**) {
  std::string map = packed("{s:[i], s:[i,s]}", "a", 1, "b c", 1, "x");
  assert_fits("dict[str, list]", map);
  assert_fits("dict[any, any]", map);
  assert_text(why_not("dict[str, list[int]]", map), "$['b c'][1]: expected int, found 'x' (str)");
  assert_text(why_not("dict[int, any]", map), "key of $: expected int, found 'a' (str)");
  assert_fits("dict[tuple[int, int], str]", bytes("\x81\x92\x01\x02\xa1x"));
  assert_text(why_not("dict[tuple[int, int], int]", bytes("\x81\x92\x01\x02\xa1x")),
              "$[[1,2]]: expected int, found 'x' (str)");
  assert_text(why_not("dict[int, int]", bytes("\x81\x07\xc0")), "$[7]: expected int, found None");
  assert_text(why_not("list[dict[tuple[int], int]]", bytes("\x91\x81\x91\xc0\x01")),
              "key of $[0][0]: expected int, found None");
}

void records(void**) {
  const char* point = "{x: float, y: float, name?: str}";
  assert_fits(point, packed("{s:d,s:i}", "x", 1.0, "y", 2));
  assert_fits(point, packed("{s:s,s:i,s:[n],s:d}", "name", "p", "y", 1, "other", "x", 1.0));
  assert_text(why_not(point, packed("{s:d}", "x", 1.0)), "$.y: expected float, found nothing");
  assert_text(why_not(point, packed("{s:d,s:s}", "x", 1.0, "y", "a")), "$.y: expected float, found 'a' (str)");
  assert_text(why_not(point, packed("{s:d,s:d,s:n}", "x", 1.0, "y", 1.0, "name")), "$.name: expected str, found None");
  assert_text(why_not(point, bytes("\x81\x01\x02")), "key of $: expected str, found 1 (int)");
  assert_text(why_not(point, kEmptyList), "$: expected {x: float, y: float, name?: str}, found [] (list)");
  // All of a key's occurrences have to fit, whichever a reader takes.
  assert_fits("{x: int}", packed("{s:i,s:i}", "x", 1, "x", 2));
  assert_text(why_not("{x: int}", packed("{s:i,s:s}", "x", 1, "x", "a")), "$.x: expected int, found 'a' (str)");
  assert_text(why_not("{points: list[{x: float}]}", packed("{s:[{s:d},{s:s}]}", "points", "x", 1.0, "x", "hello")),
              "$.points[1].x: expected float, found 'hello' (str)");
  assert_text(why_not("{'a-b': int}", packed("{}")), "$['a-b']: expected int, found nothing");
}

void unions(void**) {
  assert_text(why_not("'a' | 'b'", kText), "$: expected 'a' | 'b', found 'hello' (str)");
  assert_text(why_not("list[int | str]", packed("[i,d]", 1, 1.5)), "$[1]: expected int | str, found 1.5 (float)");
  // A container that only one alternative could have meant is looked into.
  assert_text(why_not("{x: int} | None", packed("{s:s}", "x", "a")), "$.x: expected int, found 'a' (str)");
  assert_text(why_not("int | list[Optional[list[int]]]", packed("[n,[i,s]]", 1, "a")),
              "$[1][1]: expected int, found 'a' (str)");
  assert_text(why_not("{x: int} | {y: int}", packed("{s:s}", "x", "a")),
              "$: expected {x: int} | {y: int}, found {\"x\":\"a\"} (dict)");
  assert_fits("{k: 'a', x: int} | {k: 'b', y: int}", packed("{s:s,s:i}", "k", "b", "y", 1));
  assert_fits("list[list[int] | list[str]]", packed("[[i,i],[s,s]]", 1, 2, "a", "b"));
  assert_not("list[int] | list[str]", packed("[i,s]", 1, "a"));
  // An alternative that failed half-way leaves nothing behind.
  assert_fits("tuple[list[int] | list[int | str], int]", packed("[[i,s],i]", 1, "a", 2));
}

/// PLD-01, X-57: the spec of the reference's test, and values that it takes and refuses.
void an_optional_message(void**) {
  const char* spec = "{field: any} | None";
  assert_fits(spec, packed("{s:n}", "field"));
  assert_fits(spec, kNilValue);
  assert_text(why_not(spec, packed("i", 10)), "$: expected {field: any} | None, found 10 (int)");
  assert_text(why_not(spec, packed("s", "yo")), "$: expected {field: any} | None, found 'yo' (str)");
  assert_text(why_not("int", packed("s", "yo")), "$: expected int, found 'yo' (str)");
}

int even(const void* data, size_t len, void* user) {
  ++*static_cast<int*>(user);
  assert_non_null(data);
  return len % 2 == 0 ? TRACTOR_OK : TRACTOR_EUSER;
}

/// EXT-02, EXT-03
void registered_extensions(void**) {
  static int calls;
  assert_refused("Even",
                 "'Even' is no type, and no extension type of that name is registered, at column 1 of \"Even\"");
  assert_int_equal(ExtTypes::add("Even", 7, even, &calls), Status::ok);
  assert_int_equal(ExtTypes::add("Even", 8, nullptr, nullptr), Status::already);
  assert_int_equal(ExtTypes::add("Whatever", 7, nullptr, nullptr), Status::ok);
  for (const char* bad : {"", "7up", "a-b", "a.b", "int", "Optional", "None", "nil", "list", "caf\xc3\xa9"})
    assert_int_equal(ExtTypes::add(bad, 1, nullptr, nullptr), Status::invalid);
  assert_int_equal(ExtTypes::add("Big", 128, nullptr, nullptr), Status::invalid);
  assert_int_equal(ExtTypes::add("Small", -129, nullptr, nullptr), Status::invalid);
  assert_int_equal(ExtTypes::add("Stamp", -1, nullptr, nullptr), Status::ok);

  assert_text(canonical("Even|None"), "Even | None");
  assert_fits("Even", kExt0);
  assert_fits("list[Even | None]", bytes("\x92\xc0\xd5\x07zz"));
  assert_fits("Whatever", bytes("\xd4\x07z"));
  assert_fits("Stamp", bytes("\xd6\xff\x00\x00\x00\x00"));
  assert_int_equal(calls, 2);
  assert_text(why_not("Even", kExt5), "$: expected Even, found {\"$ext\":[5,\"7a\"]} (ext[5])");
  assert_int_equal(calls, 2);
  assert_text(why_not("list[Even | None]", bytes("\x91\xd4\x07z")),
              "$[0]: expected Even, found {\"$ext\":[7,\"7a\"]} (ext[7]), which its check refuses with -35");
}

void what_was_found_is_short(void**) {
  std::string many = bytes("\xdd\x00\x01\x00\x00") + std::string(65536, '\x01');
  assert_text(why_not("int", many),
              "$: expected int, found [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1… (list)");
  std::string blob(100'000, 'z');
  assert_text(why_not("int", packed("y", blob.data(), blob.size())),
              "$: expected int, found {\"$bin\":\"7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7… (bytes)");
  assert_text(why_not("int", packed("s", std::string(100'000, 'z').c_str())),
              "$: expected int, found 'zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz…' (str)");
  assert_text(why_not("dict[str, int]", bytes("\x81\xa3"
                                              "a\nb\xc0")),
              "$['a b']: expected int, found None");
  std::string accents;
  for (int i = 0; i < 30; ++i) accents += "\xc3\xa9";
  // The cut does not go through a character.
  assert_text(why_not("int", packed("[s]", accents.c_str())),
              ("$: expected int, found [\"" + accents.substr(0, 58) + "… (list)").c_str());
}

void broken_values_do_not_fit(void**) {
  assert_text(why_not("list[int]", bytes("\x92\x01")), "$: expected list[int], found a value that ends too early");
  assert_text(why_not("tuple[any, int]", bytes("\x92\x91\xc1\x01")), "$[0]: expected any, found [... (list)");
  assert_text(why_not("int", bytes("\x01\x02")), "$: expected int, found a value that has bytes after its end");
  assert_text(why_not("dict[str, int]", bytes("\x81\xa1"
                                              "a\xc1")),
              "$.a: expected int, found a value that is not msgpack");
  assert_text(why_not("{}", bytes("\x81\xc1\x01")), "key of $: expected str, found a value that is not msgpack");
  assert_text(why_not("{}", bytes("\x81\xa1"
                                  "a\xc1")),
              "$.a: expected any, found a value that is not msgpack");
  for (const char* type : {"any", "list", "list[any]", "list[list]"})
    assert_false(why_not(type, std::string(100'000, '\x91') + '\xc0').empty());
}

void deep_values(void**) {
  std::string deep = std::string(512, '\x91') + '\xc0';
  assert_fits("any", deep);
  assert_fits("list[list[list]]", deep);
  assert_not("int", deep);
  std::string type, value;
  for (int i = 0; i < 32; ++i) type += "list[int|", value += '\x91';
  assert_fits(type + "None" + std::string(32, ']'), value + '\xc0');
  // A union in a union is tried twice at most, not twice as often on each level.
  assert_text(why_not(type + "None" + std::string(32, ']'), value + '\xc3'), [] {
    static std::string path = "$";
    for (int i = 0; i < 32; ++i) path += "[0]";
    return (path += ": expected int | None, found true (bool)").c_str();
  }());
}

std::string sections(const std::string& text) {
  auto spec = PayloadSpec::parse(text);
  if (!spec) return spec.failure().message;
  return spec->started->text() + " / " + spec->stream->text() + " / " + spec->result->text();
}

void schemas_of_endpoints(void**) {
  assert_text(sections("int"), "int / int / int");
  assert_text(sections("{started: int}"), "{started: int} / {started: int} / {started: int}");
  assert_text(sections("started: int; stream: list[str]; return: None"), "int / list[str] / None");
  assert_text(sections(" return : int|None ;started:{return: int}"), "{return: int} / any / int | None");
  assert_text(sections("stream: str"), "any / str / any");
  assert_text(sections(""), "payload type: expected a type, found the end, at column 1 of \"\"");
  assert_text(sections("int; str"), "payload type: expected '|' or the end, found ';', at column 4 of \"int; str\"");
  assert_text(sections("return: int, started: int"),
              "payload type: expected '|', ';' or the end, found ',', at column 12 of \"return: int, started: int\"");
  assert_text(sections("return: int;"),
              "payload type: expected started:, stream: or return:, found the end, at column 13 of \"return: int;\"");
  assert_text(sections("return: int; int"),
              "payload type: expected started:, stream: or return:, found 'int', at column 14 of \"return: int; int\"");
  assert_text(sections("result: int"),
              "payload type: expected started, stream or return, found 'result', at column 1 of \"result: int\"");
  assert_text(sections("return: int; return: str"),
              "payload type: 'return' comes twice, at column 14 of \"return: int; return: str\"");
  assert_text(sections("return: Nope"),
              "payload type: 'Nope' is no type, and no extension type of that name is registered, at column 9 of "
              "\"return: Nope\"");
}

void any_needs_no_check(void**) {
  assert_true(TypeSpec::any()->takes_all());
  assert_true((*TypeSpec::parse("any"))->takes_all());
  assert_false((*TypeSpec::parse("int"))->takes_all());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(canonical_texts),
      cmocka_unit_test(bad_texts_name_the_column),
      cmocka_unit_test(texts_have_limits),
      cmocka_unit_test(every_type_takes_its_own),
      cmocka_unit_test(numbers),
      cmocka_unit_test(strings_are_utf8),
      cmocka_unit_test(arrays),
      cmocka_unit_test(maps),
      cmocka_unit_test(records),
      cmocka_unit_test(unions),
      cmocka_unit_test(an_optional_message),
      cmocka_unit_test(registered_extensions),
      cmocka_unit_test(what_was_found_is_short),
      cmocka_unit_test(broken_values_do_not_fit),
      cmocka_unit_test(deep_values),
      cmocka_unit_test(schemas_of_endpoints),
      cmocka_unit_test(any_needs_no_check),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
