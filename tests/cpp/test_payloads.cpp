// Payload types: what an endpoint starts with, streams and returns, from C++ types.
#include "play.hpp"

#include <chrono>

using namespace tractor;
using namespace std::chrono_literals;

namespace {

struct point {
  double x = 0, y = 0;
  TRACTOR_FIELDS(x, y)
};
struct tree {
  std::string name;
  std::vector<tree> branches;
  std::optional<point> place;
  TRACTOR_FIELDS(name, branches, place)
};
enum class colour { red, green };

struct greeting {
  std::string text;
  TRACTOR_FIELDS(text)
};

/// Starts and returns with what it is told to.
task<value> says(context& ctx, value first, value last) {
  auto until_asked = co_await ctx.started(first).open_stream<value, value>();
  co_await until_asked.receive();
  co_return last;
}
task<> doubles(context& ctx, bool wrong) {
  greeting hello{"mm"};
  auto points = co_await ctx.started(hello).open_stream<point, value>();
  while (auto p = co_await points.receive()) {
    point twice{2 * p->x, 2 * p->y};
    value answer = wrong ? value::of("no point") : value::of(twice);
    co_await points.send(answer);
  }
}
generator<value> counts(int to) {
  for (int i = 0; i < to; i++) {
    value n = value::of(i);
    co_yield n;
  }
  value last = value::of("enough");
  co_yield last;
}
task<int> plain(int n) { co_return n; }

}  // namespace

TRACTOR_MODULE(plane, TRACTOR_CONTEXT(says, "first", "last").schema("started: {text: str} | None; return: None"),
               TRACTOR_CONTEXT(doubles, "wrong").types<greeting, point>().doc("doubles what it is sent"),
               TRACTOR_GENERATOR(counts, "to").schema("stream: int"), TRACTOR_FN(plain, "n").types());

