// A runtime for an actor that began without one.
#pragma once

#include <tractor/actor.h>

#include "operation.hpp"
#include "options.hpp"

namespace tractor {

/// Makes an actor that has no runtime yet, see run_local(), a root by these options; with_nursery() does it by itself. Where
/// there is one already it does nothing. @throws error as the opening of a root; cancelled, while the boot goes on
[[nodiscard]] inline auto boot(const root_options& options = {}) {
  return detail::make_operation<void>([options](tractor_nursery* in, tractor_done_fn done, void* user) {
    detail::c_root_options o(options);
    return tractor_actor_boot(in, &o, done, user);
  });
}

}  // namespace tractor
