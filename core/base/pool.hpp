// Memory for short-lived objects of one type: freed ones are handed out again.
#pragma once

#include <cstddef>
#include <new>

namespace tractor::core {

/// A class derives from `Pooled<itself>`. Each thread that makes such objects keeps at most `kKeep` freed ones, until it
/// gives them back by drain_pools(). Sanitizer builds keep none, so that a use after free is seen.
class PoolBase {
 protected:
  struct Node {
    Node* next;
  };
  struct Pool {
    Node* head;
    size_t count;
    Pool* next_pool;
    bool in_use;
  };
  static inline constinit thread_local Pool* pools = nullptr;
  friend void drain_pools();
};

/// Frees what this thread's pools hold.
inline void drain_pools() {
  for (PoolBase::Pool* pool = PoolBase::pools; pool; pool = pool->next_pool) {
    while (PoolBase::Node* node = pool->head) {
      pool->head = node->next;
      ::operator delete(node);
    }
    pool->count = 0;
  }
}

template <class T, size_t kKeep = 256>
class Pooled : private PoolBase {
 public:
  static void* operator new(size_t size) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    if (pool.head && size == sizeof(T)) {
      Node* node = pool.head;
      pool.head = node->next;
      --pool.count;
      return node;
    }
    if (!pool.in_use) {
      pool.in_use = true;
      pool.next_pool = pools;
      pools = &pool;
    }
#endif
    return ::operator new(size);
  }
  static void operator delete(void* p, size_t size) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    if (pool.in_use && pool.count < kKeep && size == sizeof(T)) {
      auto* node = static_cast<Node*>(p);
      node->next = pool.head;
      pool.head = node;
      ++pool.count;
      return;
    }
#endif
    ::operator delete(p, size);
  }

 private:
  static inline constinit thread_local Pool pool{nullptr, 0, nullptr, false};
};

}  // namespace tractor::core
