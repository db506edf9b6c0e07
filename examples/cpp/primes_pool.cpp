// A pool of worker processes looks for primes; each worker gets the next number as soon as it is free.
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <tractor.hpp>
using namespace tractor;

task<bool> is_prime(std::uint64_t n) {
  if (n % 2 == 0) co_return n == 2;
  for (std::uint64_t d = 3; d <= n / d; d += 2)
    if (n % d == 0) co_return false;
  co_return n > 1;
}
TRACTOR_MODULE(primes, TRACTOR_FN(is_prime, "n"));

task<> root() {
  const std::uint64_t numbers[] = {112272535095293, 112582705942171, 112272535095293,
                                   115280095190773, 115797848077099, 1099726899285419};
  auto began = std::chrono::steady_clock::now();
  auto next = std::begin(numbers);

  co_await with_nursery({.cancel_daemons = true}, [&](nursery& an) {
    for (int i = 0; i < 4; i++)
      an.start_soon([&]() -> task<> {
        portal worker = co_await an.start_actor("worker", {.modules = {primes}});
        while (next != std::end(numbers)) {
          std::uint64_t n = *next++;
          bool prime = co_await worker.run(is_prime, n);
          std::printf("%" PRIu64 " is %s\n", n, prime ? "prime" : "not prime");
        }
      });
  });
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("done in %.2f s\n", took.count());
}

int main(int argc, char** argv) { return tractor::run(argc, argv, root); }
