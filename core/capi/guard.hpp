// The wall around every public function: right thread, no exception out.
#pragma once

#include <new>
#include <string>

#include "base/handles.hpp"
#include "base/owner.hpp"
#include "fault/error.hpp"
#include "scope/nursery.hpp"

namespace tractor::core {

/// Runs `body` on the owner's thread; its answer, or why it could not run.
template <class R, class F>
R guarded(F&& body) noexcept {
  if (Status status = Owner::check(); status != Status::ok) return static_cast<R>(status);
  try {
    return static_cast<R>(body());
  } catch (const std::bad_alloc&) {
    return static_cast<R>(Status::no_memory);
  }
}

/// The same for getters, which answer `otherwise`.
template <class F, class R>
R guarded_or(R otherwise, F&& body) noexcept {
  if (Owner::check() != Status::ok) return otherwise;
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return otherwise;
  }
}

/// One for all: every verb on it answers that it has ended, and a reference on it is never the last one.
inline tractor_nursery* dead_nursery() {
  alignas(UserNursery) static unsigned char place[sizeof(UserNursery)];
  static Nursery* dead = UserNursery::dead_at(place);
  return to_c(dead);
}

/// The nursery that a start waits in; null if there is nobody to tell.
inline Nursery* live(tractor_nursery* nursery) {
  Nursery* n = from_c(nursery);
  return n && !n->ended() ? n : nullptr;
}

inline std::string text_or(const char* text, const char* otherwise) { return text ? text : otherwise; }

/// One failure in `bad`, the first one that was found.
inline void note(ErrorRef& bad, const Failure& failure) {
  if (!bad) bad = Error::of(failure);
}

}  // namespace tractor::core
