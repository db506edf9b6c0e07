#include "runtime/vars.hpp"

#include "rpc/args.hpp"
#include "wire/cursor.hpp"
#include "wire/fields.hpp"

namespace tractor::core {

namespace {

template <class F>
std::string packed(F&& write) {
  OutBuffer out;
  wire::Packer pack(out);
  write(pack);
  return std::string(out.view());
}

}  // namespace

// All keys, in the order in which they travel; a Python child needs some of them, whatever they say.
RuntimeVars::RuntimeVars() {
  set_flag("_is_root", false);
  slot("_root_mailbox") = packed([](wire::Packer& out) {
    out.array(2);
    out.nil();
    out.nil();
  });
  set_addresses("_root_addrs", {});
  set_transports({TransportKind::tcp});
  set_addresses("_registry_addrs", {});
  for (const char* key : {"_debug_mode", "repl_fixture", "use_greenback", "use_stackscope", "_is_infected_aio"})
    set_flag(key, false);
}

std::string& RuntimeVars::slot(std::string_view key) {
  for (auto& [k, v] : entries_)
    if (k == key) return v;
  return entries_.emplace_back(std::string(key), std::string()).second;
}

void RuntimeVars::set_flag(std::string_view key, bool value) {
  slot(key) = packed([&](wire::Packer& out) { out.boolean(value); });
}

void RuntimeVars::set_address(std::string_view key, const Address& addr) {
  slot(key) = packed([&](wire::Packer& out) { pack_address(out, addr); });
}

Bytes RuntimeVars::find(std::string_view key) const {
  for (const auto& [k, value] : entries_)
    if (k == key) return value;
  return {};
}

bool RuntimeVars::flag(std::string_view key) const {
  wire::Cursor in(find(key));
  wire::Token token;
  return in.next(token) && token.kind == wire::Kind::boolean && token.boolean;
}

std::optional<Address> RuntimeVars::address(std::string_view key) const {
  wire::Cursor in(find(key));
  wire::DecodeError error;
  wire::WireAddr addr;
  if (in.at_end() || !wire::read_addr(in, {nullptr, key, 0}, addr, error)) return {};
  auto read = address_from_wire(addr);
  return read ? std::optional(std::move(*read)) : std::nullopt;
}

std::vector<Address> RuntimeVars::addresses(std::string_view key) const {
  wire::Cursor in(find(key));
  wire::DecodeError error;
  std::vector<wire::WireAddr> told;
  std::vector<Address> addrs;
  if (in.at_end() || !wire::read_array<wire::WireAddr, wire::read_addr>(in, {nullptr, key, 0}, told, error)) return {};
  for (const wire::WireAddr& w : told)
    if (auto addr = address_from_wire(w)) addrs.push_back(std::move(*addr));
  return addrs;
}

void RuntimeVars::set_addresses(std::string_view key, const std::vector<Address>& addrs) {
  slot(key) = packed([&](wire::Packer& out) {
    out.array(addrs.size());
    for (const Address& a : addrs) pack_address(out, a);
  });
}

void RuntimeVars::set_transports(const std::vector<TransportKind>& kinds) {
  slot("_enable_tpts") = packed([&](wire::Packer& out) {
    out.array(kinds.size());
    for (TransportKind kind : kinds) out.str(transport_name(kind));
  });
}

std::vector<TransportKind> RuntimeVars::transports() const {
  std::vector<TransportKind> kinds;
  wire::Cursor in(find("_enable_tpts"));
  wire::Token token;
  if (in.next(token) && token.kind == wire::Kind::array)
    for (uint32_t n = token.count; n > 0 && in.next(token); --n)
      if (auto kind = transport_by_name(token.bytes); token.kind == wire::Kind::str && kind) kinds.push_back(*kind);
  if (kinds.empty()) kinds.push_back(TransportKind::tcp);
  return kinds;
}

void RuntimeVars::update(Bytes map) {
  wire::Cursor in(map);
  wire::Token head;
  if (!in.next(head) || head.kind != wire::Kind::map) return;
  for (uint32_t i = 0; i < head.count; ++i) {
    wire::Token key;
    Bytes value;
    if (!in.next(key) || key.kind != wire::Kind::str || !in.value(value)) return;
    slot(key.bytes).assign(value);
  }
}

std::string RuntimeVars::encode() const {
  return packed([&](wire::Packer& out) {
    out.map(entries_.size());
    for (const auto& [key, value] : entries_) {
      out.str(key);
      out.raw(value);
    }
  });
}

}  // namespace tractor::core
