// Who keeps the registry: before it opens, a root asks at all its registry addresses at once who is there.
#pragma once

#include <string>
#include <vector>

#include "rpc/ask.hpp"
#include "scope/flow.hpp"

namespace tractor::core {

enum class Verdict : uint8_t {
  absent,     ///< nobody
  registrar,  ///< a registrar, or an actor that does not say whether it is one
  occupied,   ///< somebody who is none, or whom we may not ask
};

struct Finding {
  Verdict verdict = Verdict::absent;
  std::string who;  ///< of `occupied`, for people
};

/// Takes 3 s at most, however the one who is there behaves, and leaves nothing open.
Task<Finding> probe(LinkHost& host, Address at, Halt* halt);

/// In the order of `at`.
Task<std::vector<Finding>> probe_all(LinkHost& host, const std::vector<Address>& at, Halt& halt);

}  // namespace tractor::core
