// A service and its client, two actors that meet by name. The client is there first.
#include <chrono>
#include <cstdio>
#include <tractor.hpp>
using namespace tractor;
using namespace std::chrono_literals;

task<double> price(std::string metal) {  // in the service
  if (metal != "silver") throw error("KeyError", metal);
  co_return 24.75;
}

task<double> shop(context& ctx) {  // in the client
  if (!co_await find_actor("exchange")) std::puts("client: nobody deals yet");
  ctx.started();
  portal exchange = co_await wait_for_actor("exchange", {.timeout = 10s});
  std::printf("client: found the %s\n", exchange.name().c_str());
  co_return co_await exchange.run(price, "silver");
}
TRACTOR_MODULE(market, TRACTOR_FN(price, "metal"), TRACTOR_CONTEXT(shop));

task<> root(nursery& an) {
  portal client = co_await an.start_actor("client", {.modules = {market}});
  co_await client.with_context(shop, [&](linked_context<double>& ctx) -> task<> {
    portal exchange = co_await an.start_actor("exchange", {.modules = {market}});
    std::printf("root: silver is at %.2f\n", co_await ctx.wait_for_result());
    co_await exchange.cancel_actor();
  });
  co_await client.cancel_actor();
  std::puts("root: the market is closed");
}

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // three processes share it
  return tractor::run(argc, argv, root);
}
