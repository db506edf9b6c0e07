// Arguments of the runtime's own end points: maps with a few known keys.
#pragma once

#include <optional>
#include <string_view>

#include "base/buffer.hpp"
#include "base/ids.hpp"
#include "ipc/address.hpp"
#include "loop/loop.hpp"
#include "wire/message.hpp"
#include "wire/packer.hpp"

namespace tractor::core {

/// Reads one map. A failure is a TypeError that names the argument, as a caller shall see it.
class Args {
 public:
  explicit Args(Bytes map) : map_(map) {}
  std::optional<Bytes> find(std::string_view name) const;
  Result<std::string_view> text(std::string_view name) const;
  Result<wire::Uid> uid(std::string_view name) const;
  Result<Address> address(std::string_view name) const;
  /// False if it is not given, or no such thing.
  bool flag(std::string_view name) const;
  /// Nanoseconds; kForever if it is not given, or no such thing.
  int64_t duration(std::string_view name) const;

 private:
  Bytes map_;
};

/// Addresses as the registrar hands them out: an array of pairs. Nil: none.
Result<std::vector<Address>> read_addresses(Bytes value);

/// What `_cancel_task` takes.
void pack_cancel_task(OutBuffer& out, std::string_view cid);
void pack_uid(wire::Packer& out, const ActorId& id);
/// Three pairs of a map: `name`, `uuid`, `pid`.
void pack_identity(wire::Packer& out, const ActorId& id);
void pack_address(wire::Packer& out, const Address& addr);
void pack_addresses(wire::Packer& out, const std::vector<Address>& addrs);

}  // namespace tractor::core
