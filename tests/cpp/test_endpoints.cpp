// Endpoints and calls: typed by one declaration, on both sides.
#include "play.hpp"

using namespace tractor;

namespace {

struct order {
  std::string what;
  int count = 0;
  TRACTOR_FIELDS(what, count)
};

task<int> add(int x, int y) { co_return x + y; }
task<> nothing() { co_return; }
task<std::string> greet(const std::string& name, std::optional<std::string> title) {
  co_return "hello " + (title ? *title + " " : "") + name;
}
task<order> twice(order o) {
  co_await sleep(std::chrono::milliseconds(1));
  o.count *= 2;
  co_return o;
}
task<value> echo(value v) { co_return v; }
task<std::uint8_t> small(std::uint8_t n) { co_return n; }

task<int> sum(context& ctx, int start) {
  auto numbers = co_await ctx.started(start).open_stream<int, int>();
  while (auto n = co_await numbers.receive()) co_await numbers.send(start += *n);
  co_return start;
}
task<std::string> silent(context& ctx) {
  ctx.started();
  co_return std::string("done by ") + ctx.peer().name;
}
task<> not_declared(int) { co_return; }

}  // namespace

TRACTOR_MODULE(desk, TRACTOR_FN(add, "x", "y"), TRACTOR_FN(nothing), TRACTOR_FN(greet, "name", "title"),
               TRACTOR_FN(twice, "o"), TRACTOR_FN(echo, "v"), TRACTOR_FN(small, "n"), TRACTOR_CONTEXT(sum, "start"),
               TRACTOR_CONTEXT(silent));

namespace {

template <class Body>
void with_worker(Body body) {
  play_well([&](nursery& root) -> task<> {
    portal worker = co_await root.start_actor("worker", {.modules = {desk}});
    co_await body(worker);
    co_await worker.cancel_actor();
  });
}

void calls_are_typed(void**) {
  with_worker([](portal worker) -> task<> {
    equal(co_await worker.run(add, 2, 3), 5);
    co_await worker.run(nothing);
    same(co_await worker.run(greet, "Ann", std::nullopt), "hello Ann");
    same(co_await worker.run(greet, std::string("Bob"), "Mr"), "hello Mr Bob");
    order o{"tea", 2};
    order more = co_await worker.run(twice, o);
    same(more.what, "tea");
    equal(more.count, 4);
    std::vector<int> numbers{1, 2};  // a braced list inside a co_await expression is more than g++ 12 can take
    value v = co_await worker.run(echo, value::of(numbers));
    same(v.json(), "[1,2]");
    short n = 200;
    equal(co_await worker.run(small, n), 200);
  });
}

void an_argument_out_of_range_is_not_sent(void**) {
  with_worker([](portal worker) -> task<> {
    bool threw = false;
    try {
      co_await worker.run(small, 256);
    } catch (const misuse_error& e) {
      threw = true;
      kit_assert_contains(e.what(), "argument 'n': 256 is out of range");
    }
    holds(threw);
    threw = false;
    try {
      co_await worker.run(not_declared, 1);
    } catch (const misuse_error& e) {
      threw = true;
      kit_assert_contains(e.what(), "TRACTOR_MODULE");
    }
    holds(threw);
  });
}

std::string refusal;

void keep_refusal(const tractor_error* err, const tractor_value*, void*) {
  assert_string_equal(tractor_error_boxed_type(err), "TypeError");
  refusal += tractor_error_message(err);
  refusal += "\n";
}

void arguments_are_checked_by_the_endpoint(void**) {
  with_worker([](portal worker) -> task<> {
    auto call = [&](const char* function, tractor_bytes args) {
      tractor_portal_run(worker.c_portal(), nullptr, "desk", function, args, nullptr, keep_refusal, nullptr);
    };
    call("add", tractor_pack("{s:i}", "x", 1));
    call("add", tractor_pack("{s:i, s:i, s:i}", "x", 1, "y", 2, "z", 3));
    call("add", tractor_pack("{s:i, s:i, s:i}", "x", 1, "x", 2, "y", 3));
    call("add", tractor_pack("{s:i, s:s}", "x", 1, "y", "two"));
    call("small", tractor_pack("{s:i}", "n", -1));
    co_await worker.run(nothing);
    same(refusal,
         "TypeError: add(): missing argument 'y'\n"
         "TypeError: add(): unexpected argument 'z'\n"
         "TypeError: add(): argument 'x' is given twice\n"
         "TypeError: add(): at .y: expected int, found str 'two'\n"
         "TypeError: small(): at .n: expected unsigned int, found int -1\n");
  });
}

void contexts_stream_both_ways(void**) {
  with_worker([](portal worker) -> task<> {
    int result = 0;
    co_await worker.with_context(sum, 10, [&](linked_context<int>& ctx, int first) -> task<> {
      equal(first, 10);
      auto numbers = co_await ctx.open_stream<int, int>();
      for (int i : {1, 2, 3}) {
        co_await numbers.send(i);
        result = *co_await numbers.receive();
      }
      numbers.send_eof();
      holds(!(co_await numbers.receive()).has_value());
      equal(co_await ctx.wait_for_result(), 16);
    });
    equal(result, 16);
  });
}

void a_body_may_want_nothing_but_the_result(void**) {
  with_worker([](portal worker) -> task<> {
    std::string said;
    co_await worker.with_context(
        silent, [&](linked_context<std::string>& ctx) -> task<> { said = co_await ctx.wait_for_result(); });
    same(said, "done by root");
  });
}

void many_items_flow(void**) {
  with_worker([](portal worker) -> task<> {
    co_await worker.with_context(sum, 0, [&](linked_context<int>& ctx) -> task<> {
      auto numbers = co_await ctx.open_stream<int, int>();
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start_soon([&]() -> task<> {
          for (int i = 0; i < 5000; i++) co_await numbers.send(1);
          numbers.send_eof();
        });
        int last = 0;
        while (auto v = co_await numbers.receive()) last = *v;
        equal(last, 5000);
      });
    });
  });
}

void a_one_shot_is_a_child_for_one_call(void**) {
  play_well([](nursery& root) -> task<> { equal(co_await root.run_in_actor(add, 20, 22), 42); });
}

}  // namespace

int main(int argc, char** argv) {
  module::register_all();
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST(calls_are_typed),
      KIT_TEST_ONCE(an_argument_out_of_range_is_not_sent),
      KIT_TEST_ONCE(arguments_are_checked_by_the_endpoint),
      KIT_TEST(contexts_stream_both_ways),
      KIT_TEST(a_body_may_want_nothing_but_the_result),
      KIT_TEST(many_items_flow),
      KIT_TEST(a_one_shot_is_a_child_for_one_call),
  };
  return kit_run_tests(tests);
}
