// Allocations that fail, of whatever this program allocates itself. Included once in a program: it replaces operator new
// and malloc().
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include <execinfo.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

extern "C" {
#include "robust/script.h"  // SANITIZED
extern char __executable_start, etext;
}

namespace {

/// Where allocations failed already, known to all processes of a test program. A place is a call stack: what another
/// process has tried from there need not be tried again.
struct Places {
  static constexpr size_t kSlots = 1 << 15, kLanes = 8;
  std::atomic<uint64_t> seen[kSlots];
  /// What each process that is at work has come upon; 0: nothing new.
  struct Lane {
    std::atomic<uint64_t> place;
    std::atomic<long> count;  ///< how many allocations it was away
  } lanes[kLanes];

  /// `path`: another process's, or null for new ones, which children find at path_of_places.
  static Places* open(const char* path);

  /// False if it has been claimed before.
  bool claim(uint64_t place) {
    for (size_t i = place % kSlots;; i = (i + 1) % kSlots) {
      uint64_t there = 0;
      if (seen[i].compare_exchange_strong(there, place)) return true;
      if (there == place) return false;
    }
  }
};
inline char path_of_places[64];

inline Places* Places::open(const char* path) {
  int fd = path ? ::open(path, O_RDWR | O_CLOEXEC) : memfd_create("places", MFD_CLOEXEC);
  if (fd < 0) return nullptr;
  void* map = MAP_FAILED;
  if (path || ftruncate(fd, sizeof(Places)) == 0)
    map = mmap(nullptr, sizeof(Places), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (path)
    close(fd);
  else
    snprintf(path_of_places, sizeof path_of_places, "/proc/%d/fd/%d", static_cast<int>(getpid()), fd);
  return map == MAP_FAILED ? nullptr : static_cast<Places*>(map);
}

/// How memory runs out: `length` allocations in a row fail, from the first one on at a place of `depth` calls that none has
/// begun at yet.
struct Want {
  long length;
  int depth;
  uint64_t salt = 0;  ///< places with another salt are others
  int one_in = 1;     ///< of the places only so many
};

/// Some allocations in a row of the thread that called arm() or arm_at_new_place().
struct Shortage {
  bool armed = false;
  long first = 0, length = 0, count = 0;  ///< first: counted from there; 0: not known yet
  Places* places = nullptr;
  size_t lane = 0;
  Want want = {};
};
constinit thread_local Shortage shortage;
inline bool show = false;  // where the allocations were that failed

constexpr long kForGood = 1000000000;

/// The allocations `first` to `first + length - 1` fail.
inline void arm(long first, long length) { shortage = {true, first, length}; }

inline void arm_at_new_place(Places* places, size_t lane, const Want& want) {
  void* frames[1];
  backtrace(frames, 1);  // loads what it needs
  shortage = {true, 0, want.length, 0, places, lane, want};
}

/// Whether any allocation failed.
inline bool disarm() {
  shortage.armed = false;
  return shortage.first > 0 && shortage.count >= shortage.first;
}

/// What the tests themselves and the libraries need meanwhile.
struct Plenty {
  bool before = shortage.armed;
  Plenty() { shortage.armed = false; }
  ~Plenty() { shortage.armed = before; }
};

inline bool is_ours(const void* code) { return code >= &__executable_start && code < &etext; }

/// Addresses differ from process to process, but not their distances; libraries below are left out.
inline uint64_t place_here(const Want& want) {
  void* frames[64];
  int count = backtrace(frames, 64), depth = want.depth;
  uint64_t hash = 14695981039346656037u;
  auto mix = [&](uint64_t n) { hash = (hash ^ n) * 1099511628211u; };
  for (int i = 0; i < count && depth > 0; ++i) {
    if (!is_ours(frames[i])) continue;
    mix(static_cast<uint64_t>(static_cast<char*>(frames[i]) - &__executable_start));
    --depth;
  }
  mix(want.salt);
  hash ^= hash >> 29;
  return hash ? hash : 1;
}

/// TRACTOR_TEST_PLACE is the only one that is wanted.
inline bool is_new_place() {
  static const char* only = getenv("TRACTOR_TEST_PLACE");
  uint64_t place = place_here(shortage.want);
  if (only ? strtoull(only, nullptr, 16) != place : place % static_cast<unsigned>(shortage.want.one_in) != 0)
    return false;
  if (!shortage.places->claim(place)) return false;
  Places::Lane& lane = shortage.places->lanes[shortage.lane];
  lane.place = place;
  lane.count = shortage.count;
  return true;
}

inline bool fails() {
  if (!shortage.armed) return false;
  long n = ++shortage.count;
  if (shortage.first == 0) {
    Plenty plenty;
    if (is_new_place()) shortage.first = n;
  }
  if (shortage.first == 0 || n < shortage.first || n - shortage.first >= shortage.length) return false;
  if (show) {
    Plenty plenty;
    void* frames[64];
    int depth = backtrace(frames, 64);
    fprintf(stderr, "-- allocation %ld fails:\n", n);
    backtrace_symbols_fd(frames, depth, STDERR_FILENO);
  }
  return true;
}

void* allocate(size_t size);

}  // namespace

void* operator new(size_t size) {
  void* p = fails() ? nullptr : allocate(size);
  if (!p) throw std::bad_alloc();
  return p;
}
void* operator new(size_t size, const std::nothrow_t&) noexcept { return fails() ? nullptr : allocate(size); }
void* operator new[](size_t size) { return operator new(size); }
void operator delete(void* p) noexcept { free(p); }
void operator delete(void* p, size_t) noexcept { free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { free(p); }
void operator delete[](void* p) noexcept { free(p); }
void operator delete[](void* p, size_t) noexcept { free(p); }

#if SANITIZED
namespace {
void* allocate(size_t size) { return malloc(size ? size : 1); }
}  // namespace
#else
// The library's own malloc() too, but not those of libraries below it: it lies in this executable's text.
extern "C" {
void* __libc_malloc(size_t size);

void* malloc(size_t size) { return is_ours(__builtin_return_address(0)) && fails() ? nullptr : __libc_malloc(size); }
}
namespace {
void* allocate(size_t size) { return __libc_malloc(size ? size : 1); }
}  // namespace
#endif
