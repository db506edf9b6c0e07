// A runtime for an actor that began without one.
#pragma once

#include <tractor/actor.h>

#include <optional>

#include "operation.hpp"
#include "options.hpp"

namespace tractor {

namespace detail {

inline auto boot_with(const root_options* options) {
  std::optional<root_options> kept;
  if (options) kept = *options;
  return make_operation<void>([kept](tractor_nursery* in, tractor_done_fn done, void* user) {
    if (!kept) return tractor_actor_boot(in, nullptr, done, user);
    c_root_options o(*kept);
    return tractor_actor_boot(in, &o, done, user);
  });
}

}  // namespace detail

/// Makes an actor that has no runtime yet, see run_local(), a root by the options that it began with; with_nursery() does it by
/// itself. Where there is one already it does nothing.
/// @throws error as the opening of a root; cancelled, while the boot goes on
[[nodiscard]] inline auto boot() { return detail::boot_with(nullptr); }
/// The same by these options.
[[nodiscard]] inline auto boot(const root_options& options) { return detail::boot_with(&options); }

}  // namespace tractor
