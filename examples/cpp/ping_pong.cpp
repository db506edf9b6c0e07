// A stream in both directions: the root pings, its child pongs, and both count.
#include <cstdio>
#include <tractor.hpp>
using namespace tractor;

task<int> play(context& ctx) {  // in the child
  auto stream = co_await ctx.started(11).open_stream<std::string, std::string>();
  int pings = 0;
  while (co_await stream.receive()) {  // nothing comes any more when the root has closed its side
    pings++;
    co_await stream.send("pong");
  }
  co_return pings;
}
TRACTOR_MODULE(games, TRACTOR_CONTEXT(play));

task<> root(nursery& an) {
  portal player = co_await an.start_actor("player", {.modules = {games}});

  co_await player.with_context(play, [](linked_context<int>& ctx, int first) -> task<> {
    std::printf("the child has started with %d\n", first);
    auto stream = co_await ctx.open_stream<std::string, std::string>();
    co_await stream.send("ping");
    int pongs = 0;
    while (co_await stream.receive()) {
      co_await stream.send("ping");
      if (++pongs == 9) break;
    }
    co_await stream.close();
    std::printf("%d pongs here, %d pings there\n", pongs, co_await ctx.wait_for_result());
  });
  co_await player.cancel_actor();
}

int main(int argc, char** argv) { return tractor::run(argc, argv, root); }
