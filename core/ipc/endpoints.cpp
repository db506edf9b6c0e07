#include "ipc/endpoints.hpp"

#include <algorithm>
#include <vector>

#include "ipc/address.hpp"
#include "wire/fields.hpp"
#include "wire/packer.hpp"

namespace tractor::core {

namespace {

using wire::Path;

Failure bad(const Path& at, const std::string& why) {
  return Failure::of(Status::invalid, at.text() + ": " + why, "ValueError");
}

Failure wrong_type(const Path& at, const char* expected, const wire::Token& found) {
  return Failure::of(Status::invalid, at.text() + ": expected " + expected + ", found " + found.describe(),
                     "TypeError");
}

/// What is next; the input is well-formed.
wire::Token peek(wire::Cursor in) {
  wire::Token token;
  in.next(token);
  return token;
}

Result<Address> take_address(wire::Cursor& in, const Path& at) {
  const wire::Token next = peek(in);
  wire::DecodeError error;
  Result<Address> address = Failure{};
  if (next.kind == wire::Kind::str) {
    std::string_view text;
    if (!wire::read_text(in, at, text, error)) return Failure::of(Status::invalid, error.message, "ValueError");
    address = parse_multiaddr(text);
  } else if (next.kind == wire::Kind::array) {
    wire::WireAddr pair;
    if (!wire::read_addr(in, at, pair, error)) return Failure::of(Status::invalid, error.message, "TypeError");
    address = address_from_wire(pair);
  } else {
    return wrong_type(at, "a multiaddr or a pair", next);
  }
  if (!address) return bad(at, address.failure().message);
  return address;
}

}  // namespace

Result<Done> append_endpoints(Bytes table, OutBuffer& out) {
  const Path top{nullptr, "endpoints", 0};
  wire::Cursor in(table);
  wire::Packer packer(out);
  wire::Token head;
  in.next(head);
  if (head.kind != wire::Kind::map) return wrong_type(top, "a map from names to lists of addresses", head);
  packer.map(head.count);
  std::vector<std::string_view> names;
  for (uint32_t i = 0; i < head.count; ++i) {
    if (const wire::Token key = peek(in); key.kind != wire::Kind::str) return wrong_type(top, "a name", key);
    std::string_view name;
    wire::DecodeError error;
    if (!wire::read_text(in, top, name, error)) return Failure::of(Status::invalid, error.message, "ValueError");
    if (name.empty()) return bad(top, "an actor has no name");
    const Path actor{&top, name, 0};
    names.push_back(name);
    packer.str(name);

    wire::Token list;
    in.next(list);
    if (list.kind != wire::Kind::array) return wrong_type(actor, "a list of addresses", list);
    packer.array(list.count);
    for (uint32_t n = 0; n < list.count; ++n) {
      auto address = take_address(in, Path{&actor, {}, n});
      if (!address) return address.failure();
      packer.str(address->to_string());
    }
  }
  std::sort(names.begin(), names.end());
  if (auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    return bad(Path{&top, *twice, 0}, "is there twice");
  return Done{};
}

}  // namespace tractor::core
