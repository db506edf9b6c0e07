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

namespace {

/// "payload is not msgpack: c1; it has to be one value: ...".
std::string refusal(Bytes given, const char* fault) {
  constexpr size_t kShown = 16;
  std::string text = std::string("payload ") + fault;
  if (!given.data() || given.size() > kMaxPayload) return text;
  text += ":";
  for (unsigned char c : given.substr(0, kShown)) {
    text += ' ';
    text += "0123456789abcdef"[c >> 4];
    text += "0123456789abcdef"[c & 15];
  }
  if (given.size() > kShown) text += " ...";
  return text + "; it has to be one value: nil, bool, int, float, str, bytes, list, dict or ext";
}

}  // namespace

Result<Bytes> check_payload(Bytes given, Bytes if_nothing) {
  if (is_memory_poison(given)) return Failure::out_of_memory();
  if (const char* reason = poison_text(given)) return Failure::of(Status::invalid, reason, "ValueError");
  if (given.empty()) return if_nothing;
  if (const char* fault = payload_fault(given))
    return Failure::of(Status::invalid, refusal(given, fault), "ValueError");
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
