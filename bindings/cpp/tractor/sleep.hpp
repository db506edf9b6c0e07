// Time.
#pragma once

#include <tractor/nursery.h>

#include <chrono>

#include "operation.hpp"
#include "options.hpp"

namespace tractor {

/// Waits a while. @throws cancelled
[[nodiscard]] inline auto sleep(duration d) {
  return detail::make_operation<void>([ns = d.count()](tractor_nursery* in, tractor_done_fn done, void* user) {
    return tractor_nursery_sleep(in, ns, done, user);
  });
}
/// Waits until it is cancelled. @throws cancelled
[[nodiscard]] inline auto sleep_forever() { return sleep(duration(TRACTOR_FOREVER)); }

}  // namespace tractor
