// The loop over libevent: an event_base of our own, or the host's.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "loop/loop.hpp"

struct event_base;

namespace tractor::core {

/// `base` null: make and own one. A foreign base is never run, broken or freed by us.
Result<std::unique_ptr<Port>> make_libevent_port(event_base* base);

}  // namespace tractor::core
