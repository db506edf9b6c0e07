// The hot path of decode(): frames laid out exactly as every known sender lays them out.
#pragma once

#include <string>

#include "wire/message.hpp"

namespace tractor::core::wire {

/// False if the layout is another one, or if anything about the body is wrong: the full parser then says what.
/// Takes the seven messages of running dialogs; the others come once per connection or less.
bool decode_canonical(Bytes body, Message& out);

// The messages of calls and streams, without the way through Message.

enum class Frequent : uint8_t { none, start, start_ack, return_, yield };
/// By its looks only: the reader of that message decides.
Frequent looks_like(Bytes body);

bool decode_canonical(Bytes body, StartAck& out);
bool decode_canonical(Bytes body, Return& out);
bool decode_canonical(Bytes body, Yield& out);

/// What stood around cid and kwargs in the last Start of a connection: callers repeat themselves, and then a compare
/// does for a parse.
class StartMemo {
 public:
  /// False if `body` differs from the last one in more than cid and kwargs, or is wrong.
  bool recall(Bytes body, Start& out) const;
  /// `body` has been decoded into `start`, and `target` was found for it.
  void remember(Bytes body, const Start& start, const void* target);
  const void* target() const { return target_; }

 private:
  std::string middle_, tail_;  ///< from the cid to the kwargs; from there to the end
  const void* target_ = nullptr;
};

}  // namespace tractor::core::wire
