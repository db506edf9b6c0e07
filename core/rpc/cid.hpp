// Dialog ids and the tables that find a dialog by its id.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"

namespace tractor::core {

/// Ours are uuids; a peer may choose any text. Up to 47 characters lie in place.
class Cid {
 public:
  Cid() { text_[0] = 0; }
  explicit Cid(std::string_view s) : size_(s.size()) {
    char* to = text_;
    if (size_ >= sizeof text_) {
      long_ = std::make_unique<char[]>(size_ + 1);
      to = long_.get();
    }
    std::memcpy(to, s.data(), size_);
    to[size_] = 0;
  }
  static Cid fresh() {
    Cid c;
    make_uuid(c.text_);
    c.text_[kUuidLength] = 0;
    c.size_ = kUuidLength;
    return c;
  }
  const char* c_str() const { return long_ ? long_.get() : text_; }
  std::string_view view() const { return {c_str(), size_}; }

 private:
  char text_[48];
  size_t size_ = 0;
  std::unique_ptr<char[]> long_;
};

/// Dialog id -> T*, where `T::cid()` is its id. Open addressing; the table owns nothing.
template <class T>
class CidMap {
 public:
  T* find(std::string_view cid) const {
    // The answer to a call comes right behind its acknowledgement.
    if (last_ && last_->cid() == cid) return last_;
    if (slots_.empty()) return nullptr;
    for (size_t i = home(cid);; i = next(i)) {
      if (!slots_[i]) return nullptr;
      if (slots_[i]->cid() == cid) return last_ = slots_[i];
    }
  }
  void add(T& item) {
    if ((used_ + 1) * 2 > slots_.size()) grow();
    insert(item);
    ++used_;
  }
  void remove(T& item) {
    if (last_ == &item) last_ = nullptr;
    if (slots_.empty()) return;
    size_t i = home(item.cid());
    while (slots_[i] != &item) {
      if (!slots_[i]) return;
      i = next(i);
    }
    // Close the gap, so that a search never stops too early.
    for (size_t j = next(i);; j = next(j)) {
      if (!slots_[j]) break;
      size_t h = home(slots_[j]->cid());
      bool stays = i <= j ? (i < h && h <= j) : (i < h || h <= j);
      if (stays) continue;
      slots_[i] = slots_[j];
      i = j;
    }
    slots_[i] = nullptr;
    if (--used_ == 0 && slots_.size() > kKeptSlots) slots_ = {};
  }
  size_t size() const { return used_; }
  T* any() const {
    if (used_ == 0) return nullptr;
    // From where the last search ended: whoever removes one after the other goes through the table once.
    for (any_ &= slots_.size() - 1; !slots_[any_]; any_ = next(any_)) {
    }
    return slots_[any_];
  }
  template <class F>
  void each(F&& f) const {
    for (T* t : slots_)
      if (t) f(*t);
  }

 private:
  static constexpr size_t kKeptSlots = 1024;  ///< a table that was needed larger is given back when it is empty

  size_t home(std::string_view cid) const {
    uint64_t a = 0, b = 0;
    size_t n = cid.size();
    if (n >= 16) {
      std::memcpy(&a, cid.data(), 8);
      std::memcpy(&b, cid.data() + n - 8, 8);
    } else {
      std::memcpy(&a, cid.data(), n < 8 ? n : 8);
      if (n > 8) std::memcpy(&b, cid.data() + 8, n - 8);
    }
    uint64_t h = (a ^ (b * 0x9E3779B97F4A7C15ull)) * 0xD6E8FEB86659FD93ull;
    return static_cast<size_t>(h >> 32) & (slots_.size() - 1);
  }
  size_t next(size_t i) const { return (i + 1) & (slots_.size() - 1); }
  void insert(T& item) {
    size_t i = home(item.cid());
    while (slots_[i]) i = next(i);
    slots_[i] = &item;
  }
  void grow() {
    std::vector<T*> old(slots_.empty() ? 16 : slots_.size() * 2, nullptr);
    old.swap(slots_);
    for (T* t : old)
      if (t) insert(*t);
  }
  std::vector<T*> slots_;
  mutable T* last_ = nullptr;  ///< found last
  mutable size_t any_ = 0;
  size_t used_ = 0;
};

}  // namespace tractor::core
