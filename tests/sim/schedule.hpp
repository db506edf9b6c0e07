// One schedule: a machine, a program, a few faults, all thrown by one seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sim {

struct Outcome {
  std::string why;  ///< empty: nothing is wrong
  uint64_t steps = 0, digest = 0;
  std::vector<std::string> lines;
};

/// What every schedule after it finds there: tables and texts that a process makes once.
void warm_up();
Outcome run_schedule(uint64_t seed, bool keep_lines);

}  // namespace sim
