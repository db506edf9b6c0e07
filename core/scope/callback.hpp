// What surrounds every call into the program.
#pragma once

#include "wire/scratch.hpp"

namespace tractor::core {

/// No call of the library runs a callback, so there is never an outer one: all that the thread's scratch holds, packed
/// before or inside this callback, has been read by then.
class CallbackScope {
 public:
  CallbackScope() = default;
  ~CallbackScope() { scratch_release({}); }
  CallbackScope(const CallbackScope&) = delete;
  CallbackScope& operator=(const CallbackScope&) = delete;
};

}  // namespace tractor::core
