// The public options of a search.
#pragma once

#include <tractor/discovery.h>

#include <string>
#include <vector>

#include "capi/guard.hpp"
#include "capi/options.hpp"
#include "ipc/address.hpp"

namespace tractor::core {

struct FindOptions {
  int64_t timeout = 0;
  std::vector<Address> registrars;
  bool raise_on_none = false;
};

inline Result<FindOptions> read_find_options(const tractor_find_options* options, uint32_t flags) {
  auto read = read_options(options, sizeof(tractor_find_options), "tractor_find_options");
  if (!read) return read.failure();
  if (auto ok = check_flags(read->flags, flags, "tractor_find_options.flags"); !ok) return ok.failure();
  if (auto ok = check_reserved(read->reserved0, "tractor_find_options.reserved0"); !ok) return ok.failure();
  if (read->timeout_ns < 0)
    return Failure::of(Status::invalid, "tractor_find_options.timeout_ns is negative", "ValueError");
  FindOptions find{read->timeout_ns, {}, (read->flags & TRACTOR_FIND_RAISE_ON_NONE) != 0};
  for (const char* const* text = read->registry_addrs; text && *text; ++text) {
    auto addr = parse_address_argument(*text);
    if (!addr)
      return Failure::of(addr.failure().code, "tractor_find_options.registry_addrs: " + addr.failure().message,
                         addr.failure().type);
    find.registrars.push_back(std::move(*addr));
  }
  return find;
}

/// The defaults, if they are bad; then `bad` says so. `flags`: those that make sense.
inline FindOptions find_options(const tractor_find_options* options, uint32_t flags, ErrorRef& bad) {
  auto read = read_find_options(options, flags);
  if (!read) note(bad, read.failure());
  return read ? std::move(*read) : FindOptions{};
}

}  // namespace tractor::core
