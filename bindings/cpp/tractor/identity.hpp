// Who an actor is.
#pragma once

#include <tractor/types.h>

#include <string>

#include "text.hpp"

namespace tractor {

/// "worker@4711".
inline std::string to_string(const tractor_id& id) { return detail::text_of(id.name, "@", id.pid); }

}  // namespace tractor
