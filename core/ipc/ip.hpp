// Between socket addresses and literal IP addresses.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "ipc/address.hpp"

namespace tractor::core {

/// The one way to write this literal IPv4 or IPv6 address; none if it isn't one.
std::optional<std::string> canonical_ip(std::string_view text);

/// Of an AF_INET or AF_INET6 socket.
Address address_from_sockaddr(const sockaddr_storage& from);

}  // namespace tractor::core
