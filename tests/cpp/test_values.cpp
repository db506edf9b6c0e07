// How C++ values travel: codecs, ranges, places.
#include "play.hpp"

using namespace tractor;

/// Travels as what its codec has encoded already.
struct sealed {
  int number;
};
template <>
struct tractor::codec<sealed> {
  static void write(writer& w, const sealed& s) { w.raw(encode(s.number)); }
};

namespace {

struct point {
  double x = 0, y = 0;
  TRACTOR_FIELDS(x, y)
};
struct drawing {
  std::string name;
  std::vector<point> points;
  std::optional<int> layer;
  TRACTOR_FIELDS(name, points, layer)
};
enum class colour : std::uint8_t { red = 1, blue = 2 };

template <class T>
T through(const T& v) {
  return value::of(v).template as<T>();
}

std::string json(const value& v) { return v.json(); }

/// What is wrong with reading `format` as a T.
template <class T, class... Args>
std::string mismatch(const char* format, Args... args) {
  try {
    value(tractor_pack(format, args...)).template as<T>();
  } catch (const msg_type_error& e) {
    return e.what();
  }
  return "nothing";
}

void values_come_back(void**) {
  holds(through(true));
  equal(through(-7), -7);
  holds(through(std::uint64_t(-1)) == std::uint64_t(-1));
  holds(through(INT64_MIN) == INT64_MIN);
  holds(through(0.25f) == 0.25f);
  same(through(std::string("h\0llo", 5)), std::string("h\0llo", 5));
  holds(through(colour::blue) == colour::blue);
  holds(through(std::vector<std::byte>{std::byte(1), std::byte(2)}).size() == 2);
  holds(!through(std::optional<int>()).has_value());
  equal(through(std::optional<int>(3)).value(), 3);
  holds(through(std::array<int, 2>{1, 2}) == (std::array<int, 2>{1, 2}));
  std::tuple<int, std::string, bool> t{1, "two", true};
  holds(through(t) == t);
  std::map<std::string, std::vector<int>> m{{"a", {1, 2}}, {"b", {}}};
  holds(through(m) == m);
  std::unordered_map<int, int> u{{1, 2}, {3, 4}};
  holds(through(u) == u);
}

void structs_are_maps(void**) {
  drawing d{"house", {{1, 2}, {3, 4}}, {}};
  same(json(value::of(d)), R"({"name":"house","points":[{"x":1.0,"y":2.0},{"x":3.0,"y":4.0}],"layer":null})");
  drawing back = through(d);
  same(back.name, "house");
  holds(back.points.at(1).y == 4);
  holds(!back.layer.has_value());
  // Optional fields may be missing, unknown ones are let pass.
  auto found = value(tractor_pack("{s:s, s:[], s:i}", "name", "x", "points", "colour", 5)).as<drawing>();
  same(found.name, "x");
}

void variants_take_what_fits(void**) {
  using v = std::variant<std::monostate, bool, int, std::string, point, value>;
  equal(through(v("text")).index(), 3);
  equal(through(v(point{1, 2})).index(), 4);
  equal(through(v()).index(), 0);
  equal(value(tractor_pack("[i]", 1)).as<v>().index(), 5);
  same((mismatch<std::vector<std::variant<bool, int>>>("[b,s]", 1, "no")),
       R"(at [1]: none of the alternatives fits "no")");
}

void a_mismatch_names_its_place(void**) {
  same(mismatch<int>("s", "x"), "at the top: expected int, found str 'x'");
  same(mismatch<std::uint8_t>("i", 300), "at the top: expected an int of 8 bits, found int 300");
  same(mismatch<float>("d", 1e300), "at the top: expected a float of 32 bits, found one that it can't hold");
  same(mismatch<std::vector<std::int8_t>>("[i,i]", 1, -129), "at [1]: expected an int of 8 bits, found int -129");
  same(mismatch<drawing>("{s:s, s:[{s:d, s:s}]}", "name", "x", "points", "x", 1.0, "y", "no"),
       "at .points[0].y: expected float, found str 'no'");
  same(mismatch<drawing>("{s:s, s:[{s:d}]}", "name", "x", "points", "x", 1.0),
       "at .points[0].y: expected a value, found nothing");
  same((mismatch<std::map<std::string, std::pair<int, int>>>("{s:[i]}", "a", 1)),
       "at [0]: expected an array of 2, found one of 1");
  same(mismatch<colour>("i", 256), "at the top: expected an int of 8 bits, found int 256");
}

void values_convert_by_use(void**) {
  value v = value::of(std::string("text"));
  std::string s = v;
  same(s, "text");
  bool threw = false;
  try {
    int number = v;
    (void)number;
  } catch (const msg_type_error&) {
    threw = true;
  }
  holds(threw);
  value copy = v;
  same(copy.json(), "\"text\"");
  holds(value().is_nil());
  equal(through(v).as<std::string>().size(), 4);
}

void arguments_fit_into_optional_parameters(void**) {
  for (bool as_optional : {false, true}) {
    writer w;
    bool refused = false;
    try {
      if (as_optional)
        detail::write_argument<std::optional<std::uint8_t>>(w, "n", std::optional<int>(300));
      else
        detail::write_argument<std::optional<std::uint8_t>>(w, "n", 300);
    } catch (const misuse_error& e) {
      refused = true;
      same(e.what(), "argument 'n': 300 is out of range");
    }
    holds(refused);
    detail::write_argument<std::optional<std::uint8_t>>(w, "n", 7);
    equal(value(w.done()).as<int>(), 7);
  }
}

void a_codec_may_encode_another_value(void**) { same(json(value::of(std::vector<sealed>{{1}, {2}})), "[1,2]"); }

void text_that_is_not_utf8_is_refused(void**) {
  bool threw = false;
  try {
    value::of(std::string("\xff"));
  } catch (const msg_type_error&) {
    threw = true;
  }
  holds(threw);
}

}  // namespace

int main(int argc, char** argv) {
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST_ONCE(values_come_back),
      KIT_TEST_ONCE(structs_are_maps),
      KIT_TEST_ONCE(variants_take_what_fits),
      KIT_TEST_ONCE(a_mismatch_names_its_place),
      KIT_TEST_ONCE(arguments_fit_into_optional_parameters),
      KIT_TEST_ONCE(a_codec_may_encode_another_value),
      KIT_TEST_ONCE(values_convert_by_use),
      KIT_TEST_ONCE(text_that_is_not_utf8_is_refused),
  };
  return kit_run_tests(tests);
}
