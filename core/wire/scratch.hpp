// Memory of this thread that nobody frees by hand: what tractor_pack() yields and the strings tractor_unpack() hands
// out. It is dropped as a whole when the outermost callback has returned to the loop.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace tractor::core {

namespace detail {

struct ScratchBlock;
struct ScratchState {
  ScratchBlock* block = nullptr;  ///< newest
  char* top = nullptr;
  char* end = nullptr;
  ScratchBlock* spare = nullptr;
};
extern constinit thread_local ScratchState scratch_state;

void* scratch_grow(size_t n);
void scratch_shrink(ScratchBlock* until, char* top);

}  // namespace detail

/// A point to go back to. The default one is the empty scratch.
struct ScratchMark {
  detail::ScratchBlock* block = nullptr;
  char* top = nullptr;
};

inline ScratchMark scratch_mark() { return {detail::scratch_state.block, detail::scratch_state.top}; }

/// Drops everything that was allocated after the mark was taken.
inline void scratch_release(ScratchMark mark) {
  detail::ScratchState& s = detail::scratch_state;
  if (s.block == mark.block) {
    s.top = mark.top;
  } else {
    detail::scratch_shrink(mark.block, mark.top);
  }
}

/// Aligned for any scalar. Throws std::bad_alloc.
inline void* scratch_alloc(size_t n) {
  detail::ScratchState& s = detail::scratch_state;
  size_t rounded = (n + 15) & ~size_t{15};
  if (rounded < n || static_cast<size_t>(s.end - s.top) < rounded) return detail::scratch_grow(n);
  char* p = s.top;
  s.top += rounded;
  return p;
}

/// A NUL-terminated copy.
const char* scratch_text(std::string_view text);

/// What is to be handed out.
inline std::string_view scratch_copy(std::string_view bytes) {
  void* copy = scratch_alloc(bytes.size());
  std::memcpy(copy, bytes.data(), bytes.size());
  return {static_cast<const char*>(copy), bytes.size()};
}

/// What the loop puts around a callback. Nested ones are harmless: an inner scope drops only its own.
class ScratchScope {
 public:
  ScratchScope() : mark_(scratch_mark()) {}
  ScratchScope(const ScratchScope&) = delete;
  ScratchScope& operator=(const ScratchScope&) = delete;
  ~ScratchScope() { scratch_release(mark_); }

 private:
  ScratchMark mark_;
};

}  // namespace tractor::core
