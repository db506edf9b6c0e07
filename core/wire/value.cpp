#include "wire/value.hpp"

#include <new>

namespace tractor::core {
namespace {

// Sharing pins the whole block that the bytes lie in, so a value has to be a good part of it.
constexpr size_t kShareFrom = 4096;
constexpr size_t kShareMinPart = 8;

}  // namespace

Value::~Value() {
  if (release_) release_(release_user_);
}

Ref<Value> Value::keep() const {
  if (kept_) return Ref<Value>(const_cast<Value*>(this));
  bool large = bytes_.size() >= kShareFrom;
  if (!borrowed_owner_ || !large || bytes_.size() < borrowed_owner_->capacity() / kShareMinPart) return copy_of(bytes_);
  auto kept = Ref<Value>::adopt(new (::operator new(sizeof(Value))) Value(Kept{}, bytes_));
  kept->owner_ = Ref<SharedBuffer>(borrowed_owner_);
  return kept;
}

Ref<Value> Value::copy_of(Bytes bytes) {
  // The bytes lie right behind the object: one allocation.
  void* block = ::operator new(sizeof(Value) + bytes.size());
  char* copy = static_cast<char*>(block) + sizeof(Value);
  if (!bytes.empty()) std::memcpy(copy, bytes.data(), bytes.size());
  return Ref<Value>::adopt(new (block) Value(Kept{}, Bytes(copy, bytes.size())));
}

Ref<Value> Value::external(Bytes bytes, ReleaseFn release, void* user) {
  auto value = Ref<Value>::adopt(new (::operator new(sizeof(Value))) Value(Kept{}, bytes));
  value->release_ = release;
  value->release_user_ = user;
  return value;
}

void Value::destroy(const Value* self) {
  // A borrowed value lies on somebody's stack; an unref too many must not free that.
  if (!self->kept_) return;
  auto* value = const_cast<Value*>(self);
  value->~Value();
  ::operator delete(value);
}

}  // namespace tractor::core
