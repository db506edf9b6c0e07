// Values that are looked at where they lie, and sent as they are.
#include "play.hpp"

#include <stdexcept>

using namespace tractor;

namespace {

/// Gives back what it gets, without knowing what it is.
task<> mirror(context& ctx) {
  auto values = co_await ctx.started().open_stream<value_view, tractor_bytes>();
  while (auto v = co_await values.receive()) co_await values.send(v->bytes());
}

}  // namespace

TRACTOR_MODULE(hall, TRACTOR_CONTEXT(mirror));

namespace {

template <class In, class Out, class Body>
void before_a_mirror(Body body) {
  play_well([&](nursery& root) -> task<> {
    portal worker = co_await root.start_actor("worker", {.modules = {hall}});
    co_await worker.with_context(mirror, [&](linked_context<void>& ctx) -> task<> {
      auto values = co_await ctx.open_stream<In, Out>();
      co_await body(values);
      values.send_eof();
      auto end = co_await values.receive();
      holds(!end);
    });
    co_await worker.cancel_actor();
  });
}

void a_view_is_what_it_is_used_as(void**) {
  before_a_mirror<value_view, value>([](auto& values) -> task<> {
    co_await values.send(value::of(42));
    auto number = co_await values.receive();
    equal(*number, 42);
    same(number->json(), "42");
    co_await values.send(value::of(std::string("a text")));
    auto text = co_await values.receive();
    same(*text, "a text");
    std::string wrong;
    try {
      (void)text->template as<int>();
    } catch (const msg_type_error& e) {
      wrong = e.what();
    }
    holds(wrong.find("expected int") != wrong.npos);
    value kept(text->c_value());
    co_await values.send(value());
    auto nil = co_await values.receive();
    holds(nil && nil->is_nil());
    same(kept, "a text");
    value_view look = kept;
    same(look, "a text");
  });
}

/// Of every size, and so many that some wait and some do not.
void views_come_in_order_and_whole(void**) {
  before_a_mirror<value_view, value>([](auto& values) -> task<> {
    constexpr int count = 3000;
    auto text_of = [](int i) {
      return std::string(static_cast<std::size_t>(i % 100 == 0 ? 100'000 : i % 7), static_cast<char>('a' + i % 26));
    };
    auto feed = [&]() -> task<> {
      for (int i = 0; i < count; i++) {
        value v = value::of(text_of(i));
        co_await values.send(v);
      }
    };
    co_await with_task_group([&](task_group& g) -> task<> {
      g.start_soon(feed);
      for (int i = 0; i < count; i++) {
        auto v = co_await values.receive();
        same(*v, text_of(i));
      }
    });
  });
}

/// What does not fit is thrown where it was received, and the stream goes on behind it.
void a_value_of_another_type_is_thrown_from_its_receive(void**) {
  before_a_mirror<int, value>([](auto& values) -> task<> {
    for (int i = 0; i < 2; i++) {  // one that waits, and one that is there already
      co_await values.send(value::of(std::string("no number")));
      if (i == 1) co_await values.send(value::of(7));
      if (i == 1) co_await sleep(std::chrono::milliseconds(20));
      auto receive = [&]() -> task<> { (void)co_await values.receive(); };
      auto receiving = receive();
      same(co_await thrown_by(receiving), "MsgTypeError: at the top: expected int, found str 'no number'");
    }
    auto seven = co_await values.receive();
    equal(*seven, 7);
  });
}

}  // namespace

int main(int argc, char** argv) {
  module::register_all();
  kit_begin(argc, argv);
  const kit_test tests[] = {
      KIT_TEST(a_view_is_what_it_is_used_as),
      KIT_TEST(views_come_in_order_and_whole),
      KIT_TEST_ONCE(a_value_of_another_type_is_thrown_from_its_receive),
  };
  return kit_run_tests(tests);
}
