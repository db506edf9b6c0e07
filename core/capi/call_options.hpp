// The public call options.
#pragma once

#include <tractor/portal.h>

#include <cstring>
#include <string>
#include <string_view>

#include "capi/guard.hpp"
#include "capi/options.hpp"
#include "rpc/context.hpp"

namespace tractor::core {

/// Of messages; more is surely a mistake.
constexpr uint32_t kLargestBuffer = 1 << 24;

struct CallOptions {
  int64_t timeout = 0;
  StreamOptions stream;
  const char* schema = nullptr;
};

inline Result<CallOptions> read_call_options(const tractor_call_options* options) {
  if (!options) return CallOptions{};
  auto read = read_options(options, sizeof(tractor_call_options), "tractor_call_options");
  if (!read) return read.failure();
  if (auto ok = check_flags(read->flags, TRACTOR_CALL_ALLOW_OVERRUNS, "tractor_call_options.flags"); !ok)
    return ok.failure();
  if (read->buffer > kLargestBuffer)
    return Failure::of(Status::invalid, "tractor_call_options.buffer is more than " + std::to_string(kLargestBuffer),
                       "ValueError");
  if (read->timeout_ns < 0)
    return Failure::of(Status::invalid, "tractor_call_options.timeout_ns is negative", "ValueError");
  return CallOptions{read->timeout_ns, {read->buffer, (read->flags & TRACTOR_CALL_ALLOW_OVERRUNS) != 0}, read->schema};
}

/// The defaults, if they are bad; then `bad` says so.
inline CallOptions call_options(const tractor_call_options* options, ErrorRef& bad) {
  auto read = read_call_options(options);
  if (!read) note(bad, read.failure());
  return read ? *read : CallOptions{};
}

/// A Start carries both names besides the arguments, which may be almost as large as a frame can be.
inline Result<Done> check_endpoint_name(const char* module, const char* func) {
  constexpr size_t kLongest = 4096;
  if (!module || !*module || !func || !*func)
    return Failure::of(Status::invalid, "an endpoint has a module and a name", "ValueError");
  for (const char* name : {module, func})
    if (strnlen(name, kLongest + 1) > kLongest)
      return Failure::of(Status::invalid,
                         "an endpoint's module or name is longer than " + std::to_string(kLongest) + " bytes",
                         "ValueError");
  return Done{};
}

inline std::string_view text_view(const char* text) { return text ? std::string_view(text) : std::string_view(); }

}  // namespace tractor::core
