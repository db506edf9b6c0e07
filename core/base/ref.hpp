// Intrusive reference counting: one pointer wide, the count lives in the object.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tractor::core {

/// Base of objects that several owners on one thread or on many share. The count is atomic because a user
/// may drop the last reference to an error or a value on any thread.
template <class T>
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  void ref() const { count_.fetch_add(1, std::memory_order_relaxed); }
  void unref() const {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) T::destroy(static_cast<const T*>(this));
  }
  bool unique() const { return count_.load(std::memory_order_acquire) == 1; }

  /// A class that is not plainly deleted hides this by its own.
  static void destroy(const T* self) { delete self; }

 protected:
  ~RefCounted() = default;

 private:
  mutable std::atomic<uint32_t> count_{1};
};

/// Base of objects that only the loop thread shares: the count is a plain integer.
template <class T>
class LoopRefCounted {
 public:
  LoopRefCounted() = default;
  LoopRefCounted(const LoopRefCounted&) = delete;
  LoopRefCounted& operator=(const LoopRefCounted&) = delete;

  void ref() const { ++count_; }
  void unref() const {
    if (--count_ == 0) T::destroy(static_cast<const T*>(this));
  }
  bool unique() const { return count_ == 1; }
  static void destroy(const T* self) { delete self; }

 protected:
  ~LoopRefCounted() = default;

 private:
  mutable uint32_t count_ = 1;
};

/// Owns one reference. `Ref<T>::adopt(new T)` takes over the count an object is born with.
template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  explicit Ref(T* p) : p_(p) {
    if (p_) p_->ref();
  }
  Ref(const Ref& o) : Ref(o.p_) {}
  Ref(Ref&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  template <class U>
  requires std::convertible_to<U*, T*> Ref(const Ref<U>& o) : Ref(static_cast<T*>(o.get())) {}
  template <class U>
  requires std::convertible_to<U*, T*> Ref(Ref<U>&& o)
  noexcept : p_(o.release()) {}
  ~Ref() {
    if (p_) p_->unref();
  }
  Ref& operator=(Ref o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }

  static Ref adopt(T* p) {
    Ref r;
    r.p_ = p;
    return r;
  }
  T* get() const { return p_; }
  T* operator->() const { return p_; }
  T& operator*() const { return *p_; }
  explicit operator bool() const { return p_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) { return a.p_ == b.p_; }

  /// Hands the reference to the caller, who owes an unref.
  [[nodiscard]] T* release() { return std::exchange(p_, nullptr); }
  void reset() { *this = Ref(); }

 private:
  T* p_ = nullptr;
};

template <class T, class... A>
Ref<T> make_ref(A&&... args) {
  return Ref<T>::adopt(new T(std::forward<A>(args)...));
}

}  // namespace tractor::core
