// The memory of each simulated process is a heap of its own: whoever is killed takes it along without a destructor
// running, and whoever ends in order has to have given everything back.
#pragma once

#include <cstddef>

namespace sim {

class Heap {
 public:
  Heap() { drop(); }
  ~Heap() { drop(); }
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;
  /// Frees all that is in it.
  void drop();
  size_t blocks() const { return blocks_; }
  /// The sizes of the first few blocks, for a report.
  size_t sizes(size_t* to, size_t most) const;

  /// Where memory comes from now; null: the simulator's own.
  static inline Heap* current = nullptr;

  struct Block {
    Block* next = nullptr;
    Block* prev = nullptr;
    Heap* heap = nullptr;
    size_t size = 0;
  };

 private:
  friend void* take_memory(size_t size);
  friend void give_memory(void* p);
  Block ring_;
  size_t blocks_ = 0;
};

void* take_memory(size_t size);
void give_memory(void* p);

/// For a scope, memory comes from there.
class InHeap {
 public:
  explicit InHeap(Heap* heap) : before_(Heap::current) { Heap::current = heap; }
  ~InHeap() { Heap::current = before_; }
  InHeap(const InHeap&) = delete;
  InHeap& operator=(const InHeap&) = delete;

 private:
  Heap* before_;
};

/// The simulator's own doings, whoever asked for them.
struct Kernel : InHeap {
  Kernel() : InHeap(nullptr) {}
};

}  // namespace sim
