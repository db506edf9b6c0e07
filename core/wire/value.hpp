// One msgpack value: borrowed bytes inside a read buffer, or kept ones.
#pragma once

#include "base/buffer.hpp"
#include "base/ref.hpp"

namespace tractor::core {

/// Lives on the stack while it is borrowed (a callback's argument) and on the heap once it is kept. The bytes are
/// exactly one well-formed msgpack value.
class Value final : public RefCounted<Value> {
 public:
  using ReleaseFn = void (*)(void* user);

  /// Borrowed: valid as long as the caller's bytes. `owner` (may be null) is the block they lie in.
  Value(Bytes bytes, SharedBuffer* owner) : bytes_(bytes), borrowed_owner_(owner) {}
  ~Value();

  Bytes bytes() const { return bytes_; }

  /// The value as one that outlives the bytes it was made from: a large one shares its block, a small one is copied,
  /// a kept one is shared itself.
  Ref<Value> keep() const;
  static Ref<Value> copy_of(Bytes bytes);
  /// Memory of somebody else, given back by `release(user)` on the thread that drops the last reference.
  static Ref<Value> external(Bytes bytes, ReleaseFn release, void* user);
  static void destroy(const Value* self);

 private:
  struct Kept {};
  Value(Kept, Bytes bytes) : bytes_(bytes), kept_(true) {}

  Bytes bytes_;
  SharedBuffer* borrowed_owner_ = nullptr;
  Ref<SharedBuffer> owner_;
  ReleaseFn release_ = nullptr;
  void* release_user_ = nullptr;
  bool kept_ = false;
};

constexpr Bytes kNil{"\xc0", 1};
constexpr Bytes kEmptyMap{"\x80", 1};

}  // namespace tractor::core
