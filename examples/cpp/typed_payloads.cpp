// Payload types: what an endpoint starts with and streams is checked on both sides, and arrives as the program's own types.
#include <cstdio>
#include <tractor.hpp>
using namespace tractor;

struct offer {
  std::string unit;
  TRACTOR_FIELDS(unit)
};
struct point {
  double x = 0, y = 0;
  TRACTOR_FIELDS(x, y)
};

task<> double_points(context& ctx, bool well) {
  if (!well) ctx.started("millimetres");  // no offer: it is not sent, and this task has failed
  offer mine{"mm"};
  auto stream = co_await ctx.started(mine).open_stream<point, point>();
  while (auto p = co_await stream.receive()) {
    point doubled{2 * p->x, 2 * p->y};
    co_await stream.send(doubled);
  }
}
TRACTOR_MODULE(plane, TRACTOR_CONTEXT(double_points, "well").types<offer, point>());

task<> root(nursery& an) {
  portal doubler = co_await an.start_actor("doubler", {.modules = {plane}});
  try {
    co_await doubler.with_context(double_points, false, [](auto&) -> task<> { co_await sleep_forever(); });
  } catch (const msg_type_error& e) {
    std::printf("in the child: %s\n", e.what());
  }
  co_await doubler.with_context(double_points, true, [](linked_context<void>& ctx, offer first) -> task<> {
    auto stream = co_await ctx.open_stream<point, point>();
    for (double d : {0., 1., 2.}) {
      point p{d, d};
      co_await stream.send(p);
      auto doubled = co_await stream.receive();
      std::printf("(%g, %g) %s\n", doubled->x, doubled->y, first.unit.c_str());
    }
    co_await stream.close();
  });
  co_await doubler.cancel_actor();
}

int main(int argc, char** argv) { return tractor::run(argc, argv, root); }
