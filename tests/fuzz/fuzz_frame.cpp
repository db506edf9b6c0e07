// A frame's body from a peer: whatever it is, decode() answers; what it takes, it reads the same after encode().
#include <cstdint>
#include <cstdlib>

#include "wire/message.hpp"
#include "wire/utf8.hpp"

using namespace tractor::core;
using namespace tractor::core::wire;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_error(const DecodeError& error) {
  require(!error.message.empty() && error.message.size() < 4096);
  require(valid_utf8(error.cid));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto first = decode(Bytes(reinterpret_cast<const char*>(data), size));
  if (auto* error = std::get_if<DecodeError>(&first)) {
    check_error(*error);
    return 0;
  }
  const Message& message = *std::get_if<Message>(&first);
  OutBuffer frame, again;
  encode(message, frame);
  require(read_prefix(frame.data()) == frame.size() - kPrefix);

  // encode() says everything that a message holds, so equal frames are equal messages.
  auto second = decode(frame.view().substr(kPrefix));
  require(second.index() == 0 && std::get_if<Message>(&second)->index() == message.index());
  encode(*std::get_if<Message>(&second), again);
  require(frame.view() == again.view());
  return 0;
}