namespace {

void types_have_a_text(void**) {
  same(schema_of<tree>(), "{name: str, branches: list[any], place?: {x: float, y: float} | None}");
  same((schema_of<std::map<std::string, std::vector<std::pair<colour, bool>>>>()), "dict[str, list[tuple[int, bool]]]");
  same((schema_of<std::variant<std::vector<std::byte>, std::array<float, 3>, std::monostate>>()),
       "bytes | list[float] | None");
  same((schema_of<std::tuple<const char*, value>>()), "tuple[str, any]");
  same(schema_of<void>(), "None");
  same((schema_of<std::array<std::byte, 2>>()), "list[int]");  // as it travels
  schema_check(schema_of<std::array<std::byte, 2>>().c_str(), value::of(std::array<std::byte, 2>{}));
}

void a_value_is_held_against_a_type(void**) {
  tree oak{"oak", {tree{"branch", {}, {}}}, point{1, 2}};
  schema_check(schema_of<tree>().c_str(), value::of(oak));
  try {
    schema_check("list[{x: float}]", value::of(std::vector<greeting>{{"hello"}}));
    holds(false);
  } catch (const msg_type_error& e) {
    kit_assert_contains(e.what(), "$[0].x: expected float, found nothing");
  }
  try {
    schema_check("list[", value::of(1));
    holds(false);
  } catch (const misuse_error& e) {
    kit_assert_contains(e.what(), "column");
  }
}

template <class Body>
void with_worker(Body body) {
  play_well([&](nursery& root) -> task<> {
    portal worker = co_await root.start_actor("worker", {.modules = {plane}});
    co_await body(worker);
    co_await worker.cancel_actor();
  });
}

/// PLD-01: what is started with, and what is returned, right and wrong
void a_wrong_value_fails_before_it_is_sent(void**) {
  with_worker([](portal worker) -> task<> {
    greeting hello{"hello"};
    for (bool good_start : {true, false}) {
      for (bool good_end : {true, false}) {
        value first = good_start ? value::of(hello) : value::of(10);
        value last = good_end ? value::of(nullptr) : value::of("yo");
        bool began = false;
        std::string met;
        auto what = worker.with_context(says, first, last, [&](auto& ctx, value started) -> task<> {
          began = true;
          same(started.as<greeting>().text, "hello");
          auto asking = co_await open_stream<value, value>(ctx);
          asking.send_eof();
          try {
            co_await ctx.wait_for_result();
          } catch (const error& e) {
            met = e.type();
            holds(ctx.remote_error().has_value() && !ctx.local_error());
            same(ctx.maybe_error()->what(), ctx.remote_error()->what());
            throw;
          }
        });
        std::string thrown = co_await thrown_by(what);
        equal(began, good_start);
        if (good_start && good_end) {
          same(thrown, "nothing");
        } else {
          kit_assert_contains(thrown.c_str(), "MsgTypeError: ");
          kit_assert_contains(thrown.c_str(), good_start ? "found 'yo' (str)" : "found 10 (int)");
          if (began) same(met, "MsgTypeError");
        }
      }
    }
  });
}

void streams_and_generators_are_checked(void**) {
  with_worker([](portal worker) -> task<> {
    double sum = 0;
    auto talk = [&](linked_context<void>& ctx, greeting first) -> task<> {
      same(first.text, "mm");
      auto points = co_await ctx.open_stream<point, point>();
      for (int i = 1; i <= 2; i++) {
        point p{1.5 * i, 0};
        co_await points.send(p);
        sum += (co_await points.receive())->x;
      }
      points.send_eof();
      co_await ctx.wait_for_result();
    };
    co_await worker.with_context(doubles, false, talk);
    holds(sum == 9);
    auto wrong = worker.with_context(doubles, true, talk);
    std::string thrown = co_await thrown_by(wrong);
    kit_assert_contains(thrown.c_str(), "found 'no point' (str)");

    int got = 0;
    auto counting = worker.open_stream_from(counts, 3, [&](auto& numbers) -> task<> {
      while (co_await numbers.receive()) got++;
    });
    thrown = co_await thrown_by(counting);
    kit_assert_contains(thrown.c_str(), "found 'enough' (str)");
    equal(co_await worker.run(plain, 3), 3);
  });
}

void a_context_is_narrowed_for_a_while(void**) {
  with_worker([](portal worker) -> task<> {
    auto talk = worker.with_context(doubles, false, [](linked_context<void>& ctx) -> task<> {
      auto points = co_await ctx.open_stream<value, point>();
      point p{1, 2};
      co_await points.send(p);
      co_await points.receive();
      co_await with_nursery([&](nursery& n) -> task<> {
        ctx.limit_payloads<greeting>(n);
        co_await points.send(p);
        co_await points.receive();
        holds(false);
      });
    });
    std::string thrown = co_await thrown_by(talk);
    kit_assert_contains(thrown.c_str(), "$.text: expected str, found nothing");
  });
}

void a_context_says_where_it_stands(void**) {
  with_worker([](portal worker) -> task<> {
    co_await worker.with_context(doubles, false, [](auto& ctx) -> task<> {
      same(ctx.state_name(), "started");
      auto points = co_await open_stream<value, point>(ctx, {.allow_overruns = true, .buffer = 3});
      holds(points.c_stream() != nullptr);
      equal(ctx.state(), TRACTOR_CTX_STREAMING);
      holds(!ctx.cid().empty() && !ctx.cancel_called() && !ctx.cancel_acked() && !ctx.canceller());
      holds(!ctx.remote_error() && !ctx.local_error() && !ctx.maybe_error());
      same(ctx.peer().name, "worker");
      same(to_string(ctx.peer()), "worker@" + std::to_string(ctx.peer().pid));
      co_await ctx.cancel({.timeout = 5s});
      holds(ctx.cancel_called() && ctx.cancel_acked());
      same(ctx.state_name(), "self-cancelled");
    });
  });
}

}  // namespace

int main(int argc, char** argv) {
  module::register_all();
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST_ONCE(types_have_a_text),
      KIT_TEST_ONCE(a_value_is_held_against_a_type),
      KIT_TEST(a_wrong_value_fails_before_it_is_sent),
      KIT_TEST(streams_and_generators_are_checked),
      KIT_TEST_ONCE(a_context_is_narrowed_for_a_while),
      KIT_TEST_ONCE(a_context_says_where_it_stands),
  };
  return kit_run_tests(tests);
}
