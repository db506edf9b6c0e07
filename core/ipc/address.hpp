// Where an actor listens: TCP and Unix addresses, their wire, text and socket forms.
#pragma once

#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

#include "base/result.hpp"
#include "wire/message.hpp"

namespace tractor::core {

enum class TransportKind : uint8_t { tcp, uds };

const char* transport_name(TransportKind kind);  ///< "tcp", "uds": the runtime variable's words
Result<TransportKind> transport_by_name(std::string_view name);
/// "uds,tcp": one or several, in the order given, each once.
Result<std::vector<TransportKind>> transports_by_names(std::string_view names);

struct Address {
  TransportKind kind = TransportKind::tcp;
  std::string host;   ///< tcp: literal IPv4 or IPv6; uds: directory
  uint16_t port = 0;  ///< tcp
  std::string file;   ///< uds: file name inside the directory

  static Address tcp(std::string host, uint16_t port) { return {TransportKind::tcp, std::move(host), port, {}}; }
  static Address uds(std::string directory, std::string file) {
    return {TransportKind::uds, std::move(directory), 0, std::move(file)};
  }

  bool operator==(const Address&) const = default;
  std::string path() const;        ///< uds: the whole path
  std::string to_string() const;   ///< the multiaddr: /ip4/…/tcp/…, /ip6/…/tcp/…, /unix/…
  wire::WireAddr to_wire() const;  ///< views into this object
  /// An address that an actor may register: port not 0, host neither unspecified nor multicast.
  Result<Done> check_registrable() const;
  Result<socklen_t> to_sockaddr(sockaddr_storage& out) const;
  /// Only this machine's processes can reach it, and of those only the ones in the same network namespace.
  bool is_loopback() const;
};

Result<Address> address_from_wire(const wire::WireAddr& addr);
/// "/ip4/127.0.0.1/tcp/1616", "/ip6/::1/tcp/1616", "/unix/run/user/0/tractor/registry@1616.sock". The failure names
/// what is wrong and, for an unsupported combination, the protocols.
Result<Address> parse_multiaddr(std::string_view text);
/// Python's repr of an address pair, as in the child's --parent_addr: "('127.0.0.1', 1616)"; or a multiaddr.
Result<Address> parse_address_argument(std::string_view text);
/// The same, written.
std::string address_argument(const Address& addr);

/// The original's default registrar of a transport.
Result<Address> default_registry(TransportKind kind);
/// Where an actor binds if nobody said where: loopback with port 0, or `name@pid.sock` in the runtime directory.
Result<Address> random_address(TransportKind kind, std::string_view actor_name, int64_t pid,
                               std::string_view directory = {});

/// The per-user runtime directory, created 0700 on demand and checked to be ours.
Result<std::string> runtime_directory();
/// The same, but nothing is made or looked at.
std::string runtime_directory_path();
/// A directory that sockets may be bound in: created with its parents, never followed through a symlink.
Result<Done> secure_directory(const std::string& path);
/// `name@pid.sock`, or its digest form when the name is unsafe or the path would not fit into a socket address.
Result<std::string> socket_file_name(std::string_view directory, std::string_view actor_name, int64_t pid);

}  // namespace tractor::core
