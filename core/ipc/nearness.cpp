#include "ipc/nearness.hpp"

#include <algorithm>
#include <cstring>
#include <ifaddrs.h>
#include <memory>
#include <netinet/in.h>

#include "ipc/ip.hpp"

namespace tractor::core {

namespace {

/// The addresses of this machine's interfaces; none if the system does not tell.
std::vector<std::string> interface_hosts() {
  std::vector<std::string> hosts;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return hosts;
  std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> freed(all, freeifaddrs);
  for (const ifaddrs* i = all; i; i = i->ifa_next) {
    if (!i->ifa_addr || (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6)) continue;
    sockaddr_storage name = {};
    std::memcpy(&name, i->ifa_addr, i->ifa_addr->sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    hosts.push_back(address_from_sockaddr(name).host);
  }
  return hosts;
}

}  // namespace

void sort_nearest_first(std::vector<Address>& addrs) {
  std::vector<std::string> own;
  auto is_far = [](const Address& a) { return a.kind == TransportKind::tcp && !a.is_loopback(); };
  if (addrs.size() > 1 && std::any_of(addrs.begin(), addrs.end(), is_far)) own = interface_hosts();
  auto distance = [&](const Address& a) {
    if (a.kind == TransportKind::uds) return 0;
    return a.is_loopback() || std::find(own.begin(), own.end(), a.host) != own.end() ? 1 : 2;
  };
  std::reverse(addrs.begin(), addrs.end());
  std::stable_sort(addrs.begin(), addrs.end(),
                   [&](const Address& a, const Address& b) { return distance(a) < distance(b); });
}

bool is_on_this_machine(const Address& addr) {
  if (addr.kind == TransportKind::uds || addr.is_loopback() || addr.host == "0.0.0.0" || addr.host == "::") return true;
  const std::vector<std::string> own = interface_hosts();
  return std::find(own.begin(), own.end(), addr.host) != own.end();
}

}  // namespace tractor::core
