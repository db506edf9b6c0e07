// Payloads as they come from the program: bytes that may be missing, poisoned, or not what they should be.
#pragma once

#include <cstdint>

#include "base/buffer.hpp"
#include "base/result.hpp"

namespace tractor::core {

/// A frame's length has 32 bits, of which the rest of a message may need some.
constexpr size_t kMaxPayload = UINT32_MAX - 64 * 1024;

/// A payload that could not be made. It goes where a good one would have gone, and the start that gets it reports the
/// reason. It is told apart by its length, which is computed from the pointer and longer than any object can be: it
/// takes no table, and a length that is merely wrong is not mistaken for one.
/// `text` is NUL-terminated and has to live as long as the bytes.
inline Bytes make_poison(const char* text) { return {text, ~reinterpret_cast<uintptr_t>(text)}; }

/// The reason, or null if the bytes are not poisoned.
inline const char* poison_text(Bytes bytes) {
  bool poisoned = bytes.data() && bytes.size() == ~reinterpret_cast<uintptr_t>(bytes.data());
  return poisoned ? bytes.data() : nullptr;
}

/// The reason of what there was no memory for: that is no mistake of the program's, and fails with ENOMEM.
inline constexpr char kNoMemoryText[] = "out of memory";
inline Bytes memory_poison() { return make_poison(kNoMemoryText); }
inline bool is_memory_poison(Bytes bytes) { return poison_text(bytes) == kNoMemoryText; }

/// Why `bytes` can't be sent, as the end of a sentence; null if they are exactly one value. No bytes at all are fine.
const char* payload_fault(Bytes bytes);

/// What to send for `given`: itself, or `if_nothing` if there are no bytes. TRACTOR_EINVAL if it is not sendable,
/// TRACTOR_ENOMEM if there was no memory to make it.
Result<Bytes> check_payload(Bytes given, Bytes if_nothing);
/// The same for keyword arguments: a map with text keys; nothing stands for none.
Result<Bytes> check_arguments(Bytes given);

}  // namespace tractor::core
