#include "wire/payload.hpp"

#include "wire/cursor.hpp"
#include "wire/utf8.hpp"
#include "wire/value.hpp"

namespace tractor::core {

const char* payload_fault(Bytes bytes) {
  if (const char* reason = poison_text(bytes)) return reason;
  if (bytes.empty()) return nullptr;
  if (!bytes.data()) return "is a null pointer with a length";
  if (bytes.size() > PTRDIFF_MAX) return "has an impossible length";
  if (bytes.size() > kMaxPayload) return "is longer than a frame can be";
  return wire::check_one_value(bytes);
}

Result<Bytes> check_payload(Bytes given, Bytes if_nothing) {
  if (const char* reason = poison_text(given)) return Failure::of(Status::invalid, reason, "ValueError");
  if (given.empty()) return if_nothing;
  if (const char* fault = payload_fault(given))
    return Failure::of(Status::invalid, std::string("payload ") + fault, "ValueError");
  return given;
}

Result<Bytes> check_arguments(Bytes given) {
  Result<Bytes> args = check_payload(given, kEmptyMap);
  if (!args) return args;
  wire::Cursor in(*args);
  wire::Token head;
  in.next(head);
  if (head.kind != wire::Kind::map)
    return Failure::of(Status::invalid, "arguments: expected a map, found " + head.describe(), "TypeError");
  for (uint32_t i = 0; i < head.count; ++i) {
    wire::Token key;
    in.next(key);
    if (key.kind != wire::Kind::str || !wire::valid_utf8(key.bytes))
      return Failure::of(Status::invalid, "arguments: expected a name, found " + key.describe(), "TypeError");
    in.skip();
  }
  return args;
}

}  // namespace tractor::core
