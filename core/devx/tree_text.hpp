// A tree of actors, as tractor/tree.h describes it, as lines of text.
#pragma once

#include <string>

#include "base/buffer.hpp"

namespace tractor::core {

std::string tree_text(Bytes tree);

}  // namespace tractor::core
