// Memory for short-lived objects of one type: freed ones are handed out again.
#pragma once

#include <cstddef>
#include <new>

namespace tractor::core {

/// A class derives from `Pooled<itself>`. Each thread keeps at most `kKeep` freed objects; sanitizer builds keep none,
/// so that a use after free is seen.
template <class T, size_t kKeep = 256>
class Pooled {
 public:
  static void* operator new(size_t size) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(TRACTOR_NO_POOLS)
    Free& f = free_list();
    if (f.head && size == sizeof(T)) {
      Node* n = f.head;
      f.head = n->next;
      --f.count;
      return n;
    }
#endif
    return ::operator new(size);
  }
  static void operator delete(void* p, size_t size) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(TRACTOR_NO_POOLS)
    Free& f = free_list();
    if (f.count < kKeep && size == sizeof(T)) {
      auto* n = static_cast<Node*>(p);
      n->next = f.head;
      f.head = n;
      ++f.count;
      return;
    }
#endif
    ::operator delete(p, size);
  }

 private:
  struct Node {
    Node* next;
  };
  struct Free {
    Node* head = nullptr;
    size_t count = 0;
    ~Free() {
      while (Node* n = head) {
        head = n->next;
        ::operator delete(n);
      }
      count = kKeep;
    }
  };
  static Free& free_list() {
    thread_local Free f;
    return f;
  }
};

}  // namespace tractor::core
