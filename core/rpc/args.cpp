#include "rpc/args.hpp"

#include <algorithm>

#include "wire/fields.hpp"

namespace tractor::core {

namespace {

Failure type_error(std::string message) { return Failure::of(Status::invalid, std::move(message), "TypeError"); }

Failure field_error(const wire::DecodeError& error) { return type_error(error.message); }

}  // namespace

std::optional<Bytes> Args::find(std::string_view name) const {
  wire::Cursor in(map_);
  wire::Token head;
  if (!in.next(head) || head.kind != wire::Kind::map) return {};
  std::optional<Bytes> found;
  for (uint32_t i = 0; i < head.count; ++i) {
    wire::Token key;
    Bytes key_bytes, value;
    if (!in.value(key_bytes) || !in.value(value)) return {};
    wire::Cursor key_in(key_bytes);
    key_in.next(key);
    if (key.kind == wire::Kind::str && key.bytes == name) found = value;
  }
  return found;
}

Result<std::string_view> Args::text(std::string_view name) const {
  auto value = find(name);
  if (!value) return type_error("missing argument '" + std::string(name) + "'");
  wire::Cursor in(*value);
  wire::DecodeError error;
  std::string_view out;
  if (!wire::read_text(in, {nullptr, name, 0}, out, error)) return field_error(error);
  return out;
}

Result<wire::Uid> Args::uid(std::string_view name) const {
  auto value = find(name);
  if (!value) return type_error("missing argument '" + std::string(name) + "'");
  wire::Cursor in(*value);
  wire::DecodeError error;
  wire::Uid out;
  if (!wire::read_uid(in, {nullptr, name, 0}, out, error)) return field_error(error);
  return out;
}

Result<Address> Args::address(std::string_view name) const {
  auto value = find(name);
  if (!value) return type_error("missing argument '" + std::string(name) + "'");
  wire::Cursor in(*value);
  wire::DecodeError error;
  wire::WireAddr out;
  if (!wire::read_addr(in, {nullptr, name, 0}, out, error)) return field_error(error);
  return address_from_wire(out);
}

bool Args::flag(std::string_view name) const {
  auto value = find(name);
  wire::Token token;
  return value && wire::Cursor(*value).next(token) && token.kind == wire::Kind::boolean && token.boolean;
}

int64_t Args::duration(std::string_view name) const {
  auto value = find(name);
  wire::Token token;
  int64_t ns = 0;
  if (!value || !wire::Cursor(*value).next(token) || !token.to_int64(ns)) return kForever;
  return std::max<int64_t>(ns, 0);
}

Result<std::vector<Address>> read_addresses(Bytes value) {
  std::vector<Address> out;
  if (value == kNil) return out;
  wire::Cursor in(value);
  wire::Token head;
  if (!in.next(head) || head.kind != wire::Kind::array) return type_error("expected an array of addresses");
  wire::Path at{nullptr, "addresses", 0};
  for (uint32_t i = 0; i < head.count; ++i) {
    wire::DecodeError error;
    wire::WireAddr addr;
    if (!wire::read_addr(in, {&at, {}, i}, addr, error)) return field_error(error);
    auto address = address_from_wire(addr);
    if (!address) return address.failure();
    out.push_back(std::move(*address));
  }
  return out;
}

void pack_cancel_task(OutBuffer& out, std::string_view cid) {
  wire::Packer pack(out);
  pack.map(1);
  pack.str("cid");
  pack.str(cid);
}

void pack_uid(wire::Packer& out, const ActorId& id) {
  out.array(2);
  out.text(id.name);
  out.text(id.uuid);
}

void pack_identity(wire::Packer& out, const ActorId& id) {
  out.str("name");
  out.text(id.name);
  out.str("uuid");
  out.text(id.uuid);
  out.str("pid");
  out.integer(id.pid);
}

void pack_address(wire::Packer& out, const Address& addr) {
  wire::WireAddr w = addr.to_wire();
  out.array(2);
  out.text(w.first);
  if (auto* port = std::get_if<uint64_t>(&w.second))
    out.integer(*port);
  else
    out.text(std::get<std::string_view>(w.second));
}

void pack_addresses(wire::Packer& out, const std::vector<Address>& addrs) {
  out.array(addrs.size());
  for (const Address& addr : addrs) pack_address(out, addr);
}

}  // namespace tractor::core
