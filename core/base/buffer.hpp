// Byte storage: what is read (shared, so that a value can be kept without a copy) and what is to be written.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "base/ref.hpp"

namespace tractor::core {

using Bytes = std::string_view;  ///< borrowed bytes, most often one msgpack value

/// A block of memory that a connection reads into. Frames are parsed where they lie; a value that is kept holds a
/// reference, and the connection then goes on in a fresh block.
class SharedBuffer final : public RefCounted<SharedBuffer> {
 public:
  static Ref<SharedBuffer> create(size_t capacity) {
    void* p = std::malloc(sizeof(SharedBuffer) + capacity);
    if (!p) throw std::bad_alloc();
    return Ref<SharedBuffer>::adopt(new (p) SharedBuffer(capacity));
  }
  static void destroy(const SharedBuffer* self) {
    auto* p = const_cast<SharedBuffer*>(self);
    p->~SharedBuffer();
    std::free(p);
  }
  char* data() { return reinterpret_cast<char*>(this + 1); }
  size_t capacity() const { return capacity_; }

 private:
  explicit SharedBuffer(size_t capacity) : capacity_(capacity) {}
  ~SharedBuffer() = default;
  size_t capacity_;
};

/// Bytes waiting to be written, in one growing block; written bytes leave at the front.
class OutBuffer {
 public:
  OutBuffer() = default;
  OutBuffer(const OutBuffer&) = delete;
  OutBuffer& operator=(const OutBuffer&) = delete;
  ~OutBuffer() { std::free(data_); }

  /// Room for `n` more bytes at the end; commit() says how many were used.
  char* reserve(size_t n) {
    if (capacity_ - end_ < n) grow(n);
    return data_ + end_;
  }
  void commit(size_t n) { end_ += n; }
  void append(const void* p, size_t n) {
    if (n == 0) return;  // an empty view may be a null pointer, which memcpy must not see
    std::memcpy(reserve(n), p, n);
    end_ += n;
  }
  void append(Bytes b) { append(b.data(), b.size()); }
  void push(unsigned char c) {
    *reserve(1) = static_cast<char>(c);
    ++end_;
  }
  void consume(size_t n) {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  /// Forgets what was appended after the buffer had `size` bytes: an unfinished frame never reaches the wire.
  void truncate(size_t size) { end_ = begin_ + size; }
  void clear() { begin_ = end_ = 0; }
  void swap(OutBuffer& o) {
    std::swap(data_, o.data_);
    std::swap(begin_, o.begin_);
    std::swap(end_, o.end_);
    std::swap(capacity_, o.capacity_);
  }
  /// Gives the memory back; only useful on an empty buffer.
  void release() {
    if (begin_ != end_) return;
    std::free(data_);
    data_ = nullptr;
    begin_ = end_ = capacity_ = 0;
  }

  char* data() { return data_ + begin_; }
  const char* data() const { return data_ + begin_; }
  size_t size() const { return end_ - begin_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return begin_ == end_; }
  Bytes view() const { return {data_ + begin_, end_ - begin_}; }

 private:
  void grow(size_t n) {
    size_t want = size() + n;
    // Moving to the front pays if it makes room in proportion to what is moved.
    if (want <= capacity_ && begin_ >= size() / 4) {
      std::memmove(data_, data_ + begin_, size());
    } else {
      size_t capacity = capacity_ ? 2 * capacity_ : 512;
      while (capacity < want) capacity *= 2;
      char* fresh = static_cast<char*>(std::malloc(capacity));
      if (!fresh) throw std::bad_alloc();
      if (size() > 0) std::memcpy(fresh, data_ + begin_, size());
      std::free(data_);
      data_ = fresh;
      capacity_ = capacity;
    }
    end_ -= begin_;
    begin_ = 0;
  }
  char* data_ = nullptr;
  size_t begin_ = 0, end_ = 0, capacity_ = 0;
};

}  // namespace tractor::core
