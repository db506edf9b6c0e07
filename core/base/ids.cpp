#include "base/ids.hpp"

#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/random.h>

namespace tractor::core {
namespace {

/// Entropy for one generator. Before the kernel's pool is ready, clock and addresses have to do: an actor that boots
/// early needs names that differ, not secrets.
void fill_random(void* to, size_t n) {
  auto* p = static_cast<unsigned char*>(to);
  while (n > 0) {
    ssize_t got = getrandom(p, n, GRND_NONBLOCK);
    if (got > 0) {
      p += got;
      n -= static_cast<size_t>(got);
    } else if (errno != EINTR) {
      break;
    }
  }
  if (n == 0) return;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  uint64_t mix = static_cast<uint64_t>(now.tv_nsec) * 0x9e3779b97f4a7c15u ^ reinterpret_cast<uintptr_t>(&now);
  for (; n > 0; --n, ++p) {
    mix = mix * 6364136223846793005u + 1442695040888963407u;
    *p = static_cast<unsigned char>(mix >> 56);
  }
}

/// Which process this is: 0 in the first moment of every process, fork included, whatever system call made it.
std::atomic<uint64_t>& process_epoch() {
  static std::atomic<uint64_t>* epoch = [] {
    static std::atomic<uint64_t> fallback{0};
    void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED && madvise(page, 4096, MADV_WIPEONFORK) == 0) return new (page) std::atomic<uint64_t>(0);
    if (page != MAP_FAILED) munmap(page, 4096);
    pthread_atfork(nullptr, nullptr, [] { fallback.store(0, std::memory_order_relaxed); });
    return &fallback;
  }();
  return *epoch;
}

/// xoshiro256**: fast and unpredictable enough for names. Nothing secret may be drawn from it.
struct Generator {
  uint64_t epoch = 0;
  uint64_t s[4] = {};

  uint64_t next() {
    uint64_t result = std::rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = std::rotl(s[3], 45);
    return result;
  }

  void reseed_in_new_process() {
    std::atomic<uint64_t>& current = process_epoch();
    uint64_t now = current.load(std::memory_order_relaxed);
    if (now == 0) {
      uint64_t fresh;
      fill_random(&fresh, sizeof fresh);
      fresh |= 1;
      now = current.compare_exchange_strong(now, fresh, std::memory_order_relaxed) ? fresh : now;
    }
    if (now == epoch) return;
    fill_random(s, sizeof s);
    s[0] |= 1;  // all zero is the one state it cannot leave
    epoch = now;
  }
};

constinit thread_local Generator generator;

}  // namespace

void make_uuid(char out[kUuidLength]) {
  static constexpr char kHex[] = "0123456789abcdef";
  generator.reseed_in_new_process();
  uint64_t words[2] = {generator.next(), generator.next()};
  unsigned char raw[16];
  std::memcpy(raw, words, sizeof raw);
  raw[6] = static_cast<unsigned char>((raw[6] & 0x0f) | 0x40);
  raw[8] = static_cast<unsigned char>((raw[8] & 0x3f) | 0x80);
  char* p = out;
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *p++ = '-';
    *p++ = kHex[raw[i] >> 4];
    *p++ = kHex[raw[i] & 15];
  }
}

void seed_uuids(uint64_t seed) {
  generator.reseed_in_new_process();
  for (uint64_t& word : generator.s) {
    seed += 0x9e3779b97f4a7c15u;
    uint64_t z = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    word = (z ^ (z >> 31)) | 1;
  }
}

std::string make_uuid() {
  std::string s(kUuidLength, '\0');
  make_uuid(s.data());
  return s;
}

}  // namespace tractor::core
