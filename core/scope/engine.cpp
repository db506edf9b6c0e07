#include "scope/engine.hpp"

#include <new>

namespace tractor::core {

OpToken TokenTable::add(Tokened& what) {
  uint32_t i = free_first_;
  if (i != kNone) {
    free_first_ = slots_[i].next_free;
    if (free_first_ == kNone) free_last_ = kNone;
  } else {
    if (slots_.size() > static_cast<size_t>(kSlotMask)) return static_cast<OpToken>(Status::no_memory);
    i = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  }
  Slot& slot = slots_[i];
  slot.what = &what;
  ++slot.generation;
  ++used_;
  return slot.generation << kSlotBits | i;
}

void TokenTable::remove(OpToken token) {
  auto i = static_cast<uint32_t>(token & kSlotMask);
  Slot& slot = slots_[i];
  slot.what = nullptr;
  slot.next_free = kNone;
  (free_last_ == kNone ? free_first_ : slots_[free_last_].next_free) = i;
  free_last_ = i;
  --used_;
}

Tokened* TokenTable::find(OpToken token) const {
  if (token <= 0) return nullptr;
  auto i = static_cast<size_t>(token & kSlotMask);
  if (i >= slots_.size() || slots_[i].generation != token >> kSlotBits) return nullptr;
  return slots_[i].what;
}

Engine::Engine(Loop& loop, const ActorId& self) : loop_(loop), self_(self) {
  plain_cancel_ = cancel_error("");
  if (!plain_cancel_) throw std::bad_alloc();
}

ErrorRef Engine::cancel_error(const Reason& reason, ErrorRef cause) const noexcept {
  ErrorRef made = Error::from([&] {
    Error::Fields f;
    f.code = Status::canceled;
    f.message = "cancelled by " + self_.name;
    if (!reason.text.empty()) f.message.append(": ").append(reason.text).append(reason.name).append(reason.rest);
    f.canceller = self_;
    f.cause = std::move(cause);
    return Error::make(std::move(f));
  });
  return made->canceled() ? made : plain_cancel_;
}

}  // namespace tractor::core
