#include "wire/scratch.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace tractor::core {
namespace detail {

struct alignas(16) ScratchBlock {
  ScratchBlock* older;
  size_t size;

  char* begin() { return reinterpret_cast<char*>(this + 1); }
};

constinit thread_local ScratchState scratch_state;

namespace {

constexpr size_t kFirst = 4096;
constexpr size_t kLargest = size_t{1} << 20;  ///< blocks double up to this; larger requests get their own
constexpr size_t kKept = 64 * 1024;           ///< what an idle thread holds on to at most

/// The state itself has no destructor, which keeps the hot path free of the check for a first use.
struct FreeAtThreadEnd {
  ~FreeAtThreadEnd() {
    scratch_shrink(nullptr, nullptr);
    std::free(scratch_state.spare);
    scratch_state.spare = nullptr;
  }
  void arm() {}
};
thread_local FreeAtThreadEnd free_at_thread_end;

}  // namespace

void* scratch_grow(size_t n) {
  free_at_thread_end.arm();
  ScratchState& s = scratch_state;
  if (n > PTRDIFF_MAX / 2) throw std::bad_alloc();
  size_t rounded = (n + 15) & ~size_t{15};
  ScratchBlock* block = s.spare;
  if (block && block->size >= rounded) {
    s.spare = nullptr;
  } else {
    size_t size = s.block ? s.block->size * 2 : kFirst;
    if (size > kLargest) size = kLargest;
    if (size < rounded) size = rounded;
    block = static_cast<ScratchBlock*>(std::malloc(sizeof(ScratchBlock) + size));
    if (!block) throw std::bad_alloc();
    block->size = size;
  }
  block->older = s.block;
  s.block = block;
  s.top = block->begin() + rounded;
  s.end = block->begin() + block->size;
  return block->begin();
}

void scratch_shrink(ScratchBlock* until, char* top) {
  ScratchState& s = scratch_state;
  while (s.block != until && s.block) {
    ScratchBlock* block = s.block;
    s.block = block->older;
    if (!s.spare && block->size <= kKept) {
      s.spare = block;
    } else {
      std::free(block);
    }
  }
  s.top = top;
  s.end = s.block ? s.block->begin() + s.block->size : nullptr;
}

}  // namespace detail

const char* scratch_text(std::string_view text) {
  auto* copy = static_cast<char*>(scratch_alloc(text.size() + 1));
  if (!text.empty()) std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return copy;
}

}  // namespace tractor::core
