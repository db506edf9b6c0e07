// What g++ 12 destroys twice inside a co_await expression: the lines that end with "refused" must not compile, with a message
// that says so, and all others must. The types of lines differ, as a compiler refuses one type at one place only once.
#include <tractor.hpp>

#include <compare>
#include <string>
#include <utility>
#include <vector>

using namespace tractor;
using std::chrono::seconds;

template <int>
struct numbered_order {
  std::string what;
  auto operator<=>(const numbered_order&) const = default;
  TRACTOR_FIELDS(what)
};
using order = numbered_order<0>;
template <int N>
using more = numbered_order<N>;
using portals = const std::vector<portal>&;

task<> take(order) { co_return; }
task<> take_another(more<1>) { co_return; }
task<> serve(context& ctx, order) {
  ctx.started();
  co_return;
}
generator<order> yield_orders(order first) { co_yield first; }
generator<more<8>> yield_more(more<8> first) {
  co_yield first;
  co_yield more<8>{"tea"};  // refused
}

TRACTOR_MODULE(desk, TRACTOR_FN(take, "o"), TRACTOR_FN(take_another, "o"), TRACTOR_CONTEXT(serve, "o"),
               TRACTOR_GENERATOR(yield_orders, "first"));

task<> calls(nursery& root, portal worker) {
  order tea{"tea"};
  named by_name("o", tea);
  co_await worker.run(take, tea);
  co_await worker.run("desk.take", by_name);
  co_await worker.run("desk.take", named("o", tea));
  co_await root.run_in_actor(take, tea);
  co_await worker.run(take, order{"tea"});                            // refused
  co_await worker.run("desk.take", named("o", more<2>{"tea"}));       // refused
  co_await root.run_in_actor(take_another, more<1>{"tea"});           // refused
  co_await root.run_in_actor("desk.take", named("o", more<3>{"t"}));  // refused
}

task<> contexts(portal worker) {
  order tea{"tea"};
  auto body = [tea](linked_context<void>&) -> task<> { co_return; };
  auto orders = [tea](receive_stream<order>&) -> task<> { co_return; };
  co_await worker.with_context(serve, tea, body);
  co_await worker.with_context(serve, tea, [&](linked_context<void>&) -> task<> { co_return; });
  co_await worker.open_stream_from(yield_orders, tea, orders);
  co_await worker.with_context(serve, order{"tea"}, body);                                          // refused
  co_await worker.with_context(serve, tea, [tea](linked_context<void>&) -> task<> { co_return; });  // refused
  co_await worker.open_stream_from(yield_orders, order{"tea"}, orders);                             // refused
  co_await worker.open_stream_from(yield_orders, tea, [tea](auto&) -> task<> { co_return; });       // refused
}

task<> streams(stream<more<4>, more<4>> both, send_stream<more<5>> out, channel<more<6>>& local) {
  more<4> first{"tea"};
  co_await both.send(first);
  co_await both.send(more<4>{"tea"});   // refused
  co_await out.send(more<5>{"tea"});    // refused
  co_await local.send(more<6>{"tea"});  // refused
}
task<> streams_of_a_context(context& ctx) {
  co_await ctx.started(more<7>{"tea"}).open_stream<int, int>();  // refused
}

task<> bodies(std::string text) {
  auto kept = [text]() -> task<> { co_return; };
  auto kept_in_nursery = [text](nursery&) -> task<> { co_return; };
  cancel_scope scope;
  co_await with_nursery(kept_in_nursery);
  co_await with_nursery([&](nursery&) -> task<> { co_return; });
  co_await move_on_after(seconds(1), kept);
  co_await with_cleanup(kept, kept);
  co_await with_nursery([text](nursery&) -> task<> { co_return; });                           // refused
  co_await with_nursery({.timeout = seconds(1)}, [text](nursery&) -> task<> { co_return; });  // refused
  co_await with_task_group([text](task_group&) -> task<> { co_return; });                     // refused
  co_await open_actor_cluster({.count = 2}, [text](portals) -> task<> { co_return; });        // refused
  co_await move_on_after(seconds(1), [text]() -> task<> { co_return; });                      // refused
  co_await move_on_at(cancel_scope::never, [text]() -> task<> { co_return; });                // refused
  co_await fail_after(seconds(1), [text]() -> task<> { co_return; });                         // refused
  co_await fail_at(cancel_scope::never, [text]() -> task<> { co_return; });                   // refused
  co_await scope.run([text]() -> task<> { co_return; });                                      // refused
  co_await with_cleanup([text]() -> task<> { co_return; }, kept);                             // refused
  co_await with_cleanup(kept, [text]() -> task<> { co_return; });                             // refused
  co_await run_in_thread([text] { return text.size(); });                                     // refused
}

task<> starts(task_group& group) {
  order tea{"tea"};
  more<9> coffee{"coffee"};
  auto wait = [](task_status<>& status, more<9>) -> task<> {
    status.started();
    co_return;
  };
  co_await group.start(wait, coffee);
  group.start_soon(take, order{"tea"});                                                          // awaits nothing
  co_await group.start(wait, more<9>{"tea"});                                                    // refused
  co_await group.start([tea](task_status<>& status) -> task<> { co_return status.started(); });  // refused
}

task<> caches(resource_cache<more<10>, int>& by_order, resource_cache<std::string, int>& by_name) {
  more<10> tea{"tea"};
  auto open = [](block<int> opened) -> task<> { co_await opened(1); };
  auto use = [](int&) -> task<> { co_return; };
  co_await by_order.use(tea, open, use);
  co_await by_name.use("tea", open, use);
  co_await by_order.use(more<10>{"tea"}, open, use);  // refused
  // clang-format off
  co_await by_order.use(tea, [tea](block<int> b) { return b(1); }, use);  // refused
  // clang-format on
  co_await by_order.use(tea, open, [tea](int&) -> task<> { co_return; });  // refused
}

task<> gathers(std::vector<resource<int>> list, std::tuple<resource<int>, resource<char>> pair, std::string text) {
  co_await gather_contexts(std::move(list), [text](auto&...) -> task<> { co_return; });  // refused
  co_await gather_contexts(std::move(pair), [text](auto&...) -> task<> { co_return; });  // refused
}
