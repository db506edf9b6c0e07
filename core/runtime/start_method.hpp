// How the children of a tree are started: there is one way, which has two names.
#pragma once

#include "base/result.hpp"

namespace tractor::core {

/// `wanted`: what the program asks for, or null. TRACTOR_SPAWN_METHOD in the environment wins.
Result<Done> check_start_method(const char* wanted);

}  // namespace tractor::core
