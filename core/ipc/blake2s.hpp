// BLAKE2s (RFC 7693), unkeyed, one shot: the protocol names a socket file by it where the actor's name won't do.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tractor::core {

/// `digest_size` is 1 to 32 bytes; the answer is lower-case hex.
std::string blake2s_hex(std::string_view data, size_t digest_size);

}  // namespace tractor::core
