// A subreaper inherits the actors whose parent died. They die with it; somebody has to bury them.
#pragma once

#include <cstdint>
#include <functional>

namespace tractor::core {

/// Buries every inherited actor among this process's children: reaps a dead one, kills a live one. `is_ours` tells the
/// children that have a supervisor already. Other processes are left alone: they may be the program's own.
void bury_orphans(const std::function<bool(int64_t pid)>& is_ours);

}  // namespace tractor::core
