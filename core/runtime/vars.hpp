// The runtime variables: what every actor of a tree inherits from the one that spawned it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ipc/address.hpp"

namespace tractor::core {

/// Values are kept as msgpack, so that keys we do not know pass on to grandchildren unchanged.
class RuntimeVars {
 public:
  RuntimeVars();

  void set_flag(std::string_view key, bool value);
  void set_address(std::string_view key, const Address& addr);
  /// Nothing if it is not set.
  std::optional<Address> address(std::string_view key) const;
  void set_addresses(std::string_view key, const std::vector<Address>& addrs);
  void set_transports(const std::vector<TransportKind>& kinds);
  std::vector<TransportKind> transports() const;
  std::vector<Address> addresses(std::string_view key) const;
  bool flag(std::string_view key) const;

  /// Takes over what the parent sent, or what was checked.
  void update(Bytes map);
  /// As a map, for a child.
  std::string encode() const;

 private:
  std::string& slot(std::string_view key);
  /// Empty if it is not set.
  Bytes find(std::string_view key) const;
  std::vector<std::pair<std::string, std::string>> entries_;
};

}  // namespace tractor::core
