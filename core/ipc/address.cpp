#include "ipc/address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <sys/un.h>

#include "ipc/ip.hpp"

namespace tractor::core {

namespace {

Failure bad(std::string message) { return Failure::of(Status::invalid, std::move(message), "ValueError"); }

bool has_nul(std::string_view s) { return s.find('\0') != s.npos; }

}  // namespace

std::optional<std::string> canonical_ip(std::string_view text) {
  std::string host(text);
  unsigned char bytes[sizeof(in6_addr)];
  if (has_nul(text)) return std::nullopt;
  if (inet_pton(AF_INET, host.c_str(), bytes) == 1) return host;
  if (inet_pton(AF_INET6, host.c_str(), bytes) != 1) return std::nullopt;
  char canonical[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, bytes, canonical, sizeof canonical) ? std::optional<std::string>(canonical) : std::nullopt;
}

Address address_from_sockaddr(const sockaddr_storage& from) {
  char host[INET6_ADDRSTRLEN] = "";
  if (from.ss_family == AF_INET6) {
    auto& in6 = reinterpret_cast<const sockaddr_in6&>(from);
    inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof host);
    return Address::tcp(host, ntohs(in6.sin6_port));
  }
  auto& in4 = reinterpret_cast<const sockaddr_in&>(from);
  inet_ntop(AF_INET, &in4.sin_addr, host, sizeof host);
  return Address::tcp(host, ntohs(in4.sin_port));
}

const char* transport_name(TransportKind kind) { return kind == TransportKind::tcp ? "tcp" : "uds"; }

Result<TransportKind> transport_by_name(std::string_view name) {
  if (name == "tcp") return TransportKind::tcp;
  if (name == "uds") return TransportKind::uds;
  return bad("no transport is called '" + std::string(name) + "': there are 'tcp' and 'uds'");
}

Result<std::vector<TransportKind>> transports_by_names(std::string_view names) {
  std::vector<TransportKind> kinds;
  for (bool more = true; more;) {
    size_t comma = names.find(',');
    more = comma != names.npos;
    auto kind = transport_by_name(names.substr(0, comma));
    if (!kind) return kind.failure();
    if (std::find(kinds.begin(), kinds.end(), *kind) != kinds.end())
      return bad(std::string("transport '") + transport_name(*kind) + "' is named twice");
    kinds.push_back(*kind);
    if (more) names.remove_prefix(comma + 1);
  }
  return kinds;
}

std::string Address::path() const {
  if (host.empty() || host.back() == '/') return host + file;
  return host + '/' + file;
}

wire::WireAddr Address::to_wire() const {
  if (kind == TransportKind::tcp) return {host, uint64_t{port}};
  return {host, std::string_view(file)};
}

Result<Done> Address::check_registrable() const {
  if (kind == TransportKind::uds) return Done{};
  if (port == 0) return bad("address " + to_string() + " has port 0, at which nobody can be reached");
  in_addr v4;
  in6_addr v6;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    uint32_t ip = ntohl(v4.s_addr);
    if (ip == INADDR_ANY) return bad("address " + to_string() + " has an unspecified host");
    if (IN_MULTICAST(ip) || ip == INADDR_BROADCAST) return bad("address " + to_string() + " has a multicast host");
  } else if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
    if (IN6_IS_ADDR_UNSPECIFIED(&v6)) return bad("address " + to_string() + " has an unspecified host");
    if (IN6_IS_ADDR_MULTICAST(&v6)) return bad("address " + to_string() + " has a multicast host");
  } else {
    return bad("'" + host + "' is not a literal IPv4 or IPv6 address");
  }
  return Done{};
}

Result<socklen_t> Address::to_sockaddr(sockaddr_storage& out) const {
  std::memset(&out, 0, sizeof out);
  if (kind == TransportKind::uds) {
    auto& un = reinterpret_cast<sockaddr_un&>(out);
    std::string p = path();
    if (file.empty()) return bad("socket address in directory '" + host + "' has no file name");
    if (has_nul(p)) return bad("socket path " + to_string() + " has a NUL byte");
    if (p.size() >= sizeof un.sun_path) {
      return bad("socket path " + p + " has " + std::to_string(p.size()) + " bytes; at most " +
                 std::to_string(sizeof un.sun_path - 1) + " fit");
    }
    un.sun_family = AF_UNIX;
    std::memcpy(un.sun_path, p.data(), p.size());
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + p.size() + 1);
  }
  auto& in4 = reinterpret_cast<sockaddr_in&>(out);
  if (inet_pton(AF_INET, host.c_str(), &in4.sin_addr) == 1) {
    in4.sin_family = AF_INET;
    in4.sin_port = htons(port);
    return static_cast<socklen_t>(sizeof in4);
  }
  auto& in6 = reinterpret_cast<sockaddr_in6&>(out);
  if (inet_pton(AF_INET6, host.c_str(), &in6.sin6_addr) == 1) {
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    return static_cast<socklen_t>(sizeof in6);
  }
  return bad("'" + host + "' is not a literal IPv4 or IPv6 address");
}

bool Address::is_loopback() const {
  in_addr v4;
  in6_addr v6;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
  if (inet_pton(AF_INET6, host.c_str(), &v6) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == IN_LOOPBACKNET);
}

Result<Address> address_from_wire(const wire::WireAddr& addr) {
  if (const uint64_t* port = std::get_if<uint64_t>(&addr.second)) {
    auto host = canonical_ip(addr.first);
    if (!host) return bad("'" + std::string(addr.first) + "' is not a literal IPv4 or IPv6 address");
    if (*port > 65535) return bad("port " + std::to_string(*port) + " is not between 0 and 65535");
    return Address::tcp(std::move(*host), static_cast<uint16_t>(*port));
  }
  std::string_view file = std::get<std::string_view>(addr.second);
  if (addr.first.empty()) return bad("socket address with file '" + std::string(file) + "' has no directory");
  if (file.empty()) return bad("socket address in directory '" + std::string(addr.first) + "' has no file name");
  if (has_nul(addr.first) || has_nul(file) || file.find('/') != file.npos || file == "." || file == "..")
    return bad("'" + std::string(file) + "' can't be the name of a socket file in '" + std::string(addr.first) + "'");
  return Address::uds(std::string(addr.first), std::string(file));
}

Result<Address> default_registry(TransportKind kind) {
  if (kind == TransportKind::tcp) return Address::tcp("127.0.0.1", 1616);
  auto directory = runtime_directory();
  if (!directory) return directory.failure();
  return Address::uds(std::move(*directory), "registry@1616.sock");
}

Result<Address> random_address(TransportKind kind, std::string_view actor_name, int64_t pid,
                               std::string_view directory) {
  if (kind == TransportKind::tcp) {
    if (directory.empty()) return Address::tcp("127.0.0.1", 0);
    auto host = canonical_ip(directory);
    if (!host) return bad("'" + std::string(directory) + "' is not a literal IPv4 or IPv6 address");
    return Address::tcp(std::move(*host), 0);
  }
  std::string where(directory);
  if (where.empty()) {
    auto found = runtime_directory();
    if (!found) return found.failure();
    where = std::move(*found);
  }
  auto file = socket_file_name(where, actor_name, pid);
  if (!file) return file.failure();
  return Address::uds(std::move(where), std::move(*file));
}

}  // namespace tractor::core
