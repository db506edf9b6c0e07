// The process title that `ps` shows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tractor::core {

/// What main was given, for callers in languages whose main is given nothing.
struct ProgramArguments {
  int argc = 0;
  char** argv = nullptr;
};
ProgramArguments program_arguments();

/// Remembers where argv lies, so that a title can be written over it. Call first thing in main; moves environ away.
void keep_argv_area(int argc, char** argv);
/// "_subactor[NAME@PID]".
std::string subactor_title(std::string_view name, int64_t pid);
/// Sets title and (truncated) comm of this process. Without keep_argv_area() only comm changes.
void set_process_title(const std::string& title);
/// True if `pid` carries a sub-actor's title, natively or by Python.
bool is_subactor(int64_t pid);

}  // namespace tractor::core
