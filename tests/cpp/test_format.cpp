// Structs as text.
#include "play.hpp"

#include <sstream>

using namespace tractor;

namespace {

struct all_public {
  int x = 1;
  std::string name = "a \"b\"\n";
  TRACTOR_FIELDS(x, name)
};
struct mixed {
  double x = 0.5;
  int _hidden = 2, hidden_ = 3;
  bool on = true;
  TRACTOR_FIELDS(x, _hidden, hidden_, on)
};
struct all_private {
  int _a = 1, b_ = 2;
  TRACTOR_FIELDS(_a, b_)
};
struct nothing {
  TRACTOR_FIELDS()
};
struct nested {
  mixed inner;
  std::vector<all_private> more{2};
  int last = -1;
  TRACTOR_FIELDS(inner, more, last)
};

// PST-01
void private_names_are_hidden(void**) {
  same(format(all_public{}), "all_public(\n  x = 1,\n  name = \"a \\\"b\\\"\\n\",\n)");
  same(format(mixed{}), "mixed(\n  x = 0.5,\n  on = true,\n)");
  same(format(all_private{}), "all_private(\n)");
}

// PST-02
void lines_are_those_of_the_public_fields(void**) {
  auto lines = format_lines(mixed{});
  equal(static_cast<std::int64_t>(lines.size()), 2);
  same(std::string(lines[0].name), "x");
  same(lines[0].value, "0.5");
  same(std::string(lines[1].name), "on");
  same(lines[1].value, "true");
}

// PST-03
void a_struct_in_a_struct(void**) {
  same(format(nested{}),
       "nested(\n"
       "  inner = mixed(\n"
       "    x = 0.5,\n"
       "    on = true,\n"
       "  ),\n"
       "  more = [all_private(\n"
       "  ), all_private(\n"
       "  )],\n"
       "  last = -1,\n"
       ")");
}

// PST-04
void an_empty_struct_has_no_lines(void**) {
  same(format(nothing{}), "nothing(\n)");
  equal(static_cast<std::int64_t>(format_lines(nothing{}).size()), 0);
}

/// It travels as well: as an empty map.
void an_empty_struct_travels(void**) {
  value_ptr v(tractor_value_new(tractor_pack("{s:i}", "unknown", 1)));
  decode<nothing>(v.get());
  same(format(value::of(nothing{})), "{}");
}

struct decoding {
  reader from{nullptr};
  int steps = 3;
  TRACTOR_FIELDS(from, steps)
};

// PST-05
void a_decoder_is_its_type(void**) {
  same(format(decoding{}), "decoding(\n  from = <reader>,\n  steps = 3,\n)");
  same(format(reader(nullptr)), "<reader>");
}

// PST-06
void a_stream_uses_the_printer(void**) {
  using tractor::operator<<;
  std::ostringstream to;
  to << all_public{} << ' ' << nothing{};
  same(to.str(), format(all_public{}) + " nothing(\n)");
}

enum class colour : std::uint8_t { red = 3 };

void values_of_all_kinds(void**) {
  same(format(true), "true");
  same(format(std::uint8_t{7}), "7");
  same(format(std::int64_t{-9}), "-9");
  same(format(1e100), "1e+100");
  same(format(colour::red), "3");
  same(format("text"), "\"text\"");
  same(format(std::string_view("\x01\x7f\\")), "\"\\x01\\x7f\\\\\"");
  same(format(std::optional<int>()), "none");
  same(format(std::optional<int>(4)), "4");
  same(format(std::vector<int>{}), "[]");
  same(format(std::vector<std::byte>{std::byte{1}, std::byte{255}}), "[1, 255]");
  same(format(std::map<std::string, int>{{"a", 1}, {"b", 2}}), "{\"a\": 1, \"b\": 2}");
  same(format(std::tuple<int, std::string>(1, "x")), "(1, \"x\")");
  same(format(std::pair<int, bool>(1, false)), "(1, false)");
  same(format(std::variant<int, std::string>("v")), "\"v\"");
}

}  // namespace

int main(int argc, char** argv) {
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST_ONCE(private_names_are_hidden),  KIT_TEST_ONCE(lines_are_those_of_the_public_fields),
      KIT_TEST_ONCE(a_struct_in_a_struct),      KIT_TEST_ONCE(an_empty_struct_has_no_lines),
      KIT_TEST_ONCE(an_empty_struct_travels),   KIT_TEST_ONCE(a_decoder_is_its_type),
      KIT_TEST_ONCE(a_stream_uses_the_printer), KIT_TEST_ONCE(values_of_all_kinds),
  };
  return kit_run_tests(tests);
}
