#include "kit.hpp"

#include "wire/pack.hpp"
#include "wire/payload.hpp"
#include "wire/scratch.hpp"

using namespace tractor::core;

static unsigned digit(char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); }

std::string from_hex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) out += static_cast<char>(digit(hex[i]) << 4 | digit(hex[i + 1]));
  return out;
}

std::string to_hex(std::string_view bytes) {
  std::string out;
  for (char c : bytes) {
    out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::string frame_of(const wire::Message& message) {
  OutBuffer out;
  wire::encode(message, out);
  return std::string(out.view());
}

std::variant<wire::Message, wire::DecodeError> decode_frame(std::string_view frame) {
  if (frame.size() < wire::kPrefix || wire::read_prefix(frame.data()) != frame.size() - wire::kPrefix)
    return wire::DecodeError{wire::DecodeError::malformed, "the prefix is not the length of the body", {}};
  return wire::decode(frame.substr(wire::kPrefix));
}

std::string packed(const char* format, ...) {
  ScratchScope scope;
  va_list args;
  va_start(args, format);
  Bytes b = pack_values(format, args);
  va_end(args);
  const char* reason = poison_text(b);
  return reason ? "poison: " + std::string(reason) : std::string(b);
}
