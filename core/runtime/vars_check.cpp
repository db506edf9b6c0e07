#include "runtime/vars_check.hpp"

#include "wire/cursor.hpp"
#include "wire/fields.hpp"
#include "wire/utf8.hpp"

namespace tractor::core {

namespace {

Failure bad(std::string_view key, const std::string& why) {
  return Failure::of(Status::invalid, "runtime variable '" + wire::shown(key) + "': " + why, "ValueError");
}

Failure wrong_type(std::string_view key, const std::string& expected, const wire::Token& found) {
  return Failure::of(
      Status::invalid,
      "runtime variable '" + wire::shown(key) + "': expected " + expected + ", found " + found.describe(), "TypeError");
}

wire::Token first_token(Bytes value) {
  wire::Cursor in(value);
  wire::Token token;
  in.next(token);
  return token;
}

Result<Done> check_address(std::string_view key, const wire::WireAddr& told) {
  auto addr = address_from_wire(told);
  if (!addr) return bad(key, addr.failure().message);
  return Done{};
}

using Check = Result<Done> (*)(std::string_view key, Bytes value, const RuntimeVars& now);

Result<Done> is_flag(std::string_view key, Bytes value, const RuntimeVars&) {
  const wire::Token token = first_token(value);
  if (token.kind == wire::Kind::boolean) return Done{};
  return wrong_type(key, "bool", token);
}

/// What this process is does not change by saying so.
Result<Done> is_as_it_is(std::string_view key, Bytes value, const RuntimeVars& now) {
  if (auto ok = is_flag(key, value, now); !ok) return ok;
  if (first_token(value).boolean == now.flag(key)) return Done{};
  return bad(key, std::string("it is ") + (now.flag(key) ? "true" : "false") + " in this process, and stays so");
}

/// What is not there yet may be on only where a parent of another make has said so.
Result<Done> is_not_yet(std::string_view key, Bytes value, const RuntimeVars& now) {
  if (auto ok = is_flag(key, value, now); !ok) return ok;
  if (!first_token(value).boolean || now.flag(key)) return Done{};
  return Failure::of(Status::not_supported, "runtime variable '" + std::string(key) + "': true is not yet supported",
                     "NotImplementedError");
}

Result<Done> is_mailbox(std::string_view key, Bytes value, const RuntimeVars&) {
  constexpr std::string_view kNobody("\x92\xc0\xc0", 3);  // [nil, nil]: before a root has one
  if (value == kNobody) return Done{};
  wire::Cursor in(value);
  wire::DecodeError error;
  wire::WireAddr addr;
  if (!wire::read_addr(in, {nullptr, key, 0}, addr, error))
    return wrong_type(key, "an address: [host, port] or [directory, file]", first_token(value));
  return check_address(key, addr);
}

Result<Done> are_addresses(std::string_view key, Bytes value, const RuntimeVars&) {
  wire::Cursor in(value);
  wire::DecodeError error;
  std::vector<wire::WireAddr> addrs;
  if (!wire::read_array<wire::WireAddr, wire::read_addr>(in, {nullptr, key, 0}, addrs, error))
    return wrong_type(key, "an array of addresses: [host, port] or [directory, file]", first_token(value));
  for (const wire::WireAddr& addr : addrs)
    if (auto ok = check_address(key, addr); !ok) return ok;
  return Done{};
}

Result<Done> are_transports(std::string_view key, Bytes value, const RuntimeVars&) {
  wire::Cursor in(value);
  wire::Token token;
  if (!in.next(token) || token.kind != wire::Kind::array) return wrong_type(key, "an array of transports", token);
  if (token.count == 0) return bad(key, "at least one transport has to be enabled");
  for (uint32_t n = token.count; n > 0 && in.next(token); --n) {
    if (token.kind != wire::Kind::str) return wrong_type(key, "the name of a transport", token);
    if (auto kind = transport_by_name(token.bytes); !kind) return bad(key, kind.failure().message);
  }
  return Done{};
}

constexpr struct {
  std::string_view key;
  Check check;
} kKnown[] = {
    {"_is_root", is_as_it_is},        {"_root_mailbox", is_mailbox},      {"_root_addrs", are_addresses},
    {"_enable_tpts", are_transports}, {"_registry_addrs", are_addresses}, {"_debug_mode", is_not_yet},
    {"repl_fixture", is_flag},        {"use_greenback", is_flag},         {"use_stackscope", is_flag},
    {"_is_infected_aio", is_not_yet},
};

}  // namespace

Result<Done> check_vars(Bytes map, const RuntimeVars& now) {
  wire::Cursor in(map);
  wire::Token head;
  if (!in.next(head) || head.kind != wire::Kind::map)
    return Failure::of(Status::invalid, "runtime variables: expected a map, found " + head.describe(), "TypeError");
  for (uint32_t i = 0; i < head.count; ++i) {
    wire::Token key;
    Bytes value;
    if (!in.next(key) || key.kind != wire::Kind::str || !wire::valid_utf8(key.bytes))
      return Failure::of(Status::invalid, "runtime variables: a key is no text but " + key.describe(), "TypeError");
    if (!in.value(value)) return bad(key.bytes, in.fault_text());
    for (const auto& known : kKnown) {
      if (known.key != key.bytes) continue;
      if (auto ok = known.check(key.bytes, value, now); !ok) return ok;
    }
  }
  return Done{};
}

}  // namespace tractor::core
