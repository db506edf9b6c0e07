#include "heap.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

// The linker sends what the library's own files ask of malloc() here (--wrap); libc's own use is not touched.
extern "C" {
void* __real_malloc(size_t size);
void __real_free(void* p);
}

namespace sim {

static_assert(sizeof(Heap::Block) % 16 == 0);

void Heap::drop() {
  if (blocks_ > 0) {
    for (Block* b = ring_.next; b != &ring_;) {
      Block* next = b->next;
      __real_free(b);
      b = next;
    }
  }
  ring_.next = ring_.prev = &ring_;
  blocks_ = 0;
}

size_t Heap::sizes(size_t* to, size_t most) const {
  size_t n = 0;
  for (const Block* b = ring_.next; b != &ring_ && n < most; b = b->next) to[n++] = b->size;
  return n;
}

void* take_memory(size_t size) {
  auto* block = static_cast<Heap::Block*>(__real_malloc(sizeof(Heap::Block) + size));
  if (!block) return nullptr;
  block->heap = Heap::current;
  block->size = size;
  if (Heap* heap = block->heap) {
    block->next = &heap->ring_;
    block->prev = heap->ring_.prev;
    block->prev->next = block;
    heap->ring_.prev = block;
    ++heap->blocks_;
  }
  return block + 1;
}

void give_memory(void* p) {
  if (!p) return;
  Heap::Block* block = static_cast<Heap::Block*>(p) - 1;
  if (Heap* heap = block->heap) {
    block->prev->next = block->next;
    block->next->prev = block->prev;
    --heap->blocks_;
  }
  __real_free(block);
}

}  // namespace sim

extern "C" {

void* __wrap_malloc(size_t size) { return sim::take_memory(size); }
void __wrap_free(void* p) { sim::give_memory(p); }
void* __wrap_calloc(size_t count, size_t size) {
  void* p = sim::take_memory(count * size);
  if (p) std::memset(p, 0, count * size);
  return p;
}
void* __wrap_realloc(void* p, size_t size) {
  void* fresh = sim::take_memory(size);
  if (!p || !fresh) return fresh;
  size_t old = (static_cast<sim::Heap::Block*>(p) - 1)->size;
  std::memcpy(fresh, p, old < size ? old : size);
  sim::give_memory(p);
  return fresh;
}

}  // extern "C"

void* operator new(size_t size) {
  if (void* p = sim::take_memory(size)) return p;
  throw std::bad_alloc();
}
void* operator new[](size_t size) { return operator new(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return sim::take_memory(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return sim::take_memory(size); }
void operator delete(void* p) noexcept { sim::give_memory(p); }
void operator delete[](void* p) noexcept { sim::give_memory(p); }
void operator delete(void* p, size_t) noexcept { sim::give_memory(p); }
void operator delete[](void* p, size_t) noexcept { sim::give_memory(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { sim::give_memory(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { sim::give_memory(p); }
