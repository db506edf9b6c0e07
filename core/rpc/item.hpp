// Received values that wait to be taken.
#pragma once

#include <cstring>
#include <memory>
#include <utility>

#include "wire/value.hpp"

namespace tractor::core {

/// What a value counts for in a stream's window besides its bytes: about what it takes to hold it.
constexpr size_t kItemCost = 64;

/// One value beyond the frame that brought it: a small one lies in place, a large one shares its block.
class Item {
 public:
  Item() = default;
  /// `buffer`: the block that the bytes lie in, or null. May throw std::bad_alloc.
  Item(Bytes bytes, SharedBuffer* buffer) { set(bytes, buffer); }
  Item(const Item&) = default;
  Item& operator=(const Item&) = default;
  Item(Item&& o) noexcept : size_(o.size_), kept_(std::move(o.kept_)) { std::memcpy(small_, o.small_, sizeof small_); }
  Item& operator=(Item&& o) noexcept {
    std::memcpy(small_, o.small_, sizeof small_);
    size_ = o.size_;
    if (kept_ || o.kept_) kept_ = std::move(o.kept_);
    return *this;
  }

  /// Of an empty one. May throw std::bad_alloc.
  void set(Bytes bytes, SharedBuffer* buffer) {
    if (bytes.size() <= sizeof small_) {
      std::memcpy(small_, bytes.data(), bytes.size());
      size_ = static_cast<uint8_t>(bytes.size());
    } else {
      kept_ = Value(bytes, buffer).keep();
    }
  }
  bool empty() const { return !kept_ && size_ == 0; }
  Bytes bytes() const { return kept_ ? kept_->bytes() : Bytes(small_, size_); }
  size_t cost() const { return bytes().size() + kItemCost; }
  /// A large value; null for a small one.
  const Value* kept() const { return kept_.get(); }
  /// Calls `f` with the value, which is borrowed from this item.
  template <class F>
  auto lend(F&& f) const {
    if (kept_) return f(static_cast<const Value&>(*kept_));
    const Value value(bytes(), nullptr);
    return f(value);
  }

 private:
  char small_[39] = {};
  uint8_t size_ = 0;  ///< of a small one
  Ref<Value> kept_;
};

/// First in, first out, in blocks: it grows without moving anything and gives its memory back as it empties.
class ItemQueue {
 public:
  ItemQueue() = default;
  ItemQueue(const ItemQueue&) = delete;
  ItemQueue& operator=(const ItemQueue&) = delete;
  ~ItemQueue() {
    // One after the other: a long chain must not be freed by recursion.
    while (first_) first_ = std::exchange(first_->next, nullptr);
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// May throw std::bad_alloc, and then nothing was added.
  void push(Bytes bytes, SharedBuffer* buffer) {
    if (!last_ || in_ == kPerBlock) add_block();
    last_->items[in_].set(bytes, buffer);
    ++in_;
    ++size_;
  }
  void pop(Item& item) {
    item = std::move(first_->items[out_++]);
    if (--size_ == 0) {
      in_ = out_ = 0;  // the one block that is left is used again from its beginning
    } else if (out_ == kPerBlock) {
      out_ = 0;
      std::unique_ptr<Block> done = std::exchange(first_, std::move(first_->next));
      if (!spare_) spare_ = std::move(done);
    }
  }

 private:
  static constexpr size_t kPerBlock = 64;
  struct Block {
    Item items[kPerBlock];
    std::unique_ptr<Block> next;
  };
  void add_block() {
    std::unique_ptr<Block> fresh = spare_ ? std::move(spare_) : std::make_unique<Block>();
    Block* block = fresh.get();
    (last_ ? last_->next : first_) = std::move(fresh);
    last_ = block;
    in_ = 0;
  }
  std::unique_ptr<Block> first_, spare_;
  Block* last_ = nullptr;
  size_t in_ = 0, out_ = 0;  ///< where the next item goes in the last block, and comes from in the first
  size_t size_ = 0;
};

}  // namespace tractor::core
