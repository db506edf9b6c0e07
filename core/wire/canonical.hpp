// The hot path of decode(): frames laid out exactly as every known sender lays them out.
#pragma once

#include "wire/message.hpp"

namespace tractor::core::wire {

/// False if the layout is another one, or if anything about the body is wrong: the full parser then says what.
/// Takes the seven messages of running dialogs; the others come once per connection or less.
bool decode_canonical(Bytes body, Message& out);

}  // namespace tractor::core::wire
