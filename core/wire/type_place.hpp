// A place inside of a value that is checked against a type, and what stands there, for people.
#pragma once

#include <cstdint>
#include <string>

#include "base/buffer.hpp"

namespace tractor::core::wire {

/// Where in the value we are: a chain on the stack, which becomes a text only for a mismatch.
struct Place {
  enum class Step : uint8_t { root, field, element, value_of, key_of };
  const Place* up = nullptr;
  Step step = Step::root;
  Bytes key = {};  ///< a field's name, or the bytes of the key that we are the value of
  size_t index = 0;
};

/// "$.points[3].x"; what is no name stands in brackets, and of a key "key of" comes before the map it is in.
std::string path_of(const Place& at);
/// What `bytes` begin with: "'hello' (str)", "10 (int)", "[1,2,3] (list)", cut.
std::string found_text(Bytes bytes);

}  // namespace tractor::core::wire
