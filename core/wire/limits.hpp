// What a value may be at most.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tractor::core::wire {

/// Containers around the innermost scalar of a payload that we send. Deep enough for any sane program and shallow
/// enough for a recursive reader at the other end.
constexpr size_t kMaxDepth = 512;

/// The same for a whole frame that we take: a payload may come back inside the message that complains of it, which
/// lies inside an Error.
constexpr size_t kMaxFrameDepth = kMaxDepth + 2;

/// One string, bin or ext; elements of one container.
constexpr size_t kMaxLength = UINT32_MAX;

}  // namespace tractor::core::wire
